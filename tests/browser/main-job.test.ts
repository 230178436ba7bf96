/** The main job in real Chromium against a real relay: two profiles, this repository's own history, and what may go wrong. */

import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

const paths = [
  { kind: "direct", weather: undefined },
  { kind: "relayed", weather: hideCandidates },
] as const;

describe.for(paths)("over a $kind path", ({ kind, weather }) => {
  let folder: string;
  let relay: RelayProcess;
  let browser: Browser;
  let alice: Device;
  let bob: Device;
  let words: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "skein-"));
    relay = await startRelayProcess();
    browser = await launch();
    execFileSync("git", ["bundle", "create", "--quiet", join(folder, "history.bundle"), "--all"]);
    alice = await Device.open(await newProfile(browser, { weather }), relay.url);
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
    await alice.importBundle(join(folder, "history.bundle"));
    expect(await alice.tip()).toBe(headOf(join(folder, "history.bundle")));
    expect(await alice.role()).toBe("Writer");
  });

  test("a wrong word is caught before anything is sent", async () => {
    const { page } = bob;
    await page.getByRole("button", { name: "Sign in on this device" }).click();
    await page.getByLabel("Passphrase").fill(words.replace(/^\S+/u, "qwertyuiop"));
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("is not one of the words").waitFor();
    expect(await page.getByTestId("node-role").count()).toBe(0);
    await page.getByRole("button", { name: "Back" }).click();
  });

  test("the second device signs in by prefixes, has the repository within seconds, and may only read", async () => {
    const prefixes = words.split(" ").map((word) => word.slice(0, 4));
    await bob.signIn(prefixes.join(" "));
    expect(await bob.role()).toBe("Read-only");
    await bob.openRepository("history");
    await bob.waitForTip(await alice.tip());
    await expect(bob.page.getByRole("button", { name: "New file" }).count()).resolves.toBe(0);
  });

  test("a wrong number authorises nobody, and the right one does", async () => {
    const dialog = alice.page.getByRole("dialog", { name: "Authorise this node?" });
    const digits = ((await bob.page.getByTestId("approval-number").textContent()) ?? "").trim();
    expect(digits).toMatch(/^\d{6}$/u);
    await dialog.getByLabel("Number shown on the new device").fill(otherDigits(digits));
    await dialog.getByRole("button", { name: "Authorise" }).click();
    await dialog.getByText(/2 tries left/u).waitFor();
    expect(await bob.role()).toBe("Read-only");
    await alice.authorise(bob);
    await dialog.waitFor({ state: "hidden" });
  });

  test("a commit on either device appears on the other by itself", async () => {
    await bob.openRepository("history");
    const fromBob = await bob.commitFile("from-bob.txt", "Hello from Bob.\n", "Say hello from Bob");
    await alice.waitForTip(fromBob);
    await alice.page.getByText("from-bob.txt").first().waitFor();
    const fromAlice = await alice.commitFile("from-alice.txt", "Hello.\n", "Say hello from Alice");
    await bob.waitForTip(fromAlice);
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
    await bob.page.context().setOffline(true);
    await relay.kill();
    await bob.page.reload();
    await bob.page.getByTestId("head-oid").waitFor();
    const theirs = await bob.commitFile("offline.txt", "Written offline.\n", "Commit offline");
    const ours = await alice.commitFile("meanwhile.txt", "Meanwhile.\n", "Commit meanwhile");
    expect(theirs).not.toBe(ours);
    await relay.start();
    await bob.page.context().setOffline(false);
    await alice.page.getByText("main has diverged").waitFor({ timeout: 90_000 });
    expect(await alice.tip()).toBe(ours);
    await bob.page.getByText("main has diverged").waitFor({ timeout: 90_000 });
    await alice.page.getByRole("button", { name: "Merge" }).first().click();
    await alice.page.getByTestId("head-oid").filter({ hasNotText: ours }).waitFor();
    await bob.waitForTip(await alice.tip());
  });

  test("both closed and opened again, everything is there and they find each other", async () => {
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
    for (const [name, device] of [["alice", alice] as const, ["bob", bob] as const]) {
      const file = join(folder, `${name}.bundle`);
      await device.exportBundle(file);
      const clone = join(folder, `${name}.git`);
      execFileSync("git", ["clone", "--quiet", "--mirror", file, clone]);
      execFileSync("git", ["-C", clone, "fsck", "--full", "--strict"], { stdio: "pipe" });
      refs.push(execFileSync("git", ["-C", clone, "show-ref", "--heads"]).toString());
    }
    expect(refs[0]).toBe(refs[1]);
    expect(refs[0]).toContain(await alice.tip());
  });

  test("nobody complained", () => {
    expect([...alice.complaints, ...bob.complaints]).toEqual([]);
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

function headOf(bundle: string): string {
  const heads = execFileSync("git", ["bundle", "list-heads", bundle]).toString();
  return /^(\S+) refs\/heads\/main$/mu.exec(heads)?.[1] ?? "";
}

/** Six digits that are not these. */
function otherDigits(digits: string): string {
  return String((Number(digits) + 1) % 1_000_000).padStart(6, "0");
}
