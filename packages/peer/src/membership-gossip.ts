/** Keeps the membership log the same on all nodes: heads are told, what is lacking is fetched, stored, then told onward. */

import type { MembershipLog } from "@skein/auth/membership";
import { later, type EntryId, type Instant, type NodeId } from "@skein/protocol/ids";
import { formatHex, type Bytes } from "@skein/protocol/bytes";
import { logBytesMax, membershipEntryBytesMax } from "@skein/protocol/limits";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { MembershipHeads } from "@skein/protocol/node-messages/membership-heads";
import type { FirstSeen } from "./first-seen.ts";
import { FlowFailedError, type AskNode } from "./flows.ts";
import { sourceOf, type Source } from "./sources.ts";
import type { Ledger } from "./ledger.ts";
import { headsToTell } from "./membership-heads.ts";
import { joinParts, partLengthBytes, splitParts } from "./parts.ts";
import type { Alarms } from "./alarms.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";
import { openTurns } from "./turns.ts";

interface MembershipGossipOptions {
  readonly log: MembershipLog;
  readonly ledger: Ledger;
  readonly firstSeen: FirstSeen;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly ask: AskNode;
  readonly send: (node: NodeId, message: NodeMessage) => void;
  readonly storageFailed: (cause: unknown) => void;
  /** Throws where nothing made here may count. */
  readonly assertMaySign: () => void;
  readonly changed: () => void;
}

export class MembershipGossip {
  readonly #options: MembershipGossipOptions;
  readonly #connected = new Set<NodeId>();
  readonly #asking = new Set<NodeId>();
  /** How often each was told: what does not fit into one word is told in turn. */
  readonly #rounds = new Map<NodeId, number>();
  /** Who said that it has more, and what came of asking for it. */
  readonly #claims = new Map<NodeId, Claim>();
  readonly #turns = openTurns();
  /** Whether all of the log is durable here. */
  #isKept = true;

  constructor(options: MembershipGossipOptions) {
    this.#options = options;
    this.#repeatIn(repeatMillisMin);
    if (!options.firstSeen.note()) return;
    this.#isKept = false;
    options.scope.start(() => this.#keep());
  }

  /** When this node first saw an entry, by its own clock. */
  seenAt(entry: EntryId): Instant | undefined {
    return this.#options.firstSeen.at(entry);
  }

  connected(node: NodeId): void {
    this.#connected.add(node);
    this.#tell(node);
    this.#repeatIn(repeatMillisMin);
  }

  gone(node: NodeId): void {
    this.#connected.delete(node);
  }

  heard(from: NodeId, { heads, entries }: MembershipHeads): void {
    const { log, scope } = this.#options;
    const isKnown = heads.every((id) => log.has(id));
    // Whoever knows less is told more; it says so again as long as that does not reach it.
    if (isKnown && entries < log.size()) this.#tell(from);
    if (this.#asking.has(from) || (isKnown && !this.#isClaimHeard(from, entries))) return;
    this.#asking.add(from);
    scope.start((signal) => this.#fetch(from, signal));
  }

  /**
   * Whether a node is asked only because it says that it has more. Its number proves nothing: as long as nothing comes of
   * it, it is asked ever more seldom.
   */
  #isClaimHeard(node: NodeId, entries: number): boolean {
    const { log, clock } = this.#options;
    if (entries <= log.size()) return false;
    const now = clock.now();
    const last = this.#claims.get(node);
    const isFruitful = last !== undefined && last.size !== log.size();
    if (last !== undefined && !isFruitful && now < later(last.at, last.wait)) return false;
    const wait = last === undefined || isFruitful ? claimMillisMin : last.wait * 2;
    this.#claims.set(node, { at: now, size: log.size(), wait: Math.min(wait, claimMillisMax) });
    return true;
  }

  /** Adds entries made here: durable before they count or are told, for nobody else has them. */
  async add(entries: ReadonlyArray<Bytes>): Promise<void> {
    const { log, ledger, firstSeen, changed } = this.#options;
    await this.#turns.take(async () => {
      this.#options.assertMaySign();
      await ledger.writeEntries([...log.all(), ...entries], firstSeen.stored());
      for (const entry of entries) log.add(entry);
      firstSeen.note();
    });
    changed();
    this.#announce();
  }

  /** Entries that a node left here: taken if they fit. */
  handed(from: NodeId, entries: ReadonlyArray<Bytes>): void {
    this.#options.scope.start(() => this.#take(entries, from));
  }

  /** What a node lacks. One that was revoked is told why, and nothing that came after. */
  source(node: NodeId, heads: ReadonlyArray<EntryId>): Source {
    const { log } = this.#options;
    const lacking = log.entriesAfter(heads);
    if (!log.state().revoked.has(node)) return sourceOf(joinFirst(lacking));
    const ends = log
      .told()
      .filter(({ type, target, counts }) => type === "node.revoke" && target === node && counts)
      .map(({ id }) => id);
    const later = new Set(log.entriesAfter(ends).map(formatHex));
    return sourceOf(joinFirst(lacking.filter((entry) => !later.has(formatHex(entry)))));
  }

  #tell(node: NodeId): void {
    if (!this.#isKept) return;
    const { log, send } = this.#options;
    const heads = headsToTell(log, this.#nextRound(node));
    send(node, { type: "membership-heads", heads, entries: log.size() });
  }

  #nextRound(node: NodeId): number {
    const round = this.#rounds.get(node) ?? 0;
    this.#rounds.set(node, round + 1);
    return round;
  }

  /** A word may be lost: news is said again soon, and then ever more seldom. */
  #repeatIn(millis: number): void {
    const { alarms, clock, scope } = this.#options;
    alarms.set("membership heads", later(clock.now(), millis), () => {
      this.#repeatIn(Math.min(millis * 2, repeatMillisMax));
      if (!this.#isKept) return scope.start(() => this.#keep());
      for (const node of this.#connected) this.#tell(node);
    });
  }

  async #fetch(from: NodeId, signal: AbortSignal): Promise<void> {
    const { log, ask } = this.#options;
    try {
      const request = { type: "entries", heads: headsToTell(log, this.#nextRound(from)) } as const;
      const bytes = await ask(from, request, { bytesMax: logBytesMax, signal });
      const entries = splitParts(bytes, { partBytesMax: membershipEntryBytesMax });
      if (entries !== undefined) await this.#take(entries, from);
    } catch (error) {
      if (!(error instanceof FlowFailedError)) throw error;
    } finally {
      this.#asking.delete(from);
    }
  }

  /** What others know already: told onward once it is kept here too. Keeping it is tried again where it failed. */
  async #take(entries: ReadonlyArray<Bytes>, from: NodeId): Promise<void> {
    const { log, firstSeen, changed } = this.#options;
    for (const entry of entries) log.add(entry, from);
    if (!firstSeen.note()) return;
    this.#isKept = false;
    changed();
    await this.#keep();
  }

  async #keep(): Promise<void> {
    const { log, ledger, firstSeen, storageFailed } = this.#options;
    try {
      await this.#turns.take(() => ledger.writeEntries(log.all(), firstSeen.stored()));
    } catch (error) {
      storageFailed(error);
      return;
    }
    this.#isKept = true;
    this.#announce();
  }

  #announce(): void {
    for (const node of this.#connected) this.#tell(node);
    this.#repeatIn(repeatMillisMin);
  }
}

interface Claim {
  /** When it was asked last because of it. */
  readonly at: Instant;
  /** How much was known here then: if that did not change, nothing came of it. */
  readonly size: number;
  readonly wait: number;
}

const repeatMillisMin = 2_000;
const repeatMillisMax = 30_000;
const claimMillisMin = 2_000;
const claimMillisMax = 5 * 60_000;

/** As many as one answer holds: whoever has these asks for those after them. */
function joinFirst(entries: ReadonlyArray<Bytes>): Bytes {
  let room = logBytesMax;
  return joinParts(
    entries.filter(({ length }) => {
      room -= length + partLengthBytes;
      return room >= 0;
    }),
  );
}
