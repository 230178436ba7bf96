/** Keeps this node's secrets those that are in force: takes over new read keys and meeting secrets, and pays rotations that are owed. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import { openMeeting } from "@skein/auth/meeting";
import { proposeRotation } from "@skein/auth/membership-changes";
import {
  debts,
  keyDebtMachine,
  rankOf,
  type Event,
  type State,
} from "@skein/auth/membership-debts";
import { openEpochKey, openReadKey } from "@skein/auth/read-key";
import { equal } from "@skein/protocol/bytes";
import { instant, later } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { Alarms } from "./alarms.ts";
import type { Identity } from "./identity.ts";
import type { MembershipGossip } from "./membership-gossip.ts";
import type { Network } from "./network.ts";
import type { Ports } from "./ports.ts";
import { randomU32 } from "./ports.ts";
import type { Scope } from "./scope.ts";

interface KeyCareOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly network: Network;
  readonly membership: MembershipGossip;
  readonly alarms: Alarms;
  readonly scope: Scope;
  /** Durable before anything is done with new secrets. */
  readonly store: () => Promise<void>;
  /** The account met elsewhere until now; nodes that were away will look there first. */
  readonly moved: (former: {
    readonly meeting: SecretKey;
    readonly readKey: SecretKey;
  }) => Promise<void>;
}

export class KeyCare {
  readonly #options: KeyCareOptions;
  #debt: State = keyDebtMachine.initial;
  #moving = false;

  constructor(options: KeyCareOptions) {
    this.#options = options;
  }

  /** All read keys that this node has, the one in force first. */
  readKeys(): ReadonlyArray<SecretKey> {
    const { identity, ports } = this.#options;
    const { crypto } = ports;
    const { keys, log } = identity;
    const older = log
      .state()
      .keys.map((key) => openEpochKey({ crypto, key, keys }))
      .filter((key) => key !== undefined && !isSame(key, identity.readKey));
    return [identity.readKey, ...older.filter((key) => key !== undefined)];
  }

  membershipChanged(): void {
    const { identity, ports, scope } = this.#options;
    scope.start(() => this.#takeOver());
    const state = identity.log.state();
    this.#tell({
      type: "account-changed",
      owes: debts(state).length > 0,
      rank: rankOf(state, identity.keys.id),
      at: ports.clock.now(),
      chance: randomU32(ports.random) / 2 ** 32,
    });
  }

  async #takeOver(): Promise<void> {
    const { identity, ports, network, store } = this.#options;
    const state = identity.log.state();
    const { keys } = identity;
    const readKey = openReadKey({ crypto: ports.crypto, state, keys });
    const former = identity.readKey;
    if (readKey !== undefined && !isSame(readKey, former)) {
      identity.readKey = readKey;
      await store();
      network.moveIn(this.readKeys());
    }
    using meeting = openMeeting({ state, keys });
    if (meeting !== undefined && !isSame(meeting, identity.meeting)) this.#moveSoon();
  }

  /** Whoever is connected is given a moment to hear why. */
  #moveSoon(): void {
    if (this.#moving) return;
    this.#moving = true;
    const { alarms, ports, scope } = this.#options;
    alarms.set("move", later(ports.clock.now(), farewellMillis), () =>
      scope.start(() => this.#move()),
    );
  }

  async #move(): Promise<void> {
    this.#moving = false;
    const { identity, network, store, moved } = this.#options;
    const meeting = openMeeting({ state: identity.log.state(), keys: identity.keys });
    if (meeting === undefined || isSame(meeting, identity.meeting)) return;
    const former = { meeting: identity.meeting, readKey: this.#readKeyBefore() };
    await moved(former);
    identity.meeting = meeting;
    await store();
    network.moveTo(meeting, this.readKeys());
  }

  #readKeyBefore(): SecretKey {
    return this.readKeys()[1] ?? this.#options.identity.readKey;
  }

  #tell(event: Event): void {
    const [next, effects] = step(keyDebtMachine, this.#debt, event);
    this.#debt = next;
    const { alarms, scope } = this.#options;
    for (const effect of effects)
      if (effect.type === "rotate-key") scope.start(() => this.#rotate());
      else
        alarms.set("key debt", instant(Math.round(effect.at)), (now) =>
          this.#tell({ type: "time-passed", at: now }),
        );
  }

  async #rotate(): Promise<void> {
    const { identity, ports, membership } = this.#options;
    const { crypto, random, clock } = ports;
    const { log, keys, readKey } = identity;
    if (debts(log.state()).length === 0 || !log.state().nodes.has(keys.id)) return;
    const knows = openReadKey({ crypto, state: log.state(), keys }) !== undefined;
    const made = proposeRotation({
      crypto,
      random,
      log,
      keys,
      at: clock.now(),
      readKey: knows ? readKey : undefined,
    });
    made.readKey[Symbol.dispose]();
    await membership.add([made.entry]);
  }
}

function isSame(a: SecretKey, b: SecretKey): boolean {
  return a.reveal((left) => b.reveal((right) => equal(left, right)));
}

const farewellMillis = 3_000;
