/**
 * Chromium killed in the middle of committing, again and again: what was acknowledged is there, and the repository opens.
 *
 * `KILLS=200 pnpm exec vitest run --project browser tests/browser/kill.test.ts` kills more often; `SEED=17` kills at
 * the same moments again. Every acknowledgement reaches this process before the page asks for the next commit, so what
 * counts as acknowledged is beyond doubt.
 */

import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "@skein/peer/commands";
import type { Page } from "playwright-core";
import { mulberry32 } from "@skein/testkit/simulation";
import { expect, test } from "vitest";
import { launchProfile } from "./chromium.ts";
import { Device } from "./device.ts";
import { DoorTab } from "./door-tab.ts";
import { startKillableChromium } from "./kill-chromium.ts";
import { startRelayProcess } from "./relay-process.ts";

const seed = Number(process.env["SEED"] ?? randomInt(1, 1_000_000));
const kills = Number(process.env["KILLS"] ?? 20);

test(
  `no acknowledged commit is lost in ${kills} kills (SEED=${seed})`,
  { timeout: 120_000 + kills * 15_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "skein-kill-"));
    const relay = await startRelayProcess();
    const profile = join(folder, "profile");
    const chance = mulberry32(seed);
    const book = new Book();
    try {
      await begin(profile, relay.url);
      for (let round = 1; round <= kills; round++) {
        const when = moment(chance);
        await commitUntilKilled({ profile, url: relay.url, book, when }).catch((error: unknown) => {
          throw new Error(`round ${round} of SEED=${seed}, killed ${describe(when)}`, {
            cause: error,
          });
        });
      }
      const bundle = join(folder, "survivor.bundle");
      await exportSurvivor({ profile, url: relay.url, bundle, book });
      const clone = join(folder, "survivor.git");
      execFileSync("git", ["clone", "--quiet", "--mirror", bundle, clone]);
      execFileSync("git", ["-C", clone, "fsck", "--full", "--strict"], { stdio: "pipe" });
      const reachable = execFileSync("git", ["-C", clone, "rev-list", "main"], {
        maxBuffer: 2 ** 28,
      });
      const commits = new Set(reachable.toString().trim().split("\n"));
      expect(book.acknowledged.filter((oid) => !commits.has(oid))).toEqual([]);
      process.stdout.write(
        `${kills} kills (SEED=${seed}): ${book.acknowledged.length} commits acknowledged, 0 lost; ${book.interrupted} kills in the middle of a commit\n`,
      );
      // A test in which nothing was at stake has shown nothing.
      expect(book.acknowledged.length).toBeGreaterThan(kills * 2);
      expect(book.interrupted).toBeGreaterThan(kills / 4);
    } finally {
      await relay.kill();
      await rm(folder, { recursive: true, maxRetries: 5 });
    }
  },
);

/** What happened, as an outsider knows it. */
class Book {
  readonly acknowledged: string[] = [];
  /** Up to here the history was seen to hold what was acknowledged. */
  checked = 0;
  /** Kills that came while a commit was under way. */
  interrupted = 0;
}

/** When a round's browser is killed, and what it is doing until then. */
interface Moment {
  /** While the app opens, or while commits are made. */
  readonly from: "opening" | "committing";
  readonly afterMillis: number;
  /** Between two commits. */
  readonly pauseMillis: number;
  /** Of the file that is committed. */
  readonly bytes: number;
}

function moment(chance: () => number): Moment {
  const opening = chance() < 0.2;
  return {
    from: opening ? "opening" : "committing",
    afterMillis: Math.floor(chance() * 1_200),
    pauseMillis: chance() < 0.7 ? 0 : Math.floor(chance() * 60),
    bytes: chance() < 0.7 ? 200 : Math.floor(chance() * 400_000),
  };
}

async function begin(profile: string, url: string): Promise<void> {
  const chromium = await startKillableChromium(profile);
  try {
    const device = await Device.open(chromium.context, url);
    await device.createAccount();
    await device.newRepository("Survivor");
  } finally {
    await chromium.kill();
  }
}

async function commitUntilKilled({
  profile,
  url,
  book,
  when,
}: {
  readonly profile: string;
  readonly url: string;
  readonly book: Book;
  readonly when: Moment;
}): Promise<void> {
  const chromium = await startKillableChromium(profile);
  try {
    const page = await chromium.context.newPage();
    let isUnderWay = false;
    await page.exposeFunction("commitAsked", () => void (isUnderWay = true));
    await page.exposeFunction("commitAcknowledged", (oid: string) => {
      isUnderWay = false;
      book.acknowledged.push(oid);
    });
    if (when.from === "opening") {
      const opening = page.goto(url).catch(endedByKill);
      await wait(when.afterMillis);
      await chromium.kill();
      await opening;
      return;
    }
    await page.goto(url);
    const tab = await DoorTab.open(page);
    const tip = await checkHistory(tab, book);
    const committing = commitOn(page, { ...tip, ...when }).catch(endedByKill);
    await Promise.race([committing, wait(when.afterMillis)]);
    if (isUnderWay) book.interrupted++;
    await chromium.kill();
    await committing;
  } finally {
    await chromium.kill();
  }
}

/** The repository opens, its tip can be read, and its history holds everything that was acknowledged since the last look. */
async function checkHistory(
  tab: DoorTab,
  book: Book,
): Promise<{ readonly repository: string; readonly onto: string }> {
  const repository = await opened(tab);
  const onto = repository.branches.find(({ name }) => name === "main")?.oid ?? "";
  const known = book.acknowledged[book.checked - 1];
  const since = book.acknowledged.slice(book.checked);
  const { commits } = await tab.ask("history", {
    id: repository.id,
    commit: onto,
    // The ones that were never acknowledged, one for each kill at most, may be there too.
    limit: since.length + kills + 2,
  });
  const reachable = new Set(commits.map(({ oid }) => oid));
  expect(since.filter((oid) => !reachable.has(oid))).toEqual([]);
  if (known !== undefined) expect(reachable).toContain(known);
  book.checked = book.acknowledged.length;
  const { entries } = await tab.ask("read-tree", { id: repository.id, commit: onto, path: "" });
  const file = entries.find(({ name }) => name === "file.txt");
  if (file !== undefined)
    await tab.ask("read-file", { id: repository.id, commit: onto, path: "file.txt" });
  return { repository: repository.id, onto };
}

async function opened(tab: DoorTab): Promise<{
  readonly id: string;
  readonly branches: ReadonlyArray<{ name: string; oid: string }>;
}> {
  const giveUpAt = performance.now() + 30_000;
  for (;;) {
    const { account, repositories = [] } = await tab.views();
    if (account?.phase === "stopped") throw new Error(`${account.what} ${account.next}`);
    const repository = repositories[0];
    if (account?.phase === "open" && repository !== undefined) return repository;
    if (performance.now() > giveUpAt)
      throw new Error(`the repository did not open; the account is ${account?.phase ?? "unknown"}`);
    await wait(20);
  }
}

/** Commits in the page as fast as it can, for ever; each acknowledgement is told before the next commit is asked for. */
function commitOn(
  page: Page,
  work: Pick<Moment, "pauseMillis" | "bytes"> & {
    readonly repository: string;
    readonly onto: string;
  },
): Promise<void> {
  return page.evaluate(async ({ repository, onto, pauseMillis, bytes }) => {
    const { commitAsked, commitAcknowledged } = globalThis as unknown as Record<
      "commitAsked" | "commitAcknowledged",
      (oid?: string) => Promise<void>
    >;
    let tip = onto;
    let state = parseInt(onto.slice(0, 8), 16) | 1;
    /** Bytes that no two commits share and that do not compress. */
    const write = (): Uint8Array =>
      Uint8Array.from({ length: bytes }, () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state;
      });
    for (;;) {
      await commitAsked();
      const outcome = (await globalThis.skeinDoorTab.ask("commit", {
        id: repository,
        branch: "main",
        onto: tip,
        message: "Go on",
        changes: [{ path: "file.txt", kind: "write", bytes: write() }],
      })) as Outcome<"commit">;
      if (!outcome.ok) throw new Error(outcome.refused.what);
      tip = outcome.value.oid;
      await commitAcknowledged(tip);
      if (pauseMillis > 0) await new Promise((resolve) => setTimeout(resolve, pauseMillis));
    }
  }, work);
}

async function exportSurvivor({
  profile,
  url,
  bundle,
  book,
}: {
  readonly profile: string;
  readonly url: string;
  readonly bundle: string;
  readonly book: Book;
}): Promise<void> {
  const context = await launchProfile(profile);
  try {
    const device = await Device.open(context, url);
    await checkHistory(await DoorTab.open(device.page), book);
    await device.openRepository("Survivor");
    await device.exportBundle(bundle);
  } finally {
    await context.close();
  }
}

/** The page went away under a call: that is what a kill looks like from here. Anything else is a failure. */
function endedByKill(error: unknown): void {
  if (!/closed|crashed|disconnected|ERR_ABORTED/u.test(String(error))) throw error;
}

function describe({ from, afterMillis }: Moment): string {
  return `${afterMillis} ms into ${from}`;
}

function wait(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
