/** Nodes this one has met: when each was last heard, and the pass that a replica showed. */

import type { NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Ledger, StoredContact } from "./ledger.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";

export interface Contacts {
  readonly all: () => ReadonlyMap<NodeId, StoredContact>;
  /** Writes down that the node was heard just now. `false`: there are too many replicas already. Members always have room. */
  readonly met: (node: NodeId, pass: Pass | undefined) => boolean;
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
  for (const contact of await ledger.readContacts()) contacts.set(contact.node, contact);
  const replicas = (): number => [...contacts.keys()].filter((node) => !isMember(node)).length;
  return {
    all: () => contacts,
    met: (node, pass) => {
      const known = contacts.get(node);
      if (known === undefined && !isMember(node) && replicas() >= replicasMax) return false;
      const contact = { node, lastSeen: clock.now(), pass: pass ?? known?.pass };
      contacts.set(node, contact);
      scope.start(() => ledger.writeContact(contact));
      return true;
    },
  };
}

/** As many as there may be members: whoever has the passphrase could otherwise fill the disk with new ones. */
const replicasMax = nodesPerAccountMax;
