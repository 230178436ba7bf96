import { expect, test } from "vitest";
import { openSteadyClock } from "./browser-clock.ts";

function openHands() {
  const hands = { wall: 1_000_000, passed: 5_000 };
  const clock = openSteadyClock({
    wallMillis: () => hands.wall,
    passedMillis: () => hands.passed,
  });
  const pass = (millis: number): void => {
    hands.wall += millis;
    hands.passed += millis;
  };
  return { hands, clock, pass };
}

test("a clock that is set back by a year goes on from where it was", () => {
  const { hands, clock, pass } = openHands();
  pass(1_000);
  expect(clock.now()).toBe(1_001_000);
  hands.wall -= 31_536_000_000;
  pass(2_500.5);
  expect(clock.now()).toBe(1_003_500);
  pass(1_000);
  expect(clock.now()).toBe(1_004_500);
});

test("a clock that is set forward, or that slept uncounted, goes along", () => {
  const { hands, clock, pass } = openHands();
  hands.wall += 3_600_000;
  expect(clock.now()).toBe(4_600_000);
  pass(10);
  expect(clock.now()).toBe(4_600_010);
});

test("what waits for a moment is woken when that time has passed, though the clock was set back meanwhile", async () => {
  const { hands, clock } = openHands();
  const at = clock.now();
  hands.wall -= 86_400_000;
  await new Promise<void>((resolve) => void clock.wake(at, resolve));
  expect(clock.now()).toBe(at);
});
