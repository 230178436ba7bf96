/** One pack as it is kept, and what stands where in it. */

import type { Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import type { Idx } from "./idx.ts";

/** Bytes that were kept are not what they were. */
export class StorageDamagedError extends SkeinError {
  override readonly name = "StorageDamagedError";
  readonly code = "storage_damaged";
  readonly blame = "environment";
  readonly hint = "Export what can be read, then get the repository again from another device.";
}

export interface StoredPack {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** The row of its first object; those of all packs are counted through. */
  readonly base: number;
  readonly idx: Idx;
  /** Positions in the order of the pack. */
  readonly byOffset: () => Uint32Array;
}

/** A pack, its index, and the name of both. */
export interface MadePack {
  readonly name: string;
  readonly pack: Uint8Array;
  readonly idx: Bytes;
}

/** One object's entry in one pack. */
export interface Place {
  readonly pack: StoredPack;
  readonly position: number;
}

export function damaged(pack: StoredPack, offset: number): StorageDamagedError {
  return new StorageDamagedError(`Pack ${pack.name} is damaged at byte ${offset}`);
}
