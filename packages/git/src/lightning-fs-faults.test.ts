/** lightning-fs on IndexedDB that fails at any one write, with isomorphic-git above it; and two tabs at once. */

import { formatUtf8 } from "@skein/protocol/bytes";
import { failIndexedDb } from "@skein/testkit/failing-indexed-db";
import type { Fault, PlannedFault } from "@skein/testkit/failing-indexed-db";
import { faults } from "@skein/testkit/storage-faults";
import * as fake from "fake-indexeddb";
import * as git from "isomorphic-git";
import { beforeAll, expect, test, vi } from "vitest";
import type { Files } from "./files.ts";
import { openIdbFiles } from "./idb-files.ts";
import { openLightningFs } from "./lightning-fs.ts";

beforeAll(() => {
  for (const [name, value] of Object.entries(fake))
    if (/^(?:IDB|indexedDB$)/u.test(name)) vi.stubGlobal(name, value);
});

const author = { name: "Alice", email: "alice@example.org" };
let databases = 0;

// The library holds a lock in memory while it writes, which only the end of the process would free: no crash here.
test.each(faults.filter((fault) => fault !== "crash"))(
  "commits by isomorphic-git survive a fault at every single write: %s",
  async (fault) => {
    const whole = await playIsomorphic(undefined);
    const moments = fault === "quota at the end" ? whole.transactions : whole.puts;
    expect(moments).toBeGreaterThan(10);
    for (let at = 1; at <= moments; at++)
      expect((await playIsomorphic({ fault, at })).tip, `${fault} at ${at}`).toBe(whole.tip);
  },
  120_000,
);

/** Three commits by the library, which writes files one by one; what was acknowledged is there after a fault. */
async function playIsomorphic(
  planned: PlannedFault | undefined,
): Promise<{ readonly puts: number; readonly transactions: number; readonly tip: string }> {
  const place = `lightning-${++databases}`;
  using failing = failIndexedDb(fake, planned);
  let files: Files = await openIdbFiles(place);
  let acknowledged = "";
  let failures = 0;
  for (let step = 0; step <= 3;) {
    const fs = openLightningFs(files);
    const at = { fs, gitdir: "/", dir: "/" };
    try {
      if (step === 0) await git.init({ ...at, bare: true, defaultBranch: "main" });
      else acknowledged = await commitByIsomorphic(at, step, acknowledged);
      step++;
    } catch (error) {
      if (++failures > 1 || planned === undefined) throw error;
      await files.close();
      files = await openAgain(place, planned.fault);
      if (acknowledged === "") continue;
      const again = { fs: openLightningFs(files), gitdir: "/", dir: "/" };
      const log = await git.log({ ...again, ref: "main" });
      expect(log.map(({ oid }) => oid)).toContain(acknowledged);
      await git.readBlob({ ...again, oid: acknowledged, filepath: "a.txt" });
    }
  }
  const fs = openLightningFs(files);
  expect(await git.log({ fs, gitdir: "/", ref: "main" })).toHaveLength(3);
  await files.close();
  const counted = { puts: failing.puts(), transactions: failing.transactions() };
  return { ...counted, tip: acknowledged };
}

async function openAgain(place: string, fault: Fault): Promise<Files> {
  if (fault === "unknown")
    await expect(openIdbFiles(place)).rejects.toMatchObject({ code: "storage_failed" });
  return openIdbFiles(place);
}

async function commitByIsomorphic(
  at: {
    readonly fs: ReturnType<typeof openLightningFs>;
    readonly gitdir: string;
    readonly dir: string;
  },
  number: number,
  parent: string,
): Promise<string> {
  const blob = await git.writeBlob({ ...at, blob: formatUtf8(`text ${number}`) });
  const entry = { mode: "100644", path: "a.txt", oid: blob, type: "blob" } as const;
  const tree = await git.writeTree({ ...at, tree: [entry] });
  const person = { ...author, timestamp: 1_700_000_000 + number, timezoneOffset: 0 };
  const message = `Write ${number}`;
  const asked = { ...at, tree, message, author: person, ref: "refs/heads/main" };
  return git.commit(parent === "" ? asked : { ...asked, parent: [parent] });
}

test("a tab that commits all the time keeps another tab waiting for one commit at the most", async () => {
  const place = `faults-${++databases}`;
  const [busy, other] = [await openIdbFiles(place), await openIdbFiles(place)];
  const batch = (path: string): Parameters<Files["commit"]>[0] => ({
    put: [[path, new Uint8Array(100_000)]],
    delete: [],
  });
  let busyCommits = 0;
  const over = new AbortController();
  const working = (async () => {
    while (!over.signal.aborted) {
      await busy.commit(batch("busy"), { durability: "strict" });
      busyCommits++;
    }
  })();
  for (let round = 0; round < 20; round++) {
    const before = busyCommits;
    await other.commit(batch(`other-${round}`), { durability: "strict" });
    expect(await other.read(`other-${round}`)).toBeDefined();
    // One was under way when it asked to write, and one may be when it asked to read.
    expect(busyCommits - before).toBeLessThan(5);
  }
  over.abort();
  await working;
  expect(busyCommits).toBeGreaterThan(5);
  for (const files of [busy, other]) await files.close();
});
