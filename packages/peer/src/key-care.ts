/** Keeps this node's secrets those that are in force: takes over new read keys and meeting secrets, and pays rotations that are owed. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import { openMeeting, staysAtFormerDoor } from "@skein/auth/meeting";
import { hasBoxForEach, proposeRotation } from "@skein/auth/membership-changes";
import {
  debts,
  keyDebtMachine,
  rankOf,
  type Event,
  type State,
} from "@skein/auth/membership-debts";
import { judgeOwnBox, openReadKey } from "@skein/auth/read-key";
import { equal } from "@skein/protocol/bytes";
import { instant, type Instant, type NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import { step } from "@skein/protocol/machine";
import type { Alarms } from "./alarms.ts";
import type { Identity } from "./identity.ts";
import type { MembershipGossip } from "./membership-gossip.ts";
import type { Network } from "./network.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { randomU32 } from "./ports.ts";
import type { Scope } from "./scope.ts";
import type { Standstill } from "./standstill.ts";
import { openTurns } from "./turns.ts";
import type { Whereabouts } from "./venues.ts";

interface KeyCareOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly network: Network;
  readonly membership: MembershipGossip;
  readonly alarms: Alarms;
  readonly scope: Scope;
  readonly notices: Notices;
  readonly standstill: Standstill;
  /** Durable before anything is done with new secrets. */
  readonly store: () => Promise<void>;
  /** The door before, of which some member may not know yet that it is. */
  readonly former: SecretKey | undefined;
  readonly storeFormer: (former: SecretKey | undefined) => Promise<void>;
  /** When a node was last met. */
  readonly lastMet: (node: NodeId) => Instant | undefined;
}

export class KeyCare {
  readonly #options: KeyCareOptions;
  readonly #turns = openTurns();
  #debt: State = keyDebtMachine.initial;
  #former: SecretKey | undefined;
  #isCrowdTold = false;

  constructor(options: KeyCareOptions) {
    this.#options = options;
    this.#former = options.former;
  }

  /** By what this node can be met now. */
  whereabouts(): Whereabouts {
    const { meeting, readKey } = this.#options.identity;
    return { door: meeting, former: this.#former, readKey };
  }

  /** Somebody was met: perhaps the last that did not know of the new words. */
  met(): void {
    if (this.#former !== undefined) this.#options.scope.start(() => this.#leaveFormer());
  }

  membershipChanged(): void {
    const { identity, ports, scope } = this.#options;
    scope.start(() => this.#turns.take(() => this.#takeOver()));
    const state = identity.log.state();
    this.#tell({
      type: "account-changed",
      owes: this.#isOwed(),
      rank: rankOf(state, identity.keys.id),
      at: ports.clock.now(),
      chance: randomU32(ports.random) / 2 ** 32,
    });
  }

  async #takeOver(): Promise<void> {
    const { identity, ports, network, store, storeFormer } = this.#options;
    const state = identity.log.state();
    const { keys } = identity;
    const readKey = openReadKey({ crypto: ports.crypto, state, keys });
    const meeting = openMeeting({ state, keys });
    const isNewKey = readKey !== undefined && !isSame(readKey, identity.readKey);
    const isNewDoor = meeting !== undefined && !isSame(meeting, identity.meeting);
    if (!isNewKey && !isNewDoor) return;
    if (isNewDoor) {
      await storeFormer(identity.meeting);
      this.#former = identity.meeting;
      identity.meeting = meeting;
    }
    if (isNewKey) identity.readKey = readKey;
    await store();
    network.meetAt(this.whereabouts());
  }

  async #leaveFormer(): Promise<void> {
    const { identity, ports, network, membership, storeFormer, lastMet } = this.#options;
    const { log, keys } = identity;
    const state = log.state();
    const changedAt = membership.seenAt(state.doorEntry);
    const now = ports.clock.now();
    if (changedAt === undefined || this.#former === undefined) return;
    if (staysAtFormerDoor({ state, self: keys.id, changedAt, lastMet, now })) return;
    this.#former = undefined;
    await storeFormer(undefined);
    network.meetAt(this.whereabouts());
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

  /** By the log, or because what was boxed to this node is not what the log names, which only it can tell. */
  #isOwed(): boolean {
    const { identity, ports } = this.#options;
    const { log, keys } = identity;
    const state = log.state();
    const box = judgeOwnBox({ crypto: ports.crypto, state, keys });
    return debts(state).length > 0 || box === "refused";
  }

  /** Once: it is tried every minute. */
  #tellCrowd(): void {
    if (!this.#isCrowdTold) this.#options.notices.add(crowd);
    this.#isCrowdTold = true;
  }

  async #rotate(): Promise<void> {
    const { identity, ports, membership } = this.#options;
    const { crypto, random, clock } = ports;
    const { log, keys, readKey } = identity;
    if (this.#options.standstill.since() !== undefined) return;
    if (!this.#isOwed() || !log.state().nodes.has(keys.id)) return;
    // It stays owed until a person removed some.
    if (!hasBoxForEach(log.state())) return this.#tellCrowd();
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

/** Additions that crossed, or a removal that was left out, brought more members than an entry has boxes for. */
const crowd = {
  tone: "warning",
  what: `More than ${nodesPerAccountMax} devices of your account may write.`,
  safe: "All of them work, and nothing was lost. But no new secrets can be made: a device that was removed could still look where yours meet.",
  next: "Revoke devices that you no longer use, under Devices.",
} as const;
