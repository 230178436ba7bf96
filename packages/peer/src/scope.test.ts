import { expect, test } from "vitest";
import { openScope } from "./scope.ts";

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

test("nothing outlives the scope", async () => {
  let ended = false;
  {
    await using scope = openScope(() => undefined);
    scope.start(async (signal) => {
      await untilAborted(signal);
      ended = true;
    });
  }
  expect(ended).toBe(true);
});

test("work that fails is told of, and work that starts too late never runs", async () => {
  const failures: unknown[] = [];
  let ran = false;
  const scope = openScope((cause) => failures.push(cause));
  scope.start(() => Promise.reject(new Error("the relay went away")));
  await Promise.resolve();
  await scope[Symbol.asyncDispose]();
  scope.start(() => {
    ran = true;
    return Promise.resolve();
  });
  expect(failures).toEqual([new Error("the relay went away")]);
  expect(ran).toBe(false);
});
