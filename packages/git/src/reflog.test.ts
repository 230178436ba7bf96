import type { Bytes } from "@skein/protocol/bytes";
import { instant, parseObjectId, parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openReflog, reflogSegmentBytesMax } from "./reflog.ts";
import type { RefMove } from "./reflog.ts";
import { openRefs } from "./refs.ts";
import type { Refs } from "./refs.ts";
import { StorageDamagedError } from "./stored-pack.ts";

test("every move of a ref leaves where it was, where it went, when and why", async () => {
  const { refs } = await open();
  await refs.update([{ ref: main, from: undefined, to: one }], { why: "commit: Draw" });
  await refs.update([{ ref: main, from: one, to: two }], { why: "merge\nof two" });
  expect(await refs.moves()).toEqual([
    { ref: main, from: one, to: two, at: 2, why: "merge of two" },
    { ref: main, from: undefined, to: one, at: 1, why: "commit: Draw" },
  ]);
});

test("a move that was refused, or changes nothing, leaves nothing", async () => {
  const { refs } = await open();
  await refs.update([{ ref: main, from: undefined, to: one }]);
  await refs.update([{ ref: main, from: two, to: one }]);
  await refs.update([{ ref: main, from: one, to: one }]);
  await refs.update([], { head: name("heads/next") });
  expect(await refs.moves()).toHaveLength(1);
});

test("the move and what is remembered of it are written together", async () => {
  const contents = new Map<string, Bytes>();
  const files = openMemoryFiles(contents);
  const batches: string[][] = [];
  const commit: typeof files.commit = async (batch, options) => {
    batches.push([options.durability, ...batch.put.map(([path]) => path)]);
    await files.commit(batch, options);
  };
  const refs = await openRefs({ ...files, commit }, objects);
  await refs.update([{ ref: main, from: undefined, to: one }]);
  expect(batches.at(-1)).toEqual(["strict", "packed-refs", "reflog/0000000001"]);
});

test("Alice deletes a branch, and has it back", async () => {
  const { refs } = await open();
  const side = name("heads/side");
  await refs.update([{ ref: side, from: undefined, to: one }]);
  await refs.update([{ ref: side, from: one, to: undefined }], { why: "delete" });
  const [deleted] = await refs.moves({ ref: side, limit: 1 });
  if (deleted === undefined) throw new Error("no move");
  expect(await refs.undo(deleted)).toBe("done");
  expect((await refs.all()).get(side)).toBe(one);
  expect(await refs.moves({ ref: side })).toHaveLength(3);
});

test("a move that others came after is not undone: what came after would go with it", async () => {
  const { refs } = await open();
  await refs.update([{ ref: main, from: undefined, to: one }]);
  await refs.update([{ ref: main, from: one, to: two }]);
  const [second, first] = await refs.moves();
  if (first === undefined || second === undefined) throw new Error("no moves");
  expect(await refs.undo(first)).toBe("moved");
  expect((await refs.all()).get(main)).toBe(two);
  expect(await refs.undo(second)).toBe("done");
  expect((await refs.all()).get(main)).toBe(one);
});

test("what a ref named before is a root as long as it can be undone to", async () => {
  const { refs } = await open();
  await refs.update([{ ref: main, from: undefined, to: one }]);
  await refs.update([{ ref: main, from: one, to: two }]);
  await refs.update([{ ref: main, from: two, to: undefined }]);
  expect(await refs.roots()).toEqual(new Set([one, two]));
});

test("moves are kept for ninety days in which the node was in use", async () => {
  const { refs, pass } = await open({ stepMillis: 0 });
  await refs.update([{ ref: main, from: undefined, to: one }]);
  await refs.update([{ ref: main, from: one, to: two }]);
  for (let week = 0; week < 12; week++) {
    pass(7 * day);
    expect(await refs.age()).toBe(false);
  }
  pass(6 * day);
  expect(await refs.age()).toBe(false);
  expect(await refs.roots()).toEqual(new Set([one, two]));
  pass(day);
  expect(await refs.age()).toBe(true);
  expect(await refs.moves()).toEqual([]);
  expect(await refs.roots()).toEqual(new Set([two]));
});

test("whatever the clock says, all that is listed can be undone to, and a jump ahead makes nothing old", async () => {
  const { refs, pass } = await open({ stepMillis: 0 });
  await refs.update([{ ref: main, from: undefined, to: one }]);
  await refs.update([{ ref: main, from: one, to: two }]);
  // Ten years ahead, work there for a month, and back again: a month and one jump have passed.
  for (const days of [3_650, ...Array.from({ length: 30 }, () => 1), -3_680]) {
    pass(days * day);
    expect(await refs.age()).toBe(false);
    expect(await refs.roots()).toEqual(new Set([one, two]));
  }
  const [last] = await refs.moves();
  if (last === undefined) throw new Error("no move");
  expect(await refs.undo(last)).toBe("done");
});

test("time that passed while the node was away counts as a week", async () => {
  const { refs, pass } = await open({ stepMillis: 0 });
  await refs.update([{ ref: main, from: undefined, to: one }]);
  for (let year = 0; year < 12; year++) {
    pass(365 * day);
    expect(await refs.age()).toBe(false);
  }
  pass(365 * day);
  expect(await refs.age()).toBe(true);
});

test("moves age while others come after them, whether space is freed or not", async () => {
  const files = openMemoryFiles();
  const reflog = openReflog(files);
  const start = 1_700_000_000_000;
  const record = async (at: number): Promise<void> => {
    const moves = [{ ref: main, from: one, to: two, at: instant(at), why: "w".repeat(200) }];
    await files.commit(await reflog.record(moves), { durability: "strict" });
  };
  for (let done = 0; done < 150; done++) await record(start);
  for (let days = 1; days <= 90; days++) await record(start + days * day);
  expect((await reflog.read()).filter(({ at }) => at === start)).toHaveLength(150);
  for (let done = 0; done < 300; done++) await record(start + 91 * day);
  expect((await reflog.read()).filter(({ at }) => at === start)).toHaveLength(0);
  expect(await reflog.read()).toHaveLength(390);
});

test("that the node is in use is noted once a day, and only where something can be undone", async () => {
  const { refs, contents, pass } = await open({ stepMillis: 0 });
  pass(day);
  await refs.age();
  expect([...contents.keys()].filter((path) => path.startsWith("reflog"))).toEqual([]);
  await refs.update([{ ref: main, from: undefined, to: one }]);
  const before = contents.get("reflog/0000000001")?.length ?? 0;
  for (let hour = 0; hour < 72; hour++) {
    pass(day / 24);
    await refs.age();
  }
  expect(contents.get("reflog/0000000001")).toHaveLength(
    before + 3 * "seen 1700000000000\n".length,
  );
  expect(await refs.moves()).toHaveLength(1);
});

test("all moves of the last ninety days are kept, however often a ref moves", async () => {
  const { kept, moved } = await moveOften({});
  expect(kept).toBe(moved);
});

test("a reflog that is full loses its oldest moves first", async () => {
  const bytesMax = 3 * reflogSegmentBytesMax;
  const { kept, moved, files } = await moveOften({ ownBytesMax: bytesMax });
  expect(kept).toBeLessThan(moved);
  let bytes = 0;
  for (const segment of await files.list("reflog"))
    bytes += (await files.read(`reflog/${segment}`))?.length ?? 0;
  expect(bytes).toBeLessThan(bytesMax + 2 * reflogSegmentBytesMax);
  expect(bytes).toBeGreaterThan(bytesMax - reflogSegmentBytesMax);
});

test.each([
  ["shows of her refs", "remotes/p2p-mallory/", undefined],
  ["moves forward for all to follow", "heads/", true],
] as const)(
  "however much Mallory %s, Alice has her deleted branch back",
  async (_, prefix, followed) => {
    const files = openMemoryFiles();
    const budgets = { ownBytesMax: 4_096, othersBytesMax: 2 * reflogSegmentBytesMax };
    const reflog = openReflog(files, budgets);
    const at = instant(1_700_000_000_000);
    const record = async (moves: ReadonlyArray<RefMove>): Promise<void> =>
      files.commit(await reflog.record(moves), { durability: "strict" });
    const deleted = { ref: name("heads/side"), from: one, to: undefined, at, why: "delete" };
    const moved = { ref: main, from: one, to: two, at, why: "commit" };
    const flood = Array.from({ length: 100 }, (__, branch): RefMove => {
      const ref = name(`${prefix}${branch}-${"b".repeat(100)}`);
      return { ref, from: one, to: two, at, why: "", followed };
    });
    await record([deleted]);
    for (let update = 0; update < 20; update++) {
      await record(flood);
      await record([moved]);
    }
    await files.commit(await reflog.age(instant(at + day)), { durability: "strict" });
    const left = await reflog.read();
    const own = left.filter(({ ref }) => ref === main || ref === deleted.ref);
    expect(own).toEqual([deleted, ...Array.from({ length: 20 }, () => moved)]);
    // The latest of the others are there, in their place.
    expect(left.slice(-1 - flood.length)).toEqual([...flood, moved]);
    expect(left.length).toBeLessThan(10 * flood.length);
    let bytes = 0;
    for (const segment of await files.list("reflog"))
      bytes += (await files.read(`reflog/${segment}`))?.length ?? 0;
    expect(bytes).toBeLessThan(budgets.othersBytesMax + budgets.ownBytesMax);
  },
);

async function moveOften(options: { readonly ownBytesMax?: number }) {
  const files = openMemoryFiles();
  const reflog = openReflog(files, options);
  const move = { ref: main, from: one, to: two, at: instant(1_700_000_000_000), why: "" };
  const moved = 2_000;
  for (let done = 0; done < moved; done++)
    await files.commit(await reflog.record([move]), { durability: "strict" });
  return { kept: (await reflog.read()).length, moved, files };
}

test("a line that was damaged costs that line", async () => {
  const { refs, contents } = await open();
  await refs.update([{ ref: main, from: undefined, to: one }]);
  await refs.update([{ ref: main, from: one, to: two }]);
  const bytes = contents.get("reflog/0000000001") ?? new Uint8Array();
  bytes[3] = 0x7a;
  contents.set("reflog/0000000001", bytes);
  expect(await refs.moves()).toHaveLength(1);
});

test.each([0x80, 0x40])(
  "a byte that storage changed costs its line and no other, and nothing is collected meanwhile",
  async (bits) => {
    const { refs, contents } = await open();
    await refs.update([{ ref: main, from: undefined, to: one }]);
    await refs.update([{ ref: main, from: one, to: two }]);
    await refs.update([{ ref: main, from: two, to: one }]);
    const path = "reflog/0000000001";
    const bytes = contents.get(path)?.slice() ?? new Uint8Array();
    // In the second line, before its name.
    const at = bytes.indexOf(10) + 80;
    bytes[at] = (bytes[at] ?? 0) ^ bits;
    contents.set(path, bytes);
    expect(await refs.moves()).toHaveLength(2);
    await expect(refs.roots()).rejects.toThrow(StorageDamagedError);
    await refs.update([{ ref: main, from: one, to: two }]);
    expect(await refs.moves()).toHaveLength(3);
    expect(contents.get(path)?.slice(0, bytes.length)).toEqual(bytes);
    await expect(refs.roots()).rejects.toThrow(StorageDamagedError);
  },
);

test("a damaged line goes when it would be too old", async () => {
  const { refs, contents, pass } = await open({ stepMillis: 0 });
  await refs.update([{ ref: main, from: undefined, to: one }]);
  await refs.update([{ ref: main, from: one, to: two }]);
  const bytes = contents.get("reflog/0000000001")?.slice() ?? new Uint8Array();
  bytes[bytes.indexOf(10) + 80] = 0xff;
  contents.set("reflog/0000000001", bytes);
  for (let week = 0; week < 13; week++) {
    await expect(refs.roots()).rejects.toThrow(StorageDamagedError);
    pass(7 * day);
    await refs.age();
  }
  expect(await refs.roots()).toEqual(new Set([two]));
});

test("a segment that was cut short takes nothing from the move after it", async () => {
  const { refs, contents } = await open();
  await refs.update([{ ref: main, from: undefined, to: one }]);
  const path = "reflog/0000000001";
  contents.set(path, contents.get(path)?.slice(0, 90) ?? new Uint8Array());
  await refs.update([{ ref: main, from: one, to: two }]);
  expect(await refs.moves()).toMatchObject([{ from: one, to: two }]);
});

/** Each look at the clock moves it by `stepMillis`. */
async function open({ stepMillis = 1 } = {}): Promise<{
  readonly refs: Refs;
  readonly contents: Map<string, Bytes>;
  readonly pass: (millis: number) => void;
}> {
  const contents = new Map<string, Bytes>();
  let time = stepMillis === 0 ? 1_700_000_000_000 : 0;
  const now = () => instant((time += stepMillis));
  const refs = await openRefs(openMemoryFiles(contents), objects, { now });
  return { refs, contents, pass: (millis) => void (time += millis) };
}

function name(short: string): RefName {
  return parseRefName(`refs/${short}`) as RefName;
}

const day = 24 * 60 * 60 * 1_000;
const main = name("heads/main");
const one = parseObjectId("1".repeat(40)) as ObjectId;
const two = parseObjectId("2".repeat(40)) as ObjectId;
const objects = { type: async () => "commit" as const };
