/** Chromium's own write-ahead log, as a kill may leave it: what was stored before stays, and where it cannot, that is said. */

import {
  appendFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  closeSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Device } from "./device.ts";
import { DoorTab } from "./door-tab.ts";
import { named, opened } from "./kill-book.ts";
import { startKillableChromium } from "./kill-chromium.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

let profile: string;
let relay: RelayProcess;
beforeEach(async () => {
  profile = mkdtempSync(join(tmpdir(), "skein-torn-"));
  relay = await startRelayProcess();
});
afterEach(async () => {
  await relay[Symbol.asyncDispose]();
  rmSync(profile, { recursive: true, maxRetries: 5 });
});

test("a record that a kill left torn costs nothing, however often it is killed after that", async () => {
  await begin();
  const tips: string[] = [];
  for (let kills = 0; kills < 3; kills++) {
    tearLog();
    await inChromium(async (device) => {
      const tab = await DoorTab.open(device.page);
      const { id, branches } = named(await opened(tab, [repository]), repository);
      const onto = branches[0]?.oid ?? "";
      const text = `${kills}\n`;
      const { oid } = await tab.commit({ repository: id, onto, path: "file.txt", text });
      tips.push(oid);
    });
  }
  await inChromium(async (device) => {
    const tab = await DoorTab.open(device.page);
    const { id, branches } = named(await opened(tab, [repository]), repository);
    const commit = branches[0]?.oid ?? "";
    const { commits } = await tab.ask("history", { id, commit, limit: 10 });
    expect(commits.map(({ oid }) => oid)).toEqual(expect.arrayContaining(tips));
  });
});

test("a browser that drops all that it kept is told of, until the person has seen it, and the device can begin anew", async () => {
  await begin();
  damageLog();
  const notice = /found what Skein had stored here damaged, and dropped it/u;
  await inChromium(async ({ page }) => {
    await page.getByText(notice).waitFor();
    await page.getByRole("button", { name: "Sign in on this device" }).waitFor();
  });
  await inChromium(async (device) => {
    const { page } = device;
    await page.getByText(notice).waitFor();
    await device.createAccount();
    await page.getByText(notice).waitFor();
    await page.getByRole("button", { name: "Dismiss" }).first().click();
    await page.getByText(notice).waitFor({ state: "detached" });
    await page.reload();
    await page.getByTestId("node-role").waitFor();
    expect(await page.getByText(notice).count()).toBe(0);
  });
});

/** An account with one repository; then the browser is killed. */
function begin(): Promise<void> {
  return inChromium(async (device) => {
    await device.createAccount();
    await device.newRepository(repository);
  });
}

async function inChromium(work: (device: Device) => Promise<void>): Promise<void> {
  const chromium = await startKillableChromium(profile);
  try {
    await work(await Device.open(chromium.context, relay.url));
  } finally {
    await chromium.kill();
  }
}

/** The header of a record of 1,000 bytes, none of which were written: https://github.com/google/leveldb/blob/main/doc/log_format.md */
function tearLog(): void {
  const header = Buffer.alloc(7);
  header.writeUInt16LE(1_000, 4);
  header.writeUInt8(1, 6);
  appendFileSync(log(), header);
}

/** The first record does not have its checksum any more. */
function damageLog(): void {
  const file = openSync(log(), "r+");
  writeSync(file, Buffer.alloc(4, 0xff), 0, 4, 0);
  closeSync(file);
}

/** Of all databases of the relay's origin. */
function log(): string {
  const all = join(profile, "Default", "IndexedDB");
  const home = join(all, readdirSync(all).find((name) => name.endsWith(".leveldb")) ?? "");
  return join(
    home,
    readdirSync(home)
      .filter((name) => name.endsWith(".log"))
      .toSorted()
      .at(-1) ?? "",
  );
}

const repository = "Survivor";
