import { expect, test } from "vitest";
import { openScope } from "./scope.ts";

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("nothing outlives the scope", async () => {
  let ended = false;
  const scope = openScope(() => undefined);
  scope.start(async (signal) => {
    await untilAborted(signal);
    ended = true;
  });
  await scope[Symbol.asyncDispose]();
  expect(ended).toBe(true);
});

test("work that fails is told of, and work that starts too late never runs", async () => {
  const failures: unknown[] = [];
  let ran = false;
  const scope = openScope((cause) => failures.push(cause));
  scope.start(() => Promise.reject(new Error("the relay went away")));
  await soon();
  await scope[Symbol.asyncDispose]();
  scope.start(() => {
    ran = true;
    return Promise.resolve();
  });
  expect(failures).toEqual([new Error("the relay went away")]);
  expect(ran).toBe(false);
});

test("work that fails before it waits for anything is told of too", async () => {
  const failures: unknown[] = [];
  const scope = openScope((cause) => failures.push(cause));
  scope.start(() => {
    throw new Error("a list with too many items");
  });
  await soon();
  await scope[Symbol.asyncDispose]();
  expect(failures).toEqual([new Error("a list with too many items")]);
});
