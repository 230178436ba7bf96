/** The objects of one repository: read from packs by id, received as verified packs, sent as raw copies of what is stored. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import type { Files } from "./files.ts";
import type { GitObject, ObjectType } from "./object.ts";
import type { Breathe, LongWork, StopSignal } from "./stop-signal.ts";

export interface ObjectStore {
  readonly has: (oid: ObjectId) => Promise<boolean>;
  readonly read: (oid: ObjectId) => Promise<GitObject | undefined>;
  readonly type: (oid: ObjectId) => Promise<ObjectType | undefined>;
  readonly size: (oid: ObjectId) => Promise<number | undefined>;
  /** Verifies, checks that all that is referred to is there, keeps. Throws `PackRejectedError` and keeps nothing. */
  readonly storePack: (
    received: { readonly bytes: Uint8Array; readonly tips: ReadonlyArray<ObjectId> } & LongWork,
  ) => Promise<{ readonly objects: number }>;
  /** All that `wants` reach and `haves` do not. Unknown haves are passed over; an unknown want throws. */
  readonly buildPack: (
    asked: {
      readonly wants: ReadonlyArray<ObjectId>;
      readonly haves: ReadonlyArray<ObjectId>;
    } & LongWork,
  ) => Promise<{ readonly bytes: Bytes; readonly objects: number }>;
  /** Keeps objects made here as one small pack, durably. Answers their ids, in order. */
  readonly objectsToPack: (
    objects: ReadonlyArray<GitObject>,
    options: { readonly signal: StopSignal },
  ) => Promise<ReadonlyArray<ObjectId>>;
}

export async function openObjectStore(
  files: Files,
  options: { readonly breathe?: Breathe } = {},
): Promise<ObjectStore> {
  throw new Bug(`${String(files)} ${String(options)} is opened`);
}
