/**
 * Chromium killed in the middle of its work, again and again: what was acknowledged is there, and every repository opens.
 *
 * `KILLS=200 pnpm exec vitest run --project browser tests/browser/kill.test.ts` kills more often; `SEED=17` kills at
 * the same moments again; `KILL_MODES=committing,opening` kills in those ways only. The profile stays where a run fails. Every acknowledgement reaches this process before the page asks for the next thing, so what
 * counts as acknowledged is beyond doubt.
 */

import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { mulberry32 } from "@skein/testkit/simulation";
import { expect, test } from "vitest";
import { generateHistory } from "../../bench/generated-history.ts";
import { git } from "../../bench/loopback-git.ts";
import { launch, launchProfile } from "./chromium.ts";
import { Device } from "./device.ts";
import { DoorTab } from "./door-tab.ts";
import { Book, modes, named, opened, type KillMode } from "./kill-book.ts";
import { startKillableChromium } from "./kill-chromium.ts";
import { otherRepository, ownRepository, playRound } from "./kill-modes.ts";
import { startRelayProcess } from "./relay-process.ts";

const seed = Number(process.env["SEED"] ?? randomInt(1, 1_000_000));
const kills = Number(process.env["KILLS"] ?? 20);
const only = process.env["KILL_MODES"]?.split(",");
/** Cleaning comes on top of the others: once after each five of them. */
const ways = modes.filter((mode) => only?.includes(mode) ?? mode !== "cleaning");
const planned: ReadonlyArray<KillMode> = Array.from({ length: kills }, (_, round) => [
  ...ways.slice(round % ways.length, (round % ways.length) + 1),
  ...(only === undefined && round % 5 === 4 ? (["cleaning"] as const) : []),
]).flat();
/** Of each way, a quarter of its kills; most of them are, so that few are played again. */
const caughtMin = Math.max(1, Math.floor(kills / ways.length / 4));
/** Kills of one mode beyond its share. */
const againMax = 6;
const roundMillisMax = 120_000;

test(
  `nothing acknowledged is lost in ${planned.length} kills (SEED=${seed})`,
  { timeout: 180_000 + (planned.length + againMax) * 25_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "skein-kill-"));
    const profile = join(folder, "profile");
    const chance = mulberry32(seed);
    const book = new Book();
    const bundle = makeBundle(folder);
    await using relay = await startRelayProcess();
    const browser = await launch();
    try {
      const other = await Device.open(await browser.newContext(), relay.url);
      const commitElsewhere = await begin(profile, relay.url, other);
      for (let round = 0; ; round++) {
        const mode = modeOf(round, book);
        if (mode === undefined) break;
        const chromium = await startKillableChromium(profile);
        try {
          const page = await chromium.context.newPage();
          const { kill } = chromium;
          const { url } = relay;
          const played = playRound[mode]({
            page,
            url,
            book,
            chance,
            kill,
            bundle,
            commitElsewhere,
          });
          await Promise.race([played, alarm(roundMillisMax)]);
        } catch (error) {
          throw new Error(`round ${round} of SEED=${seed}, while ${mode}`, { cause: error });
        } finally {
          await chromium.kill();
        }
        if (round % 20 === 19) say(round + 1, book);
      }
      await lookAtSurvivors({ profile, url: relay.url, folder, book });
      say(
        [...book.kills.values()].reduce((sum, many) => sum + many),
        book,
      );
      // A test in which nothing was at stake has shown nothing.
      expect(book.acknowledged()).toBeGreaterThan(only === undefined ? kills * 2 : 0);
      expect(leftOver(book)).toEqual([]);
      rmSync(folder, { recursive: true, maxRetries: 5 });
    } catch (error) {
      throw new Error(`the profile is kept in ${folder}`, { cause: error });
    } finally {
      await browser.close();
    }
  },
);

/** One after the other; then once more whatever was not caught in the middle often enough, but not for ever. */
function modeOf(round: number, book: Book): KillMode | undefined {
  if (round < planned.length) return planned[round];
  return leftOver(book).find(
    (mode) => (book.kills.get(mode) ?? 0) < Math.ceil(kills / ways.length) + againMax,
  );
}

function leftOver(book: Book): ReadonlyArray<KillMode> {
  return book.modesCaughtLess(caughtMin).filter((mode) => ways.includes(mode));
}

/** A round that never ends is a failure too, and says which it was. */
async function alarm(millis: number): Promise<never> {
  await wait(millis, undefined, { ref: false });
  throw new Error(`it did not end within ${millis} ms`);
}

function say(rounds: number, book: Book): void {
  process.stdout.write(`${rounds} kills (SEED=${seed}): ${book.toString()}\n`);
}

function makeBundle(folder: string): Buffer {
  const [path, bundle] = [join(folder, "history.git"), join(folder, "history.bundle")];
  generateHistory(path, { files: 60, commits: 150 });
  git("-C", path, "bundle", "create", "--quiet", bundle, "--all");
  return readFileSync(bundle);
}

/** Two devices of one account, each with a repository of its own. Answers how the other one makes a commit. */
async function begin(profile: string, url: string, other: Device): Promise<() => Promise<string>> {
  const chromium = await startKillableChromium(profile);
  try {
    const device = await Device.open(chromium.context, url);
    await other.signIn(await device.createAccount());
    await device.authorise(other);
    await device.newRepository(ownRepository);
    await other.goTo("Repositories");
    await other.newRepository(otherRepository);
    const tab = await DoorTab.open(other.page);
    const { id, branches } = named(await opened(tab, [otherRepository]), otherRepository);
    let onto = branches[0]?.oid ?? "";
    const here = await DoorTab.open(device.page);
    await here.seen({ repository: id, branch: "main", oid: onto });
    let number = 0;
    return async () => {
      const text = `${number++} ${"and so on ".repeat(2_000)}\n`;
      ({ oid: onto } = await tab.commit({ repository: id, onto, path: "file.txt", text }));
      return onto;
    };
  } finally {
    await chromium.kill();
  }
}

async function lookAtSurvivors({
  profile,
  url,
  folder,
  book,
}: {
  readonly profile: string;
  readonly url: string;
  readonly folder: string;
  readonly book: Book;
}): Promise<void> {
  const context = await launchProfile(profile);
  try {
    const device = await Device.open(context, url);
    const tab = await DoorTab.open(device.page);
    await book.check(tab);
    await book.checkWithGit(tab, folder);
  } finally {
    await context.close();
  }
}
