/** Approvals at this node: its own wish to become a writer, and the requests of others that its person answers. */

import {
  approvalCommitment,
  approvalDigits,
  approvalRequestHash,
  judgeReveal,
  type ApprovalMessage,
} from "@skein/auth/approval";
import {
  approvalApprover,
  type ApproverEffect,
  type ApproverEvent,
  type ApprovalRow as WaitingRow,
  type ApproverState,
} from "@skein/auth/approval-approver";
import {
  approvalAsker,
  type AskerEffect,
  type AskerEvent,
  type AskerState,
} from "@skein/auth/approval-asker";
import { proposeNodeAdd } from "@skein/auth/membership-proposals";
import { formatHex } from "@skein/protocol/bytes";
import type { Instant, NodeId } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { ApprovalRequest } from "@skein/protocol/node-messages/approval-request";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Alarms } from "./alarms.ts";
import type { Identity } from "./home.ts";
import type { MembershipGossip } from "./membership-gossip.ts";
import type { Network } from "./network.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import type { ApprovalView, RequestView } from "./views.ts";

export interface Approvals {
  readonly connected: (node: NodeId) => void;
  readonly gone: (node: NodeId) => void;
  readonly heard: (node: NodeId, message: ApprovalMessage) => void;
  readonly membershipChanged: () => void;
  readonly own: () => ApprovalView;
  readonly requests: () => ReadonlyArray<ApprovalRow>;
  readonly open: (id: string) => void;
  readonly authorise: (id: string, digits: string) => void;
  readonly deny: (id: string) => void;
  readonly askAgain: () => void;
}

/** A request as this part knows it; how its node is reached is the network's to say. */
export interface ApprovalRow extends Omit<RequestView, "path" | "fingerprint" | "repositories"> {
  readonly node: NodeId;
}

interface Options {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly alarms: Alarms;
  readonly scope: Scope;
  readonly network: Network;
  readonly notices: Notices;
  readonly membership: MembershipGossip;
  readonly passOf: (node: NodeId) => Pass | undefined;
  readonly nameOf: (node: NodeId) => string;
  readonly changed: () => void;
}

export function openApprovals(options: Options): Approvals {
  const { identity, changed } = options;
  const { log, keys } = identity;
  const asking = openAsking(options);
  const answering = openAnswering(options);
  const isWriter = (): boolean => log.state().nodes.has(keys.id);

  return {
    connected: (node) => asking.connected(node),
    gone: () => changed(),
    heard: (node, message) => {
      if (message.type === "approval-request") {
        if (isWriter() && !log.state().nodes.has(node)) answering.requested(node, message);
      } else if (message.type === "approval-reveal") answering.revealed(node, message);
      else if (message.type === "approval-nonce") asking.answered(node, message);
      else {
        asking.told(node, message);
        if (message.step === "withdrawn") answering.withdrawn(node, message.id);
      }
      changed();
    },
    membershipChanged: () => {
      if (isWriter()) asking.admitted();
      answering.membershipChanged();
    },
    own: asking.view,
    requests: answering.views,
    open: answering.open,
    authorise: answering.authorise,
    deny: answering.deny,
    askAgain: asking.again,
  };
}

/** This node's own wish, with each node that could grant it. */
function openAsking({ identity, ports, alarms, network, nameOf, changed }: Options): {
  readonly connected: (node: NodeId) => void;
  readonly answered: (
    node: NodeId,
    message: Extract<ApprovalMessage, { readonly type: "approval-nonce" }>,
  ) => void;
  readonly told: (
    node: NodeId,
    message: Extract<ApprovalMessage, { readonly type: "approval-news" }>,
  ) => void;
  readonly admitted: () => void;
  readonly again: () => void;
  readonly view: () => ApprovalView;
} {
  const { crypto, clock, random } = ports;
  const { keys, log, nodeName, platform } = identity;
  const askers = new Map<NodeId, AskerState>();
  const opened = new Set<NodeId>();
  let since = clock.now();

  const tell = (node: NodeId, event: AskerEvent): void => {
    const [next, effects] = step(approvalAsker, askers.get(node) ?? approvalAsker.initial, event);
    askers.set(node, next);
    for (const effect of effects) perform(node, effect);
    changed();
  };

  const perform = (node: NodeId, effect: AskerEffect): void => {
    if (effect.type === "send-message") return network.send(node, effect.message);
    return alarms.set(`asking ${node}`, effect.at, (now) =>
      tell(node, { type: "time-passed", now }),
    );
  };

  const ask = (node: NodeId): void => {
    const { nodes } = log.state();
    const handshakeHash = network.handshakes(node)[0];
    if (nodes.has(keys.id) || !nodes.has(node) || handshakeHash === undefined) return;
    const nonce = random.bytes(32);
    const now = clock.now();
    opened.delete(node);
    tell(node, {
      type: "approval-wanted",
      now,
      asked: {
        id: random.bytes(16),
        nonce,
        commitment: approvalCommitment(crypto, { handshakeHash, askerNonce: nonce }),
        handshakeHash,
        name: nodeName,
        platform,
        askedAt: now,
      },
    });
  };

  const digitsOf = (node: NodeId, state: AskerState): string | undefined =>
    state.phase === "comparing"
      ? approvalDigits(crypto, {
          account: log.account,
          asker: keys.id,
          approver: node,
          handshakeHash: state.asked.handshakeHash,
          askerNonce: state.asked.nonce,
          approverNonce: state.approverNonce,
        })
      : undefined;

  return {
    connected: (node) => {
      const phase = askers.get(node)?.phase;
      if (phase === undefined || phase === "idle" || phase === "asking") ask(node);
    },
    answered: (node, { id, nonce }) => {
      opened.add(node);
      tell(node, { type: "nonce-received", id, nonce, now: clock.now() });
    },
    told: (node, { id, step: said, triesLeft }) => {
      if (said === "opened") opened.add(node);
      tell(node, { type: "news-received", id, step: said, triesLeft, now: clock.now() });
    },
    admitted: () => {
      for (const node of askers.keys()) tell(node, { type: "admitted", now: clock.now() });
    },
    again: () => {
      since = clock.now();
      for (const node of network.connections().keys()) ask(node);
    },
    view: () => {
      const all = [...askers];
      const open = all.filter(([, { phase }]) => phase === "asking" || phase === "comparing");
      const live = open.filter(([node]) => network.connections().has(node));
      if (live.length > 0)
        return {
          phase: "asked",
          since,
          opened: live.some(([node]) => opened.has(node)),
          numbers: live.flatMap(([node, state]) => {
            const digits = digitsOf(node, state);
            return digits === undefined ? [] : [{ nodeName: nameOf(node), digits }];
          }),
        };
      const denied = all.find(([, state]) => state.phase === "closed" && state.why === "denied");
      if (denied !== undefined) return { phase: "denied", by: nameOf(denied[0]) };
      const over = all.some(
        ([, state]) =>
          state.phase === "closed" && (state.why === "void" || state.why === "expired"),
      );
      return over ? { phase: "void" } : { phase: "waiting", since };
    },
  };
}

/** What other devices ask of the person at this node. */
function openAnswering({
  identity,
  ports,
  alarms,
  scope,
  network,
  notices,
  membership,
  passOf,
  nameOf,
  changed,
}: Options): {
  readonly requested: (node: NodeId, request: ApprovalRequest) => void;
  readonly revealed: (
    node: NodeId,
    message: Extract<ApprovalMessage, { readonly type: "approval-reveal" }>,
  ) => void;
  readonly withdrawn: (node: NodeId, id: Uint8Array<ArrayBuffer>) => void;
  readonly membershipChanged: () => void;
  readonly views: Approvals["requests"];
  readonly open: (id: string) => void;
  readonly authorise: (id: string, digits: string) => void;
  readonly deny: (id: string) => void;
} {
  const { crypto, clock, random } = ports;
  const { keys, log, readKey } = identity;
  let state: ApproverState = approvalApprover.initial;

  const tell = (event: ApproverEvent): void => {
    const [next, effects] = step(approvalApprover, state, event);
    state = next;
    for (const effect of effects) perform(effect);
    changed();
  };

  const perform = (effect: ApproverEffect): void => {
    switch (effect.type) {
      case "prompt":
        return changed();
      case "send-message":
        return network.send(effect.node, effect.message);
      case "admit":
        return scope.start(() => admit(effect.node, effect.request));
      case "wake-at":
        return alarms.set("answering", effect.at, (now) => tell({ type: "time-passed", now }));
    }
  };

  const admit = async (node: NodeId, request: ApprovalRequest): Promise<void> => {
    const pass = passOf(node);
    const entry =
      pass &&
      proposeNodeAdd({
        crypto,
        random,
        log,
        keys,
        readKey,
        pass,
        requestHash: approvalRequestHash(crypto, request),
        at: clock.now(),
      });
    if (entry === undefined) return;
    await membership.add(entry);
    notices.add({
      tone: "info",
      what: `“${nameOf(node)}” was authorised on this device and may now change every repository.`,
    });
  };

  const rowOf = (id: string): WaitingRow => {
    const row = [...state.rows.values()].find(({ request }) => formatHex(request.id) === id);
    if (row !== undefined) return row;
    throw new CommandRefusedError("request_over", {
      what: "This request is over.",
      safe: "Nothing was authorised.",
      next: "Ask again on the new device.",
    });
  };

  const now = (): Instant => clock.now();
  return {
    requested: (node, request) => tell({ type: "request-received", node, request, now: now() }),
    revealed: (node, { id, nonce }) => {
      const row = state.rows.get(node);
      if (row?.stage !== "opened") return;
      const digits = judgeReveal(crypto, {
        account: log.account,
        asker: node,
        approver: keys.id,
        handshakes: network.handshakes(node),
        commitment: row.request.commitment,
        askerNonce: nonce,
        approverNonce: row.nonce,
      });
      tell({ type: "reveal-received", node, id, digits, now: now() });
    },
    withdrawn: (node, id) => tell({ type: "request-withdrawn", node, id, now: now() }),
    membershipChanged: () => {
      const { nodes } = log.state();
      for (const node of state.rows.keys())
        if (nodes.has(node)) tell({ type: "node-admitted", node, now: now() });
    },
    views: () =>
      [...state.rows.values()]
        .filter(({ stage, silent }) => stage !== "admitting" && !silent)
        .map(({ node, request, receivedAt, triesLeft, wrong }) => ({
          id: formatHex(request.id),
          node,
          name: passOf(node)?.name ?? request.name,
          platform: passOf(node)?.platform ?? request.platform,
          askedAt: receivedAt,
          triesLeft,
          wrong,
        })),
    open: (id) =>
      tell({ type: "request-opened", node: rowOf(id).node, nonce: random.bytes(32), now: now() }),
    authorise: (id, digits) => {
      const row = rowOf(id);
      if (row.stage !== "revealed")
        throw new CommandRefusedError("not_yet", {
          what: "The number has not come through yet.",
          safe: "Nothing was authorised.",
          next: "Wait until the other device shows it.",
        });
      tell({ type: "number-typed", node: row.node, digits, now: now() });
    },
    deny: (id) => tell({ type: "request-denied", node: rowOf(id).node, now: now() }),
  };
}
