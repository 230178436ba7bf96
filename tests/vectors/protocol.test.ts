/** Every message has a golden vector, and the wire is locked: a form that moved is a new protocol version or a mistake. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseHex } from "@skein/protocol/bytes";
import { decode, encode, type Codec } from "@skein/protocol/codec";
import { NodeMessage } from "@skein/protocol/node-message";
import { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { SessionPacket } from "@skein/protocol/session-packet";
import { TopicMessage } from "@skein/protocol/topic-message";
import { protocolVersion } from "@skein/protocol/version";
import { describe, expect, test } from "vitest";

interface Vector {
  readonly name: string;
  readonly message: { readonly type: string };
  readonly hex: string;
}

/** In the files, bytes stand as `{"$hex": "…"}`. */
function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$hex" in value && typeof value.$hex === "string") return parseHex(value.$hex);
  return value;
}

function read(file: string): ReadonlyArray<Vector> {
  return JSON.parse(
    readFileSync(new URL(`./${file}.json`, import.meta.url), "utf8"),
    revive,
  ) as ReadonlyArray<Vector>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- one table for codecs of four unions.
const families: ReadonlyArray<readonly [file: string, codec: Codec<any>, types: number]> = [
  ["relay-frames", RelayFrame, 13],
  ["session-packets", SessionPacket, 4],
  ["topic-messages", TopicMessage, 5],
  ["node-messages", NodeMessage, 16],
  ["stream-requests", StreamRequest, 5],
];

describe.for(families)("%s", ([file, codec, types]) => {
  const vectors = read(file);

  test.for(vectors)("$name", ({ message, hex }) => {
    expect(Buffer.from(encode(codec, message)).toString("hex")).toBe(hex);
    expect(decode(codec, Uint8Array.from(Buffer.from(hex, "hex")))).toEqual(message);
  });

  test("every type has a vector", () => {
    expect(new Set(vectors.map(({ message }) => message.type)).size).toBe(types);
  });
});

test(`the wire of version ${protocolVersion} has not moved`, () => {
  const wire = families.flatMap(([file]) => read(file).map(({ name, hex }) => `${name} ${hex}`));
  const lock = createHash("sha256").update(wire.join("\n")).digest("hex");
  expect(lock, "the wire moved: raise protocolVersion and write down why, or undo the change").toBe(
    readFileSync(new URL("./wire.lock", import.meta.url), "utf8").trim(),
  );
});
