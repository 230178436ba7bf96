/** This node's own ref stream in one repository: given only to whoever has said how far it knows it, and caught up with where storage is older than what others have. */

import { formatProof } from "@skein/auth/equivocation";
import { judgeOwnTip, type OwnTipVerdict } from "@skein/auth/own-stream";
import { judgeRecord, type StreamPosition } from "@skein/auth/repo";
import type { Bytes } from "@skein/protocol/bytes";
import type { NodeId, RepoId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Head } from "@skein/replication/sync-events";
import type { AskNode } from "./flows.ts";
import type { StoredStream } from "./ledger.ts";
import type { Notice } from "./notices.ts";
import { OwnClaims } from "./own-claims.ts";
import { fetchRecords } from "./record-fetching.ts";
import { applyRecord } from "./ref-moves.ts";
import type { RefStreams, RefStreamsWorld } from "./ref-streams.ts";

export interface OwnGivingWorld extends RefStreamsWorld {
  readonly standsStill: () => boolean;
  readonly ask: AskNode;
}

/** What another node has of our own stream that is not here. */
export interface CaughtUp {
  readonly records: ReadonlyArray<Bytes>;
  readonly stream: StoredStream;
  /** The last number that we had given by then. */
  readonly given: number;
}

interface Told {
  readonly head: Head | undefined;
  /** Said since it connected. */
  readonly isFresh: boolean;
}

export class OwnGiving {
  readonly #world: OwnGivingWorld;
  readonly #repo: RepoId;
  readonly #streams: RefStreams;
  readonly #told = new Map<NodeId, Told>();
  readonly #claims = new OwnClaims();
  #given: Head | undefined;

  constructor(world: OwnGivingWorld, streams: RefStreams, repo: RepoId) {
    this.#world = world;
    this.#streams = streams;
    this.#repo = repo;
  }

  /** Takes up what was noted before. It may be of the device that this one was before it signed in anew. */
  async restore(given: Head | undefined): Promise<void> {
    if (given !== undefined && (await this.#streams.ownHash(given.seq)) === given.hash)
      this.#given = given;
  }

  /** Our keys signed two records with one number: nothing more is signed here. */
  isForked(): boolean {
    return this.#streams.forked().has(this.#world.keys.id);
  }

  /** The last of our records that somebody else may have. */
  given(): StreamPosition | undefined {
    return this.#given && { ...this.#given, version: 1 };
  }

  /** Answers whether it has to be looked at: that node does not say of our stream just what this storage does. */
  told(from: NodeId, heads: ReadonlyArray<Head & { readonly node: NodeId }>): boolean {
    const head = heads.find(({ node }) => node === this.#world.keys.id);
    this.#told.delete(from);
    this.#told.set(from, { head, isFresh: true });
    const [oldest] = this.#told.keys();
    if (this.#told.size > nodesPerAccountMax * 2 && oldest !== undefined) this.#told.delete(oldest);
    const own = this.#own();
    if (head === undefined || this.isForked()) return false;
    return !(head.seq === own?.seq && head.hash === own.hash);
  }

  /** What it knew it knows; what it says next may be more. */
  gone(from: NodeId): void {
    const told = this.#told.get(from);
    if (told !== undefined) this.#told.set(from, { ...told, isFresh: false });
  }

  /**
   * Up to which number that node may be given our records from `from` on; that it has them is durable before this
   * resolves. Nobody is given anything while somebody may know more than is here. Our stream stays as it is meanwhile:
   * whoever calls sees to that.
   */
  async give(to: NodeId, from: number): Promise<number | undefined> {
    const own = this.#own();
    if (own === undefined || this.isForked()) return undefined;
    if (!(await this.#isAsked(own, to, from)) || (await this.#isHeldBack(own))) return undefined;
    // What nobody has yet could be said otherwise by the other copy.
    if (this.#world.standsStill()) return this.#given?.seq;
    if (own.seq > (this.#given?.seq ?? 0)) await this.#note(own);
    return own.seq;
  }

  /**
   * What that node has of our stream and this storage has not, if it is genuine and follows what we gave. If it does not
   * follow, we are convicted. Rejects as `ask` does.
   */
  async catchUp(from: NodeId, signal: AbortSignal): Promise<CaughtUp | undefined> {
    const { clock } = this.#world;
    const told = this.#told.get(from)?.head;
    if (told === undefined || this.isForked()) return undefined;
    const verdict = await this.#judge(this.#own(), told);
    if (verdict.does === "give") return undefined;
    if (!this.#claims.mayAsk(from, clock.now())) return undefined;
    // Its record in the place of the last one that we gave comes first: it is ours, or convicts us.
    const base = verdict.does === "stop" ? verdict.seq : verdict.after;
    const fetched = await this.#fetch(from, Math.max(1, base), signal);
    const found = await this.#follow(fetched, { base, told });
    if (found !== undefined) this.#claims.shown(from, clock.now());
    else this.#claims.failed(from, clock.now(), { answered: true });
    return found;
  }

  /**
   * From now on this is our stream. What was signed here and never given is forgotten: its refs are signed anew. `false`:
   * something was given since it was found, and nothing was changed.
   */
  async adopt({ records, stream, given }: CaughtUp): Promise<boolean> {
    if (this.isForked() || given !== (this.#given?.seq ?? 0)) return false;
    await this.#streams.adoptOwn(records, stream);
    this.#given = { seq: stream.seq, hash: stream.hash };
    return true;
  }

  #own(): StoredStream | undefined {
    return this.#streams.all().get(this.#world.keys.id);
  }

  /** Whether that node has said how far it knows our stream, and it is a part of it. */
  async #isAsked(own: StoredStream, to: NodeId, from: number): Promise<boolean> {
    const told = this.#told.get(to);
    const isFresh = told?.isFresh === true;
    // Who asks for the first one knows none.
    if (!isFresh && from > 1) return false;
    const { does } = await this.#judge(own, isFresh ? told.head : undefined);
    return does === "give";
  }

  /** Whether anybody, here or gone, may know records of ours that are not here. */
  async #isHeldBack(own: StoredStream): Promise<boolean> {
    const now = this.#world.clock.now();
    for (const [node, { head }] of this.#told) {
      if (head?.seq === own.seq && head.hash === own.hash) continue;
      // oxlint-disable-next-line no-await-in-loop -- the first that counts is enough.
      const { does } = await this.#judge(own, head);
      if (does === "give") this.#claims.forget(node);
      else if (this.#claims.isBelieved(node, now)) return true;
    }
    return false;
  }

  async #judge(own: StoredStream | undefined, told: Head | undefined): Promise<OwnTipVerdict> {
    const isOurs = told !== undefined && told.seq <= (own?.seq ?? 0);
    const there = isOurs ? await this.#streams.ownHash(told.seq) : undefined;
    return judgeOwnTip({ last: own?.seq ?? 0, given: this.#given?.seq ?? 0, there }, told);
  }

  async #fetch(from: NodeId, since: number, signal: AbortSignal): Promise<ReadonlyArray<Bytes>> {
    const { ask, clock, keys } = this.#world;
    try {
      const wanted = { repo: this.#repo, node: keys.id, from: since, signal };
      return await fetchRecords(ask, from, wanted);
    } catch (error) {
      this.#claims.failed(from, clock.now(), { answered: false });
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
      ? { records, stream, given: this.#given?.seq ?? 0 }
      : undefined;
  }

  async #convict(seq: number, theirs: Bytes): Promise<undefined> {
    const { keys } = this.#world;
    const ours = await this.#streams.ownRecord(seq);
    const two = { sign: keys.signPublic, box: keys.boxPublic, second: theirs };
    const proof = ours && formatProof({ of: "record", ...two, first: ours });
    await this.#streams.convict(keys.id, proof);
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
