/** Nodes this one has met: when each was last heard, and the pass that a replica showed. */

import type { NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Ledger, StoredContact } from "./ledger.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";

export interface Contacts {
  readonly all: () => ReadonlyMap<NodeId, StoredContact>;
  /** Remembers the pass, until the node is met: a greeting may be a replay, and proves nothing yet. */
  readonly showed: (node: NodeId, pass: Pass) => void;
  /** Writes down that the node was heard just now. Where there are too many replicas, the one heard longest ago is forgotten. */
  readonly met: (node: NodeId) => void;
}

export async function openContacts({
  ledger,
  clock,
  scope,
  isMember,
}: {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly isMember: (node: NodeId) => boolean;
}): Promise<Contacts> {
  const contacts = new Map<NodeId, StoredContact>();
  const shown = new Map<NodeId, Pass>();
  for (const contact of await ledger.readContacts()) contacts.set(contact.node, contact);
  const forgetOldest = (): void => {
    const replicas = [...contacts.values()].filter(({ node }) => !isMember(node));
    if (replicas.length <= replicasMax) return;
    const oldest = replicas.reduce((first, next) =>
      next.lastSeen < first.lastSeen ? next : first,
    );
    contacts.delete(oldest.node);
    scope.start(() => ledger.forgetContact(oldest.node));
  };
  return {
    all: () => contacts,
    showed: (node, pass) => {
      shown.delete(node);
      shown.set(node, pass);
      const [oldest] = shown.keys();
      if (oldest !== undefined && shown.size > replicasMax) shown.delete(oldest);
    },
    met: (node) => {
      const pass = shown.get(node);
      shown.delete(node);
      const known = contacts.get(node);
      const isNews = known === undefined || (pass !== undefined && known.pass === undefined);
      if (!isNews && clock.now() - known.lastSeen < writtenMillisMin) return;
      const contact = { node, lastSeen: clock.now(), pass: pass ?? known?.pass };
      contacts.set(node, contact);
      scope.start(() => ledger.writeContact(contact));
      forgetOldest();
    },
  };
}

/** Nobody looks at "last seen" to the second, and whoever has the words may come and go without end. */
const writtenMillisMin = 30_000;
/** As many as there may be members: whoever has the passphrase could otherwise fill the disk with new ones. */
const replicasMax = nodesPerAccountMax;
