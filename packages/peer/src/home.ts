/** An open account at this node: its log, its repositories and its approvals, wired to the network. */

import { judgeKnock, makeKnock } from "@skein/auth/knock";
import { cleanName, judgePass } from "@skein/auth/pass";
import { SecretKey } from "@skein/auth/crypto/secret";
import { signCommit } from "@skein/auth/ssh-signature";
import type { AccountState } from "@skein/auth/membership-state";
import type { Acquaintance } from "@skein/auth/session";
import type { Introduction } from "@skein/auth/session-handshake";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, later, type AccountId, type NodeId } from "@skein/protocol/ids";
import { StorageFullError } from "@skein/git/files";
import { StorageDamagedError } from "@skein/git/stored-pack";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Alarms } from "./alarms.ts";
import { Approvals } from "./approvals.ts";
import { openContacts, type Contacts } from "./contacts.ts";
import { FirstSeen } from "./first-seen.ts";
import { NoSourceError } from "./flows.ts";
import { storeIdentity, type Author, type Identity } from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import { KeyCare } from "./key-care.ts";
import type { HomeVault, StoredSafety } from "./home-vault.ts";
import type { Ledger } from "./ledger.ts";
import { Letters } from "./letters.ts";
import { MissingMembers } from "./missing-members.ts";
import { MembershipGossip } from "./membership-gossip.ts";
import { newsSince } from "./membership-news.ts";
import type { AppMessage, Network } from "./network.ts";
import type { Notices } from "./notices.ts";
import { randomU32, type Ports } from "./ports.ts";
import { damagedWords } from "./refusals.ts";
import type { Relays } from "./relays.ts";
import { Repositories } from "./repositories.ts";
import type { RepositoryWorld } from "./repository-world.ts";
import { Safety } from "./safety.ts";
import type { Scope } from "./scope.ts";
import { SecondAccountWatch } from "./second-account.ts";
import type { Stage } from "./stage.ts";
import type { Standstill } from "./standstill.ts";
import type { Tasks } from "./tasks.ts";

interface HomeOptions {
  readonly identity: Identity;
  readonly network: Network;
  readonly ports: Ports;
  readonly relays: Relays;
  readonly ledger: Ledger;
  readonly vault: HomeVault;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly tasks: Tasks;
  readonly notices: Notices;
  readonly standstill: Standstill;
  /** The log says something new: perhaps that this node is out. */
  readonly membershipChanged: () => void;
  /** Another account answers to the same passphrase. */
  readonly secondAccount: (account: AccountId) => void;
  readonly changed: () => void;
}

/** What it knows from earlier. */
interface Kept {
  readonly contacts: Contacts;
  readonly firstSeen: FirstSeen;
  readonly safety: StoredSafety;
}

export class Home {
  readonly identity: Identity;
  readonly network: Network;
  readonly contacts: Contacts;
  readonly membership: MembershipGossip;
  readonly approvals: Approvals;
  readonly repositories: Repositories;
  readonly safety: Safety;
  readonly letters: Letters;
  readonly stage: Stage;
  readonly #options: HomeOptions;
  readonly #keyCare: KeyCare;
  #author: Author;
  #known: AccountState;
  readonly #missing: MissingMembers;
  readonly #watch: SecondAccountWatch;
  /** How often each node that is out was told why. */
  readonly #toldOut = new Map<NodeId, number>();

  static async open(options: HomeOptions): Promise<Home> {
    const { ledger, vault, ports, scope, identity } = options;
    const contacts = await openContacts({
      ledger,
      clock: ports.clock,
      scope,
      isMember: (node) => identity.log.state().nodes.has(node),
    });
    options.notices.restore(await ledger.readNotices());
    const firstSeen = await FirstSeen.open({ log: identity.log, clock: ports.clock, ledger });
    const home = new Home(options, { contacts, firstSeen, safety: await vault.readSafety() });
    home.approvals.answering.remember(await ledger.readDenials());
    await home.repositories.open();
    return home;
  }

  private constructor(options: HomeOptions, { contacts, firstSeen, safety }: Kept) {
    const { identity, network, ports, ledger, scope } = options;
    this.#options = options;
    this.identity = identity;
    this.network = network;
    this.contacts = contacts;
    this.#author = identity.author;
    this.#known = identity.log.state();
    this.repositories = new Repositories(this.#repositoryWorld(), ports);
    this.membership = new MembershipGossip({
      log: identity.log,
      ledger,
      firstSeen,
      scope,
      clock: ports.clock,
      alarms: options.alarms,
      ask: (node, request, asked) => network.ask(node, request, asked),
      send: (node, message) => network.send(node, message),
      storageFailed: (cause) => this.#storageFailed(cause),
      assertMaySign: () => options.standstill.assertNone(),
      changed: () => this.#membershipChanged(),
    });
    this.approvals = new Approvals({
      ...options,
      membership: this.membership,
      passOf: (node) => contacts.all().get(node)?.pass,
      admitted: (node, entry) => this.letters.handEntry(node, { type: "entry", entry }),
      nameOf: (node) => this.nameOf(node),
    });
    this.letters = new Letters({
      ...options,
      contacts,
      membership: this.membership,
      repositories: this.repositories,
    });
    this.safety = new Safety({
      ...options,
      membership: this.membership,
      stored: safety,
      nameOf: (node) => this.nameOf(node),
      frontierOf: (node, at) => this.repositories.frontierOf(node, at),
    });
    this.#keyCare = this.#openKeyCare(safety);
    this.#missing = new MissingMembers({ ...options, clock: ports.clock });
    this.#watch = new SecondAccountWatch(options);
    this.stage = this.#openStage();
  }

  /** From now on this node hears knocks, leaves word that it is here, and pays what is owed. */
  moveIn(): void {
    this.network.meetAt(this.#keyCare.whereabouts());
    this.#keyCare.membershipChanged();
    this.#missing.start();
    this.letters.moveIn();
    this.#reword();
    this.#knockUntilMet();
    this.#watch.start();
  }

  /** A commit with this node's signature. */
  signCommit(commit: Bytes): Bytes {
    const { crypto } = this.#options.ports;
    return signCommit({ crypto, keys: this.identity.keys }, commit) ?? commit;
  }

  /** What this node is called by itself. */
  nameOf(node: NodeId): string {
    const { log, keys, nodeName } = this.identity;
    const known =
      log.state().nodes.get(node)?.name ??
      this.contacts.all().get(node)?.pass?.name ??
      (node === keys.id ? nodeName : undefined) ??
      log.signers().find((signer) => signer.node === node)?.name ??
      node.slice(0, 12);
    return cleanName(known);
  }

  platformOf(node: NodeId): string {
    const { log, keys, platform } = this.identity;
    const known =
      log.state().nodes.get(node)?.platform ??
      this.contacts.all().get(node)?.pass?.platform ??
      (node === keys.id ? platform : "");
    return cleanName(known);
  }

  author(): Author {
    return this.#author;
  }

  /** From now on, commits made here bear this name. */
  async useAuthor(author: Author): Promise<void> {
    await storeIdentity(this.#options, { ...this.identity, author });
    this.#author = author;
  }

  close(): void {
    const { alarms } = this.#options;
    for (const name of ["key debt", "membership heads", "knock"]) alarms.cancel(name);
    this.#missing.close();
    this.#watch.close();
    this.letters.close();
    this.safety.close();
    this.repositories.close();
  }

  // --- What the network tells. ---

  #openStage(): Stage {
    const { network, membership, repositories, approvals } = this;
    return {
      mayConnect: (introduction, atFormerPlace) => this.#mayConnect(introduction, atFormerPlace),
      acquaintances: () => this.#acquaintances(),
      find: async (node, request, signal) => {
        if (this.#watch.isStranger(node)) throw new NoSourceError("not-here");
        if (request.type === "entries") {
          if (this.#isOut(node)) this.#toldOut.set(node, (this.#toldOut.get(node) ?? 0) + 1);
          return membership.source(node, request.heads);
        }
        if (this.#isOut(node)) throw new NoSourceError("not-here");
        return repositories.source(node, request, signal);
      },
      up: (node) => {
        if (this.#isOut(node)) return this.#tellOut(node);
        this.#watch.met(node);
        if (this.#watch.isStranger(node)) return;
        this.contacts.met(node);
        this.#keyCare.met();
        membership.connected(node);
        repositories.connected(node);
        approvals.asking.connected(node);
        this.#options.changed();
      },
      resumed: (node) => {
        if (this.#watch.isStranger(node)) return;
        membership.connected(node);
        if (this.#isOut(node)) return;
        repositories.connected(node);
      },
      down: (node) => {
        if (this.#watch.isStranger(node)) return;
        this.contacts.met(node);
        this.letters.gone(node);
        membership.gone(node);
        repositories.gone(node);
        this.#options.changed();
      },
      message: (node, message) => this.#hear(node, message),
      letter: (letter) => this.letters.received(letter),
      knock: (knock) => {
        const node = this.#judgeKnock(knock);
        if (node !== undefined) network.connect({ node, box: knock.pass.box });
      },
    };
  }

  /** Members may connect; so may whoever shows a pass that the door signed, to read. */
  #mayConnect({ node, pass }: Introduction, atFormerPlace: boolean): boolean {
    const { crypto } = this.#options.ports;
    const { nodes, door } = this.identity.log.state();
    // It is told that it is out, and nothing else. At a place of before, nobody but members is answered.
    if (this.#isOut(node)) return !atFormerPlace && (this.#toldOut.get(node) ?? 0) < toldOutMax;
    const mayRead = pass !== undefined && judgePass(crypto, door.sign, pass) === node;
    if (!nodes.has(node) && !mayRead) return !atFormerPlace && this.#watch.admits(node);
    this.#watch.knows(node);
    if (pass !== undefined) this.contacts.showed(node, pass);
    return true;
  }

  #acquaintances(): ReadonlyArray<Acquaintance> {
    const replicas = [...this.contacts.all()].flatMap(([node, { pass }]) =>
      pass === undefined ? [] : [{ node, box: pass.box }],
    );
    return [...this.identity.log.state().nodes.values(), ...replicas];
  }

  #hear(node: NodeId, message: AppMessage): void {
    if (this.#watch.isStranger(node)) return;
    if (message.type === "membership-heads") this.membership.heard(node, message);
    else if (this.#isOut(node)) return;
    else if (message.type === "repo-heads") this.repositories.heard(node, message);
    else if (message.type === "ref-heartbeats") this.repositories.heardHeartbeats(node, message);
    else this.approvals.heard(node, message);
  }

  /** Who knocks, if it may be called back. It may be a replay: only a session shows that somebody is there. */
  #judgeKnock(knock: Knock): NodeId | undefined {
    const { crypto, clock } = this.#options.ports;
    const { log, keys } = this.identity;
    const { door, revoked } = log.state();
    const judged = judgeKnock({ crypto, doorSignPublic: door.sign, knock, now: clock.now() });
    if (judged.verdict === "forged" || revoked.has(judged.node)) return undefined;
    if (judged.node === keys.id) return undefined;
    return judged.node;
  }

  #storageFailed(cause: unknown): void {
    const { ports, notices } = this.#options;
    ports.report(cause);
    if (cause instanceof StorageFullError) notices.add(noRoom);
    else notices.add(cause instanceof StorageDamagedError ? damagedStorage : brokenStorage);
  }

  #membershipChanged(): void {
    const { network, identity } = this;
    const before = this.#known;
    this.#known = identity.log.state();
    const { notices, membershipChanged, changed } = this.#options;
    const me = identity.keys.id;
    const nameOf = (node: NodeId): string => this.nameOf(node);
    for (const notice of newsSince(before, { log: identity.log, me, nameOf })) notices.add(notice);
    if (before.doorEntry !== this.#known.doorEntry) this.#reword();
    this.repositories.membershipChanged();
    this.approvals.membershipChanged();
    this.#keyCare.membershipChanged();
    for (const node of network.connections().keys())
      if (this.#isOut(node) && !before.revoked.has(node)) {
        this.repositories.gone(node);
        this.#tellOut(node);
      }
    membershipChanged();
    changed();
  }

  /** After a recovery: those that stayed do not know this node, nor the key under which it leaves word. */
  #knockUntilMet(): void {
    const { alarms, ports } = this.#options;
    const { pass, log, keys } = this.identity;
    const others = [...log.state().nodes.keys()].filter((node) => node !== keys.id);
    const isMet = others.length === 0 || others.some((node) => this.contacts.all().has(node));
    if (pass === undefined || isMet) return;
    this.network.knock(makeKnock(pass, ports.random));
    alarms.set("knock", later(ports.clock.now(), knockMillis), () => this.#knockUntilMet());
  }

  /** The words that are in force open this device's lock, if it has one. */
  #reword(): void {
    const { vault, scope } = this.#options;
    if (vault.lock() === undefined) return;
    scope.start(() => vault.reword(this.identity.log.state().door.box));
  }

  #isOut(node: NodeId): boolean {
    return this.identity.log.state().revoked.has(node);
  }

  /** It hears why, and is let go of. */
  #tellOut(node: NodeId): void {
    const { alarms, ports } = this.#options;
    this.membership.connected(node);
    alarms.set(`out ${node}`, later(ports.clock.now(), farewellMillis), () =>
      this.network.drop(node),
    );
  }

  // --- Secrets that change. ---

  #openKeyCare({ former }: StoredSafety): KeyCare {
    const { identity, network, membership } = this;
    return new KeyCare({
      ...this.#options,
      identity,
      network,
      membership,
      former: former && new SecretKey(former.meeting),
      lastMet: (node) => {
        const seen = this.contacts.all().get(node)?.lastSeen;
        return seen === undefined ? undefined : instant(seen);
      },
      store: () => storeIdentity(this.#options, { ...identity, author: this.#author }),
      storeFormer: (former) => {
        const [meeting, readKey] = [former, identity.readKey].map((secret) =>
          secret?.reveal((bytes) => bytes.slice()),
        );
        return this.safety.keep({ former: meeting && readKey && { meeting, readKey } });
      },
    });
  }

  // --- What repositories need. ---

  #repositoryWorld(): RepositoryWorld {
    const { identity, network, ports, notices, standstill, ...shared } = this.#options;
    const { crypto, clock, random, sliceBytesMax } = ports;
    return {
      ...shared,
      sliceBytesMax,
      crypto,
      clock,
      keys: identity.keys,
      log: identity.log,
      seed: () => randomU32(random),
      standsStill: () => standstill.since() !== undefined,
      ask: (node, request, asked) => network.ask(node, request, asked),
      send: (node, message) => network.send(node, message),
      drop: (node) => network.drop(node),
      nameOf: (node) => this.nameOf(node),
      notice: (notice) => notices.add(notice),
      storageFailed: (cause) => this.#storageFailed(cause),
      changed: () => {
        this.letters.repositoriesChanged();
        shared.changed();
      },
      cannotOpen: (name, cause) => {
        ports.report(cause);
        notices.add({
          tone: "error",
          what: `“${cleanName(name)}” cannot be opened on this device.`,
          safe: "Your other repositories, and its copies on your other nodes, are not touched.",
          next: "Reload the page. If it happens again, update the browser or use another node.",
        });
      },
    };
  }
}

/** A knock may be lost, or nobody is at home yet. */
const knockMillis = 20_000;
/** A node that was removed is spoken to for no longer. */
const farewellMillis = 20_000;

/** One of these may be lost on the way. After that, whoever has its keys learns nothing more by asking. */
const toldOutMax = 3;

const damagedStorage = { tone: "error", ...damagedWords } as const;

const brokenStorage = {
  tone: "error",
  what: "This browser's storage did not take what Skein wanted to keep.",
  safe: "What was kept before stays as it is.",
  next: "Reload the page. If it happens again, download your repositories as bundles.",
} as const;

const noRoom = {
  tone: "error",
  what: "This device has no room for what another node has.",
  safe: "What is here stays as it is.",
  next: "Free some space. Copying goes on by itself.",
} as const;
