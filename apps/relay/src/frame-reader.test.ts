/** The reader in place against the codec of the protocol. */

import { encode, tryDecode } from "@skein/protocol/codec";
import { relayPayloadBytesMax } from "@skein/protocol/limits";
import { RelayFrame, relayOps } from "@skein/protocol/relay-frame";
import * as fc from "fast-check";
import { expect, test } from "vitest";

import * as read from "./frame-reader.ts";

const tagHex = "00112233445566778899aabbccddeeff";
const fromNodes = new Set<number | undefined>([
  relayOps.subscribe,
  relayOps.publish,
  relayOps.announce,
  relayOps.unsubscribe,
  relayOps.lookup,
  relayOps.withdraw,
  relayOps.ping,
  relayOps.pong,
  relayOps.bulk,
  relayOps.keep,
]);

function isSound(frame: Uint8Array): boolean {
  return fromNodes.has(frame[0]) && tryDecode(RelayFrame, frame) !== undefined;
}

function judge(frame: Uint8Array) {
  return read.judgeFrame(Buffer.from(frame), relayPayloadBytesMax);
}

const tag = fc.uint8Array({ minLength: 16, maxLength: 16 });
const count = fc.oneof(fc.nat(4), fc.constantFrom(255, 256, 257, 0x7fff_ffff, 0xffff_ffff));

/** Frames that are sound or nearly so. */
const nearlySound = fc
  .tuple(fc.constantFrom(...fromNodes, 0x00, 0x83, 0x7f, 0x0a), tag, count, fc.nat(300), fc.nat(3))
  .map(([op, bytes, lies, length, cut]) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(lies);
    const shapes: ReadonlyArray<ReadonlyArray<Uint8Array>> = [
      [number, ...Array.from({ length: Math.min(lies, 260) }, () => bytes)],
      [bytes],
      [bytes, Uint8Array.of(7)],
      [bytes, Uint8Array.of(0, 60, 20), number, new Uint8Array(Math.min(lies, length))],
      [bytes, Uint8Array.of(0, 60, 20, 0, 0, 0, length & 255), new Uint8Array(length & 255)],
      [number],
    ];
    const whole = Buffer.concat([Uint8Array.of(op ?? 0), ...(shapes[length % 6] ?? [])]);
    return cut === 0 ? whole.subarray(0, Math.max(0, whole.length - 1)) : whole;
  });

test("the relay and the codec agree on which frames are sound", () => {
  let sound = 0;
  fc.assert(
    fc.property(nearlySound, (frame) => {
      if (isSound(frame)) sound++;
      expect(judge(frame) === undefined).toBe(isSound(frame));
    }),
    { numRuns: 3_000 },
  );
  expect(sound).toBeGreaterThan(100);
});

test("nothing Mallory sends makes the reader throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (frame) => {
      expect(judge(frame) === undefined).toBe(isSound(frame));
    }),
    { numRuns: 3_000 },
  );
});

test("a payload at the limit is sound and one byte more is too large", () => {
  const frame = (bytes: number) => Buffer.concat([Buffer.of(0x02), Buffer.alloc(16 + bytes)]);
  expect(judge(frame(relayPayloadBytesMax))).toBeUndefined();
  expect(judge(frame(relayPayloadBytesMax + 1))).toBe("too-large");
  expect(judge(frame(0))).toBeUndefined();
  expect(judge(frame(0).subarray(0, 16))).toBe("malformed");
});

test("too many tags and too large blobs are told by their own names", () => {
  const list = Buffer.alloc(5 + 257 * 16);
  list[0] = relayOps.subscribe;
  list.writeUInt32BE(257, 1);
  expect(judge(list)).toBe("too-many-tags");
  const announce = Buffer.alloc(24 + 256);
  announce[0] = relayOps.announce;
  announce.writeUInt32BE(256, 20);
  expect(judge(announce)).toBe("too-large");
});

test("the fields are where the codec puts them", () => {
  const parse = (text: string) => Buffer.from(text, "hex").toString("latin1");
  const other = "ffeeddccbbaa99887766554433221100";
  const tags = [tagHex, other] as never;
  const subscribe = Buffer.from(encode(RelayFrame, { type: "subscribe", tags }));
  expect(read.tagCountOf(subscribe)).toBe(2);
  expect(read.tagAt(subscribe, 0)).toBe(parse(tagHex));
  expect(read.tagAt(subscribe, 1)).toBe(parse(other));
  const blob = new Uint8Array([1, 2, 3]);
  const announce = Buffer.from(
    encode(RelayFrame, { type: "announce", tag: tagHex as never, seconds: 300, want: 5, blob }),
  );
  expect(read.tagOf(announce)).toBe(parse(tagHex));
  expect(read.announceOf(announce)).toEqual({ seconds: 300, want: 5, blob });
  const lookup = encode(RelayFrame, { type: "lookup", tag: tagHex as never, want: 9 });
  expect(read.wantOf(Buffer.from(lookup))).toBe(9);
  const ping = encode(RelayFrame, { type: "ping", nonce: 0xdead_beef });
  expect(read.nonceOf(Buffer.from(ping))).toBe(0xdead_beef);
});
