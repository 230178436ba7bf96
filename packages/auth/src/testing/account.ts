/** Accounts that are made up, from a seed: for the tests of whoever builds upon the membership log. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { instant, later, type Instant } from "@skein/protocol/ids";
import type { Random } from "../crypto/random.ts";
import { SecretKey } from "../crypto/secret.ts";
import type { Crypto } from "../crypto/sodium.ts";
import { openDoor, type Door } from "../door.ts";
import { mintNodeKeys, type NodeKeys } from "../identity.ts";
import type { Change } from "../membership-changes.ts";
import { createAccount, proposeNodeAdd } from "../membership-proposals.ts";
import { openLog, type MembershipLog } from "../membership.ts";
import { makePass } from "../pass.ts";
import { openReadKey } from "../read-key.ts";
import { openRecoveryKey, openRecoverySecret, type RecoveryKey } from "../recovery-key.ts";

export interface MadeUpAccount {
  readonly crypto: Crypto;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly random: Random;
  readonly door: Door;
  readonly first: NodeKeys;
  readonly genesis: Bytes;
  readonly sealedRecovery: Bytes;
  readonly recoverySecret: () => SecretKey;
  readonly recovery: () => RecoveryKey;
  readonly mint: () => NodeKeys;
  readonly newDoor: () => Door;
  readonly open: (entries?: ReadonlyArray<Uint8Array>) => MembershipLog;
  /** What a change needs to know; an hour passes from one to the next. */
  readonly change: (log: MembershipLog, keys: NodeKeys) => Change;
  readonly add: (log: MembershipLog, author: NodeKeys, target: NodeKeys, door?: Door) => Bytes;
}

export function makeUpAccount(crypto: Crypto, seed = 1): MadeUpAccount {
  const chance = chanceOf(seed);
  const random = randomOf(chance);
  const secret = (): SecretKey => new SecretKey(random.bytes(32));
  const newDoor = (): Door =>
    openDoor(crypto, { sign: secret(), box: secret(), meeting: secret() });
  const door = newDoor();
  const first = mintNodeKeys(crypto, random);
  let at = instant(1_700_000_000_000);
  const next = (): Instant => (at = later(at, 60 * 60_000));
  const founder = { keys: first, name: "Laptop", platform: "Linux", at };
  const { genesis, sealedRecovery } = createAccount({ crypto, random, door, ...founder });
  const open = (entries: ReadonlyArray<Uint8Array> = []): MembershipLog => {
    const log = openLog({ crypto, genesis });
    assert(log !== undefined, "the genesis opens");
    for (const entry of entries) log.add(entry);
    return log;
  };
  const change = (log: MembershipLog, keys: NodeKeys): Change => {
    const readKey = openReadKey({ crypto, state: log.state(), keys });
    return { crypto, random, log, keys, at: next(), readKey };
  };
  const recoverySecret = (): SecretKey => {
    const { recovery } = open().state();
    const opened = recovery && openRecoverySecret({ crypto, door, recovery }, sealedRecovery);
    assert(opened !== undefined, "the door opens what was sealed to it");
    return opened;
  };
  return {
    crypto,
    chance,
    random,
    door,
    first,
    genesis,
    sealedRecovery,
    recoverySecret,
    recovery: () => openRecoveryKey(crypto, recoverySecret()),
    mint: () => mintNodeKeys(crypto, random),
    newDoor,
    open,
    change,
    add: (log, author, target, at_ = door) => {
      const pass = makePass({ door: at_, keys: target, name: "Phone", platform: "Android", at });
      const entry = proposeNodeAdd({
        ...change(log, author),
        pass,
        requestHash: new Uint8Array(32),
      });
      assert(entry !== undefined, "sound keys are boxed to");
      return entry;
    },
  };
}

/** mulberry32: the same seed always tells the same story. */
export function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomOf(chance: () => number): Random {
  return {
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(chance() * 256)),
  };
}
