/** What the relay says, read back with the codec. */

import { decode, encode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { expect, test } from "vitest";

import * as write from "./frame-writer.ts";
import { defaultLimits } from "./limits.ts";

test("the answer to a question is what the codec would have written", () => {
  const tag = "00112233445566778899aabbccddeeff" as never;
  const key = Buffer.from("00112233445566778899aabbccddeeff", "hex").toString("latin1");
  const blobs = [Uint8Array.of(1), new Uint8Array(255), new Uint8Array()] as never;
  const ours = new Uint8Array(write.writeFound(key, blobs));
  expect(ours).toEqual(encode(RelayFrame, { type: "found", tag, blobs }));
});

const stun = { url: "stun:a", username: "", credential: "" };

test("the first frame tells a node every limit it has to keep", () => {
  const hello = write.writeHello({
    limits: defaultLimits,
    iceServers: [stun],
    wallMillis: 12.7,
  });
  expect(decode(RelayFrame, hello)).toMatchObject({
    type: "hello",
    version: 1,
    now: 12,
    payloadBytesMax: 65_536,
    tagsMax: 256,
    publishesPerSecond: 50,
    bulkBytesPerSecond: 8_388_608,
    pingMillis: 25_000,
    keepSecondsMax: 0,
    iceServers: [stun],
  });
});

test("a wait is told in whole seconds, rounded up and never beyond what the field holds", () => {
  const seconds = (retryMillis: number) =>
    decode(RelayFrame, write.writeRefused("too-fast", { retryMillis, op: 2 }));
  expect(seconds(0)).toMatchObject({ retryAfterSeconds: 0, reason: "too-fast", op: 2 });
  expect(seconds(1)).toMatchObject({ retryAfterSeconds: 1 });
  expect(seconds(1e12)).toMatchObject({ retryAfterSeconds: 65_535 });
});
