/** Keeping others out, in real Chromium: the first device is revoked from the second, a third joins, and the kit brings the account back. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { explainFile } from "@skein/auth/explain";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

let folder: string;
let relay: RelayProcess;
let browser: Browser;
let first: Device;
let second: Device;
let third: Device;
let words: string;
let kit: string;
let mark: string;
let late: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-"));
  relay = await startRelayProcess();
  browser = await launch();
  first = await newDevice(1280);
  second = await newDevice(390);
  words = await first.createAccount();
  await first.newRepository("notes");
});

afterAll(async () => {
  await browser.close();
  await relay.kill();
  await rm(folder, { recursive: true });
});

test("a recovery kit is saved, and asked for before it is forgotten", async () => {
  const { page } = first;
  await openSafety(page, "Recovery kit");
  mark = (await page.locator(".page-head code").textContent()) ?? "";
  await page.getByLabel("Passphrase").fill(words);
  await page.getByRole("button", { name: "Open the kit" }).click();
  await page.getByTestId("passphrase").waitFor();
  await expectAccessible(page);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the file" }).click();
  // Somebody who works in the dark prints on white paper.
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await expectAccessible(page);
  await page.emulateMedia({ media: null, colorScheme: null });
  kit = join(folder, "skein.kit");
  await (await download).saveAs(kit);
  await page.getByRole("button", { name: "I have both" }).click();
  await page.getByLabel("Recovery kit file").setInputFiles(kit);
  await page.getByText("You have a recovery kit").waitFor();
});

test("the second device is authorised, and revokes the first with the passphrase", async () => {
  await second.signIn(words);
  await first.authorise(second);
  await second.openRepository("notes");
  await first.openRepository("notes");
  await second.waitForTip(await first.tip());
  // The first goes away, and goes on working.
  await first.page.context().setOffline(true);
  await relay.kill();
  await first.page.reload();
  await first.page.getByTestId("head-oid").waitFor();
  late = await first.commitFile("late.txt", "Late.\n", "Commit while being revoked");
  const { page } = second;
  await second.goTo("Devices");
  await expectAccessible(page);
  await page.getByRole("link", { name: /^Revoke…/u }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("It keeps what it already has").waitFor();
  await dialog.getByLabel("Somebody else may have used it").check();
  await dialog.getByLabel("From when").fill("30");
  await dialog.getByText("It let “").waitFor();
  await expectAccessible(page);
  await dialog.getByLabel("Somebody else may have used it").uncheck();
  await dialog.getByLabel("Passphrase").fill(words);
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByTestId("revoked").getByRole("listitem").waitFor();
});

test("the log that a device saves says who is in and who is out, to whoever prints it", async () => {
  const { page } = second;
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the log" }).click();
  const told = await explainFile(await readFile(await (await download).path()));
  expect(told?.join("\n")).toMatch(/Members \(1\)[^]*Not members any more[^]*node\.revoke/u);
});

test("the first is out, and what it committed meanwhile is refused", async () => {
  await second.openRepository("notes");
  await relay.start();
  await first.page.context().setOffline(false);
  await first.page.getByText(/You were signed out by/u).waitFor({ timeout: 60_000 });
  await expectAccessible(first.page);
  expect(await first.page.getByRole("button", { name: "New file" }).count()).toBe(0);
});

test("A7 a third device joins by its own number, which is of no use to a stranger with the words who asks meanwhile", async () => {
  third = await newDevice(1280);
  const mallory = await newDevice(390);
  await Promise.all([third.signIn(words), mallory.signIn(words)]);
  const [wanted, strange] = await Promise.all([third, mallory].map(keyOf));
  await lookAt(second, wanted);
  const digits = await third.approvalNumber();
  await lookAt(second, strange);
  await second.typeNumber(digits);
  await second.request.getByText("That is not the number").waitFor();
  await second.request.getByRole("button", { name: "Deny" }).click();
  await mallory.page.getByText("Not authorised by").waitFor();
  await lookAt(second, wanted);
  await second.typeNumber(digits);
  await third.waitForRole("Writer");
  expect(await mallory.role()).toBe("Read-only");
  await mallory.page.context().close();
});

test("commits flow among those that stay, and what the first committed is with none of them", async () => {
  await third.openRepository("notes");
  await second.openRepository("notes");
  const oid = await third.commitFile("third.txt", "Third.\n", "Commit from the third");
  await second.waitForTip(oid);
  for (const { page } of [second, third]) {
    await page.getByRole("link", { name: /^Remotes/u }).click();
    await page.locator(".remote code").first().waitFor();
    expect(await page.locator(".remote code").allTextContents()).not.toContain(late.slice(0, 7));
    await page.getByRole("link", { name: "History" }).click();
    await page.getByText("Commit from the third").first().waitFor();
    expect(await page.getByText("Commit while being revoked").count()).toBe(0);
  }
});

test("when all are lost, the kit brings the account back under new words", async () => {
  await Promise.all([first, second, third].map(({ page }) => page.context().close()));
  const later = await newDevice(390);
  const { page } = later;
  await page.getByRole("button", { name: "Sign in on this device" }).click();
  await page.getByRole("button", { name: /use a recovery kit/u }).click();
  await page.getByLabel("Recovery kit file").setInputFiles(kit);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Read the kit" }).click();
  await page.getByText(mark).waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Bring the account back" }).click();
  const fresh = await retypeWords(page);
  expect(fresh).not.toBe(words);
  expect(await later.role()).toBe("Writer");
  await later.goTo("Devices");
  expect(await page.locator(".page-head code").textContent()).toBe(mark);
  const after = await newDevice(1280);
  await after.signIn(fresh);
  await later.authorise(after);
});

test("nobody complained", () => {
  expect([first, second, third].flatMap(({ complaints }) => complaints)).toEqual([]);
});

async function newDevice(width: number): Promise<Device> {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  return Device.open(context, relay.url);
}

/** The short form of a device's key, as it shows it itself. */
async function keyOf(device: Device): Promise<string> {
  await device.goTo("Devices");
  return (await device.page.locator(".node-list code").first().textContent()) ?? "";
}

/** Puts off what is asked until it is the request of this key. */
async function lookAt({ page, request }: Device, key: string | undefined): Promise<void> {
  const review = page.getByRole("button", { name: "Review" });
  const look = async (): Promise<string | undefined> => {
    if (await review.isVisible()) await review.click();
    if (!(await request.isVisible())) return undefined;
    const shown = (await request.locator("code").textContent()) ?? "";
    if (shown !== key) await page.keyboard.press("Escape");
    return shown;
  };
  await expect.poll(look, { timeout: 60_000 }).toBe(key);
}

async function openSafety(page: Page, name: string): Promise<void> {
  await page.getByRole("link", { name: "Devices" }).first().click();
  await page.getByRole("link", { name, exact: true }).click();
}

async function retypeWords(page: Page): Promise<string> {
  const words = ((await page.getByTestId("passphrase").textContent()) ?? "").trim();
  await page.getByRole("button", { name: "Continue" }).click();
  for (const number of [1, 2, 3]) {
    const field = page.getByTestId(`word-${number}`);
    const index = Number(await field.getAttribute("data-word-index"));
    await field.fill(words.split(/\s+/u)[index - 1] ?? "");
  }
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByTestId("node-role").waitFor({ timeout: 60_000 });
  return words;
}

async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
}
