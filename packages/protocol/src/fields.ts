/** Fields that several messages share. */

import { hexId, parsed, text, u32, type Codec } from "./codec.ts";
import {
  parseAccountId,
  parseEntryId,
  parseNodeId,
  parseObjectId,
  parseRecordHash,
  parseRefName,
  parseRepoId,
  parseStreamId,
  parseTag,
  type AccountId,
  type EntryId,
  type NodeId,
  type ObjectId,
  type RecordHash,
  type RefName,
  type RepoId,
  type StreamId,
  type Tag,
} from "./ids.ts";
import { nameBytesMax } from "./limits.ts";

export const tag: Codec<Tag> = hexId(16, parseTag);
export const nodeId: Codec<NodeId> = hexId(32, parseNodeId);
export const accountId: Codec<AccountId> = hexId(32, parseAccountId);
export const repoId: Codec<RepoId> = hexId(32, parseRepoId);
export const entryId: Codec<EntryId> = hexId(32, parseEntryId);
export const recordHash: Codec<RecordHash> = hexId(32, parseRecordHash);
export const objectId: Codec<ObjectId> = hexId(20, parseObjectId);
export const streamId: Codec<StreamId> = parsed(u32, parseStreamId, (id) => id);
export const refName: Codec<RefName> = parsed(text(255), parseRefName, (name) => name);
/** A name people gave. Cleaned of what turns or hides text where it is shown. */
export const name: Codec<string> = text(nameBytesMax);
