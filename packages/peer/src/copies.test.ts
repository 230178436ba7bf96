import { assert } from "@skein/protocol/errors";
import { parseNodeId, parseRecordHash, type NodeId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { Copies } from "./copies.ts";

function node(letter: string): NodeId {
  const id = parseNodeId(letter.repeat(64));
  assert(id !== undefined, "a node id is 64 hex digits");
  return id;
}

const [alice, bob, carol] = [node("a"), node("b"), node("c")];
const hash = parseRecordHash("0".repeat(64));
assert(hash !== undefined, "a hash is 64 hex digits");
const head = (of: NodeId, seq: number): { node: NodeId; seq: number; hash: typeof hash } => ({
  node: of,
  seq,
  hash,
});

test("a node that says it holds all that is here is a copy, also when it said so first", () => {
  const copies = new Copies([]);
  copies.claimed(bob, [head(alice, 3)]);
  expect(copies.compare(new Map(), false)).toBe(false);
  expect(copies.compare(new Map([[alice, { seq: 3 }]]), true)).toBe(true);
  expect([...copies.holders()]).toEqual([bob]);
});

test("a node that lacks one record of anybody is no copy", () => {
  const copies = new Copies([]);
  copies.claimed(bob, [head(alice, 3)]);
  copies.compare(
    new Map([
      [alice, { seq: 3 }],
      [carol, { seq: 1 }],
    ]),
    false,
  );
  expect(copies.holders().size).toBe(0);
});

test("what a node said before it went away counts until something new comes", () => {
  const copies = new Copies([carol]);
  copies.compare(new Map([[alice, { seq: 3 }]]), false);
  expect([...copies.holders()]).toEqual([carol]);
  expect(copies.compare(new Map([[alice, { seq: 4 }]]), true)).toBe(true);
  expect(copies.holders().size).toBe(0);
});
