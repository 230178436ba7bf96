/** What the hub decides, told frames and time. */

import { decode, encode } from "@skein/protocol/codec";
import { RelayFrame, relayOps } from "@skein/protocol/relay-frame";
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Visitor } from "./addresses.ts";
import { Hub } from "./hub.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { Member } from "./member.ts";

const tag = "00112233445566778899aabbccddeeff" as never;
const other = "ffffffffffffffffffffffffffffffff" as never;

function openScene(limits: Partial<Limits> = {}) {
  const turns: Array<() => void> = [];
  const hub = new Hub({
    limits: { ...defaultLimits, ...limits },
    iceServers: [],
    later: (run) => void turns.push(run),
  });
  function join(visitor?: Visitor) {
    const heard: Buffer[] = [];
    const closed: number[] = [];
    const held: Buffer[] = [];
    const weight = { bytes: 0, half: 0 };
    const member: Member = hub.join(
      {
        push: ({ head, body }) => {
          const whole = Buffer.concat(body === undefined ? [head] : [head, body]);
          const short = whole[1] ?? 0;
          heard.push(whole.subarray(short < 126 ? 2 : short === 126 ? 4 : 10));
        },
        backlogBytes: () => weight.bytes,
        halfReceivedBytes: () => weight.half,
        hold: (frame) => held.push(frame),
        goOn: (isAdmitted) => hub.goOn(member, held.shift() ?? Buffer.alloc(0), isAdmitted),
        close: (code) => closed.push(code),
      },
      { monotonicMillis: 0, wallMillis: 1_000 },
      visitor,
    );
    const said = () => heard.splice(0).map((frame) => decode(RelayFrame, new Uint8Array(frame)));
    expect(said()).toMatchObject([{ type: "hello", now: 1_000 }]);
    return { member, heard, said, closed, weight };
  }
  const tell = (member: Member, frame: RelayFrame, now = 0) =>
    hub.receive(member, Buffer.from(encode(RelayFrame, frame)), now);
  return { hub, join, tell };
}

function publish(bytes = 3, type: "publish" | "bulk" = "publish"): RelayFrame {
  return { type, tag, payload: new Uint8Array(bytes) };
}

test("Alice's words reach Bob byte for byte, and never Alice or Carol", () => {
  const { join, tell, hub } = openScene();
  const [alice, bob, carol] = [join(), join(), join()];
  for (const { member } of [alice, bob]) tell(member, { type: "subscribe", tags: [tag] });
  tell(carol.member, { type: "subscribe", tags: [other] });
  const frame = Buffer.from(encode(RelayFrame, publish(5_000)));
  hub.receive(alice.member, frame, 0);
  expect(bob.heard.map((heard) => heard.equals(frame))).toEqual([true]);
  expect([alice.heard, carol.heard]).toEqual([[], []]);
});

test("after unsubscribing, and after leaving, nothing more is delivered", () => {
  const { join, tell, hub } = openScene();
  const [alice, bob, carol] = [join(), join(), join()];
  for (const { member } of [bob, carol]) tell(member, { type: "subscribe", tags: [tag, other] });
  tell(bob.member, { type: "unsubscribe", tags: [tag] });
  hub.leave(carol.member);
  tell(alice.member, publish());
  expect([bob.heard, carol.heard]).toEqual([[], []]);
  expect(hub.counts().tags).toBe(1);
});

test("announcing answers with the others; the relay's limit on time wins", () => {
  const { join, tell } = openScene({ announceSecondsMax: 10 });
  const [alice, bob] = [join(), join()];
  const blob = Uint8Array.of(1, 2) as never;
  tell(alice.member, { type: "announce", tag, seconds: 600, want: 5, blob });
  expect(alice.said()).toEqual([{ type: "found", tag, blobs: [] }]);
  tell(bob.member, { type: "lookup", tag, want: 200 }, 9_999);
  expect(bob.said()).toEqual([{ type: "found", tag, blobs: [Uint8Array.of(1, 2)] }]);
  tell(bob.member, { type: "lookup", tag, want: 5 }, 10_000);
  expect(bob.said()).toEqual([{ type: "found", tag, blobs: [] }]);
});

test("whoever publishes too fast is told once, with the time to wait, and then ignored for a while", () => {
  const { join, tell } = openScene({ publishesBurst: 2, publishesPerSecond: 0.25 });
  const [alice, bob] = [join(), join()];
  tell(bob.member, { type: "subscribe", tags: [tag] });
  for (let index = 0; index < 10; index++) tell(alice.member, publish());
  expect(bob.heard.length).toBe(2);
  expect(alice.said()).toEqual([
    { type: "refused", reason: "too-fast", retryAfterSeconds: 4, op: relayOps.publish },
  ]);
  tell(alice.member, publish(), 4_000);
  expect(bob.heard.length).toBe(3);
});

test("bulk is charged for every reader, and an approval passes while bulk must wait", () => {
  const { join, tell } = openScene({ bulkBytesBurst: 3_000, bulkBytesPerSecond: 1_000 });
  const [alice, bob, carol] = [join(), join(), join()];
  for (const { member } of [bob, carol]) tell(member, { type: "subscribe", tags: [tag] });
  tell(alice.member, publish(2_000 - 17, "bulk"));
  tell(alice.member, publish(1_000, "bulk"));
  tell(alice.member, publish());
  expect(bob.said().map(({ type }) => type)).toEqual(["bulk", "publish"]);
  expect(alice.said()).toMatchObject([{ reason: "too-fast", retryAfterSeconds: 3, op: 8 }]);
});

test("a client that goes on in spite of refusals is closed", () => {
  const { join, tell } = openScene({ requestsBurst: 1, speedingsMax: 20 });
  const mallory = join();
  for (let index = 0; index < 30; index++) tell(mallory.member, { type: "ping", nonce: index });
  expect(mallory.closed).toEqual([1008]);
});

test("too many tags, too many readers and too many announcements are refused by name", () => {
  const limits = {
    tagsPerConnectionMax: 1,
    subscribersPerTagMax: 1,
    announcementsPerConnectionMax: 0,
  };
  const { join, tell } = openScene(limits);
  const [alice, bob] = [join(), join()];
  tell(alice.member, { type: "subscribe", tags: [tag, other] });
  tell(bob.member, { type: "subscribe", tags: [tag] });
  const blob = Uint8Array.of(1) as never;
  tell(bob.member, { type: "announce", tag, seconds: 60, want: 1, blob });
  expect(alice.said()).toMatchObject([{ reason: "too-many-tags", op: 1, retryAfterSeconds: 30 }]);
  expect(bob.said()).toMatchObject([
    { reason: "too-many-subscribers", op: 1 },
    { reason: "full", op: 3 },
  ]);
});

test("unsound frames are refused three times and then end the connection; one in a while is forgiven", () => {
  const { join, hub } = openScene();
  const [mallory, bob] = [join(), join()];
  for (let index = 0; index < 4; index++) hub.receive(mallory.member, Buffer.of(0x55, 1), 0);
  expect(mallory.said()).toMatchObject([1, 2, 3].map(() => ({ reason: "malformed", op: 0x55 })));
  expect(mallory.closed).toEqual([1008]);
  for (let index = 0; index < 50; index++) hub.receive(bob.member, Buffer.of(9), index * 20_000);
  expect(bob.closed).toEqual([]);
});

test("text ends the connection at once", () => {
  const { join, hub } = openScene();
  const mallory = join();
  hub.receiveText(mallory.member);
  expect(mallory.closed).toEqual([1003]);
});

test("a slow reader first loses bulk, then its connection; a quick one loses nothing", () => {
  const { join, tell } = openScene();
  const [alice, slow, quick] = [join(), join(), join()];
  for (const { member } of [slow, quick]) tell(member, { type: "subscribe", tags: [tag] });
  slow.weight.bytes = 700 * 1024;
  tell(alice.member, publish(16_000, "bulk"));
  tell(alice.member, publish(16_000));
  expect(slow.said().map(({ type }) => type)).toEqual(["publish"]);
  slow.weight.bytes = 1024 * 1024;
  tell(alice.member, publish());
  expect(slow.closed).toEqual([1013]);
  tell(alice.member, publish());
  expect(slow.heard).toEqual([]);
  expect(quick.said().length).toBe(4);
});

test("when too much waits for all, the slowest go first", () => {
  const { join, hub } = openScene({ backlogTotalBytesMax: 100_000 });
  const [alice, bob, carol] = [join(), join(), join()];
  alice.weight.bytes = 20_000;
  bob.weight.bytes = 70_000;
  carol.weight.bytes = 30_000;
  hub.sweep(0);
  expect([alice.closed, bob.closed, carol.closed]).toEqual([[], [1013], []]);
  expect(hub.burden.waitingBytes()).toBe(50_000);
});

test("too much waits for all no longer than it takes to hand it out, whenever the relay looks next", () => {
  const { join, tell, hub } = openScene({ backlogTotalBytesMax: 100_000 });
  const [alice, bob, carol] = [join(), join(), join()];
  tell(bob.member, { type: "subscribe", tags: [tag] });
  carol.weight.bytes = 90_000;
  hub.sweep(0);
  bob.weight.bytes = 30_000;
  tell(alice.member, publish(20_000));
  expect([bob.closed, carol.closed]).toEqual([[], [1013]]);
});

test("of messages that have not come whole so much is held, and the address that holds most pays", () => {
  const { join, hub } = openScene({ halfReceivedTotalBytesMax: 100_000 });
  const [home, lair] = [1, 2].map(() => new Visitor(defaultLimits, "", undefined));
  const mallorys = Array.from({ length: 9 }, () => join(lair));
  const [alice, bob] = [join(home), join()];
  const hold = (node: ReturnType<typeof join>, bytes: number): void => {
    node.weight.half = bytes;
    hub.burden.addHalf(node.member, bytes);
  };
  for (const mallory of mallorys) hold(mallory, 6_000);
  hold(alice, 40_000);
  expect(mallorys.flatMap(({ closed }) => closed)).toEqual([]);
  hold(bob, 20_000);
  expect(mallorys.flatMap(({ closed }) => closed)).toEqual(Array.from({ length: 7 }, () => 1013));
  expect([alice.closed, bob.closed]).toEqual([[], []]);
});

test("a ping is answered with its nonce", () => {
  const { join, tell } = openScene();
  const alice = join();
  tell(alice.member, { type: "ping", nonce: 77 });
  expect(alice.said()).toEqual([{ type: "pong", nonce: 77 }]);
});

test("whatever Mallory sends, the hub refuses or closes, and Bob still hears Alice", () => {
  const hostile = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 40 });
  fc.assert(
    fc.property(hostile, (frames) => {
      const { hub, join, tell } = openScene();
      const [alice, bob, mallory] = [join(), join(), join()];
      tell(bob.member, { type: "subscribe", tags: [tag] });
      for (const frame of frames) hub.receive(mallory.member, Buffer.from(frame), 0);
      bob.heard.length = 0;
      tell(alice.member, publish());
      expect(bob.said()).toEqual([publish()]);
    }),
  );
});

test("what is left for Bob reaches him once when he comes, and not when its time is over", () => {
  const { join, tell, hub } = openScene({ keepSecondsMax: 100 });
  const [alice, bob, carol] = [join(), join(), join()];
  const keep = (seconds: number): RelayFrame => ({
    type: "keep",
    tag,
    seconds,
    payload: Uint8Array.of(5),
  });
  tell(alice.member, keep(60));
  tell(alice.member, keep(1e9), 50_000);
  expect(hub.counts().keptFrames).toBe(2);
  tell(bob.member, { type: "subscribe", tags: [tag] }, 70_000);
  tell(carol.member, { type: "subscribe", tags: [tag] }, 70_000);
  expect(bob.said()).toEqual([{ type: "publish", tag, payload: Uint8Array.of(5) }]);
  expect(carol.said()).toEqual([]);
  tell(alice.member, keep(60), 80_000);
  expect([bob.said().length, carol.said().length, hub.counts().keptFrames]).toEqual([1, 1, 0]);
});

test("a relay that keeps nothing passes on what is left and forgets it", () => {
  const { join, tell, hub } = openScene();
  const [alice, bob] = [join(), join()];
  tell(alice.member, { type: "keep", tag, seconds: 60, payload: new Uint8Array(3) });
  tell(bob.member, { type: "subscribe", tags: [tag] });
  expect(bob.said()).toEqual([]);
  expect(hub.counts().keptFrames).toBe(0);
});

test("what nobody has room for is refused with a time to try again", () => {
  const { join, tell } = openScene({ keepSecondsMax: 100, keptPerTagMax: 1 });
  const alice = join();
  for (let index = 0; index < 2; index++)
    tell(alice.member, { type: "keep", tag, seconds: 60, payload: new Uint8Array(3) });
  expect(alice.said()).toEqual([
    { type: "refused", reason: "full", retryAfterSeconds: 30, op: relayOps.keep },
  ]);
});

test("when memory is short whoever is there keeps what it has and gets nothing more that would stand", () => {
  const { hub, join, tell } = openScene({ keepSecondsMax: 100 });
  const [alice, bob] = [join(), join()];
  const announce = (under: typeof tag): RelayFrame => ({
    type: "announce",
    tag: under,
    seconds: 60,
    want: 0,
    blob: Uint8Array.of(1),
  });
  tell(bob.member, { type: "subscribe", tags: [tag] });
  tell(alice.member, announce(tag));
  const before = hub.counts();
  alice.heard.length = 0;
  hub.isShort = true;
  tell(bob.member, { type: "subscribe", tags: [tag, other] });
  tell(alice.member, announce(tag));
  tell(alice.member, announce(other));
  tell(alice.member, { type: "keep", tag: other, seconds: 60, payload: new Uint8Array(3) });
  const full = { type: "refused", reason: "full", retryAfterSeconds: 30 };
  expect(bob.said()).toEqual([{ ...full, op: relayOps.subscribe }]);
  expect(alice.said()).toEqual([
    { type: "found", tag, blobs: [] },
    { ...full, op: relayOps.announce },
    { ...full, op: relayOps.keep },
  ]);
  expect(hub.counts()).toEqual(before);
  tell(alice.member, publish());
  expect(bob.said()).toEqual([publish()]);
  hub.isShort = false;
  tell(bob.member, { type: "subscribe", tags: [other] });
  expect([bob.said(), hub.counts().tags]).toEqual([[], 2]);
});

test("when memory is short nobody is cut for the little that waits, and the slowest are for much", () => {
  const { hub, join } = openScene();
  const [alice, bob] = [join(), join()];
  alice.weight.bytes = 1_000_000;
  bob.weight.bytes = 2_000_000;
  hub.burden.relieve();
  expect([alice.closed, bob.closed]).toEqual([[], []]);
  bob.weight.bytes = 20_000_000;
  hub.burden.relieve();
  expect([alice.closed, bob.closed]).toEqual([[], [1013]]);
});

test("of all tags an address may have so many, and few once most are taken; what one gives back another may have", () => {
  const limits = { tagsMax: 20, tagsPerAddressMax: 12, scarceTagsPerAddressMax: 3 };
  const { hub, join, tell } = openScene(limits);
  const [lair, home] = [1, 2].map(
    () => new Visitor({ ...defaultLimits, ...limits }, "", undefined),
  );
  const [mallory, again, alice] = [join(lair), join(lair), join(home)];
  const tags = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => String(from + at).padStart(32, "0") as never);
  tell(mallory.member, { type: "subscribe", tags: tags(0, 10) });
  tell(again.member, { type: "subscribe", tags: tags(10, 10) });
  expect(again.said()).toMatchObject([{ reason: "full", op: relayOps.subscribe }]);
  expect(hub.counts().tags).toBe(12);
  const carol = join();
  tell(carol.member, { type: "subscribe", tags: tags(100, 4) });
  tell(alice.member, { type: "subscribe", tags: tags(200, 4) });
  expect(alice.said()).toMatchObject([{ reason: "full" }]);
  expect([hub.counts().tags, hub.isOutOfTags()]).toEqual([19, false]);
  tell(carol.member, { type: "subscribe", tags: tags(300, 1) });
  expect(hub.isOutOfTags()).toBe(true);
  hub.leave(mallory.member);
  tell(again.member, { type: "subscribe", tags: tags(20, 10) });
  expect(hub.counts().tags).toBe(16);
});

test("a ping of WebSocket itself is answered with its payload, counts like any request and waits like any answer", () => {
  const { hub, join } = openScene({ requestsBurst: 2, backlogBytesMax: 1_000 });
  const [alice, mallory] = [join(), join()];
  const said: number[] = [];
  for (let index = 0; index < 4; index++) {
    hub.receivePing(alice.member, Uint8Array.of(index, 9), 0);
    said.push(...alice.heard.splice(0).map(([first]) => first ?? 0));
  }
  expect(said).toEqual([0, 1, 0x7f]);
  mallory.weight.bytes = 999;
  hub.receivePing(mallory.member, new Uint8Array(125), 0);
  expect(mallory.closed).toEqual([1013]);
});
