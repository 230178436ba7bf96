/** Entries that are not in the log: their parents have not come yet, or they have no place. Kept for a while, within bounds, for each sender and for all, the oldest given up first. */

import type { EntryId } from "@skein/protocol/ids";
import type { AuthoredBody, ParsedEntry } from "./membership-entry.ts";

/** Entries that wait. More than a whole log: a page of it may come backwards. */
export const waitingEntriesMax = 4_096;
/** Bytes of the entries that wait. */
export const waitingBytesMax = 4 * 1024 * 1024;

/** The same for one sender: a flood of one drives out its own. */
export const waitingEntriesPerSenderMax = 2_048;
export const waitingBytesPerSenderMax = 1024 * 1024;

export interface Waiting {
  readonly entry: ParsedEntry;
  readonly body: AuthoredBody;
  readonly id: EntryId;
  /** Whoever it came from. */
  readonly sender: string;
}

interface Room {
  readonly ids: Set<EntryId>;
  bytes: number;
}

export class WaitingRoom {
  readonly #waiting = new Map<EntryId, Waiting>();
  readonly #childrenOf = new Map<EntryId, Set<EntryId>>();
  readonly #rooms = new Map<string, Room>();
  #bytes = 0;

  get size(): number {
    return this.#waiting.size;
  }

  get(id: EntryId): Waiting | undefined {
    return this.#waiting.get(id);
  }

  add(waiting: Waiting): void {
    this.remove(waiting.id);
    this.#waiting.set(waiting.id, waiting);
    this.#bytes += waiting.entry.bytes.length;
    const room = this.#rooms.get(waiting.sender) ?? { ids: new Set(), bytes: 0 };
    this.#rooms.set(waiting.sender, room);
    room.ids.add(waiting.id);
    room.bytes += waiting.entry.bytes.length;
    for (const parent of waiting.body.parents) {
      const children = this.#childrenOf.get(parent);
      if (children) children.add(waiting.id);
      else this.#childrenOf.set(parent, new Set([waiting.id]));
    }
    while (room.ids.size > waitingEntriesPerSenderMax || room.bytes > waitingBytesPerSenderMax) {
      const oldest = room.ids.keys().next();
      if (oldest.done === true) break;
      this.remove(oldest.value);
    }
    while (this.#waiting.size > waitingEntriesMax || this.#bytes > waitingBytesMax) {
      const oldest = this.#waiting.keys().next();
      if (oldest.done === true) return;
      this.remove(oldest.value);
    }
  }

  /** Hands over those of `parent`'s children that `isReady` now. */
  take(parent: EntryId, isReady: (waiting: Waiting) => boolean): ReadonlyArray<Waiting> {
    const ready = [...(this.#childrenOf.get(parent) ?? [])]
      .map((id) => this.#waiting.get(id))
      .filter((waiting) => waiting !== undefined)
      .filter(isReady);
    for (const { id } of ready) this.remove(id);
    return ready;
  }

  remove(id: EntryId): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#bytes -= waiting.entry.bytes.length;
    const room = this.#rooms.get(waiting.sender);
    room?.ids.delete(id);
    if (room !== undefined) room.bytes -= waiting.entry.bytes.length;
    if (room?.ids.size === 0) this.#rooms.delete(waiting.sender);
    for (const parent of waiting.body.parents) {
      const children = this.#childrenOf.get(parent);
      children?.delete(id);
      if (children?.size === 0) this.#childrenOf.delete(parent);
    }
  }
}
