/** What nodes and relays say to each other, as bytes. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { judgeFrame } from "@skein/relay/frame-reader";
import { equal, formatUtf8, parseHex, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode, type Codec } from "@skein/protocol/codec";
import { parseRefName } from "@skein/protocol/ids";
import { relayPayloadBytesMax } from "@skein/protocol/limits";
import { NodeMessage } from "@skein/protocol/node-message";
import { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { RelayFrame, relayOps } from "@skein/protocol/relay-frame";
import { SessionPacket } from "@skein/protocol/session-packet";
import { TopicMessage } from "@skein/protocol/topic-message";
import { Pass } from "@skein/protocol/topic-messages/pass";
import { parseSignal } from "@skein/transport/webrtc-signal";
import { demand, type Decoder } from "./fuzz.ts";

/** The vectors are what another implementation would have to send. */
export function vectorsOf(file: string): ReadonlyArray<Bytes> {
  const path = join(import.meta.dirname, "..", "vectors", `${file}.json`);
  const vectors: ReadonlyArray<{ readonly hex: string }> = JSON.parse(readFileSync(path, "utf8"));
  return vectors.map(({ hex }) => parseHex(hex) ?? new Uint8Array(0));
}

/** What is read has one form only: written again it is the same bytes. */
export function readsOneForm<T>(codec: Codec<T>, bytes: Uint8Array): boolean {
  const message = tryDecode(codec, bytes);
  if (message === undefined) return false;
  demand(equal(encode(codec, message), bytes), "a message is written as it was read");
  return true;
}

function family<T>(name: string, file: string, codec: Codec<T>): Decoder {
  return { name, samples: vectorsOf(file), read: (bytes) => readsOneForm(codec, bytes) };
}

/** A pass stands at the end of a knock and of a presence: the vectors have some. */
const passes = vectorsOf("topic-messages").flatMap((bytes) => {
  const message = tryDecode(TopicMessage, bytes);
  return message !== undefined && "pass" in message && message.pass !== undefined
    ? [encode(Pass, message.pass)]
    : [];
});

const refNames = [
  "refs/heads/main",
  "refs/heads/a/b.c/fu\u00df",
  "refs/tags/v1.0",
  "refs/notes/commits",
  "refs/remotes/p2p-0123/heads/x",
].map(formatUtf8);

/** The others are what relays send, and nobody sends to them. */
const sentByRelays: ReadonlySet<number> = new Set([
  relayOps.hello,
  relayOps.found,
  relayOps.refused,
]);
const sentToRelays: ReadonlySet<number> = new Set(
  Object.values(relayOps).filter((op) => !sentByRelays.has(op)),
);

export const wireDecoders: ReadonlyArray<Decoder> = [
  family("node-messages", "node-messages", NodeMessage),
  family("stream-requests", "stream-requests", StreamRequest),
  family("topic-messages", "topic-messages", TopicMessage),
  family("session-packets", "session-packets", SessionPacket),
  {
    name: "relay-frames",
    samples: vectorsOf("relay-frames"),
    read: (bytes) => {
      const isFrame = readsOneForm(RelayFrame, bytes);
      const fault = judgeFrame(Buffer.from(bytes), relayPayloadBytesMax);
      if (sentToRelays.has(bytes[0] ?? relayOps.hello))
        demand(isFrame === (fault === undefined), "a relay takes what a node may send");
      return isFrame;
    },
  },
  {
    name: "pass",
    samples: passes,
    read: (bytes) => readsOneForm(Pass, bytes),
  },
  {
    name: "ref-names",
    samples: refNames,
    words: [
      "..",
      "/",
      ".lock",
      "@{",
      "@",
      "\\",
      ":",
      "~",
      "^",
      "?",
      "*",
      "[",
      " ",
      ".",
      "-",
      "\u200b",
      "\u202e",
      "\0",
    ],
    read: (bytes) => {
      const text = parseUtf8(bytes);
      const name = text === undefined ? undefined : parseRefName(text);
      if (name === undefined) return false;
      demand(name.length <= 255 && bytes.length <= 255, "a ref name is short");
      demand(/^refs\/[^/]+\/./u.test(name), "a ref stands in a folder below refs");
      for (const part of name.split("/")) {
        demand(!/^(?:|[.-].*|.*\.lock|@)$/su.test(part), "no part hides, is an option or a lock");
        demand(!part.endsWith(".") || part !== name.split("/").at(-1), "no ref ends with a dot");
      }
      demand(
        !/[\0-\x20\x7f~^:?*[\\\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/u.test(name),
        "no character has a meaning",
      );
      demand(!name.includes("..") && !name.includes("@{"), "no name is a revision");
      return true;
    },
  },
  {
    name: "webrtc-signals",
    samples: [
      '{"type":"offer","sdp":"v=0\\r\\n"}',
      '{"type":"answer","sdp":"v=0\\r\\n"}',
      '{"type":"candidate","candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMLineIndex":0,"sdpMid":"0"}}',
      '{"type":"restart"}',
    ].map(formatUtf8),
    words: [
      '"__proto__":',
      "null",
      "1e999",
      "[]",
      "{}",
      '"type":',
      '"sdp":',
      '"candidate":',
      "\\u0000",
    ],
    read: (bytes) => {
      const text = parseUtf8(bytes);
      return text !== undefined && parseSignal(text) !== undefined;
    },
  },
];
