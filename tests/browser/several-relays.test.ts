/** Two relays in real Chromium: joined by a real nats-server, with a device at each; and side by side, with both devices at both. */

import type { Browser, BrowserContext } from "playwright-core";
import { describe, expect, test } from "vitest";
import { findFreePort, installed, start } from "../interop/installed.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

const natsServer = installed("nats-server");

describe.skipIf(natsServer === undefined)("with nats-server (apt-get install nats-server)", () => {
  test("devices at two joined relays sign in, are approved and work together, though the engine dies in the middle", async () => {
    const port = await findFreePort();
    const startEngine = () =>
      start(natsServer ?? "", ["-a", "127.0.0.1", "-p", String(port)], port);
    const engine = await startEngine();
    const args = ["--nats", `127.0.0.1:${port}`];
    await using rita = await startRelayProcess({ args });
    await using ruth = await startRelayProcess({ args });
    await untilJoined([rita, ruth], "up");
    const browser = await launch();
    try {
      const alice = await Device.open(await relayedOnly(browser), rita.url);
      const words = await alice.createAccount();
      await alice.newRepository("notes");
      const first = await alice.commitFile("one.txt", "one", "Write one");
      const phone = await Device.open(await relayedOnly(browser), ruth.url);
      await phone.signIn(words);
      await phone.openRepository("notes");
      await phone.waitForTip(first);

      await alice.request.waitFor();
      const number = await phone.approvalNumber();
      engine.child.kill("SIGKILL");
      await untilJoined([rita, ruth], "down");
      await alice.typeNumber(number);
      const second = await alice.commitFile("two.txt", "two", "Write two");
      expect([await phone.role(), await phone.tip()]).toEqual(["Read-only", first]);
      await using _again = await startEngine();
      await untilJoined([rita, ruth], "up");
      await phone.waitForRole("Writer");
      await phone.waitForTip(second);
      const third = await phone.commitFile("three.txt", "three", "Write three");
      await alice.waitForTip(third);
      // What is announced at one relay is found at the other.
      await alice.page.reload();
      await alice.waitForPath("relayed");
      await phone.waitForPath("relayed");
      expect([...alice.complaints, ...phone.complaints]).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

test("devices that use two relays side by side do not notice that one of them dies", async () => {
  await using rita = await startRelayProcess();
  await using ruth = await startRelayProcess({
    args: ["--origin", rita.url, "--keep-seconds-max", "3600"],
  });
  const browser = await launch();
  try {
    const alice = await Device.open(await relayedOnly(browser), rita.url);
    const words = await alice.createAccount();
    await alice.newRepository("notes");
    const phone = await Device.open(await relayedOnly(browser), rita.url);
    await phone.signIn(words);
    await alice.authorise(phone);
    for (const device of [alice, phone]) await addRelay(device, ruth);
    await alice.page.getByText("Holds for nodes that are away, sealed, in memory only").waitFor();
    await alice.page.getByText("Holds nothing for nodes that are away").waitFor();

    await rita.kill();
    await untilAway(alice);
    await alice.openRepository("notes");
    await phone.openRepository("notes");
    await phone.waitForTip(await alice.commitFile("one.txt", "one", "Write one"));
    await alice.waitForTip(await phone.commitFile("two.txt", "two", "Write two"));
    for (const { page } of [alice, phone]) {
      await page.getByRole("link", { name: "Online" }).waitFor();
      expect(await page.getByText("You are offline").count()).toBe(0);
    }
    await rita.start();
    await alice.goTo("Network");
    await alice.page.getByTestId("relays").locator("[data-phase=connected]").nth(1).waitFor();
    await removeRelay(alice, ruth);
    expect([...alice.complaints, ...phone.complaints]).toEqual([]);
  } finally {
    await browser.close();
  }
});

/** Both sides signal as ever, and never learn where the other is: everything goes through the relays. */
async function relayedOnly(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext();
  await context.addInitScript(() => {
    Object.assign(RTCPeerConnection.prototype, { addIceCandidate: () => Promise.resolve() });
  });
  return context;
}

async function untilJoined(relays: ReadonlyArray<RelayProcess>, wanted: string): Promise<void> {
  for (const { url } of relays)
    await expect
      .poll(
        async () =>
          ((await (await fetch(`${url}/healthz`)).json()) as { backplane: string }).backplane,
        {
          timeout: 15_000,
        },
      )
      .toBe(wanted);
}

/** Types its address, tests it, and adds it. */
async function addRelay(device: Device, { url }: RelayProcess): Promise<void> {
  await device.goTo("Network");
  const relays = device.page.getByTestId("relays");
  await relays.getByLabel("Address of another relay").fill(url);
  await relays.getByRole("button", { name: "Test", exact: true }).last().click();
  await relays.getByText(/It answers in \d+ ms/u).waitFor();
  await relays.getByRole("button", { name: "Add relay" }).click();
  await relays.locator("[data-phase=connected]").nth(1).waitFor();
}

async function removeRelay(device: Device, { url }: RelayProcess): Promise<void> {
  const relays = device.page.getByTestId("relays");
  await relays.getByRole("button", { name: `Remove ${new URL(url).host}` }).click();
  await expect.poll(() => relays.locator("[data-phase]").count()).toBe(1);
}

async function untilAway(device: Device): Promise<void> {
  await device.goTo("Network");
  await device.page.getByTestId("relays").getByText("Cannot be reached").waitFor();
}
