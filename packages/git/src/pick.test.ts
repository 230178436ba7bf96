import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import type { PickResult } from "./pick.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("Bob picks one commit of Alice: her name and message stay, he is the committer", async () => {
  const { repository, base } = await tell({ a: "1\n2\n3\n", b: "b\n" });
  const alice = await commit(repository, base, { a: "1\n2\n3\n4\n" }, "Alice");
  const bob = await commit(repository, base, { b: "B\n" }, "Bob");
  const oid = pickedOf(await repository.cherryPick({ ...signed("Bob"), commit: alice, onto: bob }));
  const picked = await repository.readCommit(oid);
  expect(picked).toMatchObject({ authorName: "Alice", parents: [bob], title: "Alice writes" });
  expect(picked.committedAt).toBeGreaterThan(picked.at);
  expect(await read(repository, oid, "a")).toBe("1\n2\n3\n4\n");
  expect(await read(repository, oid, "b")).toBe("B\n");
});

test("a revert takes one change back and leaves what came after it", async () => {
  const { repository, base } = await tell({ a: "1\n2\n3\n" });
  const bad = await commit(repository, base, { a: "1\nX\n3\n" }, "Alice");
  const good = await commit(repository, bad, { b: "b\n" }, "Alice");
  const oid = pickedOf(await repository.revert({ ...signed("Bob"), commit: bad, onto: good }));
  expect(await read(repository, oid, "a")).toBe("1\n2\n3\n");
  expect(await read(repository, oid, "b")).toBe("b\n");
  expect(await repository.readCommit(oid)).toMatchObject({
    title: 'Revert "Alice writes"',
    body: `This reverts commit ${bad}.`,
    authorName: "Bob",
  });
});

test("a pick in conflict comes as hunks, and is made by a person's choices", async () => {
  const { repository, base } = await tell({ a: "0\n" });
  const alice = await commit(repository, base, { a: "1\n" }, "Alice");
  const bob = await commit(repository, base, { a: "2\n" }, "Bob");
  const asked = { ...signed("Bob"), commit: alice, onto: bob };
  expect(await repository.cherryPick(asked)).toMatchObject({
    kind: "conflict",
    conflicts: [
      { path: "a", hunks: [{ kind: "conflict", base: "0\n", ours: "2\n", theirs: "1\n" }] },
    ],
  });
  const oid = pickedOf(
    await repository.cherryPick({ ...asked, resolutions: [{ path: "a", take: "theirs" }] }),
  );
  expect(await read(repository, oid, "a")).toBe("1\n");
});

test("the first commit of all can be picked, and taken back", async () => {
  const { repository, base } = await tell({ a: "a" });
  const { base: other } = await tell({ b: "b" }, repository);
  const both = pickedOf(
    await repository.cherryPick({ ...signed("Bob"), commit: other, onto: base }),
  );
  expect(await read(repository, both, "b")).toBe("b");
  const alone = pickedOf(await repository.revert({ ...signed("Bob"), commit: base, onto: both }));
  expect(await repository.readTree(alone, "")).toMatchObject([{ name: "b" }]);
});

test("what is there already is not picked again", async () => {
  const { repository, base } = await tell({ a: "0\n" });
  const alice = await commit(repository, base, { a: "1\n" }, "Alice");
  const asked = { ...signed("Bob"), commit: alice, onto: alice };
  expect(await repository.cherryPick(asked)).toEqual({ kind: "nothing-to-pick" });
});

test("of a merge a person says which parent's side is the change", async () => {
  const { repository, base } = await tell({ z: "z" });
  const alice = await commit(repository, base, { a: "a" }, "Alice");
  const bob = await commit(repository, base, { b: "b" }, "Bob");
  const merged = await repository.merge({ ours: alice, theirs: bob });
  if (merged.kind !== "merged") throw new Error(merged.kind);
  const { parents } = await repository.readCommit(merged.oid);
  const asked = { ...signed("Bob"), commit: merged.oid, onto: merged.oid };
  expect(await repository.revert(asked)).toEqual({ kind: "which-parent", parents });
  const mainline = parents.indexOf(alice) + 1;
  const oid = pickedOf(await repository.revert({ ...asked, mainline }));
  expect(await read(repository, oid, "b")).toBeUndefined();
  expect(await read(repository, oid, "a")).toBe("a");
  expect((await repository.readCommit(oid)).body).toContain(`changes made to ${alice}.`);
});

test("what a person makes is signed where they sign, and a merge that nodes make is not", async () => {
  const { repository, base } = await tell({ a: "0\n" });
  const alice = await commit(repository, base, { a: "1\n" }, "Alice");
  const bob = await commit(repository, base, { a: "2\n" }, "Bob");
  const seen: string[] = [];
  const sign = (bytes: Uint8Array) => {
    seen.push(parseUtf8(bytes)?.split("\n")[0] ?? "");
    return formatUtf8((parseUtf8(bytes) ?? "").replace("\n\n", "\ngpgsig x\n\n"));
  };
  const resolutions = [{ path: "a", take: "theirs" }] as const;
  const asked = { ...signed("Bob"), sign, resolutions };
  const oid = pickedOf(await repository.cherryPick({ ...asked, commit: alice, onto: bob }));
  const merged = await repository.mergeWithResolutions({ ...asked, ours: bob, theirs: alice });
  expect(seen).toHaveLength(2);
  expect(parseUtf8((await repository.objects.read(oid))?.bytes ?? new Uint8Array())).toContain(
    "gpgsig x",
  );
  expect(merged.kind).toBe("merged");
});

let seconds = 1_700_000_000;

function signed(name: string) {
  const author = { name, email: `${name.toLowerCase()}@example.org` };
  return { author, at: instant(seconds++ * 1_000), offsetMinutes: 0 };
}

async function tell(
  files: Readonly<Record<string, string>>,
  into?: Repository,
): Promise<{ readonly repository: Repository; readonly base: ObjectId }> {
  const repository = into ?? (await openRepository({ files: openMemoryFiles() }));
  return { repository, base: await commit(repository, undefined, files, "Rita") };
}

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  files: Readonly<Record<string, string>>,
  name: string,
): Promise<ObjectId> {
  const changes = Object.entries(files).map(([path, text]) => {
    return { path, kind: "write", bytes: formatUtf8(text) } as const;
  });
  return repository.commitDraft({ ...signed(name), parent, changes, message: `${name} writes` });
}

function pickedOf(result: PickResult): ObjectId {
  if (result.kind !== "picked") throw new Error(JSON.stringify(result));
  return result.oid;
}

async function read(
  repository: Repository,
  oid: ObjectId,
  path: string,
): Promise<string | undefined> {
  const file = await repository.readFile(oid, path);
  return file && parseUtf8(file.bytes);
}
