/** Members that are not found where members meet: they may not know where that is by now, so they are called at the door. So is who put this node out and was put out in turn: it would not look for us. */

import { later, type NodeId } from "@skein/protocol/ids";
import type { Alarms } from "./alarms.ts";
import type { Identity } from "./identity.ts";
import type { Network } from "./network.ts";
import type { Clock } from "./ports.ts";

interface MissingMembersOptions {
  readonly identity: Identity;
  readonly network: Network;
  readonly clock: Clock;
  readonly alarms: Alarms;
}

export class MissingMembers {
  readonly #options: MissingMembersOptions;

  constructor(options: MissingMembersOptions) {
    this.#options = options;
  }

  /** They are given time to be found as usual first. */
  start(): void {
    this.#callIn(firstMillis);
  }

  close(): void {
    this.#options.alarms.cancel("missing members");
  }

  #callIn(millis: number): void {
    const { alarms, clock } = this.#options;
    alarms.set("missing members", later(clock.now(), millis), () => {
      this.#call();
      this.#callIn(repeatMillis);
    });
  }

  #call(): void {
    const { identity, network } = this.#options;
    const isMissing = (node: NodeId): boolean =>
      node !== identity.keys.id && !network.connections().has(node);
    const { log, keys } = identity;
    const { nodes } = log.state();
    const against = log.told().filter(({ target }) => target === keys.id);
    const opponents = new Set(against.map(({ author }) => author));
    const others = log.signers().filter(({ node }) => opponents.has(node) && !nodes.has(node));
    for (const peer of [...nodes.values(), ...others])
      if (isMissing(peer.node)) network.connect(peer);
  }
}

const firstMillis = 15_000;
/** Whoever is in is met within this, even where both were there all the time; and nobody calls often enough to be a burden. */
const repeatMillis = 60 * 60_000;
