/** An open account at this node: its log, its repositories and its approvals, wired to the network. */

import { judgeKnock } from "@skein/auth/knock";
import { cleanName, judgePass } from "@skein/auth/pass";
import type { Acquaintance } from "@skein/auth/session";
import type { Introduction } from "@skein/auth/session-handshake";
import type { NodeId } from "@skein/protocol/ids";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Alarms } from "./alarms.ts";
import { Approvals } from "./approvals.ts";
import { openContacts, type Contacts } from "./contacts.ts";
import { storeIdentity, type Author, type Identity } from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import { MembershipGossip } from "./membership-gossip.ts";
import type { AppMessage, Network } from "./network.ts";
import type { Notices } from "./notices.ts";
import { randomU32, type Ports } from "./ports.ts";
import { Repositories } from "./repositories.ts";
import type { RepositoryWorld } from "./repository-node.ts";
import type { Scope } from "./scope.ts";
import type { Stage } from "./stage.ts";
import type { Tasks } from "./tasks.ts";

interface HomeOptions {
  readonly identity: Identity;
  readonly network: Network;
  readonly ports: Ports;
  readonly ledger: Ledger;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly tasks: Tasks;
  readonly notices: Notices;
  readonly changed: () => void;
}

export class Home {
  readonly identity: Identity;
  readonly network: Network;
  readonly contacts: Contacts;
  readonly membership: MembershipGossip;
  readonly approvals: Approvals;
  readonly repositories: Repositories;
  readonly stage: Stage;
  readonly #options: HomeOptions;
  #author: Author;

  static async open(options: HomeOptions): Promise<Home> {
    const { ledger, ports, scope, identity } = options;
    const contacts = await openContacts({
      ledger,
      clock: ports.clock,
      scope,
      isMember: (node) => identity.log.state().nodes.has(node),
    });
    const home = new Home(options, contacts);
    await home.repositories.open();
    return home;
  }

  private constructor(options: HomeOptions, contacts: Contacts) {
    const { identity, network, ports, ledger, scope } = options;
    this.#options = options;
    this.identity = identity;
    this.network = network;
    this.contacts = contacts;
    this.#author = identity.author;
    this.repositories = new Repositories(this.#repositoryWorld(), ports);
    this.membership = new MembershipGossip({
      log: identity.log,
      ledger,
      scope,
      clock: ports.clock,
      alarms: options.alarms,
      ask: (node, request, asked) => network.ask(node, request, asked),
      send: (node, message) => network.send(node, message),
      changed: () => this.#membershipChanged(),
    });
    this.approvals = new Approvals({
      ...options,
      membership: this.membership,
      passOf: (node) => contacts.all().get(node)?.pass,
      nameOf: (node) => this.nameOf(node),
    });
    this.stage = this.#openStage();
  }

  /** What this node is called by itself. */
  nameOf(node: NodeId): string {
    const { log, keys, nodeName } = this.identity;
    const known =
      log.state().nodes.get(node)?.name ??
      this.contacts.all().get(node)?.pass?.name ??
      (node === keys.id ? nodeName : node.slice(0, 12));
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
    await storeIdentity(this.#options.ledger, { ...this.identity, author });
    this.#author = author;
  }

  close(): void {
    this.repositories.close();
  }

  // --- What the network tells. ---

  #openStage(): Stage {
    const { network, membership, repositories, approvals } = this;
    return {
      mayConnect: (introduction) => this.#mayConnect(introduction),
      acquaintances: () => this.#acquaintances(),
      find: async (_node, request) =>
        request.type === "entries"
          ? membership.source(request.heads)
          : repositories.source(request),
      up: (node) => {
        this.contacts.met(node, undefined);
        membership.connected(node);
        repositories.connected(node);
        approvals.asking.connected(node);
        this.#options.changed();
      },
      resumed: (node) => {
        membership.connected(node);
        repositories.connected(node);
      },
      down: (node) => {
        this.contacts.met(node, undefined);
        membership.gone(node);
        repositories.gone(node);
        this.#options.changed();
      },
      message: (node, message) => this.#hear(node, message),
      knock: (knock) => {
        const node = this.#judgeKnock(knock);
        if (node !== undefined) network.connect({ node, box: knock.pass.box });
      },
    };
  }

  /** Members may connect; so may whoever shows a pass that the door signed, to read. */
  #mayConnect({ node, pass }: Introduction): boolean {
    const { crypto } = this.#options.ports;
    const { revoked, nodes, door } = this.identity.log.state();
    if (revoked.has(node)) return false;
    const mayRead = pass !== undefined && judgePass(crypto, door.sign, pass) === node;
    if (!nodes.has(node) && !mayRead) return false;
    this.contacts.met(node, pass);
    return true;
  }

  #acquaintances(): ReadonlyArray<Acquaintance> {
    const replicas = [...this.contacts.all()].flatMap(([node, { pass }]) =>
      pass === undefined ? [] : [{ node, box: pass.box }],
    );
    return [...this.identity.log.state().nodes.values(), ...replicas];
  }

  #hear(node: NodeId, message: AppMessage): void {
    if (message.type === "membership-heads") this.membership.heard(node, message);
    else if (message.type === "repo-heads") this.repositories.heard(node, message);
    else this.approvals.heard(node, message);
  }

  /** Who knocks, if it may be called back. */
  #judgeKnock(knock: Knock): NodeId | undefined {
    const { crypto, clock } = this.#options.ports;
    const { log, keys } = this.identity;
    const { door, revoked } = log.state();
    const judged = judgeKnock({ crypto, doorSignPublic: door.sign, knock, now: clock.now() });
    if (judged.verdict === "forged" || revoked.has(judged.node)) return undefined;
    if (judged.node === keys.id) return undefined;
    this.contacts.met(judged.node, knock.pass);
    return judged.node;
  }

  #membershipChanged(): void {
    const { network, identity } = this;
    this.repositories.membershipChanged();
    this.approvals.membershipChanged();
    const { revoked } = identity.log.state();
    for (const node of network.connections().keys()) if (revoked.has(node)) network.drop(node);
    this.#options.changed();
  }

  // --- What repositories need. ---

  #repositoryWorld(): RepositoryWorld {
    const { identity, network, ports, notices, ...shared } = this.#options;
    const { crypto, clock, random } = ports;
    return {
      ...shared,
      crypto,
      clock,
      keys: identity.keys,
      log: identity.log,
      seed: () => randomU32(random),
      ask: (node, request, asked) => network.ask(node, request, asked),
      send: (node, message) => network.send(node, message),
      drop: (node) => network.drop(node),
      nameOf: (node) => this.nameOf(node),
      storageFailed: (cause) => {
        ports.report(cause);
        notices.add(noRoom);
      },
    };
  }
}

const noRoom = {
  tone: "error",
  what: "This device has no room for what another node has.",
  safe: "What is here stays as it is.",
  next: "Free some space. Copying goes on by itself.",
} as const;
