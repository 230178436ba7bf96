/** Everybody's ref records in one repository: judged, applied and stored; and this node's own, signed. */

import type { Crypto } from "@skein/auth/crypto/sodium";
import type { NodeKeys } from "@skein/auth/identity";
import { formatProof } from "@skein/auth/equivocation";
import type { MembershipLog } from "@skein/auth/membership";
import { vouchedUpTo } from "@skein/auth/membership-state";
import {
  judgeRecord,
  readRecord,
  recordVersion,
  signRecord,
  splitChanges,
  type RefRecord,
} from "@skein/auth/repo";
import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { Instant, NodeId, ObjectId, RecordHash, RefName, RepoId } from "@skein/protocol/ids";
import { logBytesMax } from "@skein/protocol/limits";
import type { RecordRefusal } from "@skein/replication/sync-events";
import type { Ledger, StoredHead, StoredRepository, StoredStream } from "./ledger.ts";
import type { Clock } from "./ports.ts";
import { applyRecord } from "./ref-moves.ts";

export interface RefStreamsWorld {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly log: MembershipLog;
  readonly clock: Clock;
  readonly ledger: Ledger;
}

/** What this node's refs are to be, as its next record says. */
export interface OwnRefs {
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  readonly head: RefName | undefined;
  readonly name: string | undefined;
}

export class RefStreams {
  readonly #world: RefStreamsWorld;
  readonly #repo: RepoId;
  readonly #streams: Map<NodeId, StoredStream>;
  /** The last few states of each stream: a node that offers its objects may not have heard of the newest yet. */
  readonly #recent = new Map<NodeId, ReadonlyArray<StoredStream>>();
  readonly #forked: Set<NodeId>;

  constructor(
    world: RefStreamsWorld,
    { id, streams, forked }: Pick<StoredRepository, "id" | "streams" | "forked">,
  ) {
    this.#world = world;
    this.#repo = id;
    this.#streams = new Map(streams);
    this.#forked = new Set(forked);
  }

  all(): ReadonlyMap<NodeId, StoredStream> {
    return this.#streams;
  }

  /** Nodes that signed two things in one place: nothing more of their streams is taken, nor of ours given. */
  forked(): ReadonlySet<NodeId> {
    return this.#forked;
  }

  /** Counts at once, and outlives this program. `proof`: two records with one number, if they were seen. */
  async convict(node: NodeId, proof?: Bytes): Promise<void> {
    const { ledger } = this.#world;
    const isKnown = this.#forked.has(node);
    this.#forked.add(node);
    if (proof !== undefined) await ledger.writeProof(this.#repo, node, proof);
    else if (!isKnown) await ledger.writeFork(this.#repo, node);
  }

  /** Every stream, and its last few states. */
  remembered(): ReadonlyArray<StoredStream> {
    return [...this.#streams.values(), ...[...this.#recent.values()].flat()];
  }

  /** A stream as its record `seq` left it, if that is remembered; as the newest record left it otherwise. */
  at(node: NodeId, seq: number): StoredStream | undefined {
    return this.#recent.get(node)?.find((stream) => stream.seq === seq) ?? this.#streams.get(node);
  }

  /** Judges a record of `of`. What is accepted is durable before this resolves. */
  async judge(of: NodeId, bytes: Bytes): Promise<StoredStream | RecordRefusal> {
    const { crypto, log } = this.#world;
    const state = log.state();
    const isRevoked = state.revoked.has(of);
    const signer = isRevoked ? log.signers().find(({ node }) => node === of) : state.nodes.get(of);
    if (signer === undefined) return "unknown-writer";
    if (this.#forked.has(of)) return "equivocation";
    const signPublic = signer.sign;
    const last = this.#streams.get(of);
    const judged = judgeRecord({ crypto, bytes, signPublic, repo: this.#repo, node: of, last });
    if (judged.verdict === "equivocation") {
      const two = { sign: signPublic, box: signer.box, theirs: bytes };
      await this.convict(of, await this.#proofOf(of, judged.record.seq, two));
    }
    if (judged.verdict !== "accepted") return refusals[judged.verdict];
    // What the removal of a node leaves of its stream: everybody has the same of it, and nobody more.
    const vouched = isRevoked ? vouchedUpTo(state, of, this.#repo) : undefined;
    if (vouched !== undefined && judged.record.seq > vouched.seq) return "unknown-writer";
    const stream = applyRecord(last, judged.record, judged.hash);
    if (stream === undefined) return "forged";
    await this.#keep(of, bytes, stream);
    return stream;
  }

  /** Signs what this node's refs are from now on: as many records as it takes, each durable before the next. */
  async sign({ refs, head, name }: OwnRefs): Promise<StoredStream> {
    const { crypto, keys, clock, log } = this.#world;
    const last = this.#streams.get(keys.id);
    const before = new Map((last?.refs ?? []).map(({ ref, oid }) => [ref, oid]));
    const set = [...refs]
      .filter(([ref, oid]) => before.get(ref) !== oid)
      .map(([ref, oid]) => ({ ref, oid }));
    const del = [...before.keys()].filter((ref) => !refs.has(ref));
    let stream = last;
    for (const changes of splitChanges({ set, del })) {
      const record: RefRecord = {
        version: recordVersion,
        repo: this.#repo,
        node: keys.id,
        seq: (stream?.seq ?? 0) + 1,
        prev: stream?.hash,
        authHeads: log.heads().slice(0, authHeadsMax),
        at: clock.now(),
        format: "sha1",
        ...changes,
        head: head ?? last?.head,
        name: name ?? last?.name,
      };
      const { bytes, hash } = signRecord({ crypto, keys, record });
      stream = applyRecord(stream, record, hash);
      assert(stream !== undefined, "our own record applies to our own stream");
      // oxlint-disable-next-line no-await-in-loop -- a record is durable before one that builds on it.
      await this.#keep(keys.id, bytes, stream);
    }
    assert(stream !== undefined, "there is at least one portion of changes");
    return stream;
  }

  // --- This node's own stream. ---

  /** One of our records, as it was signed. */
  async ownRecord(seq: number): Promise<Bytes | undefined> {
    const { ledger, keys } = this.#world;
    const range = { from: seq, to: seq, bytesMax: logBytesMax };
    const [record] = await ledger.readRecords(this.#repo, keys.id, range);
    return record;
  }

  async ownHash(seq: number): Promise<RecordHash | undefined> {
    const record = await this.ownRecord(seq);
    return record && readRecord(this.#world.crypto, record)?.hash;
  }

  /** Our stream as our record `seq` left it. */
  async ownAt(seq: number): Promise<StoredStream | undefined> {
    const { crypto, keys } = this.#world;
    const last = this.#streams.get(keys.id);
    if (last?.seq === seq) return last;
    let stream: StoredStream | undefined;
    for (let at = 1; at <= seq; at++) {
      // oxlint-disable-next-line no-await-in-loop -- each builds on the one before.
      const record = await this.ownRecord(at);
      const read = record && readRecord(crypto, record);
      stream = read && applyRecord(stream, read.record, read.hash);
      if (stream === undefined) return undefined;
    }
    return stream;
  }

  /** Replaces the end of our stream by what others have of it. */
  async adoptOwn(records: ReadonlyArray<Bytes>, stream: StoredStream): Promise<void> {
    const { ledger, keys } = this.#world;
    const before = this.#streams.get(keys.id)?.seq ?? 0;
    await ledger.replaceRecords(this.#repo, keys.id, { records, stream, before });
    this.#streams.set(keys.id, stream);
    this.#recent.delete(keys.id);
  }

  /**
   * Two records with one number convict their node, whoever reads them. One that only does not follow on what is here
   * convicts it here.
   */
  async #proofOf(
    of: NodeId,
    seq: number,
    { sign, box, theirs }: { readonly sign: Bytes; readonly box: Bytes; readonly theirs: Bytes },
  ): Promise<Bytes | undefined> {
    const range = { from: seq, to: seq, bytesMax: logBytesMax };
    const [first] = await this.#world.ledger.readRecords(this.#repo, of, range);
    return first && formatProof({ of: "record", sign, box, first, second: theirs });
  }

  async #keep(of: NodeId, bytes: Bytes, stream: StoredStream): Promise<void> {
    const { keys, clock, ledger } = this.#world;
    const held = of === keys.id;
    await ledger.writeRecord(this.#repo, of, { bytes, stream, held, seenAt: clock.now() });
    this.#streams.set(of, stream);
    this.#recent.set(of, [...(this.#recent.get(of) ?? []), stream].slice(-recentMax));
  }
}

/** How far a stream was known here at an instant, by this node's clock. */
export async function knownAt(
  { crypto, ledger }: Pick<RefStreamsWorld, "crypto" | "ledger">,
  {
    repo,
    node,
    last,
    at,
  }: {
    readonly repo: RepoId;
    readonly node: NodeId;
    /** How far it is known now. */
    readonly last: StoredHead;
    readonly at: Instant;
  },
): Promise<StoredHead | undefined> {
  for (let seq = last.seq; seq > 0; seq--) {
    // oxlint-disable-next-line no-await-in-loop -- from the newest on, and seldom more than a few.
    const seenAt = await ledger.readRecordSeen(repo, node, seq);
    if (seenAt === undefined || seenAt > at) continue;
    // oxlint-disable-next-line no-await-in-loop -- this is the last turn.
    const [record] = await ledger.readRecords(repo, node, {
      from: seq,
      to: seq,
      bytesMax: logBytesMax,
    });
    const read = record && readRecord(crypto, record);
    return read && { seq, hash: read.hash };
  }
  return undefined;
}

const refusals = {
  known: "known",
  rollback: "known",
  equivocation: "equivocation",
  gap: "gap",
  forged: "forged",
  downgrade: "forged",
  malformed: "forged",
  graft: "forged",
} as const;

const recentMax = 8;
/** Enough to say which membership its author knew. */
const authHeadsMax = 16;
