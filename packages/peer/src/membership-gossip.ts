/** Keeps the membership log the same on all nodes: heads are told, what is lacking is fetched, stored, then told onward. */

import type { MembershipLog } from "@skein/auth/membership";
import { later, type EntryId, type NodeId } from "@skein/protocol/ids";
import type { Bytes } from "@skein/protocol/bytes";
import { logBytesMax, membershipEntryBytesMax } from "@skein/protocol/limits";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { MembershipHeads } from "@skein/protocol/node-messages/membership-heads";
import { FlowFailedError, type AskNode, type Source } from "./flows.ts";
import type { Ledger } from "./ledger.ts";
import { joinParts, splitParts } from "./parts.ts";
import type { Alarms } from "./alarms.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";

export interface MembershipGossip {
  readonly connected: (node: NodeId) => void;
  readonly gone: (node: NodeId) => void;
  readonly heard: (from: NodeId, heads: MembershipHeads) => void;
  /** Adds an entry made here: stored first, told after. */
  readonly add: (entry: Bytes) => Promise<void>;
  readonly source: (heads: ReadonlyArray<EntryId>) => Source;
}

export function openMembershipGossip({
  log,
  ledger,
  scope,
  clock,
  alarms,
  ask,
  send,
  changed,
}: {
  readonly log: MembershipLog;
  readonly ledger: Ledger;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly ask: AskNode;
  readonly send: (node: NodeId, message: NodeMessage) => void;
  readonly changed: () => void;
}): MembershipGossip {
  const connected = new Set<NodeId>();
  const asking = new Set<NodeId>();

  const headsNow = (): NodeMessage => ({
    type: "membership-heads",
    heads: log.heads().slice(0, headsMax),
    entries: log.size(),
  });

  const tell = (): void => {
    for (const node of connected) send(node, headsNow());
  };

  /** A word may be lost: what was said once is said again now and then. */
  const repeat = (): void => {
    tell();
    alarms.set("membership heads", later(clock.now(), repeatMillis), repeat);
  };

  /** Durable before anything is done because of it. */
  const take = async (entries: ReadonlyArray<Bytes>): Promise<void> => {
    const before = log.size();
    for (const entry of entries) log.add(entry);
    if (log.size() === before) return;
    await ledger.writeEntries(log.all());
    tell();
    changed();
  };

  const fetch = async (from: NodeId, signal: AbortSignal): Promise<void> => {
    try {
      const request = { type: "entries", heads: log.heads().slice(0, headsMax) } as const;
      const bytes = await ask(from, request, { bytesMax: logBytesMax, signal });
      const entries = splitParts(bytes, { partBytesMax: membershipEntryBytesMax });
      if (entries !== undefined) await take(entries);
    } catch (error) {
      if (!(error instanceof FlowFailedError)) throw error;
    } finally {
      asking.delete(from);
    }
  };

  repeat();
  return {
    connected: (node) => {
      connected.add(node);
      send(node, headsNow());
    },
    gone: (node) => connected.delete(node),
    heard: (from, { heads, entries }) => {
      const isKnown = heads.every((id) => log.has(id));
      // Whoever knows less is told more; it says so again as long as that does not reach it.
      if (isKnown && entries < log.size()) send(from, headsNow());
      if (isKnown || asking.has(from)) return;
      asking.add(from);
      scope.start((signal) => fetch(from, signal));
    },
    add: (entry) => take([entry]),
    source: (heads) => ({ bytes: joinParts(log.entriesAfter(heads)), objects: 0 }),
  };
}

const repeatMillis = 30_000;
/** As many as the message holds. */
const headsMax = 64;
