/** This node's own wish to become a writer, with each node that could grant it. */

import { approvalCommitment, approvalDigits, approvalMillis } from "@skein/auth/approval";
import {
  approvalAsker,
  type AskerEffect,
  type AskerEnd,
  type AskerEvent,
  type AskerState,
} from "@skein/auth/approval-asker";
import { equal } from "@skein/protocol/bytes";
import { instant, later, type Instant, type NodeId } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { ApprovalNews } from "@skein/protocol/node-messages/approval-news";
import type { ApprovalNonce } from "@skein/protocol/node-messages/approval-nonce";
import type { Alarms } from "./alarms.ts";
import { isWriter, type Identity } from "./identity.ts";
import type { Network } from "./network.ts";
import type { Ports } from "./ports.ts";
import type { ApprovalView } from "./views.ts";

export interface ApprovalAskingOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly alarms: Alarms;
  readonly network: Network;
  readonly nameOf: (node: NodeId) => string;
  readonly changed: () => void;
}

export class ApprovalAsking {
  readonly #options: ApprovalAskingOptions;
  readonly #askers = new Map<NodeId, AskerState>();
  /** When each was first asked of late. What it is asked after that, because it was away meanwhile, makes nobody wait longer. */
  readonly #firstAsked = new Map<NodeId, Instant>();
  /** Nodes whose person looks at the request. */
  readonly #opened = new Set<NodeId>();
  #since: Instant;

  constructor(options: ApprovalAskingOptions) {
    this.#options = options;
    this.#since = options.ports.clock.now();
  }

  connected(node: NodeId): void {
    const state = this.#askers.get(node);
    // Its program may have been started again, and then knows nothing of what it was asked before.
    if (state?.phase !== "closed" || asksAnew.has(state.why)) this.#ask(node);
  }

  answered(node: NodeId, { id, nonce }: ApprovalNonce): void {
    this.#opened.add(node);
    this.#tell(node, { type: "nonce-received", id, nonce, now: this.#now() });
  }

  told(node: NodeId, { id, step: said, triesLeft }: ApprovalNews): void {
    if (said === "opened") this.#opened.add(node);
    const state = this.#askers.get(node);
    // Its person thought better of the denial.
    if (said === "withdrawn" && state?.phase === "closed" && state.why === "denied") {
      this.#firstAsked.delete(node);
      return equal(state.id, id) ? this.#ask(node) : undefined;
    }
    this.#tell(node, { type: "news-received", id, step: said, triesLeft, now: this.#now() });
  }

  /** The log says that this node is a writer. */
  admitted(): void {
    for (const node of this.#askers.keys())
      this.#tell(node, { type: "admitted", now: this.#now() });
  }

  again(): void {
    this.#since = this.#now();
    this.#firstAsked.clear();
    for (const node of this.#options.network.connections().keys()) this.#ask(node);
  }

  view(): ApprovalView {
    const { network, nameOf } = this.#options;
    const all = [...this.#askers];
    const live = all.flatMap(([node, state]) =>
      (state.phase === "asking" || state.phase === "comparing") && network.connections().has(node)
        ? [{ node, state, until: this.#waitsUntil(node, state) }]
        : [],
    );
    const now = this.#now();
    const awaited = live.filter(({ until }) => now < until);
    if (awaited.length > 0)
      return {
        phase: "asked",
        expiresAt: instant(Math.max(...awaited.map(({ until }) => until))),
        opened: awaited.some(({ node }) => this.#opened.has(node)),
        numbers: awaited.flatMap(({ node, state }) => {
          const digits = this.#digits(node, state);
          return digits === undefined ? [] : [{ nodeName: nameOf(node), digits }];
        }),
      };
    const denied = all.find(([, state]) => state.phase === "closed" && state.why === "denied");
    if (denied !== undefined) return { phase: "denied", by: nameOf(denied[0]) };
    const why = voidings.find(([end]) =>
      all.some(([, state]) => state.phase === "closed" && state.why === end),
    )?.[1];
    if (why !== undefined) return { phase: "void", why };
    return live.length > 0
      ? { phase: "void", why: "nobody-answered" }
      : { phase: "waiting", since: this.#since };
  }

  /** A person is waited for as long as a request is good, once; a request that one of them opened is waited for to its end. */
  #waitsUntil(node: NodeId, { asked: { askedAt } }: Live): Instant {
    const from = this.#opened.has(node) ? askedAt : (this.#firstAsked.get(node) ?? askedAt);
    return later(from, approvalMillis);
  }

  #ask(node: NodeId): void {
    const { identity, ports, network } = this.#options;
    const { crypto, random } = ports;
    const { log, nodeName, platform } = identity;
    const handshakeHash = network.handshakes(node)[0];
    if (isWriter(identity) || !log.state().nodes.has(node) || handshakeHash === undefined) return;
    const nonce = random.bytes(32);
    const now = this.#now();
    this.#opened.delete(node);
    if (!this.#firstAsked.has(node)) this.#firstAsked.set(node, now);
    this.#tell(node, {
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
  }

  /** What the person reads off this screen and types on that node. */
  #digits(node: NodeId, state: AskerState): string | undefined {
    if (state.phase !== "comparing") return undefined;
    const { identity, ports } = this.#options;
    return approvalDigits(ports.crypto, {
      account: identity.log.account,
      asker: identity.keys.id,
      approver: node,
      handshakeHash: state.asked.handshakeHash,
      askerNonce: state.asked.nonce,
      approverNonce: state.approverNonce,
    });
  }

  #tell(node: NodeId, event: AskerEvent): void {
    const before = this.#askers.get(node) ?? approvalAsker.initial;
    const [next, effects] = step(approvalAsker, before, event);
    this.#askers.set(node, next);
    for (const effect of effects) this.#perform(node, effect);
    this.#options.changed();
  }

  #perform(node: NodeId, effect: AskerEffect): void {
    const { network, alarms } = this.#options;
    if (effect.type === "send-message") return network.send(node, effect.message);
    return alarms.set(`asking ${node}`, effect.at, (now) =>
      this.#tell(node, { type: "time-passed", now }),
    );
  }

  #now(): Instant {
    return this.#options.ports.clock.now();
  }
}

type Live = Extract<AskerState, { readonly phase: "asking" | "comparing" }>;

/**
 * Ends after which a new connection asks anew: the program there may have been started again, and then neither knows
 * of a request nor that its person denied one. While it knows, it answers as before and calls nobody.
 */
const asksAnew: ReadonlySet<AskerEnd> = new Set(["expired", "denied"]);

/** What a person is told where several nodes were asked: the most telling end first. */
const voidings = [
  ["wrong-numbers", "wrong-numbers"],
  ["void", "did-not-match"],
  ["expired", "nobody-answered"],
] as const satisfies ReadonlyArray<
  readonly [AskerEnd, (ApprovalView & { readonly phase: "void" })["why"]]
>;
