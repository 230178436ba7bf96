import { instant } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { connected, ended, forgiven, freshRedial, type Redial } from "./redial.ts";

/** The delays of `times` failures in a row, with the worst of luck. */
function delays(times: number, chance = 1): ReadonlyArray<number> {
  let redial: Redial = freshRedial;
  return Array.from({ length: times }, () => {
    const next = ended(redial, { now: instant(0), code: 1006, chance });
    redial = next.redial;
    return next.at;
  });
}

test("the time between tries doubles from a second to a minute, and stays there", () => {
  expect(delays(9)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(delays(2_000).at(-1)).toBe(60_000);
});

test("luck decides between nothing and all of it, so that nodes do not come back together", () => {
  expect(delays(7, 0)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(delays(7, 0.5).at(-1)).toBe(30_000);
});

test("a connection that held for ten seconds forgives what failed before; a shorter one does not", () => {
  const tired: Redial = { ...freshRedial, failures: 6 };
  const held = connected(tired, instant(0));
  expect(ended(held, { now: instant(10_000), code: 1006, chance: 1 }).at).toBe(11_000);
  expect(ended(held, { now: instant(9_999), code: 1006, chance: 1 }).at).toBe(69_999);
});

test("a relay that restarts is called again within seconds, whatever failed before", () => {
  const tired: Redial = { ...freshRedial, failures: 6 };
  const { redial, at } = ended(tired, { now: instant(0), code: 1012, chance: 1 });
  expect(at).toBe(5_000);
  expect(redial).toEqual({ ...freshRedial, hasRestarted: true });
});

test("a relay that does nothing but restart is called ever more rarely, until a connection holds", () => {
  let redial: Redial = freshRedial;
  const spans = Array.from({ length: 7 }, () => {
    const next = ended(connected(redial, instant(0)), { now: instant(500), code: 1012, chance: 1 });
    redial = next.redial;
    return next.at - 500;
  });
  expect(spans).toEqual([5_000, 5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  const held = ended(connected(redial, instant(0)), {
    now: instant(10_000),
    code: 1012,
    chance: 1,
  });
  expect(held.at).toBe(15_000);
});

test("a relay that has too much to do is given five seconds at least", () => {
  expect(ended(freshRedial, { now: instant(0), code: 1013, chance: 0 }).at).toBe(5_000);
});

test("a person who asks for a try now does not wait for old failures", () => {
  const tired: Redial = { ...freshRedial, failures: 6 };
  expect(ended(forgiven(tired), { now: instant(0), code: 1006, chance: 1 }).at).toBe(1_000);
});
