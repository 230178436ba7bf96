/** The membership log of an account: who may write, as a pure function of the set of entries, whatever order they came in. */

import { formatHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import {
  parseAccountId,
  parseEntryId,
  type AccountId,
  type EntryId,
  type NodeId,
} from "@skein/protocol/ids";
import type { Crypto } from "./crypto/sodium.ts";
import { bytesOf, nodeIdOf, recoveryAuthorOf } from "./identity.ts";
import {
  parseEntry,
  type AuthoredBody,
  type GenesisBody,
  type ParsedEntry,
  type RefFrontier,
} from "./membership-entry.ts";
import { continuesChain, entriesBeforeMax, isOverQuota } from "./membership-bounds.ts";
import { explainNode } from "./membership-explain.ts";
import { doorInForce, type View } from "./membership-keys.ts";
import { objectionTo } from "./membership-objections.ts";
import { placeIn, type Place } from "./membership-place.ts";
import { keptPlaces } from "./membership-places.ts";
import { Register, type Held, type InertReason } from "./membership-register.ts";
import {
  compareText,
  judge,
  judgeOneMore,
  Past,
  type Deed,
  type Judgement,
  type Level,
} from "./membership-rules.ts";
import { signersIn, type Signer } from "./membership-signers.ts";
import { summarise, type AccountState } from "./membership-state.ts";
import { tellEntries, type ToldEntry } from "./membership-told.ts";
import { vouchedBy, vouchIn, type Vouching } from "./membership-vouching.ts";
import { WaitingRoom, type Waiting } from "./membership-waiting.ts";

export type RejectReason =
  | "malformed"
  | "wrong-account"
  | "second-genesis"
  | "unknown-author"
  | "bad-signature"
  | "broken-chain"
  | "not-a-member"
  /** Its author had said as much without the passphrase as a node says. */
  | "over-quota"
  /** As much as a log holds is before it, or its author's places are taken by what ranks before it. */
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
  /** What a revocation has to name, so that what it leaves out does not count even where its author built upon it. */
  readonly vouch: (vouching: Vouching) => RefFrontier;
  /** Why a node is, or is not, a member: one sentence a line. */
  readonly explain: (node: NodeId) => ReadonlyArray<string>;
  /** Every entry, told: what a person is shown, and from which an instant is turned into what is left out. */
  readonly told: () => ReadonlyArray<ToldEntry>;
  /** Every node that was ever a member, with its signing key, and until when if it was revoked. */
  readonly signers: () => ReadonlyArray<Signer>;
  /** The same log, to try something on: what is added to it is not added here. */
  readonly fork: () => MembershipLog;
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
  #register: Register;
  readonly #heads = new Set<EntryId>();
  /** Their parents have not come. */
  readonly #waiting = new WaitingRoom();
  /** All that is before them came, and they have no place, unless something that has one stands on them. */
  readonly #spare = new WaitingRoom();
  /** Entries that were taken in since places were given out. */
  #unsettled = 0;
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
    this.#hold({ entry, deed, sequence: 0, level: 1, depth: 0, inert: undefined }, []);
  }

  add(bytes: Uint8Array, sender = "somebody"): Verdict {
    const entry = parseEntry(bytes);
    if (entry === undefined) return rejected("malformed");
    const { body } = entry;
    const id = this.#idOf(entry);
    if (this.#register.byId(id) !== undefined) return { kind: "duplicate", id };
    if (body.type === "genesis") return rejected("second-genesis");
    if (body.log !== this.account) return rejected("wrong-account");
    if (this.#spare.get(id) !== undefined) return rejected("log-full");
    const missing = body.parents.filter((parent) => !this.#isWhole(parent));
    if (missing.length > 0) {
      this.#waiting.add({ entry, body, id, sender });
      return { kind: "parked", missing };
    }
    const verdict = this.#take({ entry, body, id, sender });
    this.#callIn(id);
    return verdict;
  }

  has(id: EntryId): boolean {
    return this.#settled().byId(id) !== undefined;
  }

  size(): number {
    return this.#settled().held.length;
  }

  heads(): ReadonlyArray<EntryId> {
    this.#settled();
    return [...this.#heads].toSorted(compareText);
  }

  entriesAfter(heads: ReadonlyArray<EntryId>): ReadonlyArray<Bytes> {
    const known = new Past(this.size());
    for (const id of heads) {
      const head = this.#settled().byId(id);
      if (head === undefined) continue;
      known.join(head.deed.past);
      known.add(head.deed.index);
    }
    return this.#settled()
      .held.filter(({ deed }) => !known.has(deed.index))
      .map(({ entry }) => entry.bytes);
  }

  all(): ReadonlyArray<Bytes> {
    return this.#settled().held.map(({ entry }) => entry.bytes);
  }

  state(): AccountState {
    const view = this.#settledView();
    this.#state ??= summarise({ account: this.account, recovery: this.#recovery, ...view });
    return this.#state;
  }

  explain(node: NodeId): ReadonlyArray<string> {
    return explainNode(node, this.#settled().held, this.#judgeNow());
  }

  told(): ReadonlyArray<ToldEntry> {
    return tellEntries(this.#settledView());
  }

  signers(): ReadonlyArray<Signer> {
    return signersIn(this.#settledView());
  }

  fork(): MembershipLog {
    const [held] = this.#settled().held;
    assert(held !== undefined, "a log begins with its genesis");
    return new Log(this.#crypto, { entry: held.entry, body: this.#first }, this);
  }

  nextPlace(author: NodeId, leaveOut: ReadonlyArray<EntryId> = []): Place {
    const register = this.#settled();
    const left = leaveOut.map((id) => register.byId(id)?.deed).filter((deed) => deed !== undefined);
    const byRecovery = author === this.#recovery;
    const most = entriesBeforeMax[byRecovery ? 0 : 1];
    return placeIn({ register, author, left, heads: this.heads(), most });
  }

  vouch(vouching: Vouching): RefFrontier {
    return vouchIn(this.#settledView(), this.account, vouching);
  }

  #idOf(entry: ParsedEntry): EntryId {
    const id = parseEntryId(formatHex(this.#crypto.hash("entry", entry.bytes)));
    assert(id !== undefined, "a hash is an entry id");
    return id;
  }

  /** Takes those that waited for `id`, and those that waited for them. */
  #callIn(id: EntryId): void {
    const arrived = [id];
    for (const parent of arrived) {
      if (!this.#isWhole(parent)) continue;
      const isReady = ({ body }: Waiting): boolean => body.parents.every((it) => this.#isWhole(it));
      for (const waiting of this.#waiting.take(parent, isReady)) {
        this.#take(waiting);
        arrived.push(waiting.id);
      }
    }
  }

  /** Whether it came, with all that is before it. */
  #isWhole(id: EntryId): boolean {
    return this.#register.byId(id) !== undefined || this.#spare.get(id) !== undefined;
  }

  /** Admits an entry, with those before it that had no place so far. */
  #take(one: Waiting): Verdict {
    const before = this.#spareBefore(one);
    for (const earlier of before) {
      this.#spare.remove(earlier.id);
      this.#admit(earlier);
    }
    const verdict = this.#admit(one);
    this.#unsettled += before.length + 1;
    if (this.#unsettled >= unsettledMax) this.#settled();
    return verdict;
  }

  /** What stands before an entry without a place of its own, parents first. */
  #spareBefore({ body }: Waiting): ReadonlyArray<Waiting> {
    const found = new Map<EntryId, Waiting>();
    const visit = (parents: ReadonlyArray<EntryId>): void => {
      for (const parent of parents) {
        const spare = found.has(parent) ? undefined : this.#spare.get(parent);
        if (spare === undefined) continue;
        visit(spare.body.parents);
        found.set(parent, spare);
      }
    };
    visit(body.parents);
    return [...found.values()];
  }

  #admit({ entry, body, id }: Omit<Waiting, "sender">): Verdict {
    const level = this.#levelOf(entry, body);
    const past = this.#pastOf(body.parents);
    const refusal = this.#refusalOf({ entry, body }, level, past);
    if (refusal !== undefined) return rejected(refusal);
    const view = this.#viewOf(body.parents, past);
    if (level > 0 && !view.judgement.members.has(body.author)) return rejected("not-a-member");
    const door = doorInForce(view);
    if (!this.#isSignedAtDoor(door.sign, entry)) return rejected("bad-signature");
    const common = { id, index: this.#register.held.length, author: body.author, past };
    const deed = this.#deedOf(body, { ...common, level, door: door.entry });
    const inert = objectionTo({ crypto: this.#crypto, recovery: this.#recovery, body, deed, view });
    const depth = view.judgement.depthOf(body.author);
    const held: Held = { entry, deed, sequence: body.sequence, level, depth, inert };
    this.#hold(held, body.parents);
    return inert === undefined ? { kind: "accepted", id } : { kind: "inert", id, reason: inert };
  }

  #levelOf({ signed }: ParsedEntry, { author }: AuthoredBody): Level {
    if (author === this.#recovery) return 0;
    return signed.door === undefined ? 2 : 1;
  }

  /** What stands against an entry by its own past alone, before anything is judged. */
  #refusalOf(
    { entry, body }: Pick<Waiting, "entry" | "body">,
    level: Level,
    past: Past,
  ): RejectReason | undefined {
    if (past.size() >= entriesBeforeMax[level]) return "log-full";
    const key = this.#keyOf(body.author, past);
    if (key === undefined) return "unknown-author";
    if (!this.#isSignedBy(key, entry)) return "bad-signature";
    const said = this.#register.of(body.author).filter(({ deed }) => past.has(deed.index));
    if (!continuesChain(body, said)) return "broken-chain";
    return level === 2 && isOverQuota(said) ? "over-quota" : undefined;
  }

  /** The entries that have a place. Where more was said than there are places for, the others are put aside. */
  #settled(): Register {
    const isDue = this.#unsettled > 0;
    this.#unsettled = 0;
    const kept = isDue ? keptPlaces(this.#register) : undefined;
    const { held } = this.#register;
    if (kept === undefined || kept.size() === held.length) return this.#register;
    this.#register = new Register();
    this.#heads.clear();
    this.#judgements.clear();
    this.#whole = undefined;
    for (const one of held) {
      const { body } = one.entry;
      const parents = body.type === "genesis" ? [] : body.parents;
      if (kept.has(one.deed.index)) {
        const past = this.#pastOf(parents);
        const deed = { ...one.deed, index: this.#register.held.length, past };
        const vouched = vouchedBy(body, this.#register, past);
        this.#hold({ ...one, deed: deed.type === "revoke" ? { ...deed, vouched } : deed }, parents);
      } else if (body.type !== "genesis") {
        const { entry, deed } = one;
        this.#spare.add({ entry, body, id: deed.id, sender: "those without a place" });
      }
    }
    return this.#register;
  }

  #pastOf(parents: ReadonlyArray<EntryId>): Past {
    const past = new Past(this.#register.held.length);
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
    if (this.#whole !== undefined && held.inert === undefined)
      this.#whole = judgeOneMore(this.#whole, held.deed);
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
    body: AuthoredBody,
    {
      door,
      level,
      ...common
    }: Pick<Deed, "id" | "index" | "author" | "past"> & {
      readonly door: EntryId;
      readonly level: Level;
    },
  ): Deed {
    switch (body.type) {
      case "node.add": {
        const target = nodeIdOf(this.#crypto, body.pass.sign, body.pass.box);
        return { ...common, type: "add", target };
      }
      case "node.revoke":
        return {
          ...common,
          type: "revoke",
          target: body.target,
          level,
          vouched: vouchedBy(body, this.#register, common.past),
        };
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

  #settledView(): View {
    return { register: this.#settled(), judgement: this.#judgeNow() };
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

function rejected(reason: RejectReason): Verdict {
  return { kind: "rejected", reason };
}

const judgementsMax = 64;
/** Places are given out anew when somebody looks, or after so many entries. */
const unsettledMax = 512;
