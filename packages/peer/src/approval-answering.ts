/** What other devices ask of the person at this node: requests to become a writer, and what is answered. */

import { approvalMillis, approvalRequestHash, judgeReveal } from "@skein/auth/approval";
import {
  approvalApprover,
  deniedNodes,
  type ApprovalRow,
  type ApproverEffect,
  type ApproverEvent,
  type ApproverState,
} from "@skein/auth/approval-approver";
import { proposeNodeAdd } from "@skein/auth/membership-proposals";
import { cleanName } from "@skein/auth/pass";
import { formatHex, type Bytes } from "@skein/protocol/bytes";
import { later, parseNodeId, type Instant, type NodeId } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { ApprovalRequest } from "@skein/protocol/node-messages/approval-request";
import type { ApprovalReveal } from "@skein/protocol/node-messages/approval-reveal";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { ApprovalAskingOptions } from "./approval-asking.ts";
import type { Ledger } from "./ledger.ts";
import type { MembershipGossip } from "./membership-gossip.ts";
import type { Notices } from "./notices.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import type { RequestView } from "./views.ts";

export interface ApprovalAnsweringOptions extends ApprovalAskingOptions {
  readonly ledger: Ledger;
  readonly scope: Scope;
  readonly notices: Notices;
  readonly membership: MembershipGossip;
  readonly passOf: (node: NodeId) => Pass | undefined;
  /** This node was let in by this entry. */
  readonly admitted: (node: NodeId, entry: Bytes) => void;
}

/** A request as this part knows it; how its node is reached is the network's to say. */
export interface WaitingRequest extends Omit<RequestView, "path" | "fingerprint" | "repositories"> {
  readonly node: NodeId;
}

export class ApprovalAnswering {
  readonly #options: ApprovalAnsweringOptions;
  /** Numbers that were typed before they could be judged, by the request they are for. */
  readonly #typed = new Map<string, string>();
  #state: ApproverState = approvalApprover.initial;
  /** As they are on disk. */
  #denied: ReadonlyArray<NodeId> = [];

  constructor(options: ApprovalAnsweringOptions) {
    this.#options = options;
  }

  /** Whom a person denied before this program began. */
  remember(denied: ReadonlyArray<NodeId>): void {
    this.#denied = denied;
    this.#tell({ type: "denials-remembered", nodes: denied });
  }

  // --- What the other devices say. ---

  requested(node: NodeId, request: ApprovalRequest): void {
    this.#tell({ type: "request-received", node, request, now: this.#now() });
  }

  revealed(node: NodeId, { id, nonce }: ApprovalReveal): void {
    const row = this.#state.rows.get(node);
    if (row?.stage !== "opened") return;
    const { identity, ports, network } = this.#options;
    const digits = judgeReveal(ports.crypto, {
      account: identity.log.account,
      asker: node,
      approver: identity.keys.id,
      handshakes: network.handshakes(node),
      commitment: row.request.commitment,
      askerNonce: nonce,
      approverNonce: row.nonce,
    });
    this.#tell({ type: "reveal-received", node, id, digits, now: this.#now() });
    const typed = this.#typed.get(formatHex(id));
    if (typed !== undefined) this.#judge(node, typed);
  }

  withdrawn(node: NodeId, id: Bytes): void {
    this.#tell({ type: "request-withdrawn", node, id, now: this.#now() });
  }

  membershipChanged(): void {
    const { nodes } = this.#options.identity.log.state();
    for (const node of this.#state.rows.keys())
      if (nodes.has(node)) this.#tell({ type: "node-admitted", node, now: this.#now() });
  }

  // --- What the person sees and does. ---

  requests(): ReadonlyArray<WaitingRequest> {
    const { passOf } = this.#options;
    return [...this.#state.rows.values()]
      .filter(({ stage }) => stage !== "admitting")
      .map(({ node, request, receivedAt, triesLeft, wrong, silent }) => ({
        id: formatHex(request.id),
        node,
        name: cleanName(passOf(node)?.name ?? request.name),
        platform: cleanName(passOf(node)?.platform ?? request.platform),
        silent,
        askedAt: receivedAt,
        expiresAt: later(receivedAt, approvalMillis),
        triesLeft,
        wrong,
        waiting: this.#typed.has(formatHex(request.id)),
      }));
  }

  open(id: string): void {
    const { node } = this.#rowOf(id);
    const nonce = this.#options.ports.random.bytes(32);
    this.#tell({ type: "request-opened", node, nonce, now: this.#now() });
  }

  authorise(id: string, digits: string): void {
    const { node, stage } = this.#rowOf(id);
    // The other device's half may still be on its way; the number waits for it.
    if (stage === "revealed") this.#judge(node, digits);
    else this.#typed.set(id, digits);
    this.#options.changed();
  }

  deny(id: string): void {
    this.#tell({ type: "request-denied", node: this.#rowOf(id).node, now: this.#now() });
  }

  isDenied(node: NodeId): boolean {
    return this.#state.ended.get(node)?.step === "denied";
  }

  letAskAgain(id: string): void {
    const node = parseNodeId(id);
    if (node !== undefined) this.#tell({ type: "denial-lifted", node, now: this.#now() });
  }

  #rowOf(id: string): ApprovalRow {
    const row = [...this.#state.rows.values()].find(({ request }) => formatHex(request.id) === id);
    if (row !== undefined) return row;
    throw new CommandRefusedError("request_over", {
      what: "This request is over.",
      safe: "Nothing was authorised.",
      next: "Ask again on the new device.",
    });
  }

  #judge(node: NodeId, digits: string): void {
    const before = this.#state.rows.get(node);
    if (before === undefined) return;
    this.#typed.delete(formatHex(before.request.id));
    this.#tell({ type: "number-typed", node, digits, now: this.#now() });
    if (this.#state.ended.get(node)?.id === before.request.id && before.triesLeft === 1)
      this.#options.notices.add(threeWrongNumbers);
  }

  // --- The machine and its orders. ---

  #tell(event: ApproverEvent): void {
    const [next, effects] = step(approvalApprover, this.#state, event);
    this.#state = next;
    const waiting = new Set([...next.rows.values()].map(({ request }) => formatHex(request.id)));
    for (const id of this.#typed.keys()) if (!waiting.has(id)) this.#typed.delete(id);
    for (const effect of effects) this.#perform(effect);
    this.#keepDenials();
    this.#options.changed();
  }

  #keepDenials(): void {
    const denied = deniedNodes(this.#state);
    if (denied.join() === this.#denied.join()) return;
    this.#denied = denied;
    const { ledger, scope } = this.#options;
    scope.start(() => ledger.writeDenials(denied));
  }

  #perform(effect: ApproverEffect): void {
    const { network, scope, alarms, changed } = this.#options;
    switch (effect.type) {
      case "prompt":
        return changed();
      case "send-message":
        return network.send(effect.node, effect.message);
      case "admit":
        return scope.start(() => this.#admit(effect.node, effect.request));
      case "wake-at":
        return alarms.set("answering", effect.at, (now) =>
          this.#tell({ type: "time-passed", now }),
        );
    }
  }

  async #admit(node: NodeId, request: ApprovalRequest): Promise<void> {
    const { identity, ports, membership, notices, nameOf } = this.#options;
    const entry = this.#entryFor(node, request);
    try {
      if (entry !== undefined) await membership.add([entry]);
    } catch (error) {
      ports.report(error);
      return this.#notKept(node, request);
    }
    if (entry !== undefined && identity.log.state().nodes.has(node)) {
      this.#options.admitted(node, entry);
      return notices.add({
        tone: "info",
        what: `“${nameOf(node)}” was authorised on this device and may now change every repository.`,
      });
    }
    this.#tell({ type: "request-denied", node, now: this.#now() });
    return notices.add({
      tone: "warning",
      what: `“${nameOf(node)}” could not be authorised: your account has as many devices as it can have.`,
      safe: "Nothing was changed.",
      next: "Remove a device that you no longer use, then ask again.",
    });
  }

  #entryFor(node: NodeId, request: ApprovalRequest): Bytes | undefined {
    const { identity, ports, passOf } = this.#options;
    const { crypto, random, clock } = ports;
    const { log, keys, readKey } = identity;
    const pass = passOf(node);
    const requestHash = approvalRequestHash(crypto, request);
    const at = clock.now();
    return pass && proposeNodeAdd({ crypto, random, log, keys, readKey, pass, requestHash, at });
  }

  /** The entry could not be stored: nobody was let in, and the device may ask again. */
  #notKept(node: NodeId, { id }: ApprovalRequest): void {
    const { network, notices, nameOf } = this.#options;
    this.#tell({ type: "request-withdrawn", node, id, now: this.#now() });
    network.send(node, { type: "approval-news", id, step: "void", triesLeft: 0 });
    notices.add({
      tone: "error",
      what: `“${nameOf(node)}” could not be authorised: this device has no room to write it down.`,
      safe: "Nothing was changed.",
      next: "Free some space, then ask again on the new device.",
    });
  }

  #now(): Instant {
    return this.#options.ports.clock.now();
  }
}

const threeWrongNumbers = {
  tone: "warning",
  what: "Three wrong numbers: the request is void.",
  safe: "Nothing was authorised.",
  next: "Start again on the new device.",
} as const;
