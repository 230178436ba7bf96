/** Copies to one repository, one after the other: one that cannot begin ends, and the next goes on. */

import { parseNodeId, type NodeId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openObjectCopying, type Fetch } from "./object-copying.ts";

const { signal } = new AbortController();
const broken = new Error("it cannot begin");

test("a copy that cannot begin says so, and the one after it has its turn", async () => {
  const copying = openObjectCopying(() => undefined);
  const begun: string[] = [];
  const copy = (name: string): Promise<void> =>
    copying.copy({
      of: node("a"),
      from: node("b"),
      signal,
      fetching: (): Fetch => {
        begun.push(name);
        throw broken;
      },
    });
  expect(await Promise.allSettled([copy("first"), copy("second")])).toEqual([
    { status: "rejected", reason: broken },
    { status: "rejected", reason: broken },
  ]);
  expect(begun).toEqual(["first", "second"]);
});

test("where nobody can be told that a copy moves, it ends", async () => {
  const copying = openObjectCopying(() => {
    throw broken;
  });
  const fetching = (): Fetch => expect.unreachable();
  const copy = copying.copy({ of: node("a"), from: node("b"), signal, fetching });
  await expect(copy).rejects.toBe(broken);
});

function node(letter: string): NodeId {
  const id = parseNodeId(letter.repeat(64));
  if (id === undefined) throw new Error("it is an id");
  return id;
}
