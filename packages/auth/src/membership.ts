/** The membership log of an account: who may write, as a pure function of the set of entries, whatever order they came in. */

import { formatHex, parseHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import {
  parseAccountId,
  parseEntryId,
  type AccountId,
  type EntryId,
  type NodeId,
} from "@skein/protocol/ids";
import { membershipEntriesMax, nodesPerAccountMax } from "@skein/protocol/limits";
import type { Crypto } from "./crypto/sodium.ts";
import { nodeIdOf } from "./identity.ts";
import {
  parentsMax,
  parseEntry,
  type AuthoredBody,
  type GenesisBody,
  type ParsedEntry,
} from "./membership-entry.ts";
import { explainNode } from "./membership-explain.ts";
import { compareText, judge, Past, type Deed, type Judgement } from "./membership-rules.ts";
import { summarise, type AccountState, type Held, type InertReason } from "./membership-state.ts";
import { WaitingRoom, type Waiting } from "./membership-waiting.ts";
import { judgePass } from "./pass.ts";

export type RejectReason =
  | "malformed"
  | "wrong-account"
  | "second-genesis"
  | "unknown-author"
  | "bad-signature"
  | "broken-chain"
  | "log-full";

export type Verdict =
  | { readonly kind: "accepted"; readonly id: EntryId }
  | { readonly kind: "duplicate"; readonly id: EntryId }
  | { readonly kind: "parked"; readonly missing: ReadonlyArray<EntryId> }
  | { readonly kind: "inert"; readonly id: EntryId; readonly reason: InertReason }
  | { readonly kind: "rejected"; readonly reason: RejectReason };

export interface Place {
  readonly sequence: number;
  readonly parents: ReadonlyArray<EntryId>;
}

export interface MembershipLog {
  readonly account: AccountId;
  readonly genesis: Bytes;
  /** Takes in one entry, and whatever waited for it. Never throws, whatever the bytes are. */
  readonly add: (entry: Uint8Array) => Verdict;
  readonly has: (id: EntryId) => boolean;
  readonly heads: () => ReadonlyArray<EntryId>;
  /** How many entries the log holds. */
  readonly size: () => number;
  /** Entries that are neither these heads nor their ancestors, parents first. */
  readonly entriesAfter: (heads: ReadonlyArray<EntryId>) => ReadonlyArray<Bytes>;
  /** Every entry, the genesis first, parents before children. */
  readonly all: () => ReadonlyArray<Bytes>;
  readonly state: () => AccountState;
  /** Where the next entry of `author` goes: after everything known, less what is left out. */
  readonly nextPlace: (author: NodeId, leaveOut?: ReadonlyArray<EntryId>) => Place;
  /** Why a node is, or is not, a member: one sentence a line. */
  readonly explain: (node: NodeId) => ReadonlyArray<string>;
}

/** The log that this genesis begins, or `undefined` if it is not one. */
export function openLog({
  crypto,
  genesis,
}: {
  readonly crypto: Crypto;
  readonly genesis: Uint8Array;
}): MembershipLog | undefined {
  const entry = parseEntry(genesis);
  if (entry?.body.type !== "genesis" || !isGenesisSigned(crypto, entry, entry.body))
    return undefined;
  return new Log(crypto, entry, entry.body);
}

/** An account is named by the whole of its genesis, signatures included. */
export function accountIdOf(crypto: Crypto, genesis: Uint8Array): AccountId {
  const account = parseAccountId(formatHex(crypto.hash("account", genesis)));
  assert(account !== undefined, "a hash is an account id");
  return account;
}

function isGenesisSigned(crypto: Crypto, entry: ParsedEntry, body: GenesisBody): boolean {
  const { signed } = entry;
  return (
    signed.door !== undefined &&
    crypto.verify(body.node.sign, crypto.hash("account genesis", signed.body), signed.author) &&
    crypto.verify(body.door.sign, crypto.hash("account genesis door", signed.body), signed.door)
  );
}

class Log implements MembershipLog {
  readonly account: AccountId;
  readonly genesis: Bytes;
  readonly #crypto: Crypto;
  readonly #first: GenesisBody;
  readonly #held: Held[] = [];
  readonly #byId = new Map<EntryId, Held>();
  readonly #byAuthor = new Map<NodeId, Held[]>();
  readonly #heads = new Set<EntryId>();
  readonly #waiting = new WaitingRoom();
  /** What was so after a set of parents. Never changes, so it is worked out once. */
  readonly #judgements = new Map<string, Judgement>();
  #state: AccountState | undefined;

  constructor(crypto: Crypto, entry: ParsedEntry, first: GenesisBody) {
    this.#crypto = crypto;
    this.#first = first;
    this.genesis = entry.bytes;
    this.account = accountIdOf(crypto, entry.bytes);
    const node = nodeIdOf(crypto, first.node.sign, first.node.box);
    const common = { id: this.#idOf(entry), index: 0, author: node, past: new Past(1) };
    const deed: Deed = { ...common, type: "begin", target: node };
    this.#hold({ entry, deed, sequence: 0, inert: undefined }, []);
  }

  add(bytes: Uint8Array): Verdict {
    const entry = parseEntry(bytes);
    if (entry === undefined) return rejected("malformed");
    const { body } = entry;
    const id = this.#idOf(entry);
    if (this.#byId.has(id)) return { kind: "duplicate", id };
    if (body.type === "genesis") return rejected("second-genesis");
    if (body.log !== this.account) return rejected("wrong-account");
    const missing = body.parents.filter((parent) => !this.#byId.has(parent));
    if (missing.length > 0) {
      this.#waiting.add({ entry, body, id });
      return { kind: "parked", missing };
    }
    const verdict = this.#admit({ entry, body, id });
    this.#callIn(id);
    return verdict;
  }

  has(id: EntryId): boolean {
    return this.#byId.has(id);
  }

  size(): number {
    return this.#held.length;
  }

  heads(): ReadonlyArray<EntryId> {
    return [...this.#heads].toSorted(compareText);
  }

  entriesAfter(heads: ReadonlyArray<EntryId>): ReadonlyArray<Bytes> {
    const known = new Past(this.#held.length);
    for (const id of heads) {
      const head = this.#byId.get(id);
      if (head === undefined) continue;
      known.join(head.deed.past);
      known.add(head.deed.index);
    }
    return this.#held.filter(({ deed }) => !known.has(deed.index)).map(({ entry }) => entry.bytes);
  }

  all(): ReadonlyArray<Bytes> {
    return this.#held.map(({ entry }) => entry.bytes);
  }

  state(): AccountState {
    this.#state ??= summarise(this.account, this.#held, judge(this.#allowed()));
    return this.#state;
  }

  explain(node: NodeId): ReadonlyArray<string> {
    return explainNode(node, this.#held, judge(this.#allowed()));
  }

  nextPlace(author: NodeId, leaveOut: ReadonlyArray<EntryId> = []): Place {
    const own = this.#byAuthor.get(author)?.reduce((a, b) => (b.sequence > a.sequence ? b : a));
    const left = leaveOut
      .map((id) => this.#byId.get(id)?.deed)
      .filter((deed) => deed !== undefined);
    const isVouchedFor = ({ deed }: Held): boolean =>
      own?.deed === deed ||
      own?.deed.past.has(deed.index) === true ||
      !left.some(({ index }) => index === deed.index || deed.past.has(index));
    const kept = this.#held.filter(isVouchedFor);
    const covered = new Past(this.#held.length);
    for (const { deed } of kept) covered.join(deed.past);
    const tips = kept.map(({ deed }) => deed).filter(({ index }) => !covered.has(index));
    const holdsOwn = (deed: Deed): boolean =>
      own !== undefined && (deed === own.deed || deed.past.has(own.deed.index));
    const chosen = tips
      .toSorted((a, b) => Number(holdsOwn(b)) - Number(holdsOwn(a)) || a.index - b.index)
      .slice(0, parentsMax);
    return {
      sequence: own === undefined ? 0 : own.sequence + 1,
      parents: chosen.map(({ id }) => id).toSorted(compareText),
    };
  }

  #idOf(entry: ParsedEntry): EntryId {
    const id = parseEntryId(formatHex(this.#crypto.hash("entry", entry.bytes)));
    assert(id !== undefined, "a hash is an entry id");
    return id;
  }

  /** Admits those that waited for `id`, and those that waited for them. */
  #callIn(id: EntryId): void {
    const arrived = [id];
    for (const parent of arrived) {
      if (!this.#byId.has(parent)) continue;
      const isReady = ({ body }: Waiting): boolean =>
        body.parents.every((it) => this.#byId.has(it));
      for (const waiting of this.#waiting.take(parent, isReady)) {
        this.#admit(waiting);
        arrived.push(waiting.id);
      }
    }
  }

  #admit({ entry, body, id }: Waiting): Verdict {
    const room = membershipEntriesMax - (entry.signed.door === undefined ? entriesForTheDoor : 0);
    if (this.#held.length >= room) return rejected("log-full");
    const past = new Past(this.#held.length);
    for (const parent of this.#parentsOf(body)) {
      past.join(parent.past);
      past.add(parent.index);
    }
    const keys = this.#keysOf(body.author, past);
    if (keys === undefined) return rejected("unknown-author");
    if (!this.#isSigned(entry, keys)) return rejected("bad-signature");
    if (!this.#continuesChain(body, past)) return rejected("broken-chain");
    const deed = this.#deedOf(entry, body, {
      id,
      index: this.#held.length,
      author: body.author,
      past,
    });
    const inert = this.#objection(body, deed);
    this.#hold({ entry, deed, sequence: body.sequence, inert }, body.parents);
    return inert === undefined ? { kind: "accepted", id } : { kind: "inert", id, reason: inert };
  }

  #hold(held: Held, parents: ReadonlyArray<EntryId>): void {
    const { id, author } = held.deed;
    this.#held.push(held);
    this.#byId.set(id, held);
    const others = this.#byAuthor.get(author);
    if (others) others.push(held);
    else this.#byAuthor.set(author, [held]);
    for (const parent of parents) this.#heads.delete(parent);
    this.#heads.add(id);
    this.#state = undefined;
  }

  #parentsOf(body: AuthoredBody): ReadonlyArray<Deed> {
    return body.parents.map((id) => this.#byId.get(id)?.deed).filter((deed) => deed !== undefined);
  }

  /** The key that a node signs with, from an entry that names it. Its id is their hash, so any such entry will do. */
  #keysOf(node: NodeId, past: Past): Uint8Array | undefined {
    for (const { deed, entry } of this.#held) {
      if (deed.type !== "begin" && (deed.type !== "add" || !past.has(deed.index))) continue;
      if (deed.target !== node) continue;
      if (entry.body.type === "genesis") return entry.body.node.sign;
      if (entry.body.type === "node.add") return entry.body.pass.sign;
    }
    return undefined;
  }

  #isSigned({ signed }: ParsedEntry, key: Uint8Array): boolean {
    const account = bytesOf(this.account);
    const said = this.#crypto.hash("membership entry", account, signed.body);
    if (!this.#crypto.verify(key, said, signed.author)) return false;
    if (signed.door === undefined) return true;
    const allowed = this.#crypto.hash("membership entry door", account, signed.body);
    return this.#crypto.verify(this.#first.door.sign, allowed, signed.door);
  }

  /** An author's entries form one chain: this one has seen the one before it, and none after that. */
  #continuesChain({ author, sequence }: AuthoredBody, past: Past): boolean {
    const seen = (this.#byAuthor.get(author) ?? []).filter(({ deed }) => past.has(deed.index));
    return seen.length === 0
      ? sequence === 0
      : seen.reduce((last, held) => Math.max(last, held.sequence), 0) === sequence - 1;
  }

  #deedOf(
    entry: ParsedEntry,
    body: AuthoredBody,
    common: Pick<Deed, "id" | "index" | "author" | "past">,
  ): Deed {
    switch (body.type) {
      case "node.add": {
        const target = nodeIdOf(this.#crypto, body.pass.sign, body.pass.box);
        return { ...common, type: "add", target };
      }
      case "node.revoke": {
        const withPassphrase = entry.signed.door !== undefined;
        return { ...common, type: "revoke", target: body.target, withPassphrase };
      }
      case "node.rename":
        return { ...common, type: "rename" };
    }
  }

  /** What was against it when it was said, by what its author had seen. Decided once, never again. */
  #objection(body: AuthoredBody, deed: Deed): InertReason | undefined {
    const then = this.#judgePast(body, deed.past);
    if (!then.members.has(body.author)) return "not-a-member";
    if (body.type === "node.add") return this.#objectionToAdding(body, then);
    return deed.type === "revoke" ? objectionToRevoking(deed, then) : undefined;
  }

  #objectionToAdding(
    body: Extract<AuthoredBody, { readonly type: "node.add" }>,
    then: Judgement,
  ): InertReason | undefined {
    if (body.epoch !== 0) return "wrong-epoch";
    const target = judgePass(this.#crypto, this.#first.door.sign, body.pass);
    if (target === undefined) return "no-pass";
    if (then.revoked.has(target)) return "target-revoked";
    if (then.members.has(target)) return "already-a-member";
    return then.members.size >= nodesPerAccountMax ? "account-full" : undefined;
  }

  #judgePast(body: AuthoredBody, past: Past): Judgement {
    const key = body.parents.join();
    const before = this.#judgements.get(key);
    if (before !== undefined) return before;
    const judgement = judge(this.#allowed().filter(({ index }) => past.has(index)));
    this.#judgements.set(key, judgement);
    return judgement;
  }

  #allowed(): ReadonlyArray<Deed> {
    return this.#held.filter(({ inert }) => inert === undefined).map(({ deed }) => deed);
  }
}

function objectionToRevoking(
  deed: Extract<Deed, { readonly type: "revoke" }>,
  then: Judgement,
): InertReason | undefined {
  if (!then.known.has(deed.target)) return "unknown-target";
  const mayRevoke =
    deed.withPassphrase || deed.target === deed.author || then.dependsOn(deed.target, deed.author);
  return mayRevoke ? undefined : "not-allowed";
}

function rejected(reason: RejectReason): Verdict {
  return { kind: "rejected", reason };
}

/** An id as it is hashed and signed. */
export function bytesOf(id: AccountId | NodeId): Bytes {
  const raw = parseHex(id);
  assert(raw !== undefined, "an id is hex");
  return raw;
}

/** The last places of a log are kept for entries made with the passphrase: whoever fills it can still be revoked. */
const entriesForTheDoor = 128;
