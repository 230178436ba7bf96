/** Nodes this one has met: when each was last heard, and the pass that a replica showed. */

import type { NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Ledger, StoredContact } from "./ledger.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";

export interface Contacts {
  readonly all: () => ReadonlyMap<NodeId, StoredContact>;
  /** Writes down that the node was heard just now. `false`: there are too many replicas already. */
  readonly met: (node: NodeId, pass: Pass | undefined) => boolean;
}

export async function openContacts({
  ledger,
  clock,
  scope,
}: {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly scope: Scope;
}): Promise<Contacts> {
  const contacts = new Map<NodeId, StoredContact>();
  for (const contact of await ledger.readContacts()) contacts.set(contact.node, contact);
  return {
    all: () => contacts,
    met: (node, pass) => {
      const known = contacts.get(node);
      if (known === undefined && contacts.size >= contactsMax) return false;
      const contact = { node, lastSeen: clock.now(), pass: pass ?? known?.pass };
      contacts.set(node, contact);
      scope.start(() => ledger.writeContact(contact));
      return true;
    },
  };
}

/** Members, and as many replicas again: whoever has the passphrase could otherwise fill the disk with new ones. */
const contactsMax = nodesPerAccountMax * 2;
