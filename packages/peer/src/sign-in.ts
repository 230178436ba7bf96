/** Signing in: knock, be called back by a node of the account, check its log against the door, take the read key. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import type { Door } from "@skein/auth/door";
import type { MembershipLog } from "@skein/auth/membership";
import { openReadKeyAtDoor } from "@skein/auth/read-key";
import { equal } from "@skein/protocol/bytes";
import { later, type NodeId } from "@skein/protocol/ids";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Alarms } from "./alarms.ts";
import { NoSourceError } from "./flows.ts";
import type { Network } from "./network.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";
import { fetchLog } from "./second-account.ts";
import type { Stage } from "./stage.ts";
import type { SignInStep } from "./views.ts";

export type SignInEnd =
  | {
      readonly kind: "welcomed";
      readonly by: NodeId;
      readonly log: MembershipLog;
      readonly readKey: SecretKey;
    }
  /** Two different accounts answer to one passphrase: somebody who knows it made a second one. */
  | { readonly kind: "two-accounts" };

interface SignInOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly scope: Scope;
  readonly door: Door;
  readonly knock: Knock;
  readonly network: Network;
  readonly changed: () => void;
  /** Told once, unless it was closed before. */
  readonly ended: (end: SignInEnd) => void;
}

export class SignIn {
  readonly stage: Stage;
  readonly #options: SignInOptions;
  #step: SignInStep = "reaching-relay";
  #welcome: Extract<SignInEnd, { readonly kind: "welcomed" }> | undefined;
  #over = false;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.stage = {
      mayConnect: () => true,
      acquaintances: () => [],
      find: () => Promise.reject(new NoSourceError("not-here")),
      up: (node) => this.#calledBack(node),
      resumed: () => undefined,
      down: () => this.#leftAlone(),
      message: () => undefined,
      knock: () => undefined,
      letter: () => undefined,
    };
  }

  step(): SignInStep {
    return this.#step;
  }

  relayChanged(): void {
    const { network, changed } = this.#options;
    const isReached = network.relays().some(({ status }) => status.phase === "connected");
    if (isReached && this.#step === "reaching-relay") {
      this.#step = "knocking";
      this.#knock();
    }
    changed();
  }

  close(): void {
    this.#over = true;
    this.#options.alarms.cancel("knock");
    this.#options.alarms.cancel("welcome");
  }

  #knock(): void {
    if (this.#over) return;
    const { network, knock, alarms, clock } = this.#options;
    if (network.connections().size === 0) network.knock(knock);
    alarms.set("knock", later(clock.now(), knockMillis), () => this.#knock());
  }

  #calledBack(node: NodeId): void {
    this.#step = "checking";
    this.#options.changed();
    this.#options.scope.start((signal) => this.#check(node, signal));
  }

  #leftAlone(): void {
    const { network, changed } = this.#options;
    if (network.connections().size === 0 && this.#step === "checking") this.#step = "knocking";
    changed();
  }

  async #check(node: NodeId, signal: AbortSignal): Promise<void> {
    const { network, alarms, clock } = this.#options;
    const found = await fetchAccount(this.#options, node, signal);
    if (this.#over) return;
    if (found === undefined) return network.drop(node);
    if (this.#welcome !== undefined && this.#welcome.log.account !== found.log.account)
      return this.#finish({ kind: "two-accounts" });
    this.#welcome ??= { kind: "welcomed", by: node, ...found };
    const first = this.#welcome;
    alarms.set("welcome", later(clock.now(), secondAccountMillis), () => this.#finish(first));
  }

  #finish(end: SignInEnd): void {
    if (this.#over) return;
    this.close();
    this.#options.ended(end);
  }
}

/** The log of the node that called back, if it is of the account behind this door and that node is one of its members. */
async function fetchAccount(
  { crypto, door, network }: Pick<SignInOptions, "crypto" | "door" | "network">,
  node: NodeId,
  signal: AbortSignal,
): Promise<{ readonly log: MembershipLog; readonly readKey: SecretKey } | undefined> {
  const log = await fetchLog({ crypto, network }, node, signal);
  if (log === undefined) return undefined;
  const state = log.state();
  if (!equal(state.door.sign, door.signPublic) || !state.nodes.has(node)) return undefined;
  const readKey = openReadKeyAtDoor({ crypto, state, door });
  return readKey && { log, readKey };
}

/** A knock may be lost, or nobody is at home yet. */
const knockMillis = 20_000;
/** A second account that answers to the same passphrase is given this long to show itself; after that it is watched for. */
const secondAccountMillis = 1_000;
