/** One entry of a pack: its header, before the zlib stream (gitformat-pack, "pack-*.pack files have the following format"). */

import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectType } from "./object.ts";

export type EntryHeader =
  | WholeHeader
  /** The base stands so many bytes before this entry. */
  | {
      readonly form: "offset-delta";
      readonly size: number;
      readonly data: number;
      readonly distance: number;
    }
  /** The base's 20 bytes stand at `base`. */
  | {
      readonly form: "ref-delta";
      readonly size: number;
      readonly data: number;
      readonly base: number;
    };

export interface WholeHeader {
  readonly form: "whole";
  readonly type: ObjectType;
  /** Of what the zlib stream holds. */
  readonly size: number;
  /** Where the zlib stream begins. */
  readonly data: number;
}

/** The header at `offset`, or `undefined` where there is none that git would read. */
export function readEntryHeader(pack: Uint8Array, offset: number): EntryHeader | undefined {
  let at = offset;
  let byte = pack[at++] ?? 0;
  const code = (byte >> 4) & 7;
  let size = byte & 15;
  for (let shift = 4; byte >= 0x80; shift += 7) {
    if (shift > sizeBitsMax) return undefined;
    byte = pack[at++] ?? 0;
    size += (byte & 0x7f) * 2 ** shift;
  }
  if (code === offsetDeltaCode) {
    const distance = readDistance(pack, at);
    return distance && { form: "offset-delta", size, data: distance.end, distance: distance.value };
  }
  if (code === refDeltaCode) return { form: "ref-delta", size, data: at + 20, base: at };
  const type = typeOfCode[code];
  return type && { form: "whole", type, size, data: at };
}

export function formatWholeHeader(type: ObjectType, size: number): Bytes {
  return formatHeader(codeOfType(type), size);
}

export function formatRefDeltaHeader(size: number, base: Uint8Array): Bytes {
  const header = formatHeader(refDeltaCode, size);
  const out = new Uint8Array(header.length + 20);
  out.set(header);
  out.set(base.subarray(0, 20), header.length);
  return out;
}

export function formatOffsetDeltaHeader(size: number, distance: number): Bytes {
  const digits = [distance % 128];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    digits.unshift(0x80 | (rest % 128));
  }
  return Uint8Array.from([...formatHeader(offsetDeltaCode, size), ...digits]);
}

export function typeOfPackCode(code: number): ObjectType | undefined {
  return typeOfCode[code];
}

export function codeOfType(type: ObjectType): number {
  return typeOfCode.indexOf(type);
}

function formatHeader(code: number, size: number): Bytes {
  const out: number[] = [];
  let byte = (code << 4) | (size & 15);
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    out.push(byte | 0x80);
    byte = rest % 128;
  }
  out.push(byte);
  return Uint8Array.from(out);
}

/** Seven bits a byte, the high ones first, each byte but the last one more than it says. */
function readDistance(
  pack: Uint8Array,
  offset: number,
): { readonly value: number; readonly end: number } | undefined {
  let at = offset;
  let byte = pack[at++] ?? 0;
  let value = byte & 0x7f;
  while (byte >= 0x80) {
    byte = pack[at++] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
    if (value > distanceMax) return undefined;
  }
  return { value, end: at };
}

const offsetDeltaCode = 6;
const refDeltaCode = 7;
const typeOfCode: ReadonlyArray<ObjectType | undefined> = [
  undefined,
  "commit",
  "tree",
  "blob",
  "tag",
];
const sizeBitsMax = 40;
const distanceMax = 2 ** 40;
