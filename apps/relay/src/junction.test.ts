/** Two relays and an engine between them: it should not matter to which of them a node came. */

import { encode, decode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Hub } from "./hub.ts";
import { readBatch } from "./junction-batch.ts";
import { Junction } from "./junction.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { Member } from "./member.ts";
import { openQuestions } from "./questions.ts";
import { openMemoryEngines, type MemoryEngines } from "./memory-engine.ts";

const tag = "00112233445566778899aabbccddeeff" as never;
const blob = Uint8Array.of(1, 2) as never;

function openRelay(engines: MemoryEngines, name: string, given: Partial<Limits> = {}) {
  const limits: Limits = { ...defaultLimits, ...given };
  const clock = { millis: 0 };
  const junction = new Junction({
    engine: engines.join(),
    limits,
    name: Buffer.from(name.padEnd(8)),
    nowMillis: () => clock.millis,
    later: (run) => void setImmediate(run),
  });
  const hub = new Hub({ limits, iceServers: [], junction, later: (run) => void setImmediate(run) });
  function join() {
    const heard: RelayFrame[] = [];
    const member: Member = hub.join(
      {
        push: ({ head, body }) => {
          const whole = Buffer.concat(body === undefined ? [head] : [head, body]);
          const short = whole[1] ?? 0;
          const from = short < 126 ? 2 : short === 126 ? 4 : 10;
          heard.push(decode(RelayFrame, new Uint8Array(whole.subarray(from))));
        },
        backlogBytes: () => 0,
        halfReceivedBytes: () => 0,
        hold: () => undefined,
        goOn: () => undefined,
        close: () => undefined,
      },
      { monotonicMillis: clock.millis, wallMillis: 0 },
    );
    const tell = (frame: RelayFrame) =>
      hub.receive(member, Buffer.from(encode(RelayFrame, frame)), clock.millis);
    return { member, tell, said: () => heard.splice(0).filter(({ type }) => type !== "hello") };
  }
  const pass = (millis: number) => {
    clock.millis += millis;
    hub.sweep(clock.millis);
  };
  return { hub, junction, join, pass };
}

/** Until everything under way has arrived. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
}

test("what Alice publishes at one relay reaches Bob at the other, in order, and never herself", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  const [alice, bob] = [rita.join(), ruth.join()];
  for (const node of [alice, bob]) node.tell({ type: "subscribe", tags: [tag] });
  const words = [1, 2, 3].map((word): RelayFrame => {
    const type = word === 2 ? "bulk" : "publish";
    return { type, tag, payload: Uint8Array.of(word) };
  });
  for (const word of words) alice.tell(word);
  await settle();
  expect(bob.said()).toEqual(words);
  expect(alice.said()).toEqual([]);
  expect(rita.junction.counts.sent).toBe(1);
});

test("every byte that one relay says it sent the other says it heard, also of what they tell of themselves", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  const [alice, bob] = [rita.join(), ruth.join()];
  bob.tell({ type: "subscribe", tags: [tag] });
  await settle();
  const before = rita.junction.counts.sentBytes;
  alice.tell({ type: "publish", tag, payload: new Uint8Array(1_000) });
  await settle();
  // A head of nine bytes, five of the record, and the frame as it came: an op, a tag and the payload.
  expect(rita.junction.counts.sentBytes - before).toBe(9 + 5 + 17 + 1_000);
  for (const relay of [rita, ruth]) relay.pass(6_000);
  await settle();
  const [one, other] = [rita.junction.counts, ruth.junction.counts];
  expect(other.sentBytes).toBeGreaterThan(0);
  expect([one.sentBytes, other.sentBytes]).toEqual([other.heardBytes, one.heardBytes]);
});

test("Bob finds whom Alice's relay knows, is told as soon as the answer is there, and no more once she is gone", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  const [alice, bob] = [rita.join(), ruth.join()];
  alice.tell({ type: "announce", tag, seconds: 60, want: 5, blob });
  await settle();
  bob.tell({ type: "lookup", tag, want: 5 });
  expect(bob.said()).toEqual([{ type: "found", tag, blobs: [] }]);
  await settle();
  expect(bob.said()).toEqual([{ type: "found", tag, blobs: [blob] }]);
  rita.hub.leave(alice.member);
  await settle();
  bob.tell({ type: "lookup", tag, want: 5 });
  expect(bob.said()).toEqual([{ type: "found", tag, blobs: [] }]);
});

test("of other relays' announcements so many are held, and our own nodes' take nothing from it", async () => {
  const engines = openMemoryEngines();
  const limits = { neighbourAnnouncementsMax: 3 };
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth", limits)];
  const bob = ruth.join();
  bob.tell({ type: "lookup", tag, want: 20 });
  await settle();
  for (let index = 0; index < 8; index++)
    rita.join().tell({ type: "announce", tag, seconds: 60, want: 0, blob });
  await settle();
  bob.tell({ type: "announce", tag, seconds: 60, want: 0, blob });
  expect(ruth.hub.counts()).toMatchObject({ announcements: 4, neighbourAnnouncements: 3 });
  expect(rita.hub.counts()).toMatchObject({ announcements: 8, neighbourAnnouncements: 0 });
});

test("at the cap other relays' living announcements are renewed, and nobody else's is taken", async () => {
  const engines = openMemoryEngines();
  const limits = { neighbourAnnouncementsMax: 1 };
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth", limits)];
  const [alice, carol, bob] = [rita.join(), rita.join(), ruth.join()];
  bob.tell({ type: "subscribe", tags: [tag] });
  await settle();
  const announce: RelayFrame = { type: "announce", tag, seconds: 60, want: 0, blob };
  alice.tell(announce);
  carol.tell(announce);
  await settle();
  for (let renewed = 0; renewed < 3; renewed++) {
    for (let second = 0; second < 40; second++) {
      for (const relay of [rita, ruth]) relay.pass(1_000);
      await settle();
    }
    expect(ruth.hub.counts()).toMatchObject({ announcements: 1, neighbourAnnouncements: 1 });
    alice.tell(announce);
    await settle();
  }
});

test("when memory is short what other relays newly announce is not taken", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  ruth.join().tell({ type: "subscribe", tags: [tag] });
  ruth.hub.isShort = true;
  await settle();
  rita.join().tell({ type: "announce", tag, seconds: 60, want: 0, blob });
  await settle();
  expect(ruth.hub.counts()).toMatchObject({ announcements: 0, neighbourAnnouncements: 0 });
});

test("a frame to be kept that is refused is offered to no other relay", async () => {
  const engines = openMemoryEngines();
  const keeping = { keepSecondsMax: 600, keptPerTagMax: 0 };
  const [rita, ruth] = [openRelay(engines, "rita", keeping), openRelay(engines, "ruth")];
  const [alice, bob] = [rita.join(), ruth.join()];
  bob.tell({ type: "subscribe", tags: [tag] });
  await settle();
  alice.tell({ type: "keep", tag, seconds: 60, payload: Uint8Array.of(7) });
  await settle();
  expect(alice.said()).toMatchObject([{ type: "refused", reason: "full" }]);
  expect(bob.said()).toEqual([]);
});

test("the questions of one address to other relays leave room for everybody else's", () => {
  const limits = { neighbourQuestionsMax: 10, neighbourQuestionsPerAddressMax: 4 };
  const questions = openQuestions({ ...defaultLimits, ...limits });
  const [lair, home] = [{ questions: 0 }, { questions: 0 }];
  const terms = { want: 1, nowMillis: 0 };
  const asked = Array.from({ length: 8 }, (_, index) =>
    questions.add(`mallory ${index}`, { visitor: lair }, terms),
  );
  expect(asked.filter(Boolean)).toHaveLength(4);
  expect(questions.add("alice", { visitor: home }, terms)).toBe(true);
  questions.sweep(1e9);
  expect([questions.size(), lair.questions, home.questions]).toEqual([0, 0, 0]);
  expect(questions.add("mallory", { visitor: lair }, terms)).toBe(true);
});

test("announcements of a relay that fell silent are forgotten with it", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  const [alice, bob] = [rita.join(), ruth.join()];
  bob.tell({ type: "subscribe", tags: [tag] });
  alice.tell({ type: "announce", tag, seconds: 3_000, want: 5, blob });
  await settle();
  expect(ruth.hub.counts().announcements).toBe(1);
  ruth.pass(19_000);
  expect(ruth.hub.counts().announcements).toBe(1);
  ruth.pass(2_000);
  expect(ruth.hub.counts().announcements).toBe(0);
});

test("while the engine is away local delivery goes on, and afterwards everyone is found again", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  const [alice, bob, carol] = [rita.join(), ruth.join(), rita.join()];
  for (const node of [bob, carol]) node.tell({ type: "subscribe", tags: [tag] });
  await settle();
  engines.turn(false);
  alice.tell({ type: "announce", tag, seconds: 60, want: 5, blob });
  alice.tell({ type: "publish", tag, payload: Uint8Array.of(1) });
  await settle();
  expect(carol.said()).toHaveLength(1);
  expect(bob.said()).toEqual([]);
  expect(rita.junction.counts.leftOut).toBe(2);
  engines.turn(true);
  await settle();
  bob.tell({ type: "lookup", tag, want: 5 });
  expect(bob.said()).toEqual([{ type: "found", tag, blobs: [blob] }]);
});

test("what was left for Bob at one relay reaches him at the other, once", async () => {
  const engines = openMemoryEngines();
  const keeping = { keepSecondsMax: 600 };
  const [rita, ruth] = [openRelay(engines, "rita", keeping), openRelay(engines, "ruth", keeping)];
  const [alice, bob] = [rita.join(), ruth.join()];
  const left: RelayFrame = { type: "keep", tag, seconds: 60, payload: Uint8Array.of(7) };
  alice.tell(left);
  await settle();
  expect(rita.hub.counts().keptFrames).toBe(1);
  bob.tell({ type: "subscribe", tags: [tag] });
  await settle();
  expect(bob.said()).toEqual([{ type: "publish", tag, payload: Uint8Array.of(7) }]);
  expect(rita.hub.counts().keptFrames).toBe(0);
  alice.tell(left);
  await settle();
  expect(bob.said()).toHaveLength(1);
  expect(rita.hub.counts().keptFrames).toBe(0);
});

test("a bucket nobody needs is listened to a little longer, and then no more", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  const [alice, bob] = [rita.join(), ruth.join()];
  const payload = Uint8Array.of(1) as never;
  bob.tell({ type: "subscribe", tags: [tag] });
  bob.tell({ type: "unsubscribe", tags: [tag] });
  for (const [millis, heard] of [
    [9_000, 1],
    [2_000, 0],
  ] as const) {
    ruth.pass(millis);
    const before = ruth.junction.counts.heard;
    alice.tell({ type: "publish", tag, payload });
    await settle();
    expect(ruth.junction.counts.heard - before).toBe(heard);
  }
});

test("what nobody elsewhere wants is not sent, what one relay wants goes to it alone, and what two want to both", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth, rosa] = ["rita", "ruth", "rosa"].map((name) => openRelay(engines, name));
  if (rita === undefined || ruth === undefined || rosa === undefined) throw new Error("three");
  const [alice, bob, carol] = [rita.join(), ruth.join(), rosa.join()];
  const other = "ff112233445566778899aabbccddeeff" as never;
  carol.tell({ type: "subscribe", tags: [other] });
  await settle();
  // Until everybody has had time to say so, others may be there that want anything.
  for (const relay of [rita, ruth, rosa]) relay.pass(7_000);
  await settle();
  const say = async (word: number) => {
    alice.tell({ type: "publish", tag, payload: Uint8Array.of(word) });
    await settle();
    return [ruth, rosa].map(({ junction }) => junction.counts.heard);
  };
  expect(await say(1)).toEqual([0, 0]);
  expect(rita.junction.counts).toMatchObject({ spared: 1, sent: 0 });
  bob.tell({ type: "subscribe", tags: [tag] });
  await settle();
  expect(await say(2)).toEqual([1, 0]);
  carol.tell({ type: "subscribe", tags: [tag] });
  await settle();
  expect(await say(3)).toEqual([2, 1]);
  expect(bob.said().map((frame) => frame.type === "publish" && frame.payload[0])).toEqual([2, 3]);
});

test("a relay that never says what it wants is sent everything", async () => {
  const engines = openMemoryEngines();
  const rita = openRelay(engines, "rita");
  const heard: number[] = [];
  const old = engines.join();
  old.open({ hear: (bytes) => heard.push(bytes.length), changed: () => undefined });
  for (let bucket = 0; bucket < defaultLimits.backplaneBuckets; bucket++) old.listen(bucket);
  old.listen(`to-${Buffer.from("elder___").toString("hex")}`);
  old.publish("everyone", Buffer.concat([Buffer.of(1), Buffer.from("elder___")]));
  await settle();
  rita.pass(7_000);
  await settle();
  heard.splice(0);
  rita.join().tell({ type: "publish", tag, payload: Uint8Array.of(1) });
  await settle();
  expect(heard).toHaveLength(1);
});

test("what was announced elsewhere is forgotten where nobody asks for it any more, since its end would not be told", async () => {
  const engines = openMemoryEngines();
  const [rita, ruth] = [openRelay(engines, "rita"), openRelay(engines, "ruth")];
  const [alice, bob] = [rita.join(), ruth.join()];
  alice.tell({ type: "announce", tag, seconds: 3_000, want: 5, blob });
  await settle();
  bob.tell({ type: "lookup", tag, want: 5 });
  await settle();
  expect(ruth.hub.counts().announcements).toBe(1);
  for (let second = 0; second < 12; second++) {
    for (const relay of [rita, ruth]) relay.pass(1_000);
    await settle();
  }
  expect(ruth.hub.counts().announcements).toBe(0);
  bob.said();
  bob.tell({ type: "lookup", tag, want: 5 });
  await settle();
  expect(bob.said().at(-1)).toEqual({ type: "found", tag, blobs: [blob] });
});

test("what was left for Bob long ago still reaches him at the other relay", async () => {
  const engines = openMemoryEngines();
  const keeping = { keepSecondsMax: 600 };
  const [rita, ruth] = [openRelay(engines, "rita", keeping), openRelay(engines, "ruth", keeping)];
  const [alice, bob] = [rita.join(), ruth.join()];
  alice.tell({ type: "keep", tag, seconds: 600, payload: Uint8Array.of(7) });
  for (let second = 0; second < 60; second++) {
    for (const relay of [rita, ruth]) relay.pass(1_000);
    await settle();
  }
  bob.tell({ type: "subscribe", tags: [tag] });
  await settle();
  expect(bob.said()).toEqual([{ type: "publish", tag, payload: Uint8Array.of(7) }]);
  expect(rita.hub.counts().keptFrames).toBe(0);
});

test("whatever comes over the engine, a relay reads or drops it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const versioned = Buffer.concat([Buffer.of(1), Buffer.alloc(8), bytes]);
      const batch = readBatch(versioned);
      const frames = (batch?.records ?? []).filter((heard) => heard.kind === "frame");
      expect(frames.every(({ frame }) => frame[0] === 2 || frame[0] === 8)).toBe(true);
      readBatch(Buffer.from(bytes));
    }),
    { numRuns: 2_000 },
  );
  expect(readBatch(Buffer.concat([Buffer.of(1), Buffer.alloc(8)]))?.records).toEqual([]);
});
