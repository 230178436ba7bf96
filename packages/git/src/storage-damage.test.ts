/** A pack of Alice's device can no longer be read: nothing else goes with it, and nothing is given out as whole that is not. */

import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { instant, parseRefName, type ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository, type Repository } from "./repository.ts";
import { StorageDamagedError } from "./stored-pack.ts";

const { signal } = new AbortController();

test.each([
  ["with the tip", 2],
  ["in the middle", 1],
  ["with the root", 0],
] as const)(
  "where the segment %s is damaged, collection touches none of the others",
  async (_, segment) => {
    const home = await liveIn(3);
    ruin(home, segment);
    const before = new Map(home.contents);
    const { objects, reachableRoots } = await reopen(home);
    const keep = await reachableRoots();
    await expect(objects.dropUnreachable({ keep, signal })).rejects.toThrow(StorageDamagedError);
    expect(home.contents).toEqual(before);
  },
);

test("what lost none of its objects can still be read and exported", async () => {
  const home = await liveIn(3);
  const [first, , third] = home.commits;
  ruin(home, 1);
  const repository = await reopen(home);
  expect((await repository.readCommit(third)).title).toBe("Write 2");
  expect((await repository.readFile(third, "2.txt"))?.bytes).toEqual(formatUtf8("2\n"));
  expect((await repository.exportZip({ commit: first, signal })).length).toBeGreaterThan(0);
  expect((await repository.history(first, { limit: 9 })).commits.length).toBe(1);
});

test.each([1, 2])(
  "a history that lost its segment %i is not told as if it were whole",
  async (segment) => {
    const home = await liveIn(3);
    const wants = [home.commits[2]];
    ruin(home, segment);
    const { objects, exportBundle } = await reopen(home);
    await expect(exportBundle({ signal })).rejects.toThrow(StorageDamagedError);
    if (segment === 2) return;
    const asked = { wants, haves: [], signal };
    await expect(objects.listReachable(asked)).rejects.toThrow(StorageDamagedError);
    await expect(objects.buildPack(asked)).rejects.toThrow(StorageDamagedError);
    const slice = objects.openSlice({ ...asked, bytesMax: 1_000_000 });
    await expect(slice).rejects.toThrow(StorageDamagedError);
  },
);

test("once another device brought what was lost, the repository is whole, and the rest of the lost pack goes", async () => {
  const home = await liveIn(3);
  const bob = await reopen(home);
  const whole = await copyOf(bob);
  const bundle = await bob.exportBundle({ signal });
  const lost = ruin(home, 1);
  const repository = await reopen(home);
  await repository.importBundle(bundle, { signal });
  expect(await copyOf(repository)).toEqual(whole);
  const away = "a".repeat(40) as ObjectId;
  const keep = await repository.reachableRoots();
  // Of what another device told of nobody can say whether it was lost.
  const unsure = repository.objects.dropUnreachable({ keep, keepIfHere: [away], signal });
  await expect(unsure).rejects.toThrow(StorageDamagedError);
  expect(home.contents.has(lost)).toBe(true);
  await repository.objects.dropUnreachable({ keep, signal });
  expect(home.contents.has(lost)).toBe(false);
  const again = await reopen(home);
  expect(await copyOf(again)).toEqual(whole);
  await again.objects.dropUnreachable({ keep, keepIfHere: [away], signal });
});

test("a pack that is gone while its index stays is missed too", async () => {
  const home = await liveIn(2);
  home.contents.delete(home.packs[0] ?? "");
  const { objects } = await reopen(home);
  const keep = [home.commits[1]];
  await expect(objects.dropUnreachable({ keep, signal })).rejects.toThrow(StorageDamagedError);
});

interface Home {
  readonly contents: Map<string, Bytes>;
  readonly commits: readonly [ObjectId, ObjectId, ObjectId];
  /** One for each commit. */
  readonly packs: ReadonlyArray<string>;
}

/** Commits one on the other, each in a segment of its own. */
async function liveIn(many: number): Promise<Home> {
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const main = parseRefName("refs/heads/main");
  if (main === undefined) throw new Error("it is a name");
  const commits: ObjectId[] = [];
  const packs: string[] = [];
  for (let number = 0; number < many; number++) {
    const parent = commits.at(-1);
    const made = await repository.commitDraft({
      parent,
      changes: [{ path: `${number}.txt`, kind: "write", bytes: formatUtf8(`${number}\n`) }],
      author: { name: "Alice", email: "alice@example.org" },
      at: instant(1_700_000_000_000 + number * 1_000),
      offsetMinutes: 0,
      message: `Write ${number}\n`,
    });
    await repository.updateRefs([{ ref: main, from: parent, to: made }]);
    commits.push(made);
    packs.push(
      ...[...contents.keys()].filter((path) => path.endsWith(".pack") && !packs.includes(path)),
    );
  }
  const [first, second = first, third = second] = commits;
  if (first === undefined || second === undefined || third === undefined) throw new Error("none");
  return { contents, commits: [first, second, third], packs };
}

/** Neither a pack nor its index says anything any more. */
function ruin({ contents, packs }: Home, segment: number): string {
  const path = packs[segment];
  if (path === undefined) throw new Error("it is there");
  for (const file of [path, path.replace(/pack$/u, "idx")])
    contents.set(file, new Uint8Array(contents.get(file)?.length ?? 0));
  return path;
}

/** As a bundle, which is refused where anything is missing. */
async function copyOf(repository: Repository): Promise<ReadonlyArray<string>> {
  await repository.exportBundle({ signal });
  const wants = [...(await repository.refs()).values()];
  return (await repository.objects.listReachable({ wants, haves: [], signal })).toSorted();
}

function reopen({ contents }: Home): Promise<Repository> {
  return openRepository({ files: openMemoryFiles(contents) });
}
