/** Isomorphic-git works on files that are kept durably, and finds its work again. */

import type { Bytes } from "@skein/protocol/bytes";
import * as git from "isomorphic-git";
import { expect, test } from "vitest";
import { openLightningFs } from "./lightning-fs.ts";
import { openMemoryFiles } from "./memory-files.ts";

const alice = {
  name: "Alice",
  email: "alice@example.org",
  timestamp: 1_700_000_000,
  timezoneOffset: 0,
};

test("a commit that isomorphic-git acknowledged is there for whoever opens the files next", async () => {
  const contents = new Map<string, Bytes>();
  const fs = openLightningFs(openMemoryFiles(contents));
  await git.init({ fs, gitdir: "/", bare: true, defaultBranch: "main" });
  const blob = await git.writeBlob({ fs, gitdir: "/", blob: Uint8Array.of(0x68, 0x69) });
  const tree = await git.writeTree({
    fs,
    gitdir: "/",
    tree: [{ mode: "100644", path: "a.txt", oid: blob, type: "blob" }],
  });
  const oid = await git.commit({
    fs,
    gitdir: "/",
    tree,
    message: "One",
    author: alice,
    ref: "refs/heads/main",
  });

  // Nothing is closed and nothing is waited for: a tab that is killed does neither.
  const again = openLightningFs(openMemoryFiles(contents));
  expect(await git.resolveRef({ fs: again, gitdir: "/", ref: "HEAD" })).toBe(oid);
  const [entry] = await git.log({ fs: again, gitdir: "/", ref: "main" });
  expect(entry?.commit.message).toBe("One\n");
  const read = await git.readBlob({ fs: again, gitdir: "/", oid, filepath: "a.txt" });
  expect(read.blob).toEqual(Uint8Array.of(0x68, 0x69));
});

test("it answers as a file system does", async () => {
  const { promises: fs } = openLightningFs(openMemoryFiles());
  await fs.mkdir("/a");
  await expect(fs.mkdir("/a")).rejects.toMatchObject({ code: "EEXIST" });
  await fs.writeFile("/a/b", "text");
  expect(await fs.readFile("/a/b", "utf8")).toBe("text");
  expect((await fs.stat("/a/b")).size).toBe(4);
  expect((await fs.stat("/a")).isDirectory()).toBe(true);
  await expect(fs.readFile("/nothing")).rejects.toMatchObject({ code: "ENOENT" });
  await expect(fs.readdir("/a/b")).rejects.toMatchObject({ code: "ENOTDIR" });
  await expect(fs.writeFile("/a", "x")).rejects.toMatchObject({ code: "EISDIR" });
  await expect(fs.rmdir("/a")).rejects.toMatchObject({ code: "ENOTEMPTY" });
  await fs.rename("/a/b", "/c");
  expect(await fs.readdir("/")).toEqual(["c", "a"]);
  await fs.rmdir("/a");
  await fs.unlink("/c");
  await expect(fs.unlink("/c")).rejects.toMatchObject({ code: "ENOENT" });
  expect(await fs.readdir("/")).toEqual([]);
});
