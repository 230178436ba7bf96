/** Commits of a repository, parsed once and kept for the next walk. */

import type { ObjectId } from "@skein/protocol/ids";
import { parseCommit, parseTag } from "./object.ts";
import type { Commit } from "./object.ts";
import { missing } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";

export interface StoredCommit extends Commit {
  readonly oid: ObjectId;
}

export interface Commits {
  /** A tag is read as the commit it names. Throws `ObjectMissingError`. */
  readonly read: (oid: ObjectId) => Promise<StoredCommit>;
}

export function openCommits(objects: ObjectReader): Commits {
  const known = new Map<ObjectId, StoredCommit>();
  return {
    read: async (oid) => {
      const cached = known.get(oid);
      if (cached !== undefined) return cached;
      const commit = await readCommit(objects, oid);
      if (known.size >= keptMax) known.clear();
      known.set(oid, commit);
      return commit;
    },
  };
}

async function readCommit(objects: ObjectReader, oid: ObjectId): Promise<StoredCommit> {
  let at = oid;
  for (let tags = 0; tags <= tagsOnTagsMax; tags++) {
    // oxlint-disable-next-line no-await-in-loop -- each tag says what the next one is.
    const object = await objects.read(at);
    const commit = object?.type === "commit" ? parseCommit(object.bytes) : undefined;
    if (commit !== undefined) return { ...commit, oid: at };
    const tag = object?.type === "tag" ? parseTag(object.bytes) : undefined;
    if (tag === undefined) break;
    at = tag.target;
  }
  throw missing(oid, "commit");
}

/** Parsed commits held: some 400 bytes each. */
const keptMax = 50_000;
const tagsOnTagsMax = 8;
