import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import * as git from "isomorphic-git";
import { expect, test } from "vitest";
import { openLightningFs } from "./lightning-fs.ts";
import { BundleTooLargeError } from "./bundle.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("isomorphic-git reads log, trees and files of a repository of ours through lightning-fs", async () => {
  const { repository, contents, tip } = await tell();
  const fs = openLightningFs(openMemoryFiles(contents));
  const at = { fs, gitdir: "/", dir: "/", cache: {} };
  expect(await git.currentBranch({ ...at, fullname: true })).toBe("refs/heads/main");
  expect(await git.resolveRef({ ...at, ref: "main" })).toBe(tip);
  const log = await git.log({ ...at, ref: "main" });
  const ours = await repository.history(tip, { limit: 100 });
  expect(log.map(({ oid }) => oid)).toEqual(ours.commits.map(({ oid }) => oid));
  expect(log[0]?.commit.author.name).toBe("Skein");
  const { tree } = await git.readTree({ ...at, oid: tip });
  const listed = await repository.readTree(tip, "");
  expect(tree.map(({ path, oid }) => [path, oid])).toEqual(
    listed?.map(({ name, oid }) => [name, oid]),
  );
  const { blob } = await git.readBlob({ ...at, oid: tip, filepath: "src/deep/main.ts" });
  expect(parseUtf8(blob)).toBe("run(1);\n");
  expect(await git.listBranches(at)).toEqual(["main", "side"]);
  expect(await git.listTags(at)).toEqual(["v1"]);
});

test("what was committed is there when the repository is opened again", async () => {
  const { contents, tip } = await tell();
  const again = await openRepository({ files: openMemoryFiles(new Map(contents)) });
  expect((await again.refs()).get(ref("heads/main"))).toBe(tip);
  expect((await again.readFile(tip, "README.md"))?.bytes).toEqual(formatUtf8("# Skein\n"));
});

test("a repository without branches has nothing to export", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const { signal } = new AbortController();
  await expect(repository.exportBundle({ signal })).rejects.toThrow("no branch and no tag");
});

test("a bundle is as large as an import takes and no larger, and a repository that is more says so", async () => {
  const { repository } = await tell();
  const { signal } = new AbortController();
  const bundle = await repository.exportBundle({ signal });
  const bytesMax = bundle.length;
  expect(await repository.exportBundle({ bytesMax, signal })).toEqual(bundle);
  const again = await openRepository({ files: openMemoryFiles() });
  await again.importBundle(bundle, { signal });
  expect(await again.refs()).toEqual(await repository.refs());
  await expect(repository.exportBundle({ bytesMax: bytesMax - 1, signal })).rejects.toThrow(
    BundleTooLargeError,
  );
});

async function tell(): Promise<{
  readonly repository: Repository;
  readonly contents: Map<string, Bytes>;
  readonly tip: ObjectId;
}> {
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const write = { "README.md": "# Skein\n", "src/deep/main.ts": "run();\n" };
  const base = await commit(repository, undefined, write);
  const ours = await commit(repository, base, { "src/deep/main.ts": "run(1);\n" });
  const theirs = await commit(repository, base, { "docs/grün.md": "g\n" });
  const merged = await repository.merge({ ours, theirs });
  if (merged.kind !== "merged") throw new Error(merged.kind);
  await repository.updateRefs([
    { ref: ref("heads/main"), from: undefined, to: merged.oid },
    { ref: ref("heads/side"), from: undefined, to: theirs },
    { ref: ref("tags/v1"), from: undefined, to: ours },
  ]);
  return { repository, contents, tip: merged.oid };
}

let seconds = 1_700_000_000;

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  files: Readonly<Record<string, string>>,
): Promise<ObjectId> {
  return repository.commitDraft({
    parent,
    changes: Object.entries(files).map(([path, text]) => ({
      path,
      kind: "write",
      bytes: formatUtf8(text),
    })),
    message: "Write files",
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(seconds++ * 1_000),
    offsetMinutes: 0,
  });
}

function ref(short: string): RefName {
  return parseRefName(`refs/${short}`) as RefName;
}
