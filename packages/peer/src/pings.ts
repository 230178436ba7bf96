/** How far away each connected node is: a ping now and then, on the path that messages take. */

import type { Random } from "@skein/auth/crypto/random";
import { later, type Instant, type NodeId } from "@skein/protocol/ids";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { Alarms } from "./alarms.ts";
import { randomU32, type Clock } from "./ports.ts";

interface PingsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly send: (node: NodeId, message: NodeMessage) => void;
  readonly measured: () => void;
}

interface Pinged {
  readonly nonce: number;
  readonly at: Instant;
  readonly roundTripMillis: number | undefined;
}

export class Pings {
  readonly #options: PingsOptions;
  readonly #pinged = new Map<NodeId, Pinged>();

  constructor(options: PingsOptions) {
    this.#options = options;
  }

  roundTripMillis(node: NodeId): number | undefined {
    return this.#pinged.get(node)?.roundTripMillis;
  }

  /** Pings now, because the node or its path is new, and from then on. */
  start(node: NodeId): void {
    const { clock, random, alarms, send } = this.#options;
    const at = clock.now();
    const nonce = randomU32(random);
    this.#pinged.set(node, { nonce, at, roundTripMillis: this.roundTripMillis(node) });
    alarms.set(`ping ${node}`, later(at, pingMillis), () => this.start(node));
    send(node, { type: "ping", nonce });
  }

  stop(node: NodeId): void {
    this.#options.alarms.cancel(`ping ${node}`);
    this.#pinged.delete(node);
  }

  answered(node: NodeId, nonce: number): void {
    const pinged = this.#pinged.get(node);
    if (pinged?.nonce !== nonce) return;
    const roundTripMillis = Math.max(0, this.#options.clock.now() - pinged.at);
    this.#pinged.set(node, { ...pinged, roundTripMillis });
    this.#options.measured();
  }
}

/** Often enough that a person sees a path go within a breath, seldom enough for a phone's battery. */
const pingMillis = 15_000;
