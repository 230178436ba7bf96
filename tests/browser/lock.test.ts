/** Keys at rest and the lock, in real Chromium: what its storage holds, a passkey that derives secrets, and every tab going dark. */

import { openCrypto } from "@skein/auth/crypto/sodium";
import { openLog } from "@skein/auth/membership";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeFindings } from "./axe.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { havePasskeys, type Authenticator } from "./passkeys.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";
import { seedsOf, storedBytes, unwrappedHome } from "./stored-bytes.ts";

let relay: RelayProcess;
let browser: Browser;
let profile: BrowserContext;
let alice: Device;
let words: string;
let authenticator: Authenticator;

beforeAll(async () => {
  relay = await startRelayProcess();
  browser = await launch();
  profile = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  alice = await Device.open(profile, relay.url);
  authenticator = await havePasskeys(alice.page);
  words = await alice.createAccount();
  await alice.newRepository("notes");
});

afterAll(async () => {
  await browser.close();
  await relay.kill();
});

describe("what the browser stores", () => {
  test("no store of the browser holds a seed, before and after a lock", async () => {
    const { page } = alice;
    expect(await seedsIn(page)).toBe(0);
    await setLock(page);
    expect(await seedsIn(page)).toBe(0);
  });

  test("what an older version left unwrapped is wrapped when the app opens, and nothing of it stays", async () => {
    const home = await unwrappedHome();
    const context = await browser.newContext();
    const page = await context.newPage();
    // A page of the origin that does not start the app.
    await page.goto(`${relay.url}/skein.json`);
    await home.put(page);
    // That is how seeds are seen, where there are any.
    expect(await seedsIn(page)).toBe(2);
    const held = await storedBytes(page);
    for (const secret of home.secrets)
      expect(held.some((bytes) => bytes.includes(secret))).toBe(true);
    await page.goto(relay.url);
    await page.getByTestId("node-role").filter({ hasText: "Writer" }).waitFor();
    const after = await storedBytes(page);
    expect(after.length).toBeGreaterThan(1);
    for (const secret of home.secrets)
      expect(after.some((bytes) => bytes.includes(secret))).toBe(false);
    await page.reload();
    await page.getByTestId("node-role").filter({ hasText: "Writer" }).waitFor();
    await context.close();
  });
});

describe("a lock", () => {
  test("darkens every tab at once, and the passkey opens them again", async () => {
    const { page } = alice;
    const second = await Device.open(profile, relay.url);
    await second.openRepository("notes");
    await alice.goTo("Devices");
    await page.getByRole("button", { name: "Lock now" }).click();
    for (const tab of [page, second.page]) {
      await tab.getByRole("heading", { name: "This device is locked" }).waitFor();
      expect(await tab.getByText("notes").count()).toBe(0);
      expect(await axeFindings(tab)).toEqual([]);
    }
    await second.page.getByText("Go on there").waitFor();
    await page.getByRole("button", { name: "Open with the passkey" }).click();
    for (const tab of [page, second.page]) await tab.getByTestId("node-role").waitFor();
    await second.page.close();
    await alice.openRepository("notes");
    await alice.commitFile("later.txt", "Later.\n", "Commit after the lock");
  });

  test("asks after a reload too, and opens by the passphrase where the passkey is declined", async () => {
    const { page } = alice;
    await page.reload();
    await page.getByRole("heading", { name: "This device is locked" }).waitFor();
    await authenticator.recognise(false);
    await page.getByRole("button", { name: "Open with the passkey" }).click();
    await page.getByText("The passkey was not used").waitFor();
    await page.getByText("Open with the passphrase").click();
    await page.getByLabel("Passphrase").fill(`${"abandon ".repeat(11)}about`);
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("These are not the words of this account").waitFor();
    await page.getByLabel("Passphrase").fill(words);
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByTestId("head-oid").waitFor();
    expect(await alice.role()).toBe("Writer");
  });

  test("that was removed asks no more", async () => {
    const { page } = alice;
    await alice.goTo("Devices");
    await page.getByRole("button", { name: "Remove the lock" }).click();
    await page.getByText("Set a lock").waitFor();
    await page.reload();
    await page.getByTestId("node-role").waitFor();
    expect(alice.complaints).toEqual([]);
  });
});

async function setLock(page: Page): Promise<void> {
  await alice.goTo("Devices");
  await page.getByText("Set a lock").click();
  await page.getByLabel("Passphrase").fill(words);
  expect(await axeFindings(page)).toEqual([]);
  await page.getByRole("button", { name: "Lock with a passkey" }).click();
  await page.getByText("Locked with a passkey.").waitFor();
  await page.getByLabel("Lock by itself").selectOption("15");
}

/** How many seeds of this node's keys lie open; its public keys stand in the first entry of its log. */
async function seedsIn(page: Page): Promise<number> {
  const crypto = await openCrypto();
  const held = await storedBytes(page);
  expect(held.some((bytes) => bytes.includes("a key that can be read"))).toBe(false);
  const log = held
    .map((bytes) => openLog({ crypto, genesis: Uint8Array.from(bytes) }))
    .find((found) => found !== undefined);
  const members = [...(log?.state().nodes.values() ?? [])];
  expect(members.length).toBe(1);
  return seedsOf(
    held,
    members.flatMap(({ sign, box }) => [sign, box]),
  );
}
