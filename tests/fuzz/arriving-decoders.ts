/** What comes with a pack: the bands of a git host's answer, and the heads of slices. */

import { isUtf8 } from "node:buffer";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { flushPacket, formatPacket, openPacketReader } from "@skein/git/pkt-line";
import { openPackReceiver, RemoteRefusedError } from "@skein/git/remote-protocol";
import { openSliceReading } from "@skein/peer/slice-reading";
import { concat, equal, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { parseObjectId } from "@skein/protocol/ids";
import { SliceHead, sliceHeadBytes } from "@skein/protocol/node-messages/stream-open";
import { demand, type Decoder } from "./fuzz.ts";
import { judgeKept, packSamples, packTip, reshapePack, sealAnew } from "./pack-decoder.ts";

function band(number: number, content: string): Bytes {
  const length = (content.length + 5).toString(16).padStart(4, "0");
  return concat(formatUtf8(length), Uint8Array.of(number), formatUtf8(content));
}

const sections = [formatPacket("acknowledgments"), formatPacket("ready"), formatUtf8("0001")];
const saidLettersMax = 500;

const bands: Decoder = {
  name: "host-bands",
  samples: [
    concat(
      ...sections,
      formatPacket("packfile"),
      band(1, "PACK and"),
      band(1, " so on"),
      flushPacket,
    ),
    concat(
      formatPacket("packfile"),
      band(2, "Counting objects: 1\r"),
      band(1, "PACK"),
      band(2, "\u001b[31mred\n"),
      band(1, "x".repeat(900)),
      flushPacket,
      formatPacket("behind it"),
    ),
    concat(formatPacket("packfile"), band(2, "said ".repeat(400)), band(1, "P"), flushPacket),
  ],
  words: [
    "0000",
    "0001",
    "0003",
    "0004",
    "fff0",
    "fff1",
    "000dpackfile\n",
    "000cpackfile",
    "0010\ufeffpackfile\n",
    "0009ERR x",
    "0007\u0001ab",
    "0007\u0002ab",
    "0007\u0003ab",
    "0007\u0004ab",
  ],
  read: (bytes, chance) => {
    const cut = chance.below(bytes.length + 1);
    const whole = receive([bytes]);
    const parts = receive([bytes.slice(0, cut), bytes.slice(cut)]);
    const expected = bandsOf(bytes);
    for (const received of [whole, parts]) {
      demand(
        (received === undefined) === (expected === undefined),
        "what is no answer is refused, however it comes in, and nothing else",
      );
      demand(
        received === undefined || equal(received, expected ?? received),
        "the pack is what was sent in its band until the end, and nothing else",
      );
    }
    return whole !== undefined;
  },
};

/** The pack, or `undefined` where the answer is refused or not complete. */
function receive(parts: ReadonlyArray<Bytes>): Bytes | undefined {
  const pack: Uint8Array[] = [];
  const reader = openPacketReader();
  const receiver = openPackReceiver({
    onPack: (bytes) => pack.push(bytes),
    onSaid: (text) =>
      demand(
        text.length <= saidLettersMax && /^[ -~]*$/u.test(text),
        "what a host says is short and plain",
      ),
  });
  try {
    for (const part of parts) {
      const packets = reader.push(part);
      if (packets === undefined) return undefined;
      for (const packet of packets) receiver.take(packet);
    }
  } catch (error) {
    if (!(error instanceof RemoteRefusedError)) throw error;
    return undefined;
  }
  return receiver.isComplete() ? concat(...pack) : undefined;
}

/** The same, said once more and otherwise than the code under test says it (gitprotocol-v2). */
function bandsOf(bytes: Uint8Array): Bytes | undefined {
  const packets = packetsOf(bytes);
  const lines = (packets ?? []).map((packet) => (typeof packet === "number" ? "" : lineOf(packet)));
  const start = lines.indexOf("packfile");
  const end = packets?.indexOf(0, start) ?? -1;
  if (packets === undefined || start < 0 || end < 0) return undefined;
  if (lines.slice(0, start).some((line) => line.startsWith("ERR "))) return undefined;
  const sent = packets.slice(start + 1, end).filter((packet) => typeof packet !== "number");
  if (sent.some(([number]) => number !== 1 && number !== 2)) return undefined;
  return concat(...sent.filter(([number]) => number === 1).map((packet) => packet.subarray(1)));
}

/** Those that are whole; a number is one without bytes. */
function packetsOf(bytes: Uint8Array): ReadonlyArray<Uint8Array | number> | undefined {
  const packets: Array<Uint8Array | number> = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const digits = Buffer.from(bytes.subarray(at, at + 4)).toString("latin1");
    const length = Number.parseInt(digits, 16);
    if (!/^[0-9a-f]{4}$/iu.test(digits) || length === 3 || length > 65_520) return undefined;
    if (at + length > bytes.length) break;
    packets.push(length < 4 ? length : bytes.subarray(at + 4, at + length));
    at += Math.max(4, length);
  }
  return packets;
}

function lineOf(packet: Uint8Array): string {
  if (!isUtf8(packet)) return "";
  return Buffer.from(packet).toString("latin1").replace(/\n$/u, "");
}

const want = parseObjectId(packTip);
if (want === undefined) throw new Error("it is an id");
const { signal } = new AbortController();
const sliceBytesMax = 20_000;

const slices: Decoder = {
  name: "slice",
  samples: packSamples
    .slice(0, 2)
    .flatMap((pack) => [
      concat(encode(SliceHead, { last: want, left: 0 }), pack),
      concat(encode(SliceHead, { last: want, left: 70_000 }), pack),
    ]),
  mend: (bytes) =>
    concat(bytes.subarray(0, sliceHeadBytes), sealAnew(bytes.subarray(sliceHeadBytes))),
  reshape: (sample, chance) => {
    const head = Uint8Array.from(sample.subarray(0, sliceHeadBytes));
    if (chance.below(4) === 0) head.set(chance.bytes(4), chance.pick([0, 20]));
    return concat(head, reshapePack(sample.subarray(sliceHeadBytes), chance));
  },
  read: async (bytes, chance) => {
    const contents = new Map<string, Bytes>();
    const objects = await openObjectStore(openMemoryFiles(contents));
    const asked = { objects, wants: [want], signal, hasHead: true, bytesMax: sliceBytesMax };
    const reading = openSliceReading(asked);
    const bytesAll = chance.below(9) === 0 ? chance.below(2 * sliceBytesMax) : bytes.length;
    const cut = chance.below(Math.min(bytes.length, 40) + 1);
    try {
      for (const part of [bytes.slice(0, cut), bytes.slice(cut)])
        await reading.take(part, { bytesAll });
      const { objects: count, ...head } = await reading.finish();
      const said = tryDecode(SliceHead, bytes.subarray(0, sliceHeadBytes));
      demand(said?.last === head.last && said.left === head.left, "a head is what came first");
      demand(reading.left() === head.left, "what is left is what the head says");
      demand(count > 0, "a slice has objects");
      demand(bytesAll <= sliceBytesMax + sliceHeadBytes, "no slice is more than was asked for");
      const tip = head.left === 0 ? want : head.last;
      demand(
        (await objects.type(tip)) !== undefined,
        "the history is here up to where it should be",
      );
    } catch (error) {
      if (!(error instanceof PackRejectedError)) throw error;
      demand(contents.size === 0, "nothing of a refused slice is kept");
      return false;
    } finally {
      await reading.close();
    }
    await judgeKept(contents);
    return true;
  },
};

export const arrivingDecoders: ReadonlyArray<Decoder> = [bands, slices];
