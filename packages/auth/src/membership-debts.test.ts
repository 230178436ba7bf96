import { expect, test } from "vitest";
import { step } from "@skein/protocol/machine";
import { openCrypto } from "./crypto/sodium.ts";
import { proposeRotation, revokeNodes } from "./membership-changes.ts";
import { debts, keyDebtMachine, rankOf, type Effect, type Event } from "./membership-debts.ts";
import type { NodeKeys } from "./identity.ts";
import type { MembershipLog } from "./membership.ts";
import { chanceOf, makeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();

function play(...events: ReadonlyArray<Event>): ReadonlyArray<Effect> {
  let state = keyDebtMachine.initial;
  let last: ReadonlyArray<Effect> = [];
  for (const event of events) [state, last] = step(keyDebtMachine, state, event);
  return last;
}

function changed(owes: boolean, rank: number, at = 0): Event {
  return { type: "account-changed", owes, rank, at, chance: 0.5 };
}

test("the first member pays at once, the second after ten seconds and a bit, and nobody if somebody was quicker", () => {
  expect(play(changed(true, 0))).toEqual([{ type: "wake-at", at: 0 }]);
  expect(play(changed(true, 1))).toEqual([{ type: "wake-at", at: 12_500 }]);
  expect(play(changed(true, 1), { type: "time-passed", at: 12_500 })).toContainEqual({
    type: "rotate-key",
  });
  expect(play(changed(true, 1), changed(false, 1), { type: "time-passed", at: 20_000 })).toEqual(
    [],
  );
  expect(play(changed(true, 1), { type: "time-passed", at: 9_000 })).toEqual([
    { type: "wake-at", at: 12_500 },
  ]);
});

test("whoever is no member pays nothing, and news does not put a payment off", () => {
  expect(play(changed(true, -1))).toEqual([]);
  expect(play(changed(true, 2), changed(true, -1), { type: "time-passed", at: 90_000 })).toEqual(
    [],
  );
  expect(
    play(changed(true, 1), changed(true, 1, 9_000), { type: "time-passed", at: 12_500 }),
  ).toContainEqual({ type: "rotate-key" });
});

test("A20: after any revocations at once, the rotation that is owed is paid within a minute, and by few", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { rotations, seconds } = settle(seed);
    expect(seconds, `seed ${seed}`).toBeLessThan(60);
    expect(rotations, `seed ${seed}`).toBeLessThanOrEqual(2);
  }
});

/** Four nodes; two of them revoke at once what they like, and then all hear of all after up to two seconds. */
function settle(seed: number): { readonly rotations: number; readonly seconds: number } {
  const world = makeUpAccount(crypto, seed);
  const chance = chanceOf(seed);
  const { first, door, change, open, add } = world;
  const nodes = [first, world.mint(), world.mint(), world.mint()];
  const log = open();
  for (const node of nodes.slice(1)) log.add(add(log, first, node));
  const pick = (): NodeKeys => nodes[Math.floor(chance() * nodes.length)] ?? first;
  const logs = new Map(nodes.map(({ id }) => [id, open(log.all())] as const));
  for (let count = 0; count < 2; count++) {
    const author = pick();
    const own = logs.get(author.id) ?? log;
    const targets = [pick().id];
    const { entries } = revokeNodes({ ...change(own, author), targets, reason: "lost", door });
    for (const entry of entries) own.add(entry);
  }
  return pay(world, nodes, logs);
}

function pay(
  { change }: ReturnType<typeof makeUpAccount>,
  nodes: ReadonlyArray<NodeKeys>,
  logs: ReadonlyMap<NodeKeys["id"], MembershipLog>,
): { readonly rotations: number; readonly seconds: number } {
  const states = new Map(nodes.map(({ id }) => [id, keyDebtMachine.initial] as const));
  let rotations = 0;
  const tell = (keys: NodeKeys, event: Event): void => {
    const own = logs.get(keys.id);
    const before = states.get(keys.id);
    if (own === undefined || before === undefined) return;
    const [state, effects] = step(keyDebtMachine, before, event);
    states.set(keys.id, state);
    if (!effects.some(({ type }) => type === "rotate-key")) return;
    rotations += 1;
    own.add(proposeRotation(change(own, keys)).entry);
  };
  for (let seconds = 0; seconds < 120; seconds++) {
    const all = [...logs.values()];
    if (seconds % 2 === 1)
      for (const one of all) for (const other of all) for (const e of other.all()) one.add(e);
    const at = seconds * 1_000;
    for (const keys of nodes) {
      const state = logs.get(keys.id)?.state();
      if (state === undefined) continue;
      const owes = debts(state).length > 0;
      tell(keys, { type: "account-changed", owes, rank: rankOf(state, keys.id), at, chance: 0.3 });
      tell(keys, { type: "time-passed", at });
    }
    const isPaid = all.every((one) => debts(one.state()).length === 0);
    const heads = new Set(all.map((one) => one.heads().join()));
    if (isPaid && heads.size === 1) return { rotations, seconds };
  }
  return { rotations, seconds: Number.POSITIVE_INFINITY };
}
