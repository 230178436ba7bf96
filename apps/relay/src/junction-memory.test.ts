/** What a relay knows of its neighbours takes no more memory than the formula says, and what it owes them no more room. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { expect, test } from "vitest";

import type { Engine, EngineEars } from "./engine.ts";
import { Hub } from "./hub.ts";
import { slots } from "./interest.ts";
import { Batch, recordKinds } from "./junction-batch.ts";
import { Junction } from "./junction.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { boundOf, memoryBound } from "./memory-bound.ts";

/** An engine that takes everything and says nothing by itself. */
function openEars() {
  const published: number[] = [];
  const heard: { ears?: EngineEars } = {};
  const engine: Engine = {
    isUp: () => true,
    publish: (_bucket, bytes) => published.push(bytes.length) > 0,
    pressure: () => 0,
    listen: () => undefined,
    unlisten: () => undefined,
    open: (ears) => (heard.ears = ears),
    close: () => Promise.resolve(),
  };
  return { engine, published, hear: (bytes: Uint8Array) => heard.ears?.hear(bytes) };
}

function openRelay(given: Partial<Limits>) {
  const limits = { ...defaultLimits, ...given };
  const { engine, published, hear } = openEars();
  const rules = { engine, limits, name: Buffer.from("rita    ") };
  const junction = new Junction({ ...rules, nowMillis: () => 0, later: () => undefined });
  return {
    hub: new Hub({ limits, iceServers: [], junction, later: (run) => void setImmediate(run) }),
    junction,
    hear,
    published,
  };
}

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

/** Twice, since buffers are freed in the turn after. */
async function usedBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    if (typeof collect === "function") collect();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function tagOf(index: number): Buffer {
  const tag = Buffer.alloc(16, 0x5a);
  tag.writeUInt32BE(index * 65_537);
  return tag;
}

function nameOf(index: number): Buffer {
  const name = Buffer.alloc(8, 0x6b);
  name.writeUInt32BE(index);
  return name;
}

/** One relay tells what it wants, and announces for `count` connections, each under a tag of its own, as largely as it may. */
function tellOf(relay: number, count: number): Buffer {
  const batch = new Batch(nameOf(relay));
  batch.add(recordKinds.interest, Buffer.alloc(slots / 8, 0xff));
  for (let index = 0; index < count; index++) {
    const tag = tagOf(relay * count + index);
    const owner = Buffer.concat([nameOf(relay), tag.subarray(0, 4)]);
    batch.add(recordKinds.announce, owner, tag, Buffer.of(0x0e, 0x10), Buffer.alloc(255, 0x7c));
  }
  return Buffer.from(batch.take());
}

test("other relays that tell all they may, and more, take no more memory than the formula has for them", async () => {
  const limits = {
    neighboursMax: 200,
    neighbourOwnersMax: 20_000,
    neighbourAnnouncementsMax: 20_000,
  };
  const rita = openRelay(limits);
  const nothing = { connections: 0, tags: 0, readers: 0, addresses: 0 };
  const none = {
    ...nothing,
    backlogBytes: 0,
    halfReceivedBytes: 0,
    waitingSenders: 0,
    keptBytes: 0,
  };
  const held = () => ({
    ...none,
    ...rita.hub.counts(),
    relays: rita.junction.relayCount(),
    neighbourOwners: rita.junction.ownerCount(),
  });
  const [before, boundBefore] = [await usedBytes(), boundOf(held())];
  for (let relay = 0; relay < 250; relay++) rita.hear(tellOf(relay, 120));
  expect(held()).toMatchObject({ relays: 200, neighbourOwners: 20_000, announcements: 20_000 });
  const grown = (await usedBytes()) - before;
  expect(grown).toBeLessThan(boundOf(held()) - boundBefore);
});

test("all slots of tags wanted take no more memory than the formula has for them", async () => {
  const rita = openRelay({});
  const before = await usedBytes();
  for (let slot = 0; slot < slots; slot++) {
    const tag = Buffer.alloc(16);
    tag.writeUInt16BE(slot);
    rita.junction.hold(tag.toString("latin1"));
  }
  const grown = (await usedBytes()) - before;
  expect(rita.junction.isUp()).toBe(true);
  const on = { tls: false, engine: true, git: false };
  const term = memoryBound(defaultLimits, on).terms.find(({ name }) => name.startsWith("slots"));
  expect(grown).toBeLessThan((term?.each ?? 0) * (term?.count ?? 0));
});

test("what is on its way to the engine within one turn is bounded as well, and goes out in order before more is added", () => {
  const rita = openRelay({ backplaneBytesMax: 10_000 });
  const frame = Buffer.concat([Buffer.of(2), tagOf(1), Buffer.alloc(1_000)]);
  for (let index = 0; index < 9; index++)
    rita.junction.forward(tagOf(index).toString("latin1"), frame, false);
  expect(rita.published).toEqual([]);
  for (let index = 9; index < 30; index++)
    rita.junction.forward(tagOf(index).toString("latin1"), frame, false);
  const sum = rita.published.reduce((total, length) => total + length, 0);
  expect(sum).toBeGreaterThan(19 * 1_000);
});
