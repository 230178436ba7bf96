/** A repository's beginning, and what each node says of its refs: signed, numbered and chained, so that neither relay nor replica can turn it back. */

import { concat, formatHex, parseHex, type Bytes } from "@skein/protocol/bytes";
import {
  encode,
  fixed,
  list,
  optional,
  parsed,
  struct,
  tryDecode,
  u48,
  u8,
  type Codec,
  type Decoded,
} from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import {
  accountId,
  entryId,
  name,
  nodeId,
  objectId,
  recordHash,
  refName,
  repoId,
} from "@skein/protocol/fields";
import {
  instant,
  parseRecordHash,
  parseRepoId,
  type AccountId,
  type Instant,
  type NodeId,
  type ObjectId,
  type RecordHash,
  type RefName,
  type RepoId,
} from "@skein/protocol/ids";
import { refRecordBytesMax } from "@skein/protocol/limits";
import type { Random } from "./crypto/random.ts";
import type { Crypto } from "./crypto/sodium.ts";
import { nodeIdOf, type NodeKeys } from "./identity.ts";
import { cleanName } from "./pass.ts";

// --- The genesis: its hash is the repository's name, so it can be shown by anybody. ---

export interface RepoGenesisRequest {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly account: AccountId;
  readonly name: string;
  readonly at: Instant;
  readonly random: Random;
}

export interface RepoGenesis {
  readonly repo: RepoId;
  readonly name: string;
  /** Whether it may write is for the membership log to say. */
  readonly creator: NodeId;
  readonly at: Instant;
}

export function makeRepoGenesis(request: RepoGenesisRequest): {
  readonly repo: RepoId;
  readonly bytes: Bytes;
} {
  const { crypto, keys, account } = request;
  const body = encode(GenesisBody, {
    version: genesisVersion,
    account,
    sign: keys.signPublic,
    box: keys.boxPublic,
    format: "sha1",
    name: cleanName(request.name),
    at: request.at,
    nonce: request.random.bytes(16),
  });
  const bytes = concat(body, keys.sign("repository genesis", idBytes(account), body));
  return { repo: repoIdOf(crypto, bytes), bytes };
}

/** Never throws: what is not whole, not signed or of another account is `undefined`. */
export function judgeRepoGenesis(given: {
  readonly crypto: Crypto;
  readonly bytes: Uint8Array;
  readonly account: AccountId;
}): RepoGenesis | undefined {
  const { crypto, bytes, account } = given;
  const [body, signature] = bodyAndSignature(bytes);
  const genesis = tryDecode(GenesisBody, body);
  if (genesis?.version !== genesisVersion || genesis.account !== account) return undefined;
  const digest = crypto.hash("repository genesis", idBytes(account), body);
  if (!crypto.verify(genesis.sign, digest, signature)) return undefined;
  return {
    repo: repoIdOf(crypto, bytes),
    name: genesis.name,
    creator: nodeIdOf(crypto, genesis.sign, genesis.box),
    at: instant(genesis.at),
  };
}

// --- Ref records: one stream per repository and node. ---

/** What a record changes. Refs that it does not name stay as they are. */
export interface RefChanges {
  readonly set: ReadonlyArray<{ readonly ref: RefName; readonly oid: ObjectId }>;
  readonly del: ReadonlyArray<RefName>;
}

/** How far a stream is known. Kept durably, together with the refs it made. */
export interface StreamPosition {
  readonly seq: number;
  readonly hash: RecordHash;
  readonly version: number;
}

export type RecordVerdict =
  | {
      readonly verdict:
        | "accepted"
        /** Exactly the last one: a repetition. */
        | "known"
        /** From before the last one: a replay, or a relay that hides the news. */
        | "rollback"
        /** Two different records with one number: proof that its node's keys are in two places. */
        | "equivocation"
        /** Records are missing in between. */
        | "gap"
        /** In an older form than the record before it. */
        | "downgrade";
      readonly record: RefRecord;
      readonly hash: RecordHash;
    }
  /** Of another repository or another node's stream. */
  | { readonly verdict: "graft" }
  | { readonly verdict: "forged" }
  | { readonly verdict: "malformed" };

export function signRecord(given: {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly record: RefRecord;
}): { readonly bytes: Bytes; readonly hash: RecordHash } {
  const { crypto, keys, record } = given;
  assert(record.node === keys.id, "a node signs its own records");
  assert(record.version === recordVersion, "a new record has the current form");
  assert(isSound(record), "a record that is signed would be accepted");
  const body = encode(RefRecord, record);
  const bytes = concat(body, keys.sign("ref record", idBytes(record.repo), body));
  assert(bytes.length <= refRecordBytesMax, "changes are split before they are signed");
  return { bytes, hash: recordHashOf(crypto, bytes) };
}

/** Reads without judging who signed. Never throws. */
export function readRecord(
  crypto: Crypto,
  bytes: Uint8Array,
): { readonly record: RefRecord; readonly hash: RecordHash } | undefined {
  if (bytes.length > refRecordBytesMax) return undefined;
  const [body] = bodyAndSignature(bytes);
  const record = tryDecode(RefRecord, body);
  return record !== undefined && isSound(record)
    ? { record, hash: recordHashOf(crypto, bytes) }
    : undefined;
}

/** Judges a record against the stream it should continue. Never throws. */
export function judgeRecord(given: {
  readonly crypto: Crypto;
  readonly bytes: Uint8Array;
  readonly signPublic: Uint8Array;
  readonly repo: RepoId;
  readonly node: NodeId;
  readonly last?: StreamPosition | undefined;
}): RecordVerdict {
  const { crypto, bytes, repo } = given;
  const read = readRecord(crypto, bytes);
  if (read === undefined) return { verdict: "malformed" };
  if (read.record.repo !== repo || read.record.node !== given.node) return { verdict: "graft" };
  const [body, signature] = bodyAndSignature(bytes);
  const digest = crypto.hash("ref record", idBytes(repo), body);
  if (!crypto.verify(given.signPublic, digest, signature)) return { verdict: "forged" };
  return { verdict: placeOf(read.record, read.hash, given.last), ...read };
}

/** Cuts changes into as few portions as fit into one record each. At least one, be it empty. */
export function splitChanges({ set, del }: RefChanges): ReadonlyArray<RefChanges> {
  const portions: Array<{ set: Array<RefChanges["set"][number]>; del: RefName[] }> = [];
  let room = 0;
  const portionFor = (ref: RefName): (typeof portions)[number] => {
    const cost = encode(refName, ref).length + objectIdBytes;
    let portion = portions.at(-1);
    if (portion === undefined || cost > room) {
      portion = { set: [], del: [] };
      portions.push(portion);
      room = changesBytesMax;
    }
    room -= cost;
    return portion;
  };
  for (const change of set) portionFor(change.ref).set.push(change);
  for (const ref of del) portionFor(ref).del.push(ref);
  return portions.length === 0 ? [{ set: [], del: [] }] : portions;
}

function placeOf(
  record: RefRecord,
  hash: RecordHash,
  last: StreamPosition | undefined,
): Exclude<RecordVerdict["verdict"], "graft" | "forged" | "malformed"> {
  if (last === undefined) return record.seq === 1 ? "accepted" : "gap";
  if (record.seq < last.seq) return "rollback";
  if (record.seq === last.seq) return hash === last.hash ? "known" : "equivocation";
  if (record.seq > last.seq + 1) return "gap";
  if (record.prev !== last.hash) return "equivocation";
  return record.version < last.version ? "downgrade" : "accepted";
}

/** What the codec cannot say: the chain begins at one, only branches and tags are shared, and each is named once. */
function isSound({ version, seq, prev, set, del, head }: RefRecord): boolean {
  if (version < 1 || version > recordVersion) return false;
  if (seq < 1 || (seq === 1) !== (prev === undefined)) return false;
  if (head !== undefined && !head.startsWith("refs/heads/")) return false;
  const named = [...set.map(({ ref }) => ref), ...del];
  return new Set(named).size === named.length && named.every((ref) => sharedRefs.test(ref));
}

function repoIdOf(crypto: Crypto, genesis: Uint8Array): RepoId {
  const repo = parseRepoId(formatHex(crypto.hash("repository", genesis)));
  assert(repo !== undefined, "a hash of 32 bytes is a repository id");
  return repo;
}

function recordHashOf(crypto: Crypto, bytes: Uint8Array): RecordHash {
  const hash = parseRecordHash(formatHex(crypto.hash("record", bytes)));
  assert(hash !== undefined, "a hash of 32 bytes is a record hash");
  return hash;
}

function bodyAndSignature(bytes: Uint8Array): readonly [body: Uint8Array, signature: Uint8Array] {
  const end = Math.max(0, bytes.length - signatureBytes);
  return [bytes.subarray(0, end), bytes.subarray(end)];
}

function idBytes(id: AccountId | RepoId): Bytes {
  const bytes = parseHex(id);
  assert(bytes !== undefined, "an id is hex");
  return bytes;
}

const signatureBytes = 64;
const objectIdBytes = 20;
const genesisVersion = 1;
export const recordVersion = 1;
/** Membership heads in one record: what `membership-heads` carries. */
const authHeadsMax = 64;
/** Refs in one record: the shortest names fill it with about this many. */
const changesMax = 2_048;
/** What heads, names, numbers and signature leave of a record. */
const changesBytesMax = refRecordBytesMax - 4 * 1024;
/** Whatever else a node keeps under refs/ is its own affair. */
const sharedRefs = /^refs\/(?:heads|tags)\//u;

/** Only sha1 for now. The field is there so that a second format is no second protocol. */
const objectFormat: Codec<"sha1"> = parsed(
  u8,
  (code) => (code === 1 ? "sha1" : undefined),
  () => 1,
);

const GenesisBody = struct({
  version: u8,
  account: accountId,
  sign: fixed(32),
  box: fixed(32),
  format: objectFormat,
  name,
  at: u48,
  nonce: fixed(16),
});

/** Followed on the wire by the node's signature. */
export type RefRecord = Decoded<typeof RefRecord>;
const RefRecord = struct({
  version: u8,
  repo: repoId,
  node: nodeId,
  /** From 1, without gaps. */
  seq: u48,
  prev: optional(recordHash),
  /** The membership log as its author knew it. */
  authHeads: list(entryId, authHeadsMax),
  at: u48,
  format: objectFormat,
  set: list(struct({ ref: refName, oid: objectId }), changesMax),
  del: list(refName, changesMax),
  head: optional(refName),
  /** What the repository is called now; cleaned again where it is shown. */
  name: optional(name),
});
