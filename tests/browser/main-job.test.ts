/** The main job in real Chromium against a real relay: two profiles, this repository's own history, and what may go wrong. */

import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeFindings } from "./axe.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

interface Variant {
  readonly title: string;
  readonly kind: "direct" | "relayed";
  readonly weather?: () => void;
  /** Alice has her node open in two tabs all the time, and uses both. */
  readonly secondTab?: true;
  /** Alice also denies, mistypes and meets a conflict. */
  readonly refusals?: true;
}

const variants: ReadonlyArray<Variant> = [
  { title: "over a direct path", kind: "direct", refusals: true },
  { title: "over a relayed path", kind: "relayed", weather: hideCandidates },
  { title: "over a direct path, with two tabs of one profile", kind: "direct", secondTab: true },
];

describe.for(variants)("$title", ({ kind, weather, secondTab, refusals }) => {
  let folder: string;
  let relay: RelayProcess;
  let browser: Browser;
  let alice: Device;
  /** Alice's second tab, where there is one. */
  let aliceElsewhere: Device;
  let bob: Device;
  let words: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "skein-"));
    relay = await startRelayProcess();
    browser = await launch();
    makeBundle(folder);
    const profile = await newProfile(browser, { weather });
    alice = await Device.open(profile, relay.url);
    aliceElsewhere = secondTab === true ? await Device.open(profile, relay.url) : alice;
    bob = await Device.open(await newProfile(browser, { weather, width: 390 }), relay.url);
  });

  afterAll(async () => {
    await browser.close();
    await relay.kill();
    await rm(folder, { recursive: true });
  });

  test("an account is made and this repository's history imported", async () => {
    words = await alice.createAccount();
    expect(words.split(" ")).toHaveLength(12);
    await aliceElsewhere.importBundle(join(folder, "history.bundle"));
    await alice.openRepository("history");
    expect(await alice.tip()).toBe(headOf(join(folder, "history.bundle")));
    expect(await alice.role()).toBe("Writer");
  });

  test("the second device signs in by prefixes, has the repository within seconds, and may only read", async () => {
    const prefixes = words.split(" ").map((word) => word.slice(0, 4));
    await bob.signIn(prefixes.join(" "));
    expect(await bob.role()).toBe("Read-only");
    await bob.openRepository("history");
    await bob.waitForTip(await alice.tip());
    await expect(bob.page.getByRole("button", { name: "New file" }).count()).resolves.toBe(0);
  });

  test.runIf(refusals)("a device that is denied stays read-only, and may ask again", async () => {
    await alice.request.waitFor();
    await bob.approvalNumber();
    expect([...(await axeFindings(alice.page)), ...(await axeFindings(bob.page))]).toEqual([]);
    await alice.request.getByRole("button", { name: "Deny" }).click();
    await bob.page.getByText(/^Not authorised by/u).waitFor();
    await alice.goTo("Devices");
    await alice.page.getByRole("button", { name: "Let it ask again" }).click();
    await alice.request.waitFor();
    expect(await bob.role()).toBe("Read-only");
  });

  test.runIf(refusals)("three wrong numbers end the request", async () => {
    const wrong = otherDigits(await bob.approvalNumber());
    for (const left of ["2 tries", "1 try"]) {
      await alice.typeNumber(wrong);
      await alice.request.getByText(`${left} left`).waitFor();
    }
    await alice.typeNumber(wrong);
    await alice.request.waitFor({ state: "hidden" });
    await bob.page.getByRole("button", { name: "Ask again" }).click();
    await alice.request.waitFor();
    expect(await bob.role()).toBe("Read-only");
  });

  test("a wrong number authorises nobody, and the right one does", async () => {
    const digits = await bob.approvalNumber();
    expect(digits).toMatch(/^\d{6}$/u);
    await aliceElsewhere.typeNumber(otherDigits(digits));
    await aliceElsewhere.request.getByText("2 tries left").waitFor();
    expect(await bob.role()).toBe("Read-only");
    await aliceElsewhere.authorise(bob);
    for (const tab of [alice, aliceElsewhere]) await tab.request.waitFor({ state: "hidden" });
  });

  test("a commit on either device appears on the other by itself", async () => {
    for (const device of [alice, bob]) await device.openRepository("history");
    const fromBob = await bob.commitFile("from-bob.txt", "Hello from Bob.\n", "Say hello from Bob");
    await alice.waitForTip(fromBob);
    await alice.page.getByText("from-bob.txt").first().waitFor();
    const fromAlice = await aliceElsewhere.commitFile("from-alice.txt", "Hello.\n", "Say hello");
    await bob.waitForTip(fromAlice);
    await alice.waitForTip(fromAlice);
  });

  test("the network page says how they are connected", async () => {
    await alice.waitForPath(kind);
    await bob.waitForPath(kind);
    await alice.openRepository("history");
    await bob.openRepository("history");
  });

  test.runIf(kind === "direct")("with the relay gone, commits keep flowing", async () => {
    await relay.kill();
    const oid = await alice.commitFile("without-relay.txt", "Direct.\n", "Commit without a relay");
    await bob.waitForTip(oid);
    await relay.start();
  });

  test.runIf(kind === "relayed")(
    "a relay that was killed and started again is found again",
    async () => {
      await relay.kill();
      const oid = await alice.commitFile(
        "while-away.txt",
        "Later.\n",
        "Commit while the relay is away",
      );
      await relay.start();
      await bob.waitForTip(oid, 90_000);
    },
  );

  test("a commit made offline arrives, and a divergence is said and merged", async () => {
    const [ours] = await apart({
      ours: () => aliceElsewhere.commitFile("meanwhile.txt", "Meanwhile.\n", "Commit meanwhile"),
      theirs: () => bob.commitFile("offline.txt", "Written offline.\n", "Commit offline"),
    });
    if (refusals) expect(await axeFindings(alice.page)).toEqual([]);
    await alice.page.getByRole("button", { name: "Merge" }).first().click();
    await alice.page.getByTestId("head-oid").filter({ hasNotText: ours }).waitFor();
    await bob.waitForTip(await alice.tip());
  });

  test.runIf(refusals)(
    "a merge that cannot be made names the file and changes nothing, and goes through once both agree",
    async () => {
      const [ours, theirs] = await apart({
        ours: () => alice.editFile("from-alice.txt", "Alice's line.\n", "Write a line"),
        theirs: () => bob.editFile("from-alice.txt", "Bob's line.\n", "Write another line"),
      });
      const merge = alice.page.getByRole("button", { name: "Merge" }).first();
      await merge.click();
      await alice.page.getByRole("alert").filter({ hasText: "from-alice.txt" }).waitFor();
      expect(await axeFindings(alice.page)).toEqual([]);
      expect([await alice.tip(), await bob.tip()]).toEqual([ours, theirs]);
      await alice.openRepository("history");
      const agreed = await alice.editFile("from-alice.txt", "Bob's line.\n", "Take Bob's line");
      await merge.click();
      await alice.page.getByTestId("head-oid").filter({ hasNotText: agreed }).waitFor();
      await bob.waitForTip(await alice.tip());
    },
  );

  /** Both commit while neither hears of the other; then they meet, and both are told that they diverged. */
  async function apart(deeds: {
    readonly ours: () => Promise<string>;
    readonly theirs: () => Promise<string>;
  }): Promise<readonly [ours: string, theirs: string]> {
    await bob.page.context().setOffline(true);
    await relay.kill();
    await bob.page.reload();
    await bob.openRepository("history");
    const theirs = await deeds.theirs();
    const ours = await deeds.ours();
    expect(theirs).not.toBe(ours);
    await relay.start();
    await bob.page.context().setOffline(false);
    for (const { page } of [alice, bob])
      await page.getByText("main has diverged").waitFor({ timeout: 90_000 });
    expect(await alice.tip()).toBe(ours);
    return [ours, theirs];
  }

  test("both pages left and opened again, everything is there and they find each other", async () => {
    const tip = await alice.tip();
    await Promise.all([alice.page.goto("about:blank"), bob.page.goto("about:blank")]);
    await Promise.all([alice.page.goto(relay.url), bob.page.goto(relay.url)]);
    await alice.openRepository("history");
    await bob.openRepository("history");
    expect([await alice.tip(), await bob.tip()]).toEqual([tip, tip]);
    const oid = await bob.commitFile("again.txt", "Again.\n", "Commit after coming back");
    await alice.waitForTip(oid);
  });

  test("exported copies from both devices pass git's own checks and agree", async () => {
    const refs: string[] = [];
    for (const [name, device] of [["alice", aliceElsewhere] as const, ["bob", bob] as const]) {
      const file = join(folder, `${name}.bundle`);
      await device.exportBundle(file);
      const clone = join(folder, `${name}.git`);
      execFileSync("git", ["clone", "--quiet", "--mirror", file, clone]);
      execFileSync("git", ["-C", clone, "fsck", "--full", "--strict"], { stdio: "pipe" });
      refs.push(git(clone, "for-each-ref", "refs/heads", "refs/tags"));
    }
    expect(refs[0]).toBe(refs[1]);
    expect(refs[0]).toContain(await alice.tip());
    for (const tag of tags) expect(refs[0]).toContain(`refs/tags/${tag}\n`);
  });

  test("A28 nobody complained, and no console was told a word of the passphrase beside another", () => {
    const devices = [alice, aliceElsewhere, bob];
    expect(devices.flatMap(({ complaints }) => complaints)).toEqual([]);
    const each = words.split(" ");
    const pairs = each.slice(1).map((word, index) => `${each[index]}\\W+${word}`);
    const said = devices.flatMap((device) => device.said).join("\n");
    expect(said).not.toMatch(new RegExp(pairs.join("|"), "u"));
  });
});

async function newProfile(
  browser: Browser,
  {
    weather,
    width = 1280,
  }: { readonly weather: (() => void) | undefined; readonly width?: number },
): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  if (weather !== undefined) await context.addInitScript(weather);
  return context;
}

/** Runs in the page: as behind a network that lets no UDP through, neither side ever learns where the other is. */
function hideCandidates(): void {
  Object.assign(RTCPeerConnection.prototype, { addIceCandidate: () => Promise.resolve() });
}

const tags = ["annotated", "plain"];

/** This repository's own history, on one branch whatever is checked out here, with a tag of each kind. */
function makeBundle(folder: string): void {
  const copy = join(folder, "history.git");
  git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", copy);
  git(copy, "fetch", "--quiet", resolve("."), "HEAD:refs/heads/main");
  git(copy, "-c", "user.name=A", "-c", "user.email=a@b.c", "tag", "-m", "A tag", "annotated");
  git(copy, "tag", "plain");
  git(copy, "bundle", "create", "--quiet", join(folder, "history.bundle"), "--all");
}

function git(folder: string, ...args: ReadonlyArray<string>): string {
  return execFileSync("git", ["-C", folder, ...args]).toString();
}

function headOf(bundle: string): string {
  const heads = execFileSync("git", ["bundle", "list-heads", bundle]).toString();
  return /^(\S+) refs\/heads\/main$/mu.exec(heads)?.[1] ?? "";
}

/** Six digits that are not these. */
function otherDigits(digits: string): string {
  return String((Number(digits) + 1) % 1_000_000).padStart(6, "0");
}
