/** An open account at this node: its log, its repositories and its approvals, wired to the network. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import type { NodeKeys } from "@skein/auth/identity";
import { judgeKnock } from "@skein/auth/knock";
import type { MembershipLog } from "@skein/auth/membership";
import { judgePass } from "@skein/auth/pass";
import type { Acquaintance } from "@skein/auth/session";
import type { Introduction } from "@skein/auth/session-handshake";
import type { NodeId } from "@skein/protocol/ids";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Alarms } from "./alarms.ts";
import { openApprovals, type Approvals } from "./approvals.ts";
import { openContacts, type Contacts } from "./contacts.ts";
import type { Source } from "./flows.ts";
import type { Inbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import { openMembershipGossip, type MembershipGossip } from "./membership-gossip.ts";
import type { AppMessage, Network } from "./network.ts";
import type { Notices } from "./notices.ts";
import { randomU32, type Ports } from "./ports.ts";
import { openRepositories, type Repositories } from "./repositories.ts";
import type { Scope } from "./scope.ts";
import type { Tasks } from "./tasks.ts";

/** Who this node is. */
export interface Identity {
  readonly keys: NodeKeys;
  readonly meeting: SecretKey;
  readonly readKey: SecretKey;
  readonly log: MembershipLog;
  /** Shown to nodes that do not know yet that this one is a member. The account's first node has none. */
  readonly pass: Pass | undefined;
  readonly nodeName: string;
  readonly platform: string;
  readonly author: { readonly name: string; readonly email: string };
}

/** What the network tells, by the stage of life this node is in. */
export interface Stage {
  readonly mayConnect: (introduction: Introduction) => boolean;
  readonly acquaintances: () => Iterable<Acquaintance>;
  readonly find: (node: NodeId, request: StreamRequest) => Promise<Source>;
  readonly up: (node: NodeId) => void;
  readonly down: (node: NodeId) => void;
  readonly message: (node: NodeId, message: AppMessage) => void;
  readonly knock: (knock: Knock) => void;
}

export interface Home {
  readonly identity: Identity;
  readonly network: Network;
  readonly repositories: Repositories;
  readonly approvals: Approvals;
  readonly contacts: Contacts;
  readonly membership: MembershipGossip;
  readonly stage: Stage;
  readonly close: () => void;
}

export async function openHome({
  identity,
  network,
  ports,
  ledger,
  alarms,
  inbox,
  scope,
  tasks,
  notices,
  changed,
}: {
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
}): Promise<Home> {
  const { keys, log } = identity;
  const { crypto, clock, random } = ports;
  const contacts = await openContacts({ ledger, clock, scope });

  const nameOf = (node: NodeId): string =>
    log.state().nodes.get(node)?.name ?? contacts.all().get(node)?.pass?.name ?? "another node";

  const repositories = await openRepositories(
    {
      crypto,
      keys,
      log,
      clock,
      seed: () => randomU32(random),
      alarms,
      inbox,
      scope,
      ledger,
      tasks,
      ask: (node, request, asked) => network.ask(node, request, asked),
      send: (node, message) => network.send(node, message),
      drop: (node) => network.drop(node),
      nameOf,
      changed,
      storageFailed: (cause) => {
        ports.report(cause);
        notices.add({
          tone: "error",
          what: "This device has no room for what another node has.",
          safe: "What is here stays as it is.",
          next: "Free some space. Copying goes on by itself.",
        });
      },
    },
    ports,
  );

  const membership = openMembershipGossip({
    log,
    ledger,
    scope,
    ask: (node, request, asked) => network.ask(node, request, asked),
    send: (node, message) => network.send(node, message),
    changed: () => {
      repositories.membershipChanged();
      approvals.membershipChanged();
      for (const node of network.connections().keys())
        if (log.state().revoked.has(node)) network.drop(node);
      changed();
    },
  });

  const approvals = openApprovals({
    identity,
    ports,
    alarms,
    scope,
    network,
    notices,
    membership,
    passOf: (node) => contacts.all().get(node)?.pass,
    nameOf,
    changed,
  });

  /** Members may connect; so may whoever shows a pass that the door signed, to read. */
  const mayConnect = ({ node, pass }: Introduction): boolean => {
    const state = log.state();
    if (state.revoked.has(node)) return false;
    if (state.nodes.has(node)) return contacts.met(node, pass);
    if (pass === undefined || judgePass(crypto, state.door.sign, pass) !== node) return false;
    return contacts.met(node, pass);
  };

  const stage: Stage = {
    mayConnect,
    acquaintances: () => [
      ...log.state().nodes.values(),
      ...[...contacts.all()].flatMap(([node, { pass }]) =>
        pass === undefined ? [] : [{ node, box: pass.box }],
      ),
    ],
    find: async (_node, request) =>
      request.type === "entries" ? membership.source(request.heads) : repositories.source(request),
    up: (node) => {
      contacts.met(node, undefined);
      membership.connected(node);
      repositories.connected(node);
      approvals.connected(node);
      changed();
    },
    down: (node) => {
      contacts.met(node, undefined);
      membership.gone(node);
      repositories.gone(node);
      approvals.gone(node);
      changed();
    },
    message: (node, message) => {
      if (message.type === "membership-heads") membership.heard(node, message);
      else if (message.type === "repo-heads") repositories.heard(node, message);
      else approvals.heard(node, message);
    },
    knock: (knock) => {
      const judged = judgeKnock({
        crypto,
        doorSignPublic: log.state().door.sign,
        knock,
        now: clock.now(),
      });
      if (judged.verdict === "forged" || log.state().revoked.has(judged.node)) return;
      if (judged.node === keys.id || !contacts.met(judged.node, knock.pass)) return;
      network.connect({ node: judged.node, box: knock.pass.box });
    },
  };

  return {
    identity,
    network,
    repositories,
    approvals,
    contacts,
    membership,
    stage,
    close: () => repositories.close(),
  };
}
