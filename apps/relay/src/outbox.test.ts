/** One write a turn, and every byte counted. */

import { expect, test } from "vitest";

import { frameMessage, openOutbox, putHead, type Pipe } from "./outbox.ts";

/** A socket that takes `room` bytes and then holds the rest. */
function openPipe(room = Number.POSITIVE_INFINITY) {
  const writes: Uint8Array[] = [];
  let written = 0;
  const pipe: Pipe = {
    write: (bytes) => {
      writes.push(bytes);
      written += bytes.length;
    },
    cork: () => undefined,
    uncork: () => undefined,
    get writableLength() {
      return Math.max(0, written - room);
    },
    writableHighWaterMark: 16_384,
  };
  return { pipe, writes, all: () => Buffer.concat(writes), makeRoom: () => (room = written) };
}

/** Reads unmasked binary frames as RFC 6455 §5.2 has them. */
function parseMessages(bytes: Buffer): ReadonlyArray<Buffer> {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    expect(bytes[at]).toBe(0x82);
    const short = bytes[at + 1] ?? 0;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      head === 2 ? short : head === 4 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    messages.push(bytes.subarray(at + head, at + head + length));
    at += head + length;
  }
  return messages;
}

test("messages of every size arrive whole and in order", () => {
  const { pipe, all } = openPipe();
  const outbox = openOutbox(pipe, () => undefined);
  const sizes = [0, 1, 125, 126, 127, 4_095, 4_096, 4_097, 16_384, 65_535, 65_536, 65_553, 3];
  const messages = sizes.map((size, index) => Buffer.alloc(size, index));
  for (const message of messages) outbox.push(frameMessage(message));
  outbox.flush();
  const arrived = parseMessages(all());
  expect(arrived.map((message) => message.length)).toEqual(sizes);
  expect(arrived.every((message, index) => message.equals(messages[index] ?? message))).toBe(true);
});

test("a burst of small messages is one write, and asks for one flush", () => {
  const { pipe, writes } = openPipe();
  let asked = 0;
  const outbox = openOutbox(pipe, () => asked++);
  for (let index = 0; index < 50; index++) outbox.push(frameMessage(Buffer.alloc(256)));
  expect([asked, writes.length]).toEqual([1, 0]);
  outbox.flush();
  expect(writes.length).toBe(1);
  outbox.push(frameMessage(Buffer.alloc(1)));
  expect(asked).toBe(2);
});

test("a large message is handed over, not copied", () => {
  const { pipe, writes } = openPipe();
  const outbox = openOutbox(pipe, () => undefined);
  const message = Buffer.alloc(10_000);
  outbox.push(frameMessage(message));
  outbox.flush();
  expect(writes[1]).toBe(message);
});

test("a large message goes out at once and in one piece where its header stands before it, and in two where anything else does", () => {
  for (const length of [4_097, 65_535, 65_536, 70_000]) {
    const memory = Buffer.alloc(14 + length, 0x5a);
    const message = memory.subarray(14);
    const foreign = frameMessage(message);
    expect(foreign.body).toBe(message);
    expect(foreign.length).toBe(foreign.head.length + length);
    putHead(memory, 14, length);
    const { pipe, writes } = openPipe();
    const outbox = openOutbox(pipe, () => undefined);
    const own = frameMessage(message);
    outbox.push(own);
    expect([writes.length, writes[0] === own.head]).toEqual([1, true]);
    expect(own.head.buffer).toBe(memory.buffer);
    expect(parseMessages(Buffer.from(own.head)).map((one) => one.equals(message))).toEqual([true]);
    expect(Buffer.from(own.head).equals(Buffer.concat([foreign.head, message]))).toBe(true);
  }
});

test("a large message does not overtake the small ones before it", () => {
  const { pipe, all } = openPipe();
  const outbox = openOutbox(pipe, () => undefined);
  const sizes = [3, 200, 16_384, 5, 4_097, 7];
  for (const size of sizes) outbox.push(frameMessage(Buffer.alloc(size)));
  outbox.flush();
  expect(parseMessages(all()).map((message) => message.length)).toEqual(sizes);
});

test("what a slow reader has not taken is counted, waits here, and goes out when there is room", () => {
  const { pipe, all, makeRoom } = openPipe(0);
  const outbox = openOutbox(pipe, () => undefined);
  for (let index = 0; index < 40; index++) outbox.push(frameMessage(Buffer.alloc(16_384, index)));
  expect(outbox.backlogBytes()).toBeGreaterThanOrEqual(40 * 16_384);
  outbox.flush();
  const first = parseMessages(all()).length;
  expect(first).toBeLessThan(10);
  expect(outbox.backlogBytes()).toBeGreaterThanOrEqual(40 * 16_384);
  for (let turn = 0; turn < 20; turn++) {
    makeRoom();
    outbox.flush();
  }
  expect(parseMessages(all()).map((message) => message[0])).toEqual(
    Array.from({ length: 40 }, (_, index) => index),
  );
  makeRoom();
  expect(outbox.backlogBytes()).toBe(0);
});

test("tiny messages weigh what keeping them costs", () => {
  const { pipe } = openPipe();
  const outbox = openOutbox(pipe, () => undefined);
  for (let index = 0; index < 1_000; index++) outbox.push(frameMessage(Buffer.alloc(1)));
  expect(outbox.backlogBytes()).toBeGreaterThan(100_000);
  outbox.drop();
  expect(outbox.backlogBytes()).toBe(0);
});

test("before a goodbye everything is written, room or not", () => {
  const { pipe, all } = openPipe(0);
  const outbox = openOutbox(pipe, () => undefined);
  for (let index = 0; index < 40; index++) outbox.push(frameMessage(Buffer.alloc(16_384)));
  outbox.flushAll();
  expect(parseMessages(all()).length).toBe(40);
});
