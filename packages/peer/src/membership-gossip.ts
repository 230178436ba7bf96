/** Keeps the membership log the same on all nodes: heads are told, what is lacking is fetched, stored, then told onward. */

import type { MembershipLog } from "@skein/auth/membership";
import type { EntryId, NodeId } from "@skein/protocol/ids";
import type { Bytes } from "@skein/protocol/bytes";
import { logBytesMax, membershipEntryBytesMax } from "@skein/protocol/limits";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { MembershipHeads } from "@skein/protocol/node-messages/membership-heads";
import { FlowFailedError, type AskNode, type Source } from "./flows.ts";
import type { Ledger } from "./ledger.ts";
import { joinParts, splitParts } from "./parts.ts";
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
  ask,
  send,
  changed,
}: {
  readonly log: MembershipLog;
  readonly ledger: Ledger;
  readonly scope: Scope;
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

  /** Durable before anything is done because of it. */
  const take = async (entries: ReadonlyArray<Bytes>): Promise<void> => {
    const before = log.size();
    for (const entry of entries) log.add(entry);
    if (log.size() === before) return;
    await ledger.writeEntries(log.all());
    for (const node of connected) send(node, headsNow());
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

  return {
    connected: (node) => {
      connected.add(node);
      send(node, headsNow());
    },
    gone: (node) => connected.delete(node),
    heard: (from, { heads }) => {
      if (asking.has(from) || heads.every((id) => log.has(id))) return;
      asking.add(from);
      scope.start((signal) => fetch(from, signal));
    },
    add: (entry) => take([entry]),
    source: (heads) => ({ bytes: joinParts(log.entriesAfter(heads)), objects: 0 }),
  };
}

/** As many as the message holds. */
const headsMax = 64;
