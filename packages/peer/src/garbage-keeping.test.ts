/** What is let go of, and what stays a while because it may still be wanted. */

import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import { formatUtf8 } from "@skein/protocol/bytes";
import { instant, parseNodeId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openGarbageKeeping } from "./garbage-keeping.ts";

const { signal } = new AbortController();
const hour = 60 * 60 * 1_000;
const month = 30 * 24 * hour;
const began = 1_700_000_000_000;

test.each([
  ["stays for 30 days after the first", began + month - 1, "stays"],
  ["goes 30 days after the first", began + month, "goes"],
  ["stays where the clock was 29 days ahead at the first", began - month + 1, "stays"],
  ["goes where the clock was 30 days ahead at the first", began - month, "goes"],
] as const)("what came of a copy that brings a slice each hour %s", async (_, now, ends) => {
  const git = await openRepository({ files: openMemoryFiles() });
  const after = await git.commitDraft({
    parent: undefined,
    changes: [{ path: "a.txt", kind: "write", bytes: formatUtf8("a slice\n") }],
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(began),
    offsetMinutes: 0,
    message: "Write\n",
  });
  const from = parseNodeId("a".repeat(64));
  if (from === undefined) throw new Error("it is an id");
  const known = { wants: [after], haves: [], from, after, objects: 3, doubted: [] };
  await git.unfinished.write({ ...known, begun: instant(began), at: instant(now - hour) });
  const tips = (): Promise<[]> => Promise.resolve([]);
  const { collect } = openGarbageKeeping({ git, tips, now: () => instant(now) });
  const collected = await collect({ signal, worthBytes: 1, unfinished: "stays" });
  expect(collected === "busy").toBe(ends === "stays");
  expect(await git.objects.has(after)).toBe(ends === "stays");
  expect((await git.unfinished.list()).length).toBe(ends === "stays" ? 1 : 0);
});
