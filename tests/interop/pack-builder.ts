/** Packs made by hand, byte by byte, as Mallory makes them. */

import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { sealPack } from "./pack-git.ts";

export const commitCode = 1;
export const treeCode = 2;
export const blobCode = 3;
export const tagCode = 4;

type Data = string | Uint8Array;

/** A pack of these entries, with a header that says so unless told otherwise. */
export function packOf(
  entries: ReadonlyArray<Uint8Array>,
  { count = entries.length, magic = "PACK", version = 2 } = {},
): Uint8Array {
  const header = Buffer.alloc(12);
  header.write(magic, "latin1");
  header.writeUInt32BE(version, 4);
  header.writeUInt32BE(count, 8);
  return sealPack(Buffer.concat([header, ...entries]));
}

/** An entry that is whole. Its declared size and its zlib stream are right unless given. */
export function entry(
  code: number,
  data: Data,
  {
    size = Buffer.from(data).length,
    stream = deflateSync(data),
  }: { readonly size?: number; readonly stream?: Uint8Array } = {},
): Uint8Array {
  return Buffer.concat([header(code, size), stream]);
}

export function ofsDelta(
  distance: number | Uint8Array,
  delta: Uint8Array,
  size = delta.length,
): Uint8Array {
  const offset = typeof distance === "number" ? offsetOf(distance) : distance;
  return Buffer.concat([header(6, size), offset, deflateSync(delta)]);
}

export function refDelta(base: string, delta: Uint8Array, size = delta.length): Uint8Array {
  return Buffer.concat([header(7, size), Buffer.from(base, "hex"), deflateSync(delta)]);
}

/** A delta: the sizes of the base and of the result, then instructions. */
export function delta(
  base: number,
  result: number,
  ...instructions: ReadonlyArray<Uint8Array>
): Uint8Array {
  return Buffer.concat([varint(base), varint(result), ...instructions]);
}

export function insert(text: Data): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

export function copy(offset: number, length: number): Uint8Array {
  const bytes = [0];
  let opcode = 0x80;
  for (let bit = 0; bit < 4; bit++) {
    const byte = Math.floor(offset / 256 ** bit) % 256;
    if (byte === 0) continue;
    opcode |= 1 << bit;
    bytes.push(byte);
  }
  for (let bit = 0; bit < 3; bit++) {
    const byte = Math.floor(length / 256 ** bit) % 256;
    if (byte === 0) continue;
    opcode |= 0x10 << bit;
    bytes.push(byte);
  }
  bytes[0] = opcode;
  return Buffer.from(bytes);
}

export function idOf(type: string, data: Data): string {
  const bytes = Buffer.from(data);
  return createHash("sha1").update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
}

export function treeOf(
  ...entries: ReadonlyArray<readonly [mode: string, name: Data, oid: string]>
): Buffer {
  return Buffer.concat(
    entries.flatMap(([mode, name, oid]) => [
      Buffer.from(`${mode} `),
      Buffer.from(name),
      Buffer.of(0),
      Buffer.from(oid, "hex"),
    ]),
  );
}

export function header(code: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (code << 4) | (size % 16);
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80);
    byte = rest % 128;
  }
  return Buffer.from([...bytes, byte]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function offsetOf(distance: number): Buffer {
  const bytes = [distance % 128];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift((rest % 128) | 0x80);
  }
  return Buffer.from(bytes);
}
