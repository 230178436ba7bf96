/** The membership log of an account: who may write, as a pure function of the set of entries, whatever order they came in. */

import { formatHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import {
  instant,
  parseAccountId,
  parseEntryId,
  type AccountId,
  type EntryId,
  type Instant,
  type NodeId,
} from "@skein/protocol/ids";
import {
  membershipEntriesForRecovery,
  membershipEntriesForTheDoor,
  membershipEntriesMax,
} from "@skein/protocol/limits";
import type { Crypto } from "./crypto/sodium.ts";
import { bytesOf, nodeIdOf, recoveryAuthorOf } from "./identity.ts";
import {
  parseEntry,
  type AuthoredBody,
  type EntryBody,
  type GenesisBody,
  type ParsedEntry,
} from "./membership-entry.ts";
import { explainNode } from "./membership-explain.ts";
import { counts, doorInForce, type View } from "./membership-keys.ts";
import { objectionTo } from "./membership-objections.ts";
import { placeIn, type Place } from "./membership-place.ts";
import { Register, type Held, type InertReason } from "./membership-register.ts";
import { compareText, judge, Past, type Deed, type Judgement } from "./membership-rules.ts";
import { signersIn, type Signer } from "./membership-signers.ts";
import { summarise, type AccountState } from "./membership-state.ts";
import { WaitingRoom, type Waiting } from "./membership-waiting.ts";

export type RejectReason =
  | "malformed"
  | "wrong-account"
  | "second-genesis"
  | "unknown-author"
  | "bad-signature"
  | "broken-chain"
  /** Its author had said `entriesPerDayMax` things on the day that the entry names. */
  | "over-quota"
  | "log-full";

export type Verdict =
  | { readonly kind: "accepted"; readonly id: EntryId }
  | { readonly kind: "duplicate"; readonly id: EntryId }
  | { readonly kind: "parked"; readonly missing: ReadonlyArray<EntryId> }
  | { readonly kind: "inert"; readonly id: EntryId; readonly reason: InertReason }
  | { readonly kind: "rejected"; readonly reason: RejectReason };

export interface MembershipLog {
  readonly account: AccountId;
  readonly genesis: Bytes;
  /**
   * Takes in one entry, and whatever waited for it. Never throws, whatever the bytes are. `sender` names whoever it came
   * from: what has to wait for its parents takes up only so much room for each.
   */
  readonly add: (entry: Uint8Array, sender?: string) => Verdict;
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
  /** Every entry, told: what a person is shown, and from which an instant is turned into what is left out. */
  readonly told: () => ReadonlyArray<ToldEntry>;
  /** Every node that was ever a member, with its signing key, and until when if it was revoked. */
  readonly signers: () => ReadonlyArray<Signer>;
  /** The same log, to try something on: what is added to it is not added here. */
  readonly fork: () => MembershipLog;
}

export interface ToldEntry {
  readonly id: EntryId;
  readonly author: NodeId;
  readonly at: Instant;
  readonly type: EntryBody["type"];
  readonly target: NodeId | undefined;
  /** Allowed when it was said, and its author stands. */
  readonly counts: boolean;
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
  return new Log(crypto, { entry, body: entry.body });
}

/** An account is named by the whole of its genesis, signatures included. */
export function accountIdOf(crypto: Crypto, genesis: Uint8Array): AccountId {
  const account = parseAccountId(formatHex(crypto.hash("account", genesis)));
  assert(account !== undefined, "a hash is an account id");
  return account;
}

interface Genesis {
  readonly entry: ParsedEntry;
  readonly body: GenesisBody;
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
  readonly #recovery: NodeId | undefined;
  readonly #register: Register;
  readonly #heads = new Set<EntryId>();
  readonly #waiting = new WaitingRoom();
  /** What was so after a set of parents. Never changes; the last few are kept. */
  readonly #judgements = new Map<string, Judgement>();
  /** What is so now: one entry more seldom changes all of it. */
  #whole: Judgement | undefined;
  #state: AccountState | undefined;

  constructor(crypto: Crypto, genesis: Genesis, from?: Log) {
    const { entry, body } = genesis;
    this.#crypto = crypto;
    this.#first = body;
    this.#recovery = body.recovery && recoveryAuthorOf(crypto, body.recovery);
    this.genesis = entry.bytes;
    this.account = accountIdOf(crypto, entry.bytes);
    this.#register = from === undefined ? new Register() : from.#register.copy();
    if (from !== undefined) {
      for (const head of from.#heads) this.#heads.add(head);
      return;
    }
    const node = nodeIdOf(crypto, body.node.sign, body.node.box);
    const common = { id: this.#idOf(entry), index: 0, author: node, past: new Past(1) };
    const deed: Deed = { ...common, type: "begin", target: node };
    this.#hold({ entry, deed, sequence: 0, inert: undefined }, []);
  }

  add(bytes: Uint8Array, sender = "somebody"): Verdict {
    const entry = parseEntry(bytes);
    if (entry === undefined) return rejected("malformed");
    const { body } = entry;
    const id = this.#idOf(entry);
    if (this.has(id)) return { kind: "duplicate", id };
    if (body.type === "genesis") return rejected("second-genesis");
    if (body.log !== this.account) return rejected("wrong-account");
    const missing = body.parents.filter((parent) => !this.has(parent));
    if (missing.length > 0) {
      this.#waiting.add({ entry, body, id, sender });
      return { kind: "parked", missing };
    }
    const verdict = this.#admit({ entry, body, id });
    this.#callIn(id);
    return verdict;
  }

  has(id: EntryId): boolean {
    return this.#register.byId(id) !== undefined;
  }

  size(): number {
    return this.#register.held.length;
  }

  heads(): ReadonlyArray<EntryId> {
    return [...this.#heads].toSorted(compareText);
  }

  entriesAfter(heads: ReadonlyArray<EntryId>): ReadonlyArray<Bytes> {
    const known = new Past(this.size());
    for (const id of heads) {
      const head = this.#register.byId(id);
      if (head === undefined) continue;
      known.join(head.deed.past);
      known.add(head.deed.index);
    }
    return this.#register.held
      .filter(({ deed }) => !known.has(deed.index))
      .map(({ entry }) => entry.bytes);
  }

  all(): ReadonlyArray<Bytes> {
    return this.#register.held.map(({ entry }) => entry.bytes);
  }

  state(): AccountState {
    this.#state ??= summarise({ account: this.account, recovery: this.#recovery, ...this.#view() });
    return this.#state;
  }

  explain(node: NodeId): ReadonlyArray<string> {
    return explainNode(node, this.#register.held, this.#judgeNow());
  }

  told(): ReadonlyArray<ToldEntry> {
    const view = this.#view();
    return this.#register.held.map((held) => ({
      id: held.deed.id,
      author: held.deed.author,
      at: instant(held.entry.body.at),
      type: held.entry.body.type,
      target: "target" in held.deed ? held.deed.target : undefined,
      counts: held.deed.index === 0 || counts(held, view),
    }));
  }

  signers(): ReadonlyArray<Signer> {
    return signersIn(this.#view());
  }

  fork(): MembershipLog {
    const [held] = this.#register.held;
    assert(held !== undefined, "a log begins with its genesis");
    return new Log(this.#crypto, { entry: held.entry, body: this.#first }, this);
  }

  nextPlace(author: NodeId, leaveOut: ReadonlyArray<EntryId> = []): Place {
    const left = leaveOut
      .map((id) => this.#register.byId(id)?.deed)
      .filter((deed) => deed !== undefined);
    return placeIn({ register: this.#register, author, left, heads: this.heads() });
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
      if (!this.has(parent)) continue;
      const isReady = ({ body }: Waiting): boolean => body.parents.every((it) => this.has(it));
      for (const waiting of this.#waiting.take(parent, isReady)) {
        this.#admit(waiting);
        arrived.push(waiting.id);
      }
    }
  }

  #admit({ entry, body, id }: Omit<Waiting, "sender">): Verdict {
    const byRecovery = body.author === this.#recovery;
    const isPrivileged = entry.signed.door !== undefined || byRecovery;
    if (this.size() >= roomFor({ byRecovery, isPrivileged })) return rejected("log-full");
    const past = this.#pastOf(body.parents);
    const key = this.#keyOf(body.author, past);
    if (key === undefined) return rejected("unknown-author");
    if (!this.#isSignedBy(key, entry)) return rejected("bad-signature");
    const said = this.#register.of(body.author).filter(({ deed }) => past.has(deed.index));
    if (!continuesChain(body, said)) return rejected("broken-chain");
    if (!isPrivileged && isOverQuota(body, said)) return rejected("over-quota");
    const view = this.#viewOf(body.parents, past);
    const door = doorInForce(view);
    if (!this.#isSignedAtDoor(door.sign, entry)) return rejected("bad-signature");
    const common = { id, index: this.size(), author: body.author, past };
    const deed = this.#deedOf(entry, body, { ...common, door: door.entry });
    const inert = objectionTo({ crypto: this.#crypto, recovery: this.#recovery, body, deed, view });
    this.#hold({ entry, deed, sequence: body.sequence, inert }, body.parents);
    return inert === undefined ? { kind: "accepted", id } : { kind: "inert", id, reason: inert };
  }

  #pastOf(parents: ReadonlyArray<EntryId>): Past {
    const past = new Past(this.size());
    for (const parent of parents) {
      const deed = this.#register.byId(parent)?.deed;
      if (deed === undefined) continue;
      past.join(deed.past);
      past.add(deed.index);
    }
    return past;
  }

  #hold(held: Held, parents: ReadonlyArray<EntryId>): void {
    this.#register.hold(held);
    for (const parent of parents) this.#heads.delete(parent);
    this.#heads.add(held.deed.id);
    this.#state = undefined;
    if (this.#whole !== undefined) this.#whole = judgeOneMore(this.#whole, held);
  }

  /** The recovery key is its own proof; a node has to have been let in by something that this entry has seen. */
  #keyOf(author: NodeId, past: Past): Uint8Array | undefined {
    return author === this.#recovery ? this.#first.recovery : this.#register.keyOf(author, past);
  }

  #isSignedBy(key: Uint8Array, { signed }: ParsedEntry): boolean {
    const said = this.#crypto.hash("membership entry", bytesOf(this.account), signed.body);
    return this.#crypto.verify(key, said, signed.author);
  }

  /** By the door as it was when this was said: old words sign nothing new. */
  #isSignedAtDoor(key: Uint8Array, { signed }: ParsedEntry): boolean {
    if (signed.door === undefined) return true;
    const allowed = this.#crypto.hash("membership entry door", bytesOf(this.account), signed.body);
    return this.#crypto.verify(key, allowed, signed.door);
  }

  #deedOf(
    entry: ParsedEntry,
    body: AuthoredBody,
    {
      door,
      ...common
    }: Pick<Deed, "id" | "index" | "author" | "past"> & { readonly door: EntryId },
  ): Deed {
    const byDoor = entry.signed.door === undefined ? 2 : 1;
    const level = body.author === this.#recovery ? 0 : byDoor;
    switch (body.type) {
      case "node.add": {
        const target = nodeIdOf(this.#crypto, body.pass.sign, body.pass.box);
        return { ...common, type: "add", target };
      }
      case "node.revoke":
        return { ...common, type: "revoke", target: body.target, level };
      case "key.rotate":
        return { ...common, type: "rotate", door };
      case "door.set":
        return { ...common, type: "door", level, replaces: door };
      case "node.rename":
        return { ...common, type: "rename" };
    }
  }

  #judgeNow(): Judgement {
    this.#whole ??= judge(this.#register.decisive, this.#recovery);
    return this.#whole;
  }

  #view(): View {
    return { register: this.#register, judgement: this.#judgeNow() };
  }

  #viewOf(parents: ReadonlyArray<EntryId>, within: Past): View {
    const register = this.#register;
    const isAll = [...this.#heads].every((id) => within.has(register.byId(id)?.deed.index ?? -1));
    if (isAll) return { register, within, judgement: this.#judgeNow() };
    const key = parents.join();
    const known =
      this.#judgements.get(key) ??
      judge(
        register.decisive.filter(({ index }) => within.has(index)),
        this.#recovery,
      );
    this.#judgements.delete(key);
    this.#judgements.set(key, known);
    const oldest = this.#judgements.keys().next();
    if (this.#judgements.size > judgementsMax && oldest.done !== true)
      this.#judgements.delete(oldest.value);
    return { register, within, judgement: known };
  }
}

/** `undefined`: everything has to be looked at again. */
function judgeOneMore(whole: Judgement, { deed, inert }: Held): Judgement | undefined {
  if (inert !== undefined) return whole;
  switch (deed.type) {
    case "rename":
    case "rotate":
    case "door":
      return whole;
    case "begin":
    case "add":
      return whole.known.has(deed.target) ? undefined : whole.with(deed);
    case "revoke":
      return undefined;
  }
}

/** An author's entries form one chain: this one has seen the one before it, and none after that. */
function continuesChain({ sequence }: AuthoredBody, said: ReadonlyArray<Held>): boolean {
  return sequence === said.reduce((next, held) => Math.max(next, held.sequence + 1), 0);
}

function isOverQuota({ at }: AuthoredBody, said: ReadonlyArray<Held>): boolean {
  const day = Math.floor(at / dayMillis);
  const sameDay = said.filter(({ entry }) => Math.floor(entry.body.at / dayMillis) === day);
  return sameDay.length >= entriesPerDayMax;
}

/** The last places are kept: for the passphrase, and the very last for the recovery key, which whoever has the words lacks. */
function roomFor(by: { readonly byRecovery: boolean; readonly isPrivileged: boolean }): number {
  if (by.byRecovery) return membershipEntriesMax;
  const below = membershipEntriesMax - membershipEntriesForRecovery;
  return by.isPrivileged ? below : below - membershipEntriesForTheDoor;
}

function rejected(reason: RejectReason): Verdict {
  return { kind: "rejected", reason };
}

/** What one author says on one day, by the days that it names itself. With the passphrase it says as much as it likes. */
const entriesPerDayMax = 64;
const dayMillis = 24 * 60 * 60_000;
const judgementsMax = 64;
