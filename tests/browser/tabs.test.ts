/** Two tabs of one profile are one node; the app starts without a network; nothing it shows breaks the rules of accessibility. */

import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeFindings } from "./axe.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

let relay: RelayProcess;
let browser: Browser;
let profile: BrowserContext;
let alice: Device;
let bob: Device;

beforeAll(async () => {
  relay = await startRelayProcess();
  browser = await launch();
  profile = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  alice = await Device.open(profile, relay.url);
  bob = await Device.open(await browser.newContext(), relay.url);
  const words = await alice.createAccount();
  await alice.newRepository("notes");
  await bob.signIn(words);
  await alice.authorise(bob);
  await bob.openRepository("notes");
});

afterAll(async () => {
  await browser.close();
  await relay.kill();
});

describe("two tabs of one profile", () => {
  test("the second tab shows the same node, and a commit made there is one of this node", async () => {
    const second = await Device.open(profile, relay.url);
    await second.openRepository("notes");
    expect(await second.tip()).toBe(await alice.tip());
    const oid = await second.commitFile("tab.txt", "From the second tab.\n", "Commit in a tab");
    await alice.waitForTip(oid);
    await bob.waitForTip(oid);
    await bob.goTo("Devices");
    await bob.page.getByText("This device").first().waitFor();
    expect(await bob.page.getByRole("listitem").filter({ hasText: "Writer" }).count()).toBe(2);
    await bob.openRepository("notes");
  });

  test("when the first tab closes, the second takes over and replication goes on", async () => {
    const [, second] = profile.pages();
    if (second === undefined) throw new Error("there is a second tab");
    await alice.page.close();
    const heir = new Device(second);
    const fromBob = await bob.commitFile("after.txt", "After.\n", "Commit after the first tab");
    await heir.waitForTip(fromBob, 60_000);
    const fromHeir = await heir.commitFile("heir.txt", "Heir.\n", "Commit from the heir");
    await bob.waitForTip(fromHeir);
    expect([...alice.complaints, ...heir.complaints, ...bob.complaints]).toEqual([]);
    alice = heir;
  });
});

test("the app starts without a network after the first visit, on any of its pages", async () => {
  await alice.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const tip = await alice.tip();
  const address = alice.page.url();
  await relay.kill();
  await alice.page.goto(address);
  await alice.page.getByTestId("head-oid").waitFor();
  expect(await alice.tip()).toBe(tip);
  await relay.start();
});

describe.for(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  test.for([1280, 390])("axe finds nothing at %i pixels", async (width) => {
    const { page } = alice;
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    const repository = page.url();
    for (const address of [relay.url, `${relay.url}/network`, `${relay.url}/devices`, repository]) {
      await page.goto(address);
      await page.getByTestId("node-role").waitFor();
      expect(await axeFindings(page)).toEqual([]);
    }
    await page.goto(repository);
  });
});

test("no address opens or answers a request, whatever it says", async () => {
  const { page } = alice;
  for (const address of [
    "/devices#authorise=123456",
    "/?authorise=1&digits=000000",
    "/j#r1.AAAA",
    "/authorise/123456",
  ]) {
    await page.goto(`${relay.url}${address}`);
    await page.getByTestId("node-role").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
  }
});
