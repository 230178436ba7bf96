/** Proof that a node said two things in one place: carried in a file, believed by anybody, without the log or the repository. */

import { equal, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { bytes, encode, fixed, struct, tryDecode, u8 } from "@skein/protocol/codec";
import type { AccountId, NodeId, RepoId } from "@skein/protocol/ids";
import { refRecordBytesMax } from "@skein/protocol/limits";
import type { Crypto } from "./crypto/sodium.ts";
import { bytesOf, nodeIdOf } from "./identity.ts";
import { parseEntry } from "./membership-entry.ts";
import { judgeRecord, readRecord } from "./repo.ts";

export type EquivocationProof =
  | {
      readonly of: "entry";
      readonly node: NodeId;
      readonly account: AccountId;
      /** Its place in the chain of its author. */
      readonly number: number;
    }
  | {
      readonly of: "record";
      readonly node: NodeId;
      readonly repo: RepoId;
      /** Its number in the stream. */
      readonly number: number;
    };

export interface TwoThings {
  readonly of: EquivocationProof["of"];
  /** The keys of the node, which its id is the hash of. */
  readonly sign: Bytes;
  readonly box: Bytes;
  readonly first: Bytes;
  readonly second: Bytes;
}

export function formatProof({ of, ...two }: TwoThings): Bytes {
  return encode(Proof, { magic, version: 1, of: kinds.indexOf(of), ...two });
}

/** Who is convicted, and of what; `undefined` if nobody is. Never throws. */
export function judgeProof(crypto: Crypto, proof: Uint8Array): EquivocationProof | undefined {
  if (proof.length > proofBytesMax) return undefined;
  const read = tryDecode(Proof, Uint8Array.from(proof));
  if (read?.version !== 1 || !equal(read.magic, magic) || equal(read.first, read.second))
    return undefined;
  return kinds[read.of] === "entry" ? judgeEntries(crypto, read) : judgeRecords(crypto, read);
}

type Read = Omit<TwoThings, "of">;

function judgeEntries(crypto: Crypto, two: Read): EquivocationProof | undefined {
  const node = nodeIdOf(crypto, two.sign, two.box);
  const [first, second] = [two.first, two.second].map((from) => {
    const entry = parseEntry(from);
    if (entry === undefined || entry.body.type === "genesis" || entry.body.author !== node)
      return undefined;
    const said = crypto.hash("membership entry", bytesOf(entry.body.log), entry.signed.body);
    return crypto.verify(two.sign, said, entry.signed.author) ? entry : undefined;
  });
  if (first?.body.type === undefined || first.body.type === "genesis") return undefined;
  if (second?.body.type === undefined || second.body.type === "genesis") return undefined;
  const { log, sequence } = first.body;
  // One body with two sets of signatures is one statement.
  if (second.body.log !== log || second.body.sequence !== sequence) return undefined;
  if (equal(first.signed.body, second.signed.body)) return undefined;
  return { of: "entry", node, account: log, number: sequence };
}

function judgeRecords(crypto: Crypto, two: Read): EquivocationProof | undefined {
  const node = nodeIdOf(crypto, two.sign, two.box);
  const [first, second] = [readRecord(crypto, two.first), readRecord(crypto, two.second)];
  if (first === undefined || second === undefined) return undefined;
  const { repo, seq } = first.record;
  if (second.record.repo !== repo || second.record.seq !== seq) return undefined;
  if (equal(two.first.subarray(0, -signatureBytes), two.second.subarray(0, -signatureBytes)))
    return undefined;
  const isSigned = [two.first, two.second].every((from) => {
    const { verdict } = judgeRecord({ crypto, bytes: from, signPublic: two.sign, repo, node });
    return verdict === "accepted" || verdict === "gap";
  });
  return isSigned ? { of: "record", node, repo, number: seq } : undefined;
}

const kinds = ["entry", "record"] as const;
const magic = formatUtf8("SKEINTWO");
const signatureBytes = 64;
const proofBytesMax = 2 * refRecordBytesMax + 256;
const Proof = struct({
  magic: fixed(8),
  version: u8,
  of: u8,
  sign: fixed(32),
  box: fixed(32),
  first: bytes(refRecordBytesMax),
  second: bytes(refRecordBytesMax),
});
