import { StorageFullError } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository, type Repository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import {
  instant,
  parseNodeId,
  parseRepoId,
  type NodeId,
  type ObjectId,
  type RefName,
} from "@skein/protocol/ids";
import { parseRefName } from "@skein/protocol/ids";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { failAtCommit } from "@skein/testkit/failing-files";
import { expect, test } from "vitest";
import { FlowFailedError, NoSourceError, type AskNode } from "./flows.ts";
import { openGarbageKeeping } from "./garbage-keeping.ts";
import { fetchObjects } from "./object-fetching.ts";
import { findPack } from "./object-sending.ts";
import { openTasks } from "./tasks.ts";
import type { TaskView } from "./views.ts";

const [alice, carol] = [parseNodeId("a".repeat(64)), parseNodeId("c".repeat(64))];
const repo = parseRepoId("b".repeat(64));
const ref = parseRefName("refs/heads/main");
if (alice === undefined || carol === undefined || repo === undefined || ref === undefined)
  throw new Error("these are ids");
const main: RefName = ref;
const sliceBytesMax = 20_000;

interface Home {
  readonly git: Repository;
  readonly contents: Map<string, Bytes>;
}

async function openHome(contents = new Map<string, Bytes>()): Promise<Home> {
  return { git: await openRepository({ files: openMemoryFiles(contents) }), contents };
}

/** Commits of 5 kB each that do not shrink. */
async function grow({ git }: Home, many: number, onto: ObjectId | undefined): Promise<ObjectId> {
  let tip = onto;
  for (let at = 0; at < many; at++) {
    let state = at + (tip === undefined ? 1 : Number.parseInt(tip.slice(0, 6), 16));
    const bytes = Uint8Array.from({ length: 5_000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return state >> 16;
    });
    tip = await git.commitDraft({
      parent: tip,
      changes: [{ path: `file ${at}`, kind: "write", bytes }],
      author: { name: "Alice", email: "alice@example.org" },
      at: instant(1_700_000_000_000 + at),
      offsetMinutes: 0,
      message: `Change ${at}\n`,
    });
  }
  if (tip === undefined) throw new Error("there are commits");
  return tip;
}

interface Town {
  readonly ask: AskNode;
  readonly asked: StreamRequest[];
  /** Bytes that came. */
  readonly came: () => number;
  readonly shown: TaskView[];
  readonly fetch: (home: Home, from: NodeId, tip: ObjectId) => Promise<void>;
}

/** `breakAt`: the line breaks once so many bytes have come. */
function openTown(
  nodes: ReadonlyMap<NodeId, Home>,
  { breakAt = Infinity, isOld = false } = {},
): Town {
  const asked: StreamRequest[] = [];
  const shown: TaskView[] = [];
  let came = 0;
  const ask: AskNode = async (node, request, { signal, take, bytesMax }) => {
    asked.push(request);
    if (isOld && request.type === "slice") throw new FlowFailedError("silence");
    if (request.type !== "slice" && request.type !== "pack") throw new Error("nothing else");
    const git = nodes.get(node)?.git;
    if (git === undefined) throw new FlowFailedError("not-here");
    const source = await findPack(git, request, signal).catch((error: unknown) => {
      throw error instanceof NoSourceError ? new FlowFailedError(error.why) : error;
    });
    if (source.bytes > bytesMax) throw new FlowFailedError("too-large");
    for (let at = 0; at < source.bytes; at += 1_000) {
      if (came >= breakAt) throw new FlowFailedError("silence");
      const part = await source.read(at, Math.min(1_000, source.bytes - at));
      came += part.length;
      const done = { bytes: at + part.length, bytesAll: source.bytes, objects: source.objects };
      await take?.(part, done);
    }
    source.close();
    return new Uint8Array();
  };
  const { signal } = new AbortController();
  const tasks = openTasks({ parent: signal, changed: () => shown.push(...tasks.list()) });
  return {
    ask,
    asked,
    came: () => came,
    shown,
    fetch: ({ git }, from, tip) =>
      fetchObjects({
        repo,
        git,
        ask,
        tasks,
        title: "Copying notes",
        from,
        target: { refs: [{ ref: main, oid: tip }] },
        haves: [],
        clock: { now: () => instant(1_700_000_000_000) },
        sliceBytesMax,
        signal,
      }),
  };
}

test("a repository that is more than a slice comes in slices, and its progress never goes back", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const town = openTown(new Map([[alice, home]]));
  const bob = await openHome();
  await town.fetch(bob, alice, tip);
  expect(await bob.git.objects.has(tip)).toBe(true);
  expect(town.asked.length).toBeGreaterThan(5);
  expect(await bob.git.unfinished.read()).toBeUndefined();
  const shares = town.shown.flatMap(({ share }) => share ?? []);
  expect(shares.length).toBeGreaterThan(5);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(town.shown.at(-1)?.title).toBe("Copying notes");
});

test("a copy that was broken off goes on from the slices that came, also after a restart and elsewhere", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const broken = openTown(new Map([[alice, home]]), { breakAt: 90_000 });
  const bob = await openHome();
  await expect(broken.fetch(bob, alice, tip)).rejects.toThrow(FlowFailedError);
  expect((await bob.git.unfinished.read())?.wants).toEqual([tip]);
  const restarted = await openHome(bob.contents);
  // Carol has the same, and more; she got it all at once.
  const other = await openHome();
  await openTown(new Map([[alice, home]])).fetch(other, alice, tip);
  await other.git.objects.mergePacks({ signal: new AbortController().signal });
  const further = await grow(other, 3, tip);
  const town = openTown(new Map([[carol, other]]));
  await town.fetch(restarted, carol, further);
  expect(await restarted.git.objects.has(further)).toBe(true);
  expect(await restarted.git.unfinished.read()).toBeUndefined();
  // Of 33 commits of more than 5 kB each, 15 were here.
  expect(town.came()).toBeLessThan(20 * 6_000);
});

test("a beginning that is not what it was said to be is given up, and nobody else is blamed for it", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const bob = await openHome();
  // Mallory said that all but the last commit is here.
  const [after] = (await home.git.readCommit(tip)).parents;
  if (after === undefined) throw new Error("there is a commit before");
  await bob.git.unfinished.write({ wants: [tip], haves: [], objects: 3, at: instant(0), after });
  const town = openTown(new Map([[alice, home]]));
  await town.fetch(bob, alice, tip);
  expect(await bob.git.objects.has(tip)).toBe(true);
  expect(await bob.git.unfinished.read()).toBeUndefined();
});

test("a node of before there were slices is asked for all of it", async () => {
  const home = await openHome();
  const tip = await grow(home, 8, undefined);
  const town = openTown(new Map([[alice, home]]), { isOld: true });
  const bob = await openHome();
  await town.fetch(bob, alice, tip);
  expect(town.asked.map(({ type }) => type)).toEqual(["slice", "pack"]);
  expect(await bob.git.objects.has(tip)).toBe(true);
});

test("a node that has nothing of what was begun leaves it as it is", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const bob = await openHome();
  const broken = openTown(new Map([[alice, home]]), { breakAt: 60_000 });
  await expect(broken.fetch(bob, alice, tip)).rejects.toThrow(FlowFailedError);
  const other = await openHome();
  const theirs = await grow(other, 2, undefined);
  await openTown(new Map([[carol, other]])).fetch(bob, carol, theirs);
  expect(await bob.git.objects.has(theirs)).toBe(true);
  expect(await bob.git.unfinished.read()).toMatchObject({ wants: [tip] });
});

test("a copy in slices survives storage that fails before or after any change", async () => {
  const home = await openHome();
  const tip = await grow(home, 16, undefined);
  const error = new StorageFullError("The device has no room left");
  for (let failing = 2; ; failing++) {
    const moment = failing % 2 === 0 ? "before" : "after";
    const contents = new Map<string, Bytes>();
    const files = failAtCommit(openMemoryFiles(contents), { failing, moment, error });
    const bob = { git: await openRepository({ files }), contents };
    const why = await openTown(new Map([[alice, home]]))
      .fetch(bob, alice, tip)
      .then(
        () => undefined,
        (cause: unknown) => cause,
      );
    // Whatever it says is here is here: the copy goes on from it, and nobody is blamed.
    const again = await openHome(contents);
    const town = openTown(new Map([[alice, home]]));
    await town.fetch(again, alice, tip);
    const reached = await again.git.objects.listReachable({
      wants: [tip],
      haves: [],
      signal: new AbortController().signal,
    });
    expect(reached.length).toBe(16 * 3);
    if (why === undefined) return expect(failing).toBeGreaterThan(8);
    expect(why).toBe(error);
    if (failing > 5) expect(town.came()).toBeLessThan(16 * 5_300 - 15_000);
  }
});

test("what came of a copy is not collected for a week, unless a person frees space", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const begun = 1_700_000_000_000;
  const week = 7 * 24 * 60 * 60 * 1_000;
  for (const [at, unfinished, kept] of [
    [begun + week - 1, "stays", true],
    [begun + week, "stays", false],
    // The clock was ahead when it began.
    [begun - week + 1, "stays", true],
    [begun - week, "stays", false],
    [begun + 1, "goes", false],
  ] as const) {
    const bob = await openHome();
    const broken = openTown(new Map([[alice, home]]), { breakAt: 90_000 });
    await expect(broken.fetch(bob, alice, tip)).rejects.toThrow(FlowFailedError);
    const after = (await bob.git.unfinished.read())?.after ?? tip;
    const { collect } = openGarbageKeeping({
      git: bob.git,
      tips: () => Promise.resolve([]),
      now: () => instant(at),
    });
    const { signal } = new AbortController();
    const dropped = await collect({ signal, worthBytes: 1, unfinished });
    expect(dropped === "busy").toBe(kept);
    expect(await bob.git.objects.has(after)).toBe(kept);
    expect((await bob.git.unfinished.read()) !== undefined).toBe(kept);
    await openTown(new Map([[alice, home]])).fetch(bob, alice, tip);
    expect(await bob.git.objects.has(tip)).toBe(true);
  }
});
