import { concat, formatUtf8 } from "@skein/protocol/bytes";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatPacket, openPacketReader, packetBytesMax, textOfPacket } from "./pkt-line.ts";
import type { Packet } from "./pkt-line.ts";

test("a line has its length in front, as git writes it", () => {
  expect(formatPacket("command=ls-refs")).toEqual(formatUtf8("0014command=ls-refs\n"));
  const packets = read("0014command=ls-refs\n000100060000000002");
  expect(packets?.map((packet) => textOfPacket(packet) ?? packet.kind)).toEqual([
    "command=ls-refs",
    "delimiter",
    "00",
    "flush",
    "end",
  ]);
});

test("an empty line is a packet, and hex digits may be large", () => {
  expect(read("0004000Aabcdef")).toMatchObject([
    { bytes: { length: 0 } },
    { bytes: { length: 6 } },
  ]);
});

test.each(["0003", "zzzz", "00 4", "fff1", "ffff", "-001", "PACK"])(
  "%j is no packet line, and neither is what follows it",
  (text) => {
    const reader = openPacketReader();
    expect(reader.push(formatUtf8(text))).toBeUndefined();
    expect(reader.push(formatUtf8("0000"))).toBeUndefined();
  },
);

test("a packet of the largest size is read, and one byte more is none", () => {
  const full = concat(formatUtf8("fff0"), new Uint8Array(packetBytesMax - 4));
  expect(openPacketReader().push(full)).toHaveLength(1);
  expect(openPacketReader().push(formatUtf8("fff1"))).toBeUndefined();
});

test("however the bytes of packets are cut, the same packets are read", () => {
  const content = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(content, { maxLength: 8 }), fc.array(fc.nat({ max: 9 })), (all, cuts) => {
      const bytes = concat(
        ...all.map((part) =>
          concat(formatUtf8((part.length + 4).toString(16).padStart(4, "0")), part),
        ),
        formatUtf8("0000"),
      );
      const reader = openPacketReader();
      const packets: Packet[] = [];
      let offset = 0;
      for (const cut of [...cuts, bytes.length]) {
        packets.push(...(reader.push(bytes.subarray(offset, offset + cut)) ?? []));
        offset = Math.min(bytes.length, offset + cut);
      }
      expect(reader.isMidPacket()).toBe(false);
      expect(packets.slice(0, -1)).toEqual(
        all.map((bytes) => ({ kind: "data", bytes: new Uint8Array(bytes) })),
      );
      expect(packets.at(-1)?.kind).toBe("flush");
    }),
    { numRuns: Number(process.env["SKEIN_FUZZ"] ?? 2_000) },
  );
});

test("whatever bytes come, they are packets or none, and no packet is longer than it may be", () => {
  const digits = fc.constantFrom(...Array.from("0001234fFg \n"));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.array(digits, { maxLength: 64 }).map((letters) => formatUtf8(letters.join(""))),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (pieces) => {
      const reader = openPacketReader();
      let read = 0;
      for (const piece of pieces) {
        for (const packet of reader.push(piece) ?? [])
          read += packet.kind === "data" ? packet.bytes.length + 4 : 4;
      }
      expect(read).toBeLessThanOrEqual(pieces.reduce((sum, piece) => sum + piece.length, 0));
    }),
    { numRuns: Number(process.env["SKEIN_FUZZ"] ?? 2_000) },
  );
});

function read(text: string): ReadonlyArray<Packet> | undefined {
  return openPacketReader().push(formatUtf8(text));
}
