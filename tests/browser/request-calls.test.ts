/** A request calls its person by a notification that names nobody, and choosing it opens that request and grants nothing. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFindings } from "./axe.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

let relay: RelayProcess;
let browser: Browser;
let alice: Device;
let bob: Device;
let words: string;

beforeAll(async () => {
  relay = await startRelayProcess();
  browser = await launch();
  const profile = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await profile.grantPermissions(["notifications"], { origin: relay.url });
  alice = await Device.open(profile, relay.url);
  bob = await Device.open(await browser.newContext(), relay.url);
  words = await alice.createAccount();
  await alice.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
});

afterAll(async () => {
  await browser.close();
  await relay.kill();
});

test("a request that nobody looks at calls its person, and says no name", async () => {
  await look(alice.page, "hidden");
  await bob.signIn(words);
  await expect
    .poll(() => called(alice.page), { timeout: 60_000 })
    .toEqual([{ title: "Authorise a new node?", body: "Open Skein to check the number." }]);
});

test("choosing the notification opens the request that was put off, and authorises nothing", async () => {
  const { page } = alice;
  await look(page, "visible");
  await alice.request.waitFor();
  // Seen by whoever looks, and read out to nobody until the end is near.
  await alice.request
    .getByRole("timer")
    .filter({ hasText: /Expires in [0-5]:[0-5]\d/u })
    .waitFor();
  await page.keyboard.press("Escape");
  await alice.request.waitFor({ state: "hidden" });
  await choose(page);
  await alice.request.waitFor();
  expect(await axeFindings(page)).toEqual([]);
  expect(await called(page)).toEqual([]);
  expect(await bob.role()).toBe("Read-only");
});

test("A9 no address of the app authorises a device, or fills in its number", async () => {
  const { page } = alice;
  const { request } = alice;
  const digits = await bob.approvalNumber();
  for (const address of [
    `/?authorise=${digits}`,
    `/devices?request=1&digits=${digits}`,
    `/requests/${digits}`,
    `/#approve=${digits}`,
    "/devices?revoke=everybody",
  ]) {
    await page.goto(`${relay.url}${address}`);
    await request.waitFor({ timeout: 60_000 });
    expect(await request.getByLabel("Number shown on the new device").inputValue()).toBe("");
    expect(await page.getByRole("dialog").count()).toBe(1);
  }
  expect(await bob.role()).toBe("Read-only");
});

test("a device that was denied stays denied after a reload of the one that denied it, until it is let ask again", async () => {
  const { page } = alice;
  await alice.request.getByRole("button", { name: "Deny" }).click();
  await bob.page.getByText("Not authorised by").waitFor();
  await page.reload();
  await alice.goTo("Devices");
  await page.getByText("Denied").waitFor();
  await page.getByText("Connected now").waitFor();
  expect(await alice.request.count()).toBe(0);
  await page.getByRole("button", { name: /^Let it ask again/u }).click();
  await alice.authorise(bob);
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

async function look(page: Page, state: "hidden" | "visible"): Promise<void> {
  await page.evaluate((now) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => now });
  }, state);
}

function called(page: Page): Promise<ReadonlyArray<{ title: string; body: string }>> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    const notifications = (await registration?.getNotifications()) ?? [];
    return notifications.map(({ title, body }) => ({ title, body }));
  });
}

/** As the system does when a person chooses it. */
async function choose(page: Page): Promise<void> {
  const [worker] = page.context().serviceWorkers();
  if (worker === undefined) throw new Error("a service worker runs");
  // The names of what only service workers have are not known to a page's types.
  await worker.evaluate(`(async () => {
    const [notification] = await registration.getNotifications();
    dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  })()`);
}
