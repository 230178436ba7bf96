/** Commits of a repository, parsed once and kept for the next walk. */

import type { ObjectId } from "@skein/protocol/ids";
import { parseCommit, parseTag } from "./object.ts";
import type { AnnotatedTag, Commit, GitObject } from "./object.ts";
import type { ObjectStore } from "./object-store.ts";
import { missing } from "./overlay.ts";

export interface StoredCommit extends Commit {
  readonly oid: ObjectId;
}

export interface Commits {
  /** A tag is read as the commit it names. Throws `ObjectMissingError`. */
  readonly read: (oid: ObjectId) => Promise<StoredCommit>;
}

export function openCommits(objects: Pick<ObjectStore, "look">): Commits {
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

interface Parsed {
  readonly commit?: Commit | undefined;
  readonly tag?: AnnotatedTag | undefined;
}

function parse({ type, bytes }: GitObject): Parsed {
  if (type === "commit") return { commit: parseCommit(bytes) };
  return type === "tag" ? { tag: parseTag(bytes) } : {};
}

async function readCommit(
  objects: Pick<ObjectStore, "look">,
  oid: ObjectId,
): Promise<StoredCommit> {
  let at = oid;
  for (let tags = 0; tags <= tagsOnTagsMax; tags++) {
    // oxlint-disable-next-line no-await-in-loop -- each tag says what the next one is.
    const found = await objects.look(at, parse);
    if (found?.commit !== undefined) return { ...found.commit, oid: at };
    if (found?.tag === undefined) break;
    at = found.tag.target;
  }
  throw missing(oid, "commit");
}

/** Parsed commits held: some 400 bytes each. */
const keptMax = 50_000;
const tagsOnTagsMax = 8;
