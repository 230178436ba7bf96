/** This node's own ref stream in one repository: given only to whoever has said how far it knows it, and caught up with where storage is older than what others have. */

import { formatProof } from "@skein/auth/equivocation";
import { judgeOwnTip, type OwnTipVerdict } from "@skein/auth/own-stream";
import { judgeRecord, type StreamPosition } from "@skein/auth/repo";
import type { Bytes } from "@skein/protocol/bytes";
import type { NodeId, RepoId } from "@skein/protocol/ids";
import { logBytesMax, nodesPerAccountMax, refRecordBytesMax } from "@skein/protocol/limits";
import type { Head } from "@skein/replication/sync-events";
import { FlowFailedError, type AskNode } from "./flows.ts";
import type { StoredStream } from "./ledger.ts";
import type { Notice } from "./notices.ts";
import { splitParts } from "./parts.ts";
import { applyRecord } from "./ref-moves.ts";
import type { RefStreams, RefStreamsWorld } from "./ref-streams.ts";

export interface OwnGivingWorld extends RefStreamsWorld {
  readonly ask: AskNode;
}

/** What another node has of our own stream that is not here. */
export interface CaughtUp {
  readonly records: ReadonlyArray<Bytes>;
  readonly stream: StoredStream;
}

export class OwnGiving {
  readonly #world: OwnGivingWorld;
  readonly #repo: RepoId;
  readonly #streams: RefStreams;
  readonly #told = new Map<NodeId, Head | undefined>();
  #given: Head | undefined;
  #isForked = false;

  constructor(
    world: OwnGivingWorld,
    streams: RefStreams,
    { repo, given }: { readonly repo: RepoId; readonly given: Head | undefined },
  ) {
    this.#world = world;
    this.#streams = streams;
    this.#repo = repo;
    this.#given = given;
  }

  /** Our keys signed two records with one number: nothing more is signed here. */
  isForked(): boolean {
    return this.#isForked;
  }

  /** The last of our records that somebody else may have. */
  given(): StreamPosition | undefined {
    return this.#given && { ...this.#given, version: 1 };
  }

  /** Answers whether that node may know more of our stream than this storage does. */
  told(from: NodeId, heads: ReadonlyArray<Head & { readonly node: NodeId }>): boolean {
    const { keys } = this.#world;
    const head = heads.find(({ node }) => node === keys.id);
    if (this.#told.size >= nodesPerAccountMax * 2) this.#told.clear();
    this.#told.set(from, head);
    const own = this.#streams.all().get(keys.id);
    if (head === undefined || this.#isForked) return false;
    return (
      own === undefined || head.seq > own.seq || (head.seq === own.seq && head.hash !== own.hash)
    );
  }

  gone(from: NodeId): void {
    this.#told.delete(from);
  }

  /** Whether that node may be given our records from number `from` on; that it has them is durable before this resolves. */
  async give(to: NodeId, from: number): Promise<boolean> {
    const own = this.#streams.all().get(this.#world.keys.id);
    if (own === undefined || this.#isForked) return false;
    // Who asks for the first one knows none.
    if (!this.#told.has(to) && from > 1) return false;
    const verdict = await this.#judge(own, this.#told.get(to));
    if (verdict.does !== "give") return false;
    if (own.seq > (this.#given?.seq ?? 0)) await this.#note(own);
    return true;
  }

  /**
   * What that node has of our stream and this storage has not, if it is genuine and follows what we gave. If it does not
   * follow, we are convicted. Rejects as `ask` does.
   */
  async catchUp(from: NodeId, signal: AbortSignal): Promise<CaughtUp | undefined> {
    const own = this.#streams.all().get(this.#world.keys.id);
    const told = this.#told.get(from);
    if (told === undefined) return undefined;
    const verdict = await this.#judge(own, told);
    if (verdict.does === "give") return undefined;
    // Its record in the place of the last one that we gave comes first: it is ours, or convicts us.
    const base = verdict.does === "stop" ? verdict.seq : verdict.after;
    const fetched = await this.#fetch(from, Math.max(1, base), signal);
    return this.#follow(fetched, { base, told });
  }

  /** From now on this is our stream. What was signed here and never given is forgotten: its refs are signed anew. */
  async adopt({ records, stream }: CaughtUp): Promise<void> {
    await this.#streams.adoptOwn(records, stream);
    this.#given = { seq: stream.seq, hash: stream.hash };
  }

  async #judge(own: StoredStream | undefined, told: Head | undefined): Promise<OwnTipVerdict> {
    const there = told && (await this.#streams.ownHash(told.seq));
    return judgeOwnTip({ last: own?.seq ?? 0, given: this.#given?.seq ?? 0, there }, told);
  }

  async #fetch(from: NodeId, since: number, signal: AbortSignal): Promise<ReadonlyArray<Bytes>> {
    const { ask, keys } = this.#world;
    const request = { type: "records", repo: this.#repo, node: keys.id, from: since } as const;
    try {
      const bytes = await ask(from, request, { bytesMax: logBytesMax, signal });
      return splitParts(bytes, { partBytesMax: refRecordBytesMax }) ?? [];
    } catch (error) {
      if (error instanceof FlowFailedError) return [];
      throw error;
    }
  }

  async #follow(
    fetched: ReadonlyArray<Bytes>,
    { base, told }: { readonly base: number; readonly told: Head },
  ): Promise<CaughtUp | undefined> {
    const { crypto, keys } = this.#world;
    const { id: node, signPublic } = keys;
    const repo = this.#repo;
    let stream = await this.#streams.ownAt(base);
    const records: Bytes[] = [];
    for (const bytes of fetched) {
      const judged = judgeRecord({ crypto, bytes, signPublic, repo, node, last: stream });
      if (judged.verdict === "equivocation") return this.#convict(judged.record.seq, bytes);
      if (judged.verdict === "known") continue;
      if (judged.verdict !== "accepted") return undefined;
      stream = applyRecord(stream, judged.record, judged.hash);
      if (stream === undefined) return undefined;
      records.push(bytes);
    }
    return stream !== undefined && records.length > 0 && stream.seq >= told.seq
      ? { records, stream }
      : undefined;
  }

  async #convict(seq: number, theirs: Bytes): Promise<undefined> {
    const { keys, ledger } = this.#world;
    this.#isForked = true;
    const ours = await this.#streams.ownRecord(seq);
    if (ours === undefined) return;
    const two = { sign: keys.signPublic, box: keys.boxPublic, first: ours, second: theirs };
    await ledger.writeProof(this.#repo, keys.id, formatProof({ of: "record", ...two }));
  }

  async #note({ seq, hash }: StoredStream): Promise<void> {
    const given = { seq, hash };
    await this.#world.ledger.writeGiven(this.#repo, given);
    this.#given = given;
  }
}

/** What a person is told then. */
export function twoPlaces(name: string): Notice {
  return {
    tone: "error",
    what: `This device's keys are in two places: two different commits to “${name}” have one number.`,
    safe: "Nothing was lost. What is here stays here, and your other devices keep what they have.",
    next: "Commit on another device, remove this one there, and sign in here again as a new device. The proof can be saved on the Devices page.",
  };
}
