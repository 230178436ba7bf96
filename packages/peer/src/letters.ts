/**
 * Letters to nodes that are away, where a relay holds such things: the wish to be authorised, the entry that does it, and
 * word of new commits.
 *
 * Nothing depends on them. A letter that is lost, late or read twice changes nothing that the next meeting would not.
 */

import { judgeLetter, writeLetter } from "@skein/auth/letter";
import { judgePass } from "@skein/auth/pass";
import { later, type NodeId, type RepoId } from "@skein/protocol/ids";
import { letterReposMax } from "@skein/protocol/limits";
import type { Letter, LetterBody } from "@skein/protocol/topic-messages/letter";
import type { Alarms } from "./alarms.ts";
import type { Contacts } from "./contacts.ts";
import { isWriter, type Identity } from "./identity.ts";
import type { MembershipGossip } from "./membership-gossip.ts";
import type { Network } from "./network.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import type { Repositories } from "./repositories.ts";

interface LettersOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly alarms: Alarms;
  readonly network: Network;
  readonly notices: Notices;
  readonly contacts: Contacts;
  readonly membership: MembershipGossip;
  readonly repositories: Repositories;
  readonly changed: () => void;
}

export class Letters {
  readonly #options: LettersOptions;
  /** How far this node's own records were when others were last written to. */
  readonly #told = new Map<RepoId, number>();
  /** The newest of each kind that each node wrote. */
  readonly #read = new Map<string, number>();
  /** How far nodes that are away said that they are. */
  readonly #claims = new Map<NodeId, ReadonlyMap<RepoId, number>>();
  #isIn = false;
  #isDue = false;

  constructor(options: LettersOptions) {
    this.#options = options;
  }

  /** What is here by now was told when it was made. */
  moveIn(): void {
    const { alarms, ports } = this.#options;
    for (const { repo, seq } of this.#own()) this.#told.set(repo, seq);
    this.#isIn = true;
    alarms.set("letters of request", later(ports.clock.now(), meetingMillis), () =>
      this.#askThoseAway(),
    );
  }

  /** Something happened in a repository: perhaps a commit of this node's. */
  repositoriesChanged(): void {
    const { alarms, ports } = this.#options;
    if (!this.#isIn || this.#isDue || this.#news().length === 0) return;
    this.#isDue = true;
    alarms.set("letters of refs", later(ports.clock.now(), gatherMillis), () =>
      this.#tellThoseAway(),
    );
  }

  /** This node went away: perhaps before it had what was told it last. To be called while it is known what it had. */
  gone(node: NodeId): void {
    const { repositories, identity } = this.#options;
    const { id: me } = identity.keys;
    const hadOf = (one: ReturnType<Repositories["all"]>[number]): number =>
      (one.sync().claims.get(node) ?? []).find((claim) => claim.node === me)?.seq ?? 0;
    const lacking = repositories
      .all()
      .map((one) => ({ repo: one.id, seq: one.streams().get(me)?.seq ?? 0, had: hadOf(one) }))
      .filter(({ seq, had }) => seq > had);
    const repos = lacking.slice(0, letterReposMax).map(({ repo, seq }) => ({ repo, seq }));
    if (repos.length > 0 && this.#isAway(node)) this.#write(node, { type: "moved", repos });
  }

  /** The entry that lets this node in: it may be gone before it hears of it. */
  handEntry(to: NodeId, entry: LetterBody & { readonly type: "entry" }): void {
    this.#write(to, entry);
  }

  /** How far a node that is away said that it is, by repository. */
  claimsOf(node: NodeId): ReadonlyMap<RepoId, number> {
    return this.#claims.get(node) ?? new Map();
  }

  received(letter: Letter): void {
    const { ports, identity, network, membership, changed } = this.#options;
    const { body, at } = letter;
    const { log, keys } = identity;
    const from = judgeLetter(ports.crypto, letter, keys.id);
    if (from === undefined || from === keys.id || log.state().revoked.has(from)) return;
    const kind = `${body.type} ${from}`;
    // Relays may show an old one again.
    if (at <= (this.#read.get(kind) ?? 0) || this.#read.size >= readMax) return;
    this.#read.set(kind, at);
    if (body.type === "entry") return membership.handed(from, [body.entry]);
    if (network.connections().has(from)) return;
    if (body.type === "request") this.#tellRequest(from, body);
    else if (log.state().nodes.has(from))
      this.#claims.set(from, new Map(body.repos.map(({ repo, seq }) => [repo, seq])));
    changed();
  }

  close(): void {
    for (const name of ["letters of request", "letters of refs"]) this.#options.alarms.cancel(name);
  }

  #tellRequest(from: NodeId, { pass }: LetterBody & { readonly type: "request" }): void {
    const { identity, ports, notices } = this.#options;
    const { nodes, door } = identity.log.state();
    const isOurs = judgePass(ports.crypto, door.sign, pass) === from;
    if (!isOurs || nodes.has(from) || !isWriter(identity)) return;
    notices.add({
      tone: "info",
      what: `“${pass.name}” asked to be authorised while this device was away.`,
      safe: "Nothing was changed.",
      next: "If it is yours, open Skein on it: it asks again as soon as both are there.",
    });
  }

  #askThoseAway(): void {
    const { identity } = this.#options;
    const { pass, log } = identity;
    if (isWriter(identity) || pass === undefined) return;
    for (const node of log.state().nodes.keys())
      if (this.#isAway(node)) this.#write(node, { type: "request", pass });
  }

  #tellThoseAway(): void {
    const { alarms, ports } = this.#options;
    const repos = this.#news().slice(0, letterReposMax);
    for (const { repo, seq } of repos) this.#told.set(repo, seq);
    const away = this.#acquainted().filter((node) => this.#isAway(node));
    for (const node of away) this.#write(node, { type: "moved", repos });
    this.#isDue = away.length > 0;
    if (!this.#isDue) return;
    alarms.set("letters of refs", later(ports.clock.now(), restMillis), () => {
      this.#isDue = false;
      this.repositoriesChanged();
    });
  }

  #write(to: NodeId, body: LetterBody): void {
    const { identity, network, ports } = this.#options;
    const { keys } = identity;
    network.leave(to, writeLetter({ keys, to, at: ports.clock.now(), body }));
  }

  #own(): ReadonlyArray<{ readonly repo: RepoId; readonly seq: number }> {
    const { repositories, identity } = this.#options;
    return repositories
      .all()
      .map((one) => ({ repo: one.id, seq: one.streams().get(identity.keys.id)?.seq ?? 0 }));
  }

  #news(): ReadonlyArray<{ readonly repo: RepoId; readonly seq: number }> {
    return this.#own().filter(({ repo, seq }) => seq > (this.#told.get(repo) ?? 0));
  }

  #acquainted(): ReadonlyArray<NodeId> {
    const { identity, contacts } = this.#options;
    const replicas = [...contacts.all()].filter(([, { pass }]) => pass !== undefined);
    return [...new Set([...identity.log.state().nodes.keys(), ...replicas.map(([node]) => node)])];
  }

  #isAway(node: NodeId): boolean {
    const { identity, network } = this.#options;
    const isOut = identity.log.state().revoked.has(node);
    return node !== identity.keys.id && !isOut && !network.connections().has(node);
  }
}

/** Who is at home has been met by then. */
const meetingMillis = 20_000;
/** A few commits in a row are one letter. */
const gatherMillis = 2_000;
/** A relay holds few of them for each node. */
const restMillis = 5 * 60_000;
/** Three of each of an account's nodes, with room for replicas: whoever has the passphrase could make up more. */
const readMax = 1_000;
