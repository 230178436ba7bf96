/** Packs taken apart, changed by chance, and put together again. */

import { deflateSync } from "node:zlib";
import { inflateAt } from "@skein/git/inflate";
import { readEntryHeader } from "@skein/git/pack-entry";
import { header } from "./pack-builder.ts";

/** `MUTATIONS=30000 npx -y pnpm exec vitest run tests/interop/pack-mutated` makes more than a hundred thousand in all. */
export const mutations = Number(process.env["MUTATIONS"] ?? 1_000);
export const patience = 120_000 + mutations * 100;

export type Random = (below: number) => number;

export interface Part {
  readonly code: number;
  /** A base's id, or nothing. */
  readonly prefix: Uint8Array;
  readonly data: Uint8Array;
}

export function entryOf({ code, prefix, data }: Part): Uint8Array {
  return Buffer.concat([header(code, data.length), prefix, deflateSync(data)]);
}

/** Its entries, and where the stream of each begins. */
export function entriesOf(pack: Uint8Array): Array<Part & { readonly stream: number }> {
  const parts: Array<Part & { readonly stream: number }> = [];
  let offset = 12;
  while (offset < pack.length - 20) {
    const read = readEntryHeader(pack, offset);
    const inflated = read && inflateAt(pack, read.data, read.size);
    if (read === undefined || inflated === undefined) throw new Error(`no entry at ${offset}`);
    const code = ((pack[offset] ?? 0) >> 4) & 7;
    const prefix = read.form === "ref-delta" ? pack.slice(read.base, read.data) : nothing;
    parts.push({ code, prefix, data: inflated.bytes, stream: read.data });
    offset = inflated.end;
  }
  return parts;
}

export function mutate(data: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(data);
  const at = random(Math.max(1, bytes.length));
  switch (random(5)) {
    case 0:
      bytes[at] = random(256);
      return bytes;
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random(256)), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    default:
      // Digits and letters for others: texts stay texts.
      return bytes.map((byte) =>
        byte >= 0x30 && byte <= 0x7a && random(40) === 0 ? byte ^ 1 : byte,
      );
  }
}

export function pick<T>(random: Random, among: ReadonlyArray<T>): T {
  const picked = among[random(among.length)];
  if (picked === undefined) throw new Error("there is something to pick from");
  return picked;
}

/** Numbers by chance, the same for the same seed (mulberry32). */
export function openRandom(seed: number): Random {
  let state = seed * 0x9e37_79b9;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export const nothing = new Uint8Array(0);
