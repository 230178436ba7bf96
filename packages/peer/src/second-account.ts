/** Watches for a second account behind the same door, as long as this node may only read: whoever knows the words may have made it, and it may be the one that this node joined. */

import type { Crypto } from "@skein/auth/crypto/sodium";
import { makeKnock } from "@skein/auth/knock";
import type { MembershipLog } from "@skein/auth/membership";
import { equal } from "@skein/protocol/bytes";
import { later, type AccountId, type Instant, type NodeId } from "@skein/protocol/ids";
import { logBytesMax, membershipEntryBytesMax, nodesPerAccountMax } from "@skein/protocol/limits";
import type { Alarms } from "./alarms.ts";
import { FlowFailedError } from "./flows.ts";
import { isWriter, readLog, type Identity } from "./identity.ts";
import type { Ledger } from "./ledger.ts";
import type { Network } from "./network.ts";
import { splitParts } from "./parts.ts";
import type { Ports } from "./ports.ts";
import type { Scope } from "./scope.ts";

interface WatchOptions {
  readonly identity: Identity;
  readonly network: Network;
  readonly ports: Pick<Ports, "crypto" | "clock" | "random" | "report">;
  readonly alarms: Alarms;
  readonly scope: Scope;
  readonly ledger: Ledger;
  /** Told of the other account, once that there is one is durable here. */
  readonly secondAccount: (account: AccountId) => void;
}

export class SecondAccountWatch {
  readonly #options: WatchOptions;
  /** How often each node was asked for its log. */
  readonly #looked = new Map<NodeId, number>();
  /** Connected to be looked at, and for nothing else. */
  readonly #strangers = new Set<NodeId>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Knocks on, so that an account whose nodes were away when this one signed in answers when they come. */
  start(): void {
    const { identity, network, ports, alarms } = this.#options;
    const { pass } = identity;
    if (pass === undefined || !this.#isOn()) return;
    const { clock, random } = ports;
    const knock = makeKnock(pass, random);
    const began = clock.now();
    const again = (): void => {
      alarms.set("second account", later(clock.now(), pauseMillis(began, clock.now())), () => {
        if (!this.#isOn()) return;
        network.knock(knock);
        again();
      });
    };
    again();
  }

  close(): void {
    this.#options.alarms.cancel("second account");
  }

  /** Whether a node that is no member and shows no pass may connect, to be looked at. */
  admits(node: NodeId): boolean {
    if (!this.#mayLookAt(node)) return false;
    this.#strangers.add(node);
    return true;
  }

  knows(node: NodeId): void {
    this.#strangers.delete(node);
  }

  isStranger(node: NodeId): boolean {
    return this.#strangers.has(node) && !this.#options.identity.log.state().nodes.has(node);
  }

  /** A node that is no member is asked which account it is of. */
  met(node: NodeId): void {
    const { identity, scope } = this.#options;
    if (identity.log.state().nodes.has(node) || !this.#mayLookAt(node)) return;
    this.#looked.set(node, (this.#looked.get(node) ?? 0) + 1);
    scope.start((signal) => this.#look(node, signal));
  }

  /** Once a person has typed this node's number on a device of theirs, they know which account it is in. */
  #isOn(): boolean {
    const { identity } = this.#options;
    return identity.pass !== undefined && !isWriter(identity);
  }

  #mayLookAt(node: NodeId): boolean {
    const looked = this.#looked.get(node);
    const hasRoom = looked === undefined ? this.#looked.size < lookedMax : looked < looksMax;
    return hasRoom && this.#isOn();
  }

  async #look(node: NodeId, signal: AbortSignal): Promise<void> {
    const { identity, network, ports, ledger, secondAccount } = this.#options;
    const theirs = await fetchLog({ ...ports, network }, node, signal);
    const isBehindOurDoor =
      theirs !== undefined && equal(theirs.state().door.sign, identity.log.state().door.sign);
    if (isBehindOurDoor && theirs.account !== identity.log.account && this.#isOn()) {
      // Where it cannot be kept, it is found again.
      await ledger
        .writeSecondAccount(theirs.account)
        .catch((cause: unknown) => ports.report(cause));
      return secondAccount(theirs.account);
    }
    if (this.isStranger(node)) network.drop(node);
  }
}

/** The membership log that a node gives, if it gives one. */
export async function fetchLog(
  { crypto, network }: { readonly crypto: Crypto; readonly network: Network },
  node: NodeId,
  signal: AbortSignal,
): Promise<MembershipLog | undefined> {
  const bytes = await network
    .ask(node, { type: "entries", heads: [] }, { bytesMax: logBytesMax, signal })
    .catch((error: unknown) => {
      if (error instanceof FlowFailedError) return undefined;
      throw error;
    });
  const entries = bytes && splitParts(bytes, { partBytesMax: membershipEntryBytesMax });
  return entries && readLog(crypto, entries);
}

/** Often at first, while a person may be waiting; then so that it costs nothing. */
function pauseMillis(began: Instant, now: Instant): number {
  return now - began < 10 * 60_000 ? 20_000 : 5 * 60_000;
}

/** The log may have been lost on the way. */
const looksMax = 3;
/** Whoever has the words may come with any number of nodes. */
const lookedMax = 4 * nodesPerAccountMax;
