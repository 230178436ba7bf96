/** Signing in: knock, be called back by a node of the account, check its log against the door, take the read key. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import type { Door } from "@skein/auth/door";
import { openLog, type MembershipLog } from "@skein/auth/membership";
import { openReadKeyAtDoor } from "@skein/auth/read-key";
import { equal, type Bytes } from "@skein/protocol/bytes";
import { later, type NodeId } from "@skein/protocol/ids";
import { logBytesMax, membershipEntryBytesMax } from "@skein/protocol/limits";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Alarms } from "./alarms.ts";
import { FlowFailedError, NoSourceError } from "./flows.ts";
import type { Stage } from "./home.ts";
import { splitParts } from "./ledger.ts";
import type { Network } from "./network.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";
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

export interface SignIn {
  readonly stage: Stage;
  readonly step: () => SignInStep;
  readonly relayChanged: () => void;
  readonly close: () => void;
}

export function startSignIn({
  crypto,
  clock,
  alarms,
  scope,
  door,
  knock,
  network,
  changed,
  ended,
}: {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly scope: Scope;
  readonly door: Door;
  readonly knock: Knock;
  readonly network: () => Network;
  readonly changed: () => void;
  readonly ended: (end: SignInEnd) => void;
}): SignIn {
  let step: SignInStep = "reaching-relay";
  let welcome: Extract<SignInEnd, { readonly kind: "welcomed" }> | undefined;
  let over = false;

  const knockAgain = (): void => {
    if (over) return;
    if (network().connections().size === 0) network().knock(knock);
    alarms.set("knock", later(clock.now(), knockMillis), knockAgain);
  };

  const finish = (end: SignInEnd): void => {
    if (over) return;
    over = true;
    alarms.cancel("knock");
    alarms.cancel("welcome");
    ended(end);
  };

  const check = async (node: NodeId, signal: AbortSignal): Promise<void> => {
    const found = await fetchLog({ crypto, door, network: network(), node, signal });
    if (over) return;
    if (found === undefined) return network().drop(node);
    if (welcome !== undefined && welcome.log.account !== found.log.account)
      return finish({ kind: "two-accounts" });
    welcome ??= { kind: "welcomed", by: node, ...found };
    const first = welcome;
    alarms.set("welcome", later(clock.now(), secondAccountMillis), () => finish(first));
  };

  return {
    step: () => step,
    relayChanged: () => {
      const connected = network().relay().phase === "connected";
      if (connected && step === "reaching-relay") {
        step = "knocking";
        knockAgain();
      }
      changed();
    },
    stage: {
      mayConnect: () => true,
      acquaintances: () => [],
      find: async () => {
        throw new NoSourceError("not-here");
      },
      up: (node) => {
        step = "checking";
        changed();
        scope.start((signal) => check(node, signal));
      },
      down: () => {
        if (network().connections().size === 0 && step === "checking") step = "knocking";
        changed();
      },
      message: () => undefined,
      knock: () => undefined,
    },
    close: () => {
      over = true;
      alarms.cancel("knock");
      alarms.cancel("welcome");
    },
  };
}

/** The log of the node that called back, if it is of the account behind this door and that node is one of its members. */
async function fetchLog({
  crypto,
  door,
  network,
  node,
  signal,
}: {
  readonly crypto: Crypto;
  readonly door: Door;
  readonly network: Network;
  readonly node: NodeId;
  readonly signal: AbortSignal;
}): Promise<{ readonly log: MembershipLog; readonly readKey: SecretKey } | undefined> {
  const bytes = await network
    .ask(node, { type: "entries", heads: [] }, { bytesMax: logBytesMax, signal })
    .catch((error: unknown) => {
      if (error instanceof FlowFailedError) return undefined;
      throw error;
    });
  const entries = bytes && splitParts(bytes, { partBytesMax: membershipEntryBytesMax });
  const log = entries && readLog(crypto, entries);
  if (log === undefined) return undefined;
  const state = log.state();
  if (!equal(state.door.sign, door.signPublic) || !state.nodes.has(node)) return undefined;
  const readKey = openReadKeyAtDoor({ crypto, state, door });
  return readKey && { log, readKey };
}

export function readLog(crypto: Crypto, entries: ReadonlyArray<Bytes>): MembershipLog | undefined {
  const [genesis, ...rest] = entries;
  const log = genesis && openLog({ crypto, genesis });
  for (const entry of rest) log?.add(entry);
  return log;
}

/** A knock may be lost, or nobody is at home yet. */
const knockMillis = 20_000;
/** A second account that answers to the same passphrase is given this long to show itself. */
const secondAccountMillis = 1_000;
