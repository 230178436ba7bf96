import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { parseObjectId, parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openRefs, RefRefusedError } from "./refs.ts";
import type { Refs } from "./refs.ts";
import { StorageDamagedError } from "./stored-pack.ts";

test("a new repository shows main, which is not there yet", async () => {
  const { refs, contents } = await open();
  expect(await refs.head()).toBe("refs/heads/main");
  expect(await refs.all()).toEqual(new Map());
  expect(parseUtf8(contents.get("HEAD") ?? new Uint8Array())).toBe("ref: refs/heads/main\n");
});

test("refs and HEAD are as they were left when the repository is opened again", async () => {
  const { refs, contents } = await open();
  await refs.update([{ ref: name("heads/next"), from: undefined, to: first }], {
    head: name("heads/next"),
  });
  const again = await openRefs(openMemoryFiles(contents), objects);
  expect(await again.head()).toBe("refs/heads/next");
  expect(await again.all()).toEqual(new Map([["refs/heads/next", first]]));
});

test("several refs move together, or none of them does", async () => {
  const { refs } = await open();
  await refs.update([{ ref: name("heads/main"), from: undefined, to: first }]);
  const outcome = await refs.update([
    { ref: name("heads/other"), from: undefined, to: second },
    { ref: name("heads/main"), from: second, to: second },
  ]);
  expect(outcome).toBe("moved");
  expect(await refs.all()).toEqual(new Map([["refs/heads/main", first]]));
});

test("of Alice and Bob, who both saw main at one commit, the later one is told that it moved", async () => {
  const { refs } = await open();
  const main = name("heads/main");
  const outcomes = await Promise.all([
    refs.update([{ ref: main, from: undefined, to: first }]),
    refs.update([{ ref: main, from: undefined, to: second }]),
  ]);
  expect(outcomes).toEqual(["done", "moved"]);
  expect((await refs.all()).get(main)).toBe(first);
});

test("a branch cannot be a folder of branches at the same time", async () => {
  const { refs } = await open();
  await refs.update([{ ref: name("heads/a/b"), from: undefined, to: first }]);
  await refuses(refs, { ref: name("heads/a"), to: first }, "folder-and-ref");
  await refuses(refs, { ref: name("heads/a/b/c"), to: first }, "folder-and-ref");
  expect([...(await refs.all()).keys()]).toEqual(["refs/heads/a/b"]);
});

test("a folder of branches makes room for a branch when both happen at once", async () => {
  const { refs } = await open();
  await refs.update([{ ref: name("heads/a/b"), from: undefined, to: first }]);
  const outcome = await refs.update([
    { ref: name("heads/a/b"), from: first, to: undefined },
    { ref: name("heads/a"), from: undefined, to: first },
  ]);
  expect(outcome).toBe("done");
  expect([...(await refs.all()).keys()]).toEqual(["refs/heads/a"]);
});

test("a branch points to a commit that is here, a tag to any object that is here", async () => {
  const { refs } = await open();
  await refuses(refs, { ref: name("heads/main"), to: unknown }, "no-such-object");
  await refuses(refs, { ref: name("heads/main"), to: blob }, "not-a-commit");
  expect(await refs.update([{ ref: name("tags/v1"), from: undefined, to: blob }])).toBe("done");
});

test("HEAD names a branch and nothing else, whatever is written there", async () => {
  const { refs } = await open();
  await expect(refs.update([], { head: name("tags/v1") })).rejects.toThrow("head-is-no-branch");
  const heads = ["ref: refs/heads/../../config", `${first}\n`, "ref: refs/tags/v1", ""];
  const read = heads.map(async (text) => {
    const files = openMemoryFiles(new Map([["HEAD", formatUtf8(text)]]));
    return (await openRefs(files, objects)).head();
  });
  expect(new Set(await Promise.all(read))).toEqual(new Set([undefined]));
});

test("a change that names one ref twice is refused", async () => {
  const { refs } = await open();
  const change = { ref: name("heads/main"), from: undefined, to: first };
  await expect(refs.update([change, change])).rejects.toThrow("named-twice");
});

test("after a refusal the next change is judged by what is stored", async () => {
  const { refs } = await open();
  await refuses(refs, { ref: name("heads/main"), to: blob }, "not-a-commit");
  expect(await refs.update([{ ref: name("heads/main"), from: undefined, to: first }])).toBe("done");
});

test("whatever byte of the list of refs is damaged, no ref is lost, none is at another place, and it is said", async () => {
  const { refs, contents } = await open();
  const all = await fill(refs);
  const kept = contents.get("packed-refs") ?? new Uint8Array();
  for (let at = 0; at < kept.length; at++)
    for (const bits of [0x01, 0x80]) {
      const changed = kept.slice();
      changed[at] = (changed[at] ?? 0) ^ bits;
      const again = new Map([...contents, ["packed-refs", changed]]);
      let told = 0;
      const mended = (): void => void (told += 1);
      const files = openMemoryFiles(again);
      expect(await (await openRefs(files, objects, { mended })).all()).toEqual(all);
      expect(told).toBe(1);
      expect(again.get("packed-refs")).toEqual(kept);
    }
});

test.each([0, 30, 100])("a list of refs cut off at byte %i is made anew", async (end) => {
  const { refs, contents } = await open();
  const all = await fill(refs);
  contents.set("packed-refs", contents.get("packed-refs")?.slice(0, end) ?? new Uint8Array());
  const again = await openRefs(openMemoryFiles(contents), objects);
  expect(await again.all()).toEqual(all);
});

test("a list of refs that nothing can be made of is left as it is, and nothing moves", async () => {
  const { refs, contents } = await open();
  await fill(refs);
  for (const path of contents.keys()) if (path.startsWith("reflog/")) contents.delete(path);
  const kept = contents.get("packed-refs") ?? new Uint8Array();
  const changed = kept.slice();
  changed[kept.length - 60] = 0xff;
  contents.set("packed-refs", changed);
  const again = await openRefs(openMemoryFiles(contents), objects);
  await expect(again.all()).rejects.toThrow(StorageDamagedError);
  const moving = again.update([{ ref: name("heads/new"), from: undefined, to: first }]);
  await expect(moving).rejects.toThrow(StorageDamagedError);
  await expect(again.roots()).rejects.toThrow(StorageDamagedError);
  expect(contents.get("packed-refs")).toEqual(changed);
});

test("a list of refs from before there were checksums is read as it is", async () => {
  const { contents } = await open();
  const line = `${first} refs/heads/main\n`;
  contents.set("packed-refs", formatUtf8(`# pack-refs with: sorted \n${line}`));
  const mended = (): void => expect.unreachable();
  const again = await openRefs(openMemoryFiles(contents), objects, { mended });
  expect(await again.all()).toEqual(new Map([["refs/heads/main", first]]));
});

/** Branches that moved on, followed each other, and went. */
async function fill(refs: Refs): Promise<ReadonlyMap<RefName, ObjectId>> {
  const [main, side, gone] = [name("heads/main"), name("heads/side"), name("heads/gone")];
  await refs.update([{ ref: main, from: undefined, to: first }]);
  await refs.update([{ ref: gone, from: undefined, to: second }]);
  await refs.update([{ ref: main, from: first, to: second }]);
  await refs.update([
    { ref: gone, from: second, to: undefined },
    { ref: side, from: undefined, to: first },
  ]);
  return await refs.all();
}

async function open(): Promise<{ readonly refs: Refs; readonly contents: Map<string, Bytes> }> {
  const contents = new Map<string, Bytes>();
  return { refs: await openRefs(openMemoryFiles(contents), objects), contents };
}

async function refuses(
  refs: Refs,
  { ref, to }: { readonly ref: RefName; readonly to: ObjectId },
  fault: string,
): Promise<void> {
  const refused = await refs
    .update([{ ref, from: undefined, to }])
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RefRefusedError);
  expect(refused).toMatchObject({ ref, fault });
}

function name(short: string): RefName {
  return parseRefName(`refs/${short}`) as RefName;
}

function oid(digit: string): ObjectId {
  return parseObjectId(digit.repeat(40)) as ObjectId;
}

const first = oid("1");
const second = oid("2");
const blob = oid("b");
const unknown = oid("e");
const types = new Map([
  [first, "commit" as const],
  [second, "commit" as const],
  [blob, "blob" as const],
]);
const objects = { type: async (id: ObjectId) => types.get(id) };
