/** What waits for a reader that takes nothing keeps no more memory than is counted, however little of a read was for it. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { relayOps } from "@skein/protocol/relay-frame";
import { expect, test } from "vitest";

import type { Engine, EngineEars } from "./engine.ts";
import { FastLane } from "./fast-lane.ts";
import { Hub } from "./hub.ts";
import { Batch, recordKinds } from "./junction-batch.ts";
import { Junction } from "./junction.ts";
import { defaultLimits } from "./limits.ts";
import type { Member } from "./member.ts";
import { openOutbox, type Pipe } from "./outbox.ts";

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

/** Twice, since buffers are freed in the turn after. */
async function bufferBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    if (typeof collect === "function") collect();
    await new Promise(setImmediate);
  }
  return process.memoryUsage().arrayBuffers;
}

/** A socket whose other side takes its greeting and nothing else: it holds what it is given. */
function openDeafPipe(): Pipe {
  const held: Uint8Array[] = [];
  let [unsent, isGreeted] = [0, false];
  return {
    write: (bytes) => {
      if (isGreeted) {
        held.push(bytes);
        unsent += bytes.length;
      }
      isGreeted = true;
    },
    cork: () => undefined,
    uncork: () => undefined,
    get writableLength() {
      return unsent;
    },
    writableHighWaterMark: 16_384,
  };
}

const wantedTag = Buffer.alloc(16, 0x5a);
const otherTag = Buffer.alloc(16, 0x7c);
const subscribe = Buffer.concat([Buffer.of(1, 0, 0, 0, 1), wantedTag]);
const limits = { ...defaultLimits, publishesBurst: 1e9, publishBytesBurst: 1e12 };
const closed: number[] = [];

/** Bob, who wants one tag and takes nothing. */
function openDeaf(hub: Hub): Member {
  const outbox = openOutbox(openDeafPipe(), (asked) => void setImmediate(() => asked.flush()));
  const exit = {
    push: outbox.push.bind(outbox),
    backlogBytes: () => outbox.backlogBytes(),
    halfReceivedBytes: () => 0,
    hold: () => undefined,
    goOn: () => undefined,
    close: (code: number) => void closed.push(code),
  };
  const member = hub.join(exit, { monotonicMillis: 0, wallMillis: 0 });
  outbox.flush();
  hub.receive(member, Buffer.from(subscribe), 0);
  return member;
}

function openMallory(hub: Hub): Member {
  const nothing = () => undefined;
  const exit = {
    push: nothing,
    backlogBytes: () => 0,
    halfReceivedBytes: () => 0,
    hold: nothing,
    goOn: nothing,
  };
  const now = { monotonicMillis: 0, wallMillis: 0 };
  return hub.join({ ...exit, close: (code) => void closed.push(code) }, now);
}

function backlogOf(readers: ReadonlyArray<Member>): number {
  return readers.reduce((sum, { exit }) => sum + exit.backlogBytes(), 0);
}

/** A publication as a node sends it; the mask is zero. */
function masked(tag: Buffer, payloadBytes: number): Buffer {
  const length = 17 + payloadBytes;
  const size = length < 126 ? Buffer.of(0x80 | length) : Buffer.of(0xfe, length >> 8, length & 255);
  return Buffer.concat([
    Buffer.of(0x82),
    size,
    Buffer.alloc(4),
    Buffer.of(2),
    tag,
    Buffer.alloc(payloadBytes),
  ]);
}

/** What the system hands over at once, in memory of its own. */
function readOf(...frames: ReadonlyArray<Buffer>): Buffer {
  const read = Buffer.from(new ArrayBuffer(64 * 1024));
  read.set(Buffer.concat(frames));
  return read.subarray(
    0,
    frames.reduce((sum, { length }) => sum + length, 0),
  );
}

test.each([
  { what: "of 4.2 KB in each read", readers: 1, reads: 150, bytes: 4_200 },
  { what: "of 30 bytes in each read", readers: 1, reads: 1_000, bytes: 30 },
  { what: "of 4.2 KB for each of 200 readers", readers: 200, reads: 1, bytes: 4_200 },
])(
  "one wanted frame $what that Mallory fills keeps none of the rest",
  async ({ readers, reads, bytes }) => {
    const hub = new Hub({ limits, iceServers: [], later: (run) => void setImmediate(run) });
    const mallory = openMallory(hub);
    const lane = new FastLane({
      message: (message) => hub.receive(mallory, message, 0),
      heldMessage: () => undefined,
      library: () => expect.unreachable(),
      messageBytesMax: 70_000,
    });
    const bobs: Member[] = [];
    const before = await bufferBytes();
    for (let round = 0; round < readers; round++) {
      const bob = openDeaf(hub);
      bobs.push(bob);
      for (let read = 0; read < reads; read++) {
        lane.take(readOf(masked(otherTag, 30_000), masked(wantedTag, bytes)));
        // What others say in the meantime lies in the same slab.
        if (bytes < 100) for (let other = 0; other < 8; other++) Buffer.allocUnsafe(1_000);
        await new Promise(setImmediate);
      }
      // The next one gets a frame of another read.
      hub.receive(bob, Buffer.concat([Buffer.of(relayOps.unsubscribe), subscribe.subarray(1)]), 0);
    }
    const grown = (await bufferBytes()) - before;
    expect(closed.splice(0)).toEqual([]);
    // Buffers below 64 bytes are objects like others.
    if (bytes > 64) expect(grown).toBeGreaterThan(readers * reads * bytes * 0.9);
    expect(grown).toBeLessThan(backlogOf(bobs) * 1.25 + slackBytes);
  },
);

test("one wanted frame of 4.2 KB in each batch of another relay keeps none of the rest", async () => {
  const heard: { ears?: EngineEars } = {};
  const engine: Engine = {
    isUp: () => true,
    publish: () => true,
    pressure: () => 0,
    listen: () => undefined,
    unlisten: () => undefined,
    open: (ears) => (heard.ears = ears),
    close: () => Promise.resolve(),
  };
  const name = Buffer.from("rita    ");
  const junction = new Junction({
    engine,
    limits,
    name,
    nowMillis: () => 0,
    later: () => undefined,
  });
  const hub = new Hub({ limits, iceServers: [], junction, later: (run) => void setImmediate(run) });
  const bob = openDeaf(hub);
  const before = await bufferBytes();
  for (let round = 0; round < 60; round++) {
    const batch = new Batch(Buffer.from("mallory "));
    const frame = (tag: Buffer, bytes: number) =>
      Buffer.concat([Buffer.of(2), tag, Buffer.alloc(bytes)]);
    for (let other = 0; other < 8; other++) batch.add(recordKinds.frame, frame(otherTag, 60_000));
    batch.add(recordKinds.frame, frame(wantedTag, 4_200));
    heard.ears?.hear(batch.take());
    await new Promise(setImmediate);
  }
  const grown = (await bufferBytes()) - before;
  expect(grown).toBeGreaterThan(60 * 4_200 * 0.9);
  expect(grown).toBeLessThan(backlogOf([bob]) * 1.25 + batchBytesMax);
});

/** The last read and the slab of the moment. */
const slackBytes = 200_000;
/** The last batch, and what it had outgrown. */
const batchBytesMax = 2e6;
