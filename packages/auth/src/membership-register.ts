/** The entries that a log holds, and where to find them: by id, by author, by whom they concern. Only ever added to. */

import type { Bytes } from "@skein/protocol/bytes";
import type { EntryId, NodeId } from "@skein/protocol/ids";
import type { ParsedEntry } from "./membership-entry.ts";
import { compareText, type Deed, type Level, type Past } from "./membership-rules.ts";

/** Why an entry has no effect: by what its author had seen, it was not allowed to say this. */
export type InertReason =
  | "not-allowed"
  | "no-pass"
  | "already-a-member"
  | "unknown-target"
  | "target-revoked"
  | "account-full"
  | "wrong-epoch"
  | "wrong-recipients"
  | "no-proof";

/** One entry in the log: read, signed by who it says, with all its ancestors. */
export interface Held {
  readonly entry: ParsedEntry;
  readonly deed: Deed;
  readonly sequence: number;
  /** By what right it was said. */
  readonly level: Level;
  /** How far its author was from the account's first node then. */
  readonly depth: number;
  /** Why it has no effect: it was not allowed when it was said. */
  readonly inert: InertReason | undefined;
}

/** Two signed entries that no honest node makes. Whoever holds both can show them to anyone. */
export interface Equivocation {
  readonly node: NodeId;
  readonly sequence: number;
  readonly first: Bytes;
  readonly second: Bytes;
}

export class Register {
  readonly held: Held[] = [];
  /** Of these, those that were allowed and of which the judgement depends. */
  readonly decisive: Deed[] = [];
  readonly additions: Held[] = [];
  readonly rotations: Held[] = [];
  readonly doors: Held[] = [];
  readonly frontiers: Held[] = [];
  /** Rotations that were not boxed to exactly the members. */
  readonly misboxed: Held[] = [];
  /** What each author said at each distance from the first node. */
  readonly speeches = new Map<string, Held[]>();
  readonly #byId = new Map<EntryId, Held>();
  readonly #byAuthor = new Map<NodeId, Held[]>();
  readonly #additionsOf = new Map<NodeId, Held[]>();
  readonly #renamesBy = new Map<NodeId, Held[]>();
  /** What was said in each place of each chain: one thing, if its author is honest. */
  readonly #said = new Map<string, Held[]>();

  hold(one: Held): void {
    const { deed } = one;
    this.held.push(one);
    this.#byId.set(deed.id, one);
    push(this.#said, `${deed.author} ${one.sequence}`, one);
    push(this.#byAuthor, deed.author, one);
    push(this.speeches, speechOf(one), one);
    if (one.inert === "wrong-recipients") this.misboxed.push(one);
    if (deed.type === "begin" || deed.type === "add") push(this.#additionsOf, deed.target, one);
    if (one.inert === undefined) this.#file(one);
  }

  /** What was allowed goes where its kind is looked for. */
  #file(one: Held): void {
    const { deed } = one;
    switch (deed.type) {
      case "begin":
        this.decisive.push(deed);
        break;
      case "add":
        this.decisive.push(deed);
        this.additions.push(one);
        break;
      case "revoke":
        this.decisive.push(deed);
        this.frontiers.push(one);
        break;
      case "rotate":
        this.rotations.push(one);
        break;
      case "door":
        this.doors.push(one);
        break;
      case "rename":
        push(this.#renamesBy, deed.author, one);
    }
  }

  byId(id: EntryId): Held | undefined {
    return this.#byId.get(id);
  }

  /** What this author said, in the order in which it came. */
  of(author: NodeId): ReadonlyArray<Held> {
    return this.#byAuthor.get(author) ?? [];
  }

  additionsOf(node: NodeId): ReadonlyArray<Held> {
    return this.#additionsOf.get(node) ?? [];
  }

  renamesBy(node: NodeId): ReadonlyArray<Held> {
    return this.#renamesBy.get(node) ?? [];
  }

  /** The key that a node signs with, from an entry that names it. Its id is their hash, so any such entry will do. */
  keyOf(node: NodeId, past: Past): Uint8Array | undefined {
    for (const { deed, entry } of this.additionsOf(node)) {
      if (entry.body.type === "genesis") return entry.body.node.sign;
      if (entry.body.type === "node.add" && past.has(deed.index)) return entry.body.pass.sign;
    }
    return undefined;
  }

  equivocations(): ReadonlyArray<Equivocation> {
    return [...this.#said]
      .filter(([, said]) => said.length > 1)
      .toSorted(([a], [b]) => compareText(a, b))
      .flatMap(([, said]) => {
        const [first, second] = said.toSorted((a, b) => compareText(a.deed.id, b.deed.id));
        if (first === undefined || second === undefined) return [];
        const { author } = first.deed;
        const { bytes } = first.entry;
        return [
          { node: author, sequence: first.sequence, first: bytes, second: second.entry.bytes },
        ];
      });
  }

  /** The same entries, to be added to without touching these. */
  copy(): Register {
    const copied = new Register();
    for (const one of this.held) copied.hold(one);
    return copied;
  }
}

/** In the order of their distances, then of their ids. */
export function speechOf({ depth, deed }: Held): string {
  return `${String(depth).padStart(16, "0")} ${deed.author}`;
}

function push<Key>(groups: Map<Key, Held[]>, key: Key, one: Held): void {
  const group = groups.get(key);
  if (group) group.push(one);
  else groups.set(key, [one]);
}
