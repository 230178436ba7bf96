/** Who is received when, told the ends of turns. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { expect, test } from "vitest";

import { fixedLimits } from "./fixed-limits.ts";
import { Reception } from "./reception.ts";

function openScene() {
  const ends: Array<() => void> = [];
  const reception = new Reception((run) => void ends.push(run));
  const received: number[] = [];
  const come = (name: number): boolean => reception.receive(() => received.push(name));
  const endTurn = (): ReadonlyArray<number> => {
    for (const end of ends.splice(0)) end();
    return received.splice(0);
  };
  return { reception, come, received, endTurn, isAsked: () => ends.length > 0 };
}

const perTurn = fixedLimits.requestsPerTurn;

test("a few who come are received at once, and thousands in their order, so many a turn", () => {
  const { come, received, endTurn, isAsked } = openScene();
  const isDone = Array.from({ length: perTurn * 100 }, (_, name) => come(name));
  expect(isDone.indexOf(false)).toBe(perTurn);
  const all = [received.splice(0)];
  for (let turn = 1; turn < 100; turn++) all.push([...endTurn()]);
  expect(new Set(all.map(({ length }) => length))).toEqual(new Set([perTurn]));
  expect(all.flat()).toEqual([...isDone.keys()]);
  expect([endTurn(), isAsked()]).toEqual([[], false]);
  expect(come(7)).toBe(true);
});

test("who comes while others wait is behind them, also between two turns", () => {
  const { come, received, endTurn } = openScene();
  for (let name = 0; name < perTurn + 1; name++) come(name);
  received.splice(0);
  expect(come(500)).toBe(false);
  expect(endTurn()).toEqual([perTurn, 500]);
  // Those count in the turn that has begun.
  const isDone = Array.from({ length: perTurn }, (_, name) => come(name));
  expect(isDone.indexOf(false)).toBe(perTurn - 2);
});

test("whoever asks again while being received is not received in the same turn", () => {
  const { reception, received, endTurn } = openScene();
  const again = (): void => {
    received.push(1);
    reception.receive(again);
  };
  for (let one = 0; one < perTurn; one++) reception.receive(again);
  expect(received.splice(0)).toHaveLength(perTurn);
  expect(Array.from({ length: 3 }, () => endTurn().length)).toEqual([perTurn, perTurn, perTurn]);
});

test("who was received is not held, however long others go on coming", async () => {
  const { reception, endTurn } = openScene();
  const wait = (): Promise<void> => new Promise(setImmediate);
  let collected = 0;
  const registry = new FinalizationRegistry(() => (collected += 1));
  const come = (): void => {
    const request = { bytes: new Uint8Array(10_000) };
    registry.register(request, undefined);
    reception.receive(() => void request.bytes.fill(1));
  };
  for (let one = 0; one < perTurn * 3; one++) come();
  for (let turn = 0; turn < 300; turn++) {
    for (let one = 0; one < perTurn; one++) come();
    endTurn();
    if (turn % 50 === 0) await wait();
  }
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  await expect.poll(() => collected).toBeGreaterThan(perTurn * 290);
});
