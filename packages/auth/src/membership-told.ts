/** The entries of a log, told: what a person is shown, and from which an instant is turned into what is left out. */

import type { Bytes } from "@skein/protocol/bytes";
import { instant, type EntryId, type Instant, type NodeId } from "@skein/protocol/ids";
import type { EntryBody } from "./membership-entry.ts";
import { counts, type View } from "./membership-keys.ts";

export interface ToldEntry {
  readonly id: EntryId;
  readonly author: NodeId;
  readonly at: Instant;
  readonly type: EntryBody["type"];
  readonly target: NodeId | undefined;
  /** The public key of the words that a `door.set` brought. */
  readonly door: Bytes | undefined;
  /** Allowed when it was said, and its author stands. */
  readonly counts: boolean;
}

export function tellEntries(view: View): ReadonlyArray<ToldEntry> {
  return view.register.held.map((held) => ({
    id: held.deed.id,
    author: held.deed.author,
    at: instant(held.entry.body.at),
    type: held.entry.body.type,
    target: "target" in held.deed ? held.deed.target : undefined,
    door: held.entry.body.type === "door.set" ? held.entry.body.door.sign : undefined,
    counts: held.deed.index === 0 || counts(held, view),
  }));
}
