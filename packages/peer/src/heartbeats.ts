/** Heartbeats of the ref streams of one repository: this node's made, others' judged, kept and passed on. */

import {
  freshness,
  heartbeatMillis,
  judgeHeartbeat,
  makeHeartbeat,
  readHeartbeat,
} from "@skein/auth/ref-heartbeat";
import type { StreamPosition } from "@skein/auth/repo";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, later, type Instant, type NodeId, type RepoId } from "@skein/protocol/ids";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { Alarms } from "./alarms.ts";
import type { StoredHeartbeat } from "./ledger.ts";
import type { RefStreamsWorld } from "./ref-streams.ts";
import type { Scope } from "./scope.ts";

export interface HeartbeatsWorld extends RefStreamsWorld {
  readonly alarms: Alarms;
  readonly scope: Scope;
  readonly send: (node: NodeId, message: NodeMessage) => void;
  readonly changed: () => void;
  readonly storageFailed: (cause: unknown) => void;
}

interface HeartbeatsOptions {
  readonly repo: RepoId;
  readonly stored: ReadonlyMap<NodeId, StoredHeartbeat>;
  /** How far this node's own stream was given to others. */
  readonly given: () => StreamPosition | undefined;
  /** How far each stream is known here. */
  readonly streamOf: (node: NodeId) => StreamPosition | undefined;
  /** A node signed another record with the number of the last one that is here. */
  readonly forked: (node: NodeId) => void;
}

/**
 * How much is known of what a node says now. `behind`: it said more than anybody gave us. `frozen`: it is connected, and
 * says nothing of where its stream ends.
 */
export type Standing = "fresh" | "away" | "behind" | "frozen";

interface Heard extends StoredHeartbeat {
  readonly seq: number;
  /** The moment in it, by its node's clock. */
  readonly at: Instant;
}

export class Heartbeats {
  readonly #world: HeartbeatsWorld;
  readonly #options: HeartbeatsOptions;
  readonly #heard = new Map<NodeId, Heard>();
  readonly #connected = new Set<NodeId>();

  constructor(world: HeartbeatsWorld, options: HeartbeatsOptions) {
    this.#world = world;
    this.#options = options;
    for (const [node, kept] of options.stored) {
      const said = readHeartbeat(kept.bytes);
      if (said !== undefined) this.#heard.set(node, { ...kept, seq: said.seq, at: said.at });
    }
  }

  connected(node: NodeId): void {
    this.#connected.add(node);
    this.#beat();
    this.#tell(node, [...this.#heard.values()]);
  }

  gone(node: NodeId): void {
    this.#connected.delete(node);
    if (this.#connected.size === 0) this.close();
  }

  heard(from: NodeId, heartbeats: ReadonlyArray<Bytes>): void {
    const taken = heartbeats.flatMap((bytes) => this.#take(bytes) ?? []);
    for (const node of this.#connected) if (node !== from) this.#tell(node, taken);
    if (taken.length > 0) this.#world.changed();
  }

  /** When word of this node's stream last came, by our clock. */
  heardAt(node: NodeId): Instant | undefined {
    const at = this.#heard.get(node)?.heardAt;
    return at === undefined ? undefined : instant(at);
  }

  /** `onlineSince`: since when there has been a session with it. */
  standing(node: NodeId, onlineSince: Instant | undefined): Standing {
    const now = this.#world.clock.now();
    const heard = this.#heard.get(node);
    const known = this.#options.streamOf(node)?.seq ?? 0;
    if (heard !== undefined && heard.seq > known && now - heard.lateSince >= patienceMillis)
      return "behind";
    return freshness({ heard: this.heardAt(node), onlineSince, now });
  }

  close(): void {
    this.#world.alarms.cancel(`heartbeat ${this.#options.repo}`);
  }

  /** Says where this node's stream ends, at most every ten minutes, as long as somebody listens. */
  #beat(): void {
    const { keys, clock, alarms, changed } = this.#world;
    const { repo, given } = this.#options;
    const last = this.#heard.get(keys.id);
    const tip = given();
    const now = clock.now();
    // Also where the clock went back: a heartbeat is newer than the one before or it is none.
    const at = later(instant(Math.max(now, last?.at ?? 0)), 1);
    if (tip !== undefined && (last === undefined || now - last.heardAt >= heartbeatMillis)) {
      const bytes = makeHeartbeat({ keys, repo, tip, at });
      const own = { bytes, heardAt: now, lateSince: now, seq: tip.seq, at };
      this.#keep(keys.id, own);
      for (const node of this.#connected) this.#tell(node, [own]);
    }
    if (this.#connected.size === 0) return;
    alarms.set(`heartbeat ${repo}`, later(now, heartbeatMillis), () => {
      this.#beat();
      changed();
    });
  }

  #take(bytes: Bytes): Heard | undefined {
    const { crypto, keys, log } = this.#world;
    const { repo, streamOf, forked } = this.#options;
    const said = readHeartbeat(bytes);
    if (said === undefined || said.node === keys.id) return undefined;
    const { node } = said;
    const signPublic = log.state().nodes.get(node)?.sign;
    if (signPublic === undefined) return undefined;
    const [last, before] = [streamOf(node), this.#heard.get(node)?.at];
    const judged = judgeHeartbeat({ crypto, bytes, signPublic, repo, node, last, before });
    if (judged.verdict === "equivocation") forked(node);
    const isNews = judged.verdict === "fresh" || judged.verdict === "behind";
    return isNews ? this.#note(bytes, said) : undefined;
  }

  #note(
    bytes: Bytes,
    { node, seq, at }: { readonly node: NodeId; readonly seq: number; readonly at: Instant },
  ): Heard {
    const now = this.#world.clock.now();
    const before = this.#heard.get(node);
    const known = this.#options.streamOf(node)?.seq ?? 0;
    const lateSince = before !== undefined && before.seq > known ? before.lateSince : now;
    const heard = { bytes, heardAt: now, lateSince, seq, at };
    this.#keep(node, heard);
    return heard;
  }

  /** What was heard outlives this program: otherwise an old one could be shown to it as news. */
  #keep(node: NodeId, heard: Heard): void {
    this.#heard.set(node, heard);
    const { scope, ledger, storageFailed } = this.#world;
    const { bytes, heardAt, lateSince } = heard;
    scope.start(() =>
      ledger
        .writeHeartbeat(this.#options.repo, node, { bytes, heardAt, lateSince })
        .catch((error: unknown) => storageFailed(error)),
    );
  }

  #tell(node: NodeId, heard: ReadonlyArray<Heard>): void {
    if (heard.length === 0) return;
    const heartbeats = heard.map(({ bytes }) => bytes).slice(0, nodesToldMax);
    this.#world.send(node, { type: "ref-heartbeats", repo: this.#options.repo, heartbeats });
  }
}

/** News that a heartbeat speaks of may still be on their way, objects and all: shown as late only after this. */
const patienceMillis = 2 * 60_000;
/** As many as the message holds. */
const nodesToldMax = 32;
