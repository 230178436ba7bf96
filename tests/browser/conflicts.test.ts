/** Two devices change the same line: the conflict is shown, resolved by choice, undone and blamed, in real Chromium. */

import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

let relay: RelayProcess;
let browser: Browser;
let alice: Device;
let bob: Device;

beforeAll(async () => {
  relay = await startRelayProcess();
  browser = await launch();
  const open = async (width: number): Promise<Device> =>
    Device.open(await browser.newContext({ viewport: { width, height: 900 } }), relay.url);
  alice = await open(1280);
  bob = await open(390);
  const words = await alice.createAccount();
  await alice.newRepository("notes");
  await bob.signIn(words);
  await alice.authorise(bob);
  await bob.openRepository("notes");
  await bob.waitForTip(await alice.tip());
});

afterAll(async () => {
  await browser.close();
  await relay.kill();
});

test("both change the same line while they are apart, and both are told", async () => {
  await bob.page.context().setOffline(true);
  await relay.kill();
  await bob.page.reload();
  await bob.page.getByTestId("head-oid").waitFor();
  await bob.commitFile("plan.txt", "Bob begins\n", "Plan by Bob");
  await alice.commitFile("plan.txt", "Alice begins\n", "Plan by Alice");
  await relay.start();
  await bob.page.context().setOffline(false);
  for (const { page } of [alice, bob])
    await page.getByText("main has diverged").waitFor({ timeout: 90_000 });
  expect(await bob.tip()).not.toBe(await alice.tip());
});

test("the conflict is shown by device and time, and nothing changes until Merge is pressed", async () => {
  const { page } = alice;
  const before = await alice.tip();
  await page.getByRole("button", { name: "Merge" }).first().click();
  await page.getByRole("link", { name: "Resolve" }).click();
  await page.getByRole("heading", { name: "Merge into main" }).waitFor();
  await page.getByText("Bob begins").waitFor();
  await page.getByText("Alice begins").waitFor();
  const words = await page.getByRole("form").or(page.locator("form.conflicts")).innerText();
  expect(words).not.toMatch(/\b(mine|theirs|ours|latest)\b/iu);
  expect(await page.getByRole("button", { name: "Merge", exact: true }).isDisabled()).toBe(true);
  expect(await faultsOf(page)).toEqual([]);
  expect(await alice.tip()).toBe(before);
});

test("a choice made with the keyboard merges, and both devices agree", async () => {
  const { page } = alice;
  const before = await alice.tip();
  const first = page.getByRole("radio").first();
  await first.focus();
  await page.keyboard.press("Space");
  for (let step = 0; step < 3; step++) await page.keyboard.press("ArrowDown");
  await page.getByLabel("Text of place 1 in plan.txt").fill("Both begin\n");
  await page.getByRole("button", { name: "Merge", exact: true }).press("Enter");
  await page.getByTestId("head-oid").filter({ hasNotText: before }).waitFor();
  await bob.waitForTip(await alice.tip());
  await bob.page.getByText("main has diverged").waitFor({ state: "hidden" });
});

test("blame names the commit that the line came in with", async () => {
  const { page } = alice;
  await page.getByRole("link", { name: "plan.txt" }).first().click();
  await page.getByRole("button", { name: "Blame" }).click();
  const row = page.getByRole("row").filter({ hasText: "Both begin" });
  await row.waitFor();
  expect(await row.innerText()).toContain((await alice.tip()).slice(0, 7));
  expect(await faultsOf(page)).toEqual([]);
  await page.getByRole("link", { name: "History" }).last().click();
  await page.getByRole("heading", { name: "History of plan.txt" }).waitFor();
});

test("a branch that was deleted comes back by undo", async () => {
  const { page } = alice;
  const tip = await alice.tip();
  await page.getByRole("button", { name: "New branch" }).click();
  await page.getByLabel("Branch name").fill("idea");
  await page.getByRole("button", { name: "Create" }).click();
  await page.waitForURL(/branch=idea/u);
  await page.getByRole("button", { name: "Branch actions" }).click();
  await page.getByRole("button", { name: "Delete branch" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete branch" }).click();
  await page.waitForURL((url) => !url.search.includes("branch=idea"));
  await page.getByRole("link", { name: "Undo" }).click();
  await page.getByRole("heading", { name: "What the branches were" }).waitFor();
  expect(await faultsOf(page)).toEqual([]);
  await page.getByRole("button", { name: `Put back idea to ${tip.slice(0, 7)}` }).click();
  await page.getByText("idea is back to what it was.").waitFor();
  const branches = page.getByLabel("Branch", { exact: true });
  await branches.selectOption("idea");
  expect(await alice.tip()).toBe(tip);
});

test("a revert makes a commit that both devices have", async () => {
  const { page } = alice;
  await alice.openRepository("notes");
  const before = await alice.commitFile("extra.txt", "Extra\n", "Add something extra");
  await page.getByRole("link", { name: "History" }).first().click();
  await page.getByRole("link", { name: "Add something extra" }).click();
  await page.getByRole("button", { name: "Revert" }).click();
  await page.getByRole("heading", { name: 'Revert "Add something extra"' }).waitFor();
  await page.getByTestId("head-oid").filter({ hasNotText: before }).waitFor();
  expect(await alice.tip()).not.toBe(before);
  await bob.waitForTip(await alice.tip());
});

test("a repository removed from one device stays on the other, and comes back", async () => {
  const { page } = bob;
  const tip = await bob.tip();
  await page.getByText("On 2 of your nodes").waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Remove from this device" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("1 other node holds everything that is here").waitFor();
  await dialog.getByRole("button", { name: "Remove from this device" }).click();
  await page.getByRole("heading", { name: "Not on this device" }).waitFor();
  await alice.page.getByText("Only on this device").waitFor({ timeout: 60_000 });
  expect(await faultsOf(page)).toEqual([]);
  await page.getByRole("button", { name: "Bring back notes" }).click();
  await bob.openRepository("notes");
  await bob.waitForTip(tip);
});

test("nobody complained", () => {
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

async function faultsOf(page: Page): Promise<ReadonlyArray<string>> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
