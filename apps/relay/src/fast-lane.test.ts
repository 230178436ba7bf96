/** What is read past the library, against what was sent: nothing lost, nothing twice, nothing out of order. */

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { FastLane } from "./fast-lane.ts";
import { frameMessage } from "./outbox.ts";

interface Sent {
  readonly first: number;
  readonly payload: Uint8Array;
}

/** A frame as a node sends it (RFC 6455 §5.2). */
function frame({ first, payload }: Sent, isMasked = true): Buffer {
  const { length } = payload;
  const size = length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127];
  const head = Buffer.from([first, ...size]);
  if (isMasked) head[1] = (head[1] ?? 0) | 0x80;
  const long = Buffer.alloc(length < 65_536 ? 0 : 8);
  if (long.length > 0) long.writeUInt32BE(length, 4);
  const key = Buffer.from(isMasked ? [0x5a, 0xc3, 0x0f, 0x99] : []);
  const body = Buffer.from(payload.map((byte, at) => byte ^ (key[at & 3] ?? 0)));
  return Buffer.concat([head, long, key, body]);
}

/** Everything the lane did, in its order: messages, and the library's bytes before each. */
function openLane(messageBytesMax = 70_000, waits: () => boolean = () => false) {
  const messages: Array<{ readonly bytes: Buffer; readonly after: number }> = [];
  const library: Buffer[] = [];
  const libraryBytes = (): number => library.reduce((sum, { length }) => sum + length, 0);
  const pass = (bytes: Buffer): void => {
    messages.push({ bytes: Buffer.from(bytes), after: libraryBytes() });
  };
  const lane = new FastLane({
    message: (bytes) => (waits() ? lane.hold(bytes) : pass(bytes)),
    heldMessage: pass,
    library: (piece) => library.push(Buffer.from(piece)),
    messageBytesMax,
  });
  return { lane, messages, library: () => Buffer.concat(library) };
}

/** Whole binary messages, with what comes between them: fragments, text, pings. */
const parts = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.uint8Array({ maxLength: 300 }).map((payload) => [0x82, payload]) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((payload) => [0x81, payload]) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((payload) => [0x89, payload]) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 30 }).map((payload) => [0x02, payload, 0x80, payload]),
    },
  ),
  { maxLength: 12 },
);

function sentOf(given: ReadonlyArray<ReadonlyArray<number | Uint8Array>>): ReadonlyArray<Sent> {
  const sent: Sent[] = [];
  for (const part of given)
    for (let at = 0; at < part.length; at += 2) {
      const [first, payload] = [part[at], part[at + 1]];
      if (typeof first === "number" && payload instanceof Uint8Array) sent.push({ first, payload });
    }
  return sent;
}

test("however reads cut what Alice sends, and whatever of it has to wait, each frame is either a message of the lane or whole at the library, in order", () => {
  fc.assert(
    fc.property(
      parts,
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
      fc.array(fc.boolean(), { minLength: 1 }),
      (given, cuts, waits) => {
        const sent = sentOf(given);
        const wire = Buffer.concat(sent.map((one) => frame(one)));
        let asked = 0;
        const isTold = (): boolean => waits[asked++ % waits.length] ?? false;
        const { lane, messages, library } = openLane(70_000, isTold);
        for (let at = 0, turn = 0; at < wire.length; turn++) {
          const until = at + (cuts[turn % cuts.length] ?? 1);
          lane.take(Buffer.from(wire.subarray(at, until)));
          if (isTold()) lane.goOn(true);
          at = until;
        }
        while (lane.isHeld) lane.goOn(true);
        const rest = library();
        let librarys = 0;
        for (const one of sent) {
          const [next] = messages;
          if (next !== undefined && next.after === librarys && one.first === 0x82) {
            expect(next.bytes).toEqual(Buffer.from(one.payload));
            messages.shift();
            continue;
          }
          const bytes = frame(one);
          expect(rest.subarray(librarys, librarys + bytes.length)).toEqual(bytes);
          librarys += bytes.length;
        }
        expect([messages.length, rest.length]).toEqual([0, librarys]);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("messages that lie whole in a read never reach the library, however many and of whatever length", () => {
  const sent = [0, 1, 125, 126, 16_401, 65_553].map((length) => ({
    first: 0x82,
    payload: new Uint8Array(length).fill(7),
  }));
  const { lane, messages, library } = openLane();
  lane.take(Buffer.concat(sent.map((one) => frame(one))));
  expect(messages.map(({ bytes }) => bytes.length)).toEqual(
    sent.map(({ payload }) => payload.length),
  );
  expect(library()).toHaveLength(0);
});

test("before a large message stands the header that it goes out with, whatever length Mallory writes it with", () => {
  const payload = new Uint8Array(5_000).fill(3);
  const short = frame({ first: 0x82, payload });
  const long = Buffer.concat([
    Buffer.of(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0x13, 0x88),
    short.subarray(4),
  ]);
  for (const wire of [short, long]) {
    const lane = new FastLane({
      message: (message) => {
        const framed = frameMessage(message);
        expect([framed.body, framed.head.subarray(0, 4)]).toEqual([
          undefined,
          Buffer.of(0x82, 126, 0x13, 0x88),
        ]);
        expect(Buffer.from(framed.head.subarray(4)).equals(payload)).toBe(true);
      },
      heldMessage: () => expect.unreachable(),
      library: () => expect.unreachable(),
      messageBytesMax: 70_000,
    });
    lane.take(Buffer.from(wire));
  }
  expect.assertions(4);
});

test("wherever a read cuts a message, the next one is the lane's again", () => {
  for (const length of [100, 300, 66_000]) {
    const cut = frame({ first: 0x82, payload: new Uint8Array(length).fill(1) });
    const whole = { first: 0x82, payload: Uint8Array.of(9) };
    for (let at = 1; at < Math.min(cut.length, 40); at++) {
      const { lane, messages, library } = openLane();
      lane.take(Buffer.from(cut.subarray(0, at)));
      lane.take(Buffer.concat([cut.subarray(at), frame(whole)]));
      expect(library().equals(cut)).toBe(true);
      expect(messages.map(({ bytes }) => bytes.toString("hex"))).toEqual(["09"]);
    }
  }
});

test("what Mallory may not say goes to the library as it came: no mask, too long, between fragments, with a reserved bit", () => {
  const payload = new Uint8Array(200).fill(1);
  const binary = { first: 0x82, payload };
  for (const wire of [
    frame(binary, false),
    frame({ first: 0x82, payload: new Uint8Array(70_000) }),
    Buffer.concat([frame({ first: 0x02, payload }), frame(binary)]),
    frame({ first: 0xc2, payload }),
    frame({ first: 0x83, payload }),
  ]) {
    const { lane, messages, library } = openLane(1_000);
    lane.take(Buffer.from(wire));
    expect(messages).toEqual([]);
    expect(library()).toEqual(wire);
  }
});

test("nothing counts behind a goodbye, and nothing at all once the lane is closed", () => {
  const payload = Uint8Array.of(3, 232);
  const goodbye = frame({ first: 0x88, payload });
  const binary = frame({ first: 0x82, payload });
  const { lane, messages, library } = openLane();
  lane.take(Buffer.concat([binary, goodbye, binary]));
  lane.take(Buffer.from(binary));
  expect(messages).toHaveLength(1);
  expect(library()).toEqual(goodbye);
  const closed = openLane();
  closed.lane.close();
  closed.lane.take(Buffer.from(binary));
  expect([closed.messages.length, closed.library().length]).toEqual([0, 0]);
});

test("what has come of a message by halves is counted, with the read it keeps, until the message is whole", () => {
  const payload = new Uint8Array(30_000);
  const { lane } = openLane();
  const cut = frame({ first: 0x82, payload });
  const counts: number[] = [];
  const take = (bytes: Uint8Array): void => {
    // In memory of its own, as a read is.
    lane.take(Buffer.from(Uint8Array.from(bytes).buffer));
    counts.push(Math.round(lane.heldBytes / 1_000));
  };
  take(Buffer.concat([frame({ first: 0x82, payload }), cut.subarray(0, 100)]));
  take(cut.subarray(100, 20_000));
  take(cut.subarray(20_000));
  take(frame({ first: 0x02, payload }));
  take(frame({ first: 0x89, payload: Uint8Array.of(1) }));
  take(frame({ first: 0x80, payload }));
  expect(counts).toEqual([30, 51, 0, 30, 30, 0]);
});

test("half a frame's head, or half a ping, at the end of a read keeps nothing of the read", () => {
  const payload = new Uint8Array(300);
  const whole = frame({ first: 0x82, payload });
  const ping = frame({ first: 0x89, payload: new Uint8Array(100) });
  for (const half of [whole.subarray(0, 1), whole.subarray(0, 3), ping.subarray(0, 50)]) {
    const library: Buffer[] = [];
    const nothing = () => undefined;
    const ends = { message: nothing, heldMessage: nothing, messageBytesMax: 70_000 };
    const lane = new FastLane({ ...ends, library: (piece) => library.push(piece) });
    // In memory of its own, as a read is.
    lane.take(Buffer.from(Uint8Array.from(Buffer.concat([whole, half])).buffer));
    expect(Buffer.concat(library)).toEqual(half);
    expect(library.map(({ buffer }) => buffer.byteLength)).toEqual([half.length]);
    expect(lane.heldBytes).toBe(0);
  }
});

test("of a node that is told goodbye only its own goodbye is heard, and a message under way to its end", () => {
  const payload = new Uint8Array(300).fill(1);
  const whole = frame({ first: 0x82, payload });
  const goodbye = frame({ first: 0x88, payload: Uint8Array.of(3, 232) });
  const { lane, messages, library } = openLane();
  lane.take(Buffer.from(whole.subarray(0, 200)));
  lane.leave();
  lane.take(Buffer.concat([whole.subarray(200), whole, whole.subarray(0, 50)]));
  lane.take(Buffer.concat([whole.subarray(50), goodbye]));
  expect(messages).toEqual([]);
  expect(library()).toEqual(Buffer.concat([whole, goodbye]));
});

test("what has to wait is counted with the reads it keeps, each once, and is gone when it went on or its node is told goodbye", () => {
  const whole = frame({ first: 0x82, payload: new Uint8Array(300) });
  const goodbye = frame({ first: 0x88, payload: Uint8Array.of(3, 232) });
  const read = (...frames: ReadonlyArray<Buffer>): Buffer =>
    // In memory of its own, as a read is.
    Buffer.from(Uint8Array.from(Buffer.concat(frames)).buffer);
  for (const isLeft of [false, true]) {
    let isCrowded = true;
    const { lane, messages, library } = openLane(70_000, () => isCrowded);
    lane.take(read(whole, whole));
    const one = lane.heldBytes;
    lane.take(read(whole, goodbye));
    expect([Math.round(one / 100), Math.round(lane.heldBytes / 100)]).toEqual([9, 14]);
    isCrowded = false;
    if (isLeft) lane.leave();
    else lane.goOn(true);
    expect([messages.length, lane.heldBytes, lane.isHeld]).toEqual([isLeft ? 0 : 3, 0, false]);
    expect(library()).toEqual(goodbye);
  }
});
