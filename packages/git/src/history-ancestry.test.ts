import { instant, parseObjectId } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findMergeBases, isAncestor, relate } from "./history-ancestry.ts";
import type { Commits, StoredCommit } from "./history-commits.ts";

/** The parents of each commit by number, all of them smaller, and the dates they claim. */
interface Graph {
  readonly parents: ReadonlyArray<ReadonlyArray<number>>;
  readonly dates: ReadonlyArray<number>;
}

test("whatever dates commits claim, the merge bases are the common ancestors that no other one has", async () => {
  await fc.assert(
    fc.asyncProperty(graphs(), async (graph) => {
      const commits = commitsOf(graph);
      const last = graph.parents.length - 1;
      const ancestors = ancestorsOf(graph);
      const found = await findMergeBases(commits, [oid(last)], oid(last - 1));
      const common = [...(ancestors[last] ?? [])].filter((n) => ancestors[last - 1]?.has(n));
      const best = common.filter((n) => !common.some((m) => m !== n && ancestors[m]?.has(n)));
      expect(found.toSorted()).toEqual(best.map(oid).toSorted());
    }),
    { numRuns: 500 },
  );
});

test("whatever dates commits claim, ancestry and relation are as the graph has them", async () => {
  await fc.assert(
    fc.asyncProperty(graphs(), async (graph) => {
      const commits = commitsOf(graph);
      const one = graph.parents.length - 1;
      const other = Math.floor(one / 2);
      const ancestors = ancestorsOf(graph);
      const isBelow = ancestors.at(one)?.has(other) ?? false;
      expect(await isAncestor(commits, oid(other), oid(one))).toBe(isBelow);
      expect(await isAncestor(commits, oid(one), oid(other))).toBe(one === other);
      expect(await relate(commits, oid(one), oid(other))).toBe(isBelow ? "ahead" : "diverged");
      expect(await relate(commits, oid(other), oid(one))).toBe(isBelow ? "behind" : "diverged");
      expect(await relate(commits, oid(one), oid(one))).toBe("same");
    }),
    { numRuns: 300 },
  );
});

test("histories that crossed have two merge bases, and histories apart have none", async () => {
  const crossed = commitsOf({ parents: [[], [0], [0], [1, 2], [2, 1]], dates: [0, 1, 2, 3, 4] });
  expect(await findMergeBases(crossed, [oid(3)], oid(4))).toEqual([oid(2), oid(1)]);
  const apart = commitsOf({ parents: [[], []], dates: [0, 1] });
  expect(await findMergeBases(apart, [oid(0)], oid(1))).toEqual([]);
});

function graphs(): fc.Arbitrary<Graph> {
  return fc.integer({ min: 3, max: 16 }).chain((size) =>
    fc.record({
      parents: fc.tuple(
        ...Array.from({ length: size }, (_, n) =>
          n === 0
            ? fc.constant<number[]>([])
            : fc.uniqueArray(fc.integer({ min: 0, max: n - 1 }), { minLength: 0, maxLength: 3 }),
        ),
      ),
      dates: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: size, maxLength: size }),
    }),
  );
}

function ancestorsOf({ parents }: Graph): ReadonlyArray<ReadonlySet<number>> {
  const all: Array<Set<number>> = [];
  for (const [n, above] of parents.entries()) {
    const mine = new Set([n]);
    for (const parent of above) for (const ancestor of all[parent] ?? []) mine.add(ancestor);
    all.push(mine);
  }
  return all;
}

function commitsOf({ parents, dates }: Graph): Commits {
  const person = { name: "Alice", email: "", at: instant(0), offsetMinutes: 0 };
  const all = new Map<ObjectId, StoredCommit>();
  for (const [n, above] of parents.entries())
    all.set(oid(n), {
      oid: oid(n),
      tree: oid(0),
      parents: above.map(oid),
      author: person,
      committer: { ...person, at: instant(dates[n] ?? 0) },
      message: "",
    });
  return { read: async (id) => all.get(id) as StoredCommit };
}

function oid(n: number): ObjectId {
  return parseObjectId(n.toString(16).padStart(40, "0")) as ObjectId;
}
