/** What is written down of copies that come in slices. */

import { formatHex } from "@skein/protocol/bytes";
import {
  instant,
  parseNodeId,
  parseObjectId,
  type NodeId,
  type ObjectId,
} from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openUnfinishedCopies, type UnfinishedCopy } from "./unfinished-copy.ts";

const bob = nodeOf("b".repeat(64));

/** Bob's copy of something, begun at a minute. */
function copyOf(number: number): UnfinishedCopy {
  const at = instant(number * 60_000);
  const oid = oidOf(number);
  return { wants: [oid], haves: [], from: bob, after: oid, objects: 1, begun: at, at, doubted: [] };
}

function oidOf(number: number): ObjectId {
  const oid = parseObjectId(formatHex(new Uint8Array(20).fill(number)));
  if (oid === undefined) throw new Error("it is an id");
  return oid;
}

function nodeOf(text: string): NodeId {
  const node = parseNodeId(text);
  if (node === undefined) throw new Error("it is an id");
  return node;
}

test("of nine copies that were broken off the eight that moved last are known, the last first", async () => {
  const files = openMemoryFiles();
  const copies = openUnfinishedCopies(files);
  for (let number = 1; number <= 8; number++) await copies.write(copyOf(number));
  // The first goes on, and takes no place of another's.
  const further = { ...copyOf(1), objects: 2 };
  await copies.write(further);
  const last = [8, 7, 6, 5, 4, 3, 2].map(copyOf);
  expect(await copies.list()).toEqual([further, ...last]);
  await copies.write(copyOf(9));
  const kept = [copyOf(9), further, ...last.slice(0, -1)];
  expect(await copies.list()).toEqual(kept);
  expect(await openUnfinishedCopies(files).list()).toEqual(kept);
});
