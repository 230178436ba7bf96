import { expect, test } from "vitest";
import { ReplayWindow, replayWindow } from "./replay-window.ts";

test("every counter within the window is new once, in whatever order they come", () => {
  const window = new ReplayWindow();
  for (const counter of [5, 3, 4, 0, 2_000, 1, 2_004]) {
    expect(window.isNew(counter), `${counter}`).toBe(true);
    window.remember(counter);
    expect(window.isNew(counter), `${counter}`).toBe(false);
  }
  expect(window.isNew(2)).toBe(true);
  expect(window.isNew(1_999)).toBe(true);
});

test("what lags by a whole window is never new, and a leap forgets all that was before", () => {
  const window = new ReplayWindow();
  window.remember(10);
  window.remember(10 + replayWindow);
  expect(window.isNew(10)).toBe(false);
  expect(window.isNew(11)).toBe(true);
  const far = 2 ** 47;
  window.remember(far);
  expect(window.isNew(far - replayWindow)).toBe(false);
  expect(window.isNew(far - replayWindow + 1)).toBe(true);
  expect(window.isNew(far)).toBe(false);
});
