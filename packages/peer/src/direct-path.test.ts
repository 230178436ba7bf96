import { instant, later } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { expect, test } from "vitest";
import {
  directPath,
  type DirectPathEffect,
  type DirectPathEvent,
  type DirectPathState,
} from "./direct-path.ts";

const noon = instant(1_000_000);

/** A fact; where time does not matter it is noon. */
type Fact = DirectPathEvent extends infer Event
  ? Event extends DirectPathEvent
    ? Omit<Event, "now"> & Partial<Pick<Event, "now">>
    : never
  : never;

/** One side of a path: what it was told, and what it ordered because of it. */
class Side {
  state: DirectPathState = directPath.initial;

  tell(fact: Fact): ReadonlyArray<DirectPathEffect> {
    const [next, effects] = step(directPath, this.state, { now: noon, ...fact });
    this.state = next;
    return effects;
  }
}

function opener(): Side {
  const alice = new Side();
  alice.tell({ type: "session-up", opens: true, fresh: "a1" });
  return alice;
}

function openPath(): Side {
  const alice = opener();
  alice.tell({ type: "connected", attempt: "a1" });
  return alice;
}

test("Alice, whose id is smaller, opens; Bob answers what he hears and opens nothing himself", () => {
  const [alice, bob] = [new Side(), new Side()];
  expect(alice.tell({ type: "session-up", opens: true, fresh: "a1" })).toEqual([
    { type: "open-attempt", attempt: "a1", initiator: true },
  ]);
  expect(bob.tell({ type: "session-up", opens: false, fresh: "b1" })).toEqual([]);
  expect(bob.tell({ type: "attempt-heard", attempt: "a1" })).toEqual([
    { type: "open-attempt", attempt: "a1", initiator: false },
  ]);
});

test("an attempt that failed is followed by another, later each time, until one holds", () => {
  const alice = opener();
  const waits: number[] = [];
  let now = noon;
  for (let count = 1; count <= 10; count++) {
    const attempt = `a${count}`;
    const [wake] = alice.tell({ type: "closed", attempt, chance: 1, now });
    if (wake?.type !== "wake-at") throw new Error("nobody waits");
    waits.push(wake.at - now);
    now = wake.at;
    expect(alice.tell({ type: "time-passed", fresh: `a${count + 1}`, now })).toEqual([
      { type: "open-attempt", attempt: `a${count + 1}`, initiator: true },
    ]);
  }
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  expect(waits[0]).toBe(5_000);
  expect(waits.at(-1)).toBe(121_000);
});

test("an alarm that rings too early changes nothing and is set again", () => {
  const alice = opener();
  const [wake] = alice.tell({ type: "closed", attempt: "a1", chance: 0 });
  const effects = alice.tell({ type: "time-passed", fresh: "a2", now: later(noon, 1) });
  expect(effects).toEqual([wake]);
  expect(alice.state.phase).toBe("waiting");
});

test("when the network comes back Alice does not wait for her turn", () => {
  const alice = opener();
  alice.tell({ type: "closed", attempt: "a1", chance: 1 });
  expect(alice.tell({ type: "try-now", fresh: "a2" })).toEqual([
    { type: "open-attempt", attempt: "a2", initiator: true },
  ]);
});

test("a path that stalls is not used until it is heard of again", () => {
  const alice = openPath();
  alice.tell({ type: "stalled", attempt: "a1" });
  expect(alice.state).toMatchObject({ phase: "open", stalled: true });
  alice.tell({ type: "connected", attempt: "a1" });
  expect(alice.state).toMatchObject({ phase: "open", stalled: false });
});

test("news of an attempt that was given up does not touch the one after it", () => {
  const bob = new Side();
  bob.tell({ type: "session-up", opens: false, fresh: "b1" });
  bob.tell({ type: "attempt-heard", attempt: "a1" });
  expect(bob.tell({ type: "attempt-heard", attempt: "a2" })).toEqual([
    { type: "close-attempt", attempt: "a1" },
    { type: "open-attempt", attempt: "a2", initiator: false },
  ]);
  bob.tell({ type: "connected", attempt: "a1" });
  bob.tell({ type: "closed", attempt: "a1", chance: 0 });
  expect(bob.state).toMatchObject({ phase: "connecting", attempt: "a2" });
});

test("Mallory cannot make Alice leave an attempt of her own", () => {
  for (const alice of [opener(), openPath()]) {
    const before = alice.state;
    expect(alice.tell({ type: "attempt-heard", attempt: "m1" })).toEqual([]);
    expect(alice.state).toBe(before);
  }
});

test("the path to a node that is gone is closed, whatever became of it, and no other is tried", () => {
  const waiting = opener();
  waiting.tell({ type: "closed", attempt: "a1", chance: 0 });
  for (const alice of [opener(), openPath(), waiting]) {
    const open = alice.state.phase !== "waiting";
    const effects = alice.tell({ type: "session-down" });
    expect(effects).toEqual(open ? [{ type: "close-attempt", attempt: "a1" }] : []);
    expect(alice.tell({ type: "closed", attempt: "a1", chance: 0 })).toEqual([]);
    expect(alice.tell({ type: "time-passed", fresh: "a2", now: later(noon, 1e9) })).toEqual([]);
    expect(alice.state).toEqual({ phase: "off" });
  }
});
