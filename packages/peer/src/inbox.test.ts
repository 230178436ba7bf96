import { expect, test } from "vitest";
import { openInbox } from "./inbox.ts";
import { openTurns } from "./turns.ts";

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("facts are told in order, and never inside the call that posted them", async () => {
  const told: string[] = [];
  const inbox = openInbox(() => undefined);
  inbox.post(() => {
    told.push("first");
    inbox.post(() => told.push("third"));
  });
  inbox.post(() => told.push("second"));
  expect(told).toEqual([]);
  await soon();
  expect(told).toEqual(["first", "second", "third"]);
});

test("a fact that throws is reported and the next one is told all the same", async () => {
  const told: unknown[] = [];
  const inbox = openInbox((cause) => told.push(cause));
  inbox.post(() => {
    throw new Error("bug");
  });
  inbox.post(() => told.push("next"));
  await soon();
  expect(told).toEqual([new Error("bug"), "next"]);
});

test("turns are taken one after another, also when one fails", async () => {
  const turns = openTurns();
  const seen: string[] = [];
  const slow = turns.take(async () => {
    await soon();
    seen.push("slow");
    throw new Error("full");
  });
  const next = turns.take(async () => {
    seen.push("next");
    return 7;
  });
  await expect(slow).rejects.toThrow("full");
  expect(await next).toBe(7);
  expect(seen).toEqual(["slow", "next"]);
});
