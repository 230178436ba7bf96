import { openMemoryFiles } from "@skein/git/memory-files";
import type { Bytes } from "@skein/protocol/bytes";
import { relaysPerNodeMax } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import { Ledger } from "./ledger.ts";
import { openRelays, type Relays } from "./relays.ts";

const rita = "wss://rita.example/relay";
const ruth = "wss://ruth.example/relay";

function open(disk: Map<string, Bytes>, named: ReadonlyArray<string>): Promise<Relays> {
  return openRelays(new Ledger(openMemoryFiles(disk)), named);
}

test("Alice uses the relays that come with the app, less and more what she chose, also after a restart", async () => {
  const disk = new Map<string, Bytes>();
  const relays = await open(disk, [rita]);
  expect(relays.urls()).toEqual([rita]);
  let told = 0;
  const forget = relays.subscribe(() => (told += 1));
  expect(await relays.add("ruth.example")).toBe(ruth);
  await relays.remove(rita);
  forget();
  expect([relays.urls(), told]).toEqual([[ruth], 2]);
  const again = await open(disk, [rita]);
  expect(again.urls()).toEqual([ruth]);
  await again.add("rita.example");
  expect(again.urls()).toEqual([rita, ruth]);
  expect([again.isNamed(rita), again.isNamed(ruth)]).toEqual([true, false]);
});

test("an app that names another relay than before is followed, and what Alice added stays", async () => {
  const disk = new Map<string, Bytes>();
  const before = await open(disk, [rita]);
  await before.add(ruth);
  const moved = "wss://moved.example/relay";
  expect((await open(disk, [moved])).urls()).toEqual([moved, ruth]);
});

test("no relay is used twice, none is used that is none, not too many, and never none at all", async () => {
  const relays = await open(new Map(), [rita]);
  await expect(relays.add("RITA.example")).rejects.toThrow("in use already");
  await expect(relays.add("not an address")).rejects.toThrow("not the address");
  await expect(relays.remove(rita)).rejects.toThrow("the only relay");
  await relays.remove("wss://unknown.example/relay");
  for (let count = 1; count < relaysPerNodeMax; count++) await relays.add(`r${count}.example`);
  await expect(relays.add(ruth)).rejects.toThrow("relays already");
  expect(relays.urls()).toHaveLength(relaysPerNodeMax);
});
