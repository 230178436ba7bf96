import { StorageFullError } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { openRepository, type Repository } from "@skein/git/repository";
import { concat, parseHex, type Bytes } from "@skein/protocol/bytes";
import { sliceHeadBytes } from "@skein/protocol/node-messages/stream-open";
import {
  instant,
  parseNodeId,
  parseRefName,
  parseRepoId,
  type Instant,
  type NodeId,
  type ObjectId,
} from "@skein/protocol/ids";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { failAtCommit } from "@skein/testkit/failing-files";
import { expect, test } from "vitest";
import { FlowFailedError, NoSourceError, type AskNode } from "./flows.ts";
import { openGarbageKeeping } from "./garbage-keeping.ts";
import { openObjectCopying } from "./object-copying.ts";
import { fetchObjects, type Fetching } from "./object-fetching.ts";
import { findPack } from "./object-sending.ts";
import { openTasks } from "./tasks.ts";
import type { TaskView } from "./views.ts";

function known<T>(parsed: T | undefined): T {
  if (parsed === undefined) throw new Error("these are ids");
  return parsed;
}

const nodeOf = (digit: string): NodeId => known(parseNodeId(digit.repeat(64)));
const [alice, carol, mallory] = [nodeOf("a"), nodeOf("c"), nodeOf("f")];
const repo = known(parseRepoId("b".repeat(64)));
const main = known(parseRefName("refs/heads/main"));
const { signal } = new AbortController();
const sliceBytesMax = 20_000;
const begun = { haves: [], objects: 3, begun: instant(0), at: instant(0), doubted: [] };

interface Home {
  readonly git: Repository;
  readonly contents: Map<string, Bytes>;
}

async function openHome(contents = new Map<string, Bytes>()): Promise<Home> {
  return { git: await openRepository({ files: openMemoryFiles(contents) }), contents };
}

/** Commits of 5 kB each that do not shrink. */
async function grow(
  { git }: Home,
  many: number,
  onto: ObjectId | undefined,
  message = "Change",
): Promise<ObjectId> {
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
      message: `${message} ${at}\n`,
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
  readonly fetching: (home: Home, from: NodeId, tip: ObjectId) => Fetching;
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
  const fetching: Town["fetching"] = ({ git }, from, tip) => ({
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
    guard: (work) => work(),
    arrived: () => {},
    signal,
  });
  // What others trickle holds no lock open: it is shown as nothing that a person here began.
  const theirs = (): ReadonlyArray<TaskView> => (tasks.isPersonsUnderWay() ? [] : tasks.list());
  const tasks = openTasks({ parent: signal, changed: () => shown.push(...theirs()) });
  return {
    ask,
    asked,
    came: () => came,
    shown,
    fetching,
    fetch: (home, from, tip) => fetchObjects(fetching(home, from, tip)),
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
  expect(await bob.git.unfinished.list()).toEqual([]);
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
  expect((await bob.git.unfinished.list())[0]?.wants).toEqual([tip]);
  const restarted = await openHome(bob.contents);
  // Carol has the same, and more; she got it all at once.
  const other = await openHome();
  await openTown(new Map([[alice, home]])).fetch(other, alice, tip);
  await other.git.objects.mergePacks({ signal: new AbortController().signal });
  const further = await grow(other, 3, tip);
  const town = openTown(new Map([[carol, other]]));
  await town.fetch(restarted, carol, further);
  expect(await restarted.git.objects.has(further)).toBe(true);
  expect(await restarted.git.unfinished.list()).toEqual([]);
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
  await bob.git.unfinished.write({ ...begun, wants: [tip], from: mallory, after });
  const town = openTown(new Map([[alice, home]]));
  await town.fetch(bob, alice, tip);
  expect(await bob.git.objects.has(tip)).toBe(true);
  expect(await bob.git.unfinished.list()).toEqual([]);
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
  const left = await bob.git.unfinished.list();
  expect(left).toMatchObject([{ wants: [tip] }]);
  // One commit, and then many.
  for (const many of [1, 12]) {
    const other = await openHome();
    const theirs = await grow(other, many, undefined, "Carol's");
    expect(await bob.git.objects.has(theirs)).toBe(false);
    const town = openTown(new Map([[carol, other]]));
    await town.fetch(bob, carol, theirs);
    expect(town.asked.length).toBeGreaterThan(many / 3);
    expect(await bob.git.objects.has(theirs)).toBe(true);
    expect(await bob.git.unfinished.list()).toEqual(left);
  }
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
    const reached = await again.git.objects.listReachable({ wants: [tip], haves: [], signal });
    expect(reached.length).toBe(16 * 3);
    if (why === undefined) return expect(failing).toBeGreaterThan(8);
    expect(why).toBe(error);
    if (failing > 5) expect(town.came()).toBeLessThan(16 * 5_300 - 15_000);
  }
});

test("what came of a copy is not collected for a week, unless a person frees space", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const started = 1_700_000_000_000;
  const week = 7 * 24 * 60 * 60 * 1_000;
  for (const [at, unfinished, kept] of [
    [started + week - 1, "stays", true],
    [started + week, "stays", false],
    // The clock was ahead when it began.
    [started - week + 1, "stays", true],
    [started - week, "stays", false],
    [started + 1, "goes", false],
  ] as const) {
    const bob = await openHome();
    const broken = openTown(new Map([[alice, home]]), { breakAt: 90_000 });
    await expect(broken.fetch(bob, alice, tip)).rejects.toThrow(FlowFailedError);
    const after = (await bob.git.unfinished.list())[0]?.after ?? tip;
    const tips = (): Promise<[]> => Promise.resolve([]);
    const { collect } = openGarbageKeeping({ git: bob.git, tips, now: () => instant(at) });
    const dropped = await collect({ signal, worthBytes: 1, unfinished });
    expect(dropped === "busy").toBe(kept);
    expect(await bob.git.objects.has(after)).toBe(kept);
    expect((await bob.git.unfinished.list()).length > 0).toBe(kept);
    await openTown(new Map([[alice, home]])).fetch(bob, alice, tip);
    expect(await bob.git.objects.has(tip)).toBe(true);
  }
});

/** Its head, no objects, and the checksum of that. */
const emptyPack =
  parseHex("5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e") ?? new Uint8Array();

/** Mallory sends what is asked for, and says what is not so of what is left. */
function openLiar(
  home: Home,
  say: (asked: number) => { readonly left?: number; readonly isEmpty?: boolean },
): { readonly ask: AskNode; readonly asked: () => number } {
  let asked = 0;
  const ask: AskNode = async (_, request, { take, signal }) => {
    if (request.type !== "slice") throw new Error("nothing else");
    if (++asked > 50) throw new Error("it never ends");
    const { left, isEmpty = false } = say(asked);
    const { after, ...rest } = request;
    const honest = { ...rest, after, haves: [] };
    const source = await findPack(home.git, honest, signal);
    const bytes = await source.read(0, source.bytes);
    const told = isEmpty ? [bytes.subarray(0, sliceHeadBytes), emptyPack] : [bytes];
    const all = concat(...told);
    if (left !== undefined) new DataView(all.buffer, all.byteOffset).setUint32(20, left);
    await take?.(all, { bytes: all.length, bytesAll: all.length, objects: source.objects });
    return new Uint8Array();
  };
  return { ask, asked: () => asked };
}

test("a sender whose slices bring nothing, or who finds ever more, is refused at once", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  for (const [say, most] of [
    // Bob would ask for nothing as long as the number falls.
    [(asked: number) => ({ left: 4_000_000_000 - asked, isEmpty: asked > 1 }), 1],
    [(asked: number) => ({ left: 3_000 - asked, isEmpty: asked > 1 }), 2],
    [(asked: number) => ({ left: 3_000 - asked }), 2],
  ] as const) {
    const bob = await openHome();
    const liar = openLiar(home, say);
    const town = openTown(new Map());
    const fetching = { ...town.fetching(bob, alice, tip), ask: liar.ask };
    await expect(fetchObjects(fetching)).rejects.toThrow(PackRejectedError);
    expect(liar.asked()).toBe(most);
  }
});

test("a sender who was told what is here may count anew once, and no more", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  for (const shifts of [2, 4]) {
    const bob = await openHome();
    const haves = [await grow(bob, 1, undefined, "Bob's")];
    const liar = openLiar(home, (asked) => (asked > shifts ? {} : { left: 3_000 + asked }));
    const fetching = { ...openTown(new Map()).fetching(bob, alice, tip), ask: liar.ask, haves };
    const why: unknown = await fetchObjects(fetching).catch((error: unknown) => error);
    expect(why instanceof PackRejectedError).toBe(shifts === 4);
    expect(liar.asked() > 4).toBe(shifts === 2);
    expect(await bob.git.objects.has(tip)).toBe(shifts === 2);
  }
});

test("space may be freed between two slices, and what is copied comes anew", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const bob = await openHome();
  const town = openTown(new Map([[alice, home]]));
  const tips = (): Promise<ReadonlyArray<ObjectId>> => Promise.resolve([]);
  const now = (): Instant => instant(1_700_000_000_000);
  const { guard, collect } = openGarbageKeeping({ git: bob.git, tips, now });
  const asked = { signal, worthBytes: 1, unfinished: "goes" } as const;
  const freed: unknown[] = [];
  let slices = 0;
  await fetchObjects({
    ...town.fetching(bob, alice, tip),
    guard: async (work) => {
      slices += 1;
      if (slices === 4) freed.push(await collect(asked));
      return await guard(async () => {
        if (slices === 6) freed.push(await collect(asked));
        return await work();
      });
    },
  });
  expect(freed).toMatchObject([{ objects: expect.any(Number) }, "busy"]);
  expect(await bob.git.objects.has(tip)).toBe(true);
});

test("a node that answers with what does not fit ends nobody else's copy, two of them do", async () => {
  const home = await openHome();
  const tip = await grow(home, 30, undefined);
  const bob = await openHome();
  const broken = openTown(new Map([[alice, home]]), { breakAt: 90_000 });
  await expect(broken.fetch(bob, alice, tip)).rejects.toThrow(FlowFailedError);
  const left = await bob.git.unfinished.list();
  // The last objects alone, as if all the others were here.
  const [parent] = (await home.git.readCommit(tip)).parents;
  const town = openTown(new Map());
  const lie: AskNode = async (_, request, { take, signal }) => {
    if (request.type !== "slice" || parent === undefined) throw new Error("nothing else");
    const source = await findPack(home.git, { ...request, after: parent }, signal);
    const bytes = await source.read(0, source.bytes);
    await take?.(bytes, { bytes: bytes.length, bytesAll: bytes.length, objects: source.objects });
    return new Uint8Array();
  };
  for (const [from, here] of [
    [mallory, 1],
    [mallory, 1],
    [carol, 0],
  ] as const) {
    const fetching = { ...town.fetching(bob, from, tip), ask: lie };
    await expect(fetchObjects(fetching)).rejects.toThrow(PackRejectedError);
    const known = await bob.git.unfinished.list();
    expect(known.map(({ after }) => after)).toEqual(left.map(({ after }) => after).slice(0, here));
  }
});

test("two streams that name the same are copied one after the other, and nothing comes twice", async () => {
  const home = await openHome();
  const tip = await grow(home, 20, undefined);
  const further = await grow(home, 2, tip);
  const bob = await openHome();
  const town = openTown(new Map([[alice, home]]));
  const moved: NodeId[] = [];
  const { copy, stop } = openObjectCopying(({ of }) => moved.push(of));
  const here: ObjectId[] = [];
  const copying = (of: NodeId, oid: ObjectId): Promise<void> => {
    const arrived = (): void => void here.push(oid);
    const fetching = () => ({ ...town.fetching(bob, alice, oid), haves: [...here], arrived });
    return copy({ of, from: alice, signal, fetching });
  };
  const all = [copying(alice, tip), copying(carol, further), copying(mallory, tip)];
  stop(mallory, alice);
  const ends = await Promise.allSettled(all);
  expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(here).toEqual([tip, further]);
  expect(town.came()).toBeLessThan(22 * 5_600);
  // While the first comes, the second does not wait in vain.
  expect(moved.filter((of) => of === carol).length).toBeGreaterThan(5);
});

test("a copy that takes too long is ended in its middle", async () => {
  const home = await openHome();
  const tip = await grow(home, 20, undefined);
  const bob = await openHome();
  const town = openTown(new Map([[alice, home]]));
  const copying = openObjectCopying(() => {
    if (town.came() > 40_000) copying.stop(carol, alice);
  });
  const ask: AskNode = (node, request, options) =>
    options.signal.aborted
      ? Promise.reject(new FlowFailedError("stopped"))
      : town.ask(node, request, options);
  const fetching = () => ({ ...town.fetching(bob, alice, tip), ask });
  const copied = copying.copy({ of: carol, from: alice, signal, fetching });
  await expect(copied).rejects.toThrow(FlowFailedError);
  expect(town.came()).toBeLessThan(80_000);
  await openTown(new Map([[alice, home]])).fetch(bob, alice, tip);
  expect(await bob.git.objects.has(tip)).toBe(true);
});
