/** Packet lines, the framing of git's protocol (gitprotocol-common): four hex digits of length, then that many bytes. */

import { concat, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";

export type Packet =
  | { readonly kind: "data"; readonly bytes: Bytes }
  /** `0000` ends a message, `0001` a part of it, `0002` an answer. */
  | { readonly kind: "flush" | "delimiter" | "end" };

export interface PacketReader {
  /** The packets that are whole now. `undefined`: these are no packet lines, and none of what follows will be. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<Packet> | undefined;
  /** Whether a packet has begun and is not whole. */
  readonly isMidPacket: () => boolean;
}

/** One packet with its length, in bytes (gitprotocol-common). */
export const packetBytesMax = 65_520;

export function openPacketReader(): PacketReader {
  let rest: Bytes = new Uint8Array();
  let broken = false;
  return {
    isMidPacket: () => rest.length > 0,
    push: (bytes) => {
      if (broken) return undefined;
      const all = rest.length === 0 ? bytes : concat(rest, bytes);
      const packets: Packet[] = [];
      let offset = 0;
      while (all.length - offset >= lengthBytes) {
        const length = parseLength(all.subarray(offset, offset + lengthBytes));
        if (length === undefined) {
          broken = true;
          return undefined;
        }
        const special = specials[length];
        const end = offset + Math.max(length, lengthBytes);
        if (end > all.length) break;
        packets.push(
          special === undefined
            ? { kind: "data", bytes: all.slice(offset + lengthBytes, end) }
            : { kind: special },
        );
        offset = end;
      }
      rest = all.slice(offset);
      return packets;
    },
  };
}

/** A line of text; git ends them with a newline. */
export function formatPacket(text: string): Bytes {
  const bytes = formatUtf8(`${text}\n`);
  const length = (bytes.length + lengthBytes).toString(16).padStart(lengthBytes, "0");
  return concat(formatUtf8(length), bytes);
}

export const flushPacket: Bytes = formatUtf8("0000");
export const delimiterPacket: Bytes = formatUtf8("0001");

/** The text of a packet without its newline; `undefined` for other packets, and for what is no text. */
export function textOfPacket(packet: Packet): string | undefined {
  return packet.kind === "data" ? parseUtf8(packet.bytes)?.replace(/\n$/u, "") : undefined;
}

function parseLength(digits: Uint8Array): number | undefined {
  let length = 0;
  for (const digit of digits) {
    const value = hexValue(digit);
    if (value === undefined) return undefined;
    length = length * 16 + value;
  }
  // A length counts itself, so 3 can mean nothing; 4 is a line with nothing on it.
  return length === 3 || length > packetBytesMax ? undefined : length;
}

function hexValue(digit: number): number | undefined {
  if (digit >= 0x30 && digit <= 0x39) return digit - 0x30;
  const letter = digit | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}

const lengthBytes = 4;
const specials: ReadonlyArray<"flush" | "delimiter" | "end"> = ["flush", "delimiter", "end"];
