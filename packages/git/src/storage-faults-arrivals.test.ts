/** IndexedDB that fails at any one write of what is done piece by piece: slices, packs larger than what is held, and a reflog that ages. */

import { concat, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import {
  instant,
  parseNodeId,
  parseRefName,
  type ObjectId,
  type RefName,
} from "@skein/protocol/ids";
import { faults, surviveFaults, type Contents, type Stage } from "@skein/testkit/storage-faults";
import * as fake from "fake-indexeddb";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { openIdbFiles } from "./idb-files.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { spoolFolder, type PackRoom } from "./pack-spool.ts";
import { openRepository, type Repository } from "./repository.ts";

beforeAll(() => {
  for (const [name, value] of Object.entries(fake))
    if (/^(?:IDB|indexedDB$)/u.test(name)) vi.stubGlobal(name, value);
});

const { signal } = new AbortController();
const main = refName("refs/heads/main");

/** Of three commits. */
const slicesInAll = 3;

interface Workflow {
  readonly name: string;
  readonly before: () => Promise<Contents>;
  readonly steps: ReadonlyArray<(repository: Repository) => Promise<unknown>>;
  readonly room?: PackRoom;
  /** Where not all of them are told to whoever asked. */
  readonly faults?: typeof faults;
  /** Changes of storage without which nothing was shown, by the paths that one puts, and with a minus those it deletes. */
  readonly shown: ReadonlyArray<(paths: ReadonlyArray<string>) => boolean>;
}

const workflows: ReadonlyArray<Workflow> = [
  {
    name: "receiving a pack of which little is held, and which is kept as several",
    before: () => livedIn(1),
    steps: [
      async (repository) => {
        const have = await tipOf(repository);
        const { want, bytes } = await packed();
        await receive(repository, want, bytes);
        await moveMain(repository, have, want);
      },
    ],
    room: { heldBytes: 128, chunkBytes: 128, chunksAtOnce: 2, segmentBytes: 400 },
    // What was put away is removed once the pack is kept. Where that fails, it goes when the repository is opened next.
    faults: faults.filter((fault) => fault !== "quota at the end"),
    shown: [
      (paths) => paths.some((path) => path.startsWith(spoolFolder)),
      (paths) => paths.filter((path) => path.endsWith(".idx")).length > 1,
    ],
  },
  {
    name: "copying a history in slices",
    before: async () => new Map(),
    steps: [
      ...Array.from({ length: slicesInAll }, () => takeSlice),
      async (repository) => moveMain(repository, undefined, (await slices()).want),
    ],
    // That was the last of them.
    shown: [(paths) => paths.includes("-unfinished-copy")],
  },
  {
    name: "forgetting moves of long ago",
    before: longAgo,
    steps: [async (repository) => expect(await repository.ageMoves()).toBe(true)],
    shown: [(paths) => paths.includes("-reflog/0000000001") && paths.includes("reflog/0000000002")],
  },
];

describe.each(workflows.map((workflow) => [workflow.name, workflow] as const))(
  "%s",
  (_, { before, steps, room, shown, faults: told = faults }) => {
    test.each(told)(
      "survives a fault at every single write: %s",
      async (fault) => {
        const changes: Array<ReadonlyArray<string>> = [];
        const story = { before: await before(), steps };
        expect(await surviveFaults(stageOf(room, changes), story, fault)).toBeGreaterThan(0);
        for (const isShown of shown) expect(changes.filter(isShown)).not.toEqual([]);
      },
      120_000,
    );
  },
);

interface Opened extends Repository {
  /** What a pack that never came to its end has left. */
  readonly leftOver: () => Promise<ReadonlyArray<string>>;
}

function stageOf(room: PackRoom | undefined, changes: Array<ReadonlyArray<string>>): Stage<Opened> {
  return {
    fake,
    openFiles: openIdbFiles,
    open: async (files) => {
      const commit: typeof files.commit = (batch, options) => {
        const put = batch.put.map(([path]) => path);
        changes.push([...put, ...batch.delete.map((path) => `-${path}`)]);
        return files.commit(batch, options);
      };
      const noted = { ...files, commit } as Awaited<ReturnType<typeof openIdbFiles>>;
      // A clock that stands still: what is done once more leaves what it would have left.
      const now = (): ReturnType<typeof instant> => instant(1_800_000_000_000);
      const repository = await openRepository({ files: noted, now, room });
      return { ...repository, leftOver: () => files.list(spoolFolder) };
    },
    look: async ({ objects, refs, refMoves, unfinished, leftOver }) => {
      const [named, [copy]] = [await refs(), await unfinished.list()];
      const wants = [...named.values()].concat(copy?.after ?? []);
      for (const oid of await objects.listReachable({ wants, haves: [], signal }))
        expect(await objects.read(oid)).toBeDefined();
      expect(await leftOver()).toEqual([]);
      return { refs: named, moves: await refMoves(), copy };
    },
  };
}

async function receive(
  repository: Pick<Repository, "objects">,
  tip: ObjectId,
  bytes: Bytes,
): Promise<void> {
  const receiver = repository.objects.openReceiver({ tips: [tip], signal });
  for (let offset = 0; offset < bytes.length; offset += 100)
    await receiver.write(bytes.slice(offset, offset + 100));
  await receiver.finish();
}

/** What another device sends to whoever has the first commit. */
const packed = once(async () => {
  const [here, there] = [await opened(1), await opened(4)];
  const [have, want] = [await tipOf(here), await tipOf(there)];
  const { bytes } = await there.objects.buildPack({ wants: [want], haves: [have], signal });
  return { want, bytes };
});

interface Slice {
  readonly bytes: Bytes;
  readonly last: ObjectId;
  readonly left: number;
  readonly objects: number;
}

/** All that another device has, by what each slice comes after. */
const slices = once(async () => {
  const other = await opened(3);
  const want = await tipOf(other);
  const byAfter = new Map<ObjectId | undefined, Slice>();
  for (let after: ObjectId | undefined; ;) {
    const asked = { wants: [want], haves: [], after, bytesMax: 400, signal };
    const slice = await other.objects.openSlice(asked);
    if (slice === undefined) return { want, byAfter };
    const parts: Bytes[] = [];
    for await (const part of slice.parts()) parts.push(part);
    byAfter.set(after, { ...slice, bytes: concat(...parts) });
    if (slice.left === 0) return { want, byAfter };
    after = slice.last;
  }
});

const alice = parseNodeId("a1".repeat(32)) ?? expect.unreachable();

/** The next slice, and how far that is. */
async function takeSlice({ objects: store, unfinished }: Repository): Promise<void> {
  const { want, byAfter } = await slices();
  const [begun] = await unfinished.list();
  const slice = byAfter.get(begun?.after);
  if (slice === undefined) throw new Error("there is more");
  await receive({ objects: store }, slice.last, slice.bytes);
  const objects = (begun?.objects ?? 0) + slice.objects;
  const wants = [want];
  const [at, haves] = [instant(0), []];
  const copy = {
    wants,
    haves,
    from: alice,
    after: slice.last,
    objects,
    begun: at,
    at,
    doubted: [],
  };
  await (slice.left === 0 ? unfinished.finish(wants) : unfinished.write(copy));
}

/** A segment full of moves, and some behind it, that are as old as they may be. */
async function longAgo(): Promise<Contents> {
  const contents = new Map(await livedIn(1));
  let now = 1_700_000_000_000;
  const files = openMemoryFiles(contents);
  const repository = await openRepository({ files, now: () => instant(now) });
  const to = await tipOf(repository);
  const why = "w".repeat(200);
  const changes = Array.from({ length: 110 }, (_, number) => {
    return { ref: refName(`refs/tags/${number}`), from: undefined, to };
  });
  await repository.updateRefs(changes, { why });
  await commitOn(repository, 2);
  for (let week = 0; week < 12; week++) {
    now += 7 * 24 * 60 * 60 * 1_000;
    expect(await repository.ageMoves()).toBe(false);
  }
  return contents;
}

/** A repository in which somebody has worked: the same every time, so it is made once. */
function livedIn(commits: number): Promise<Contents> {
  const known = lived.get(commits);
  if (known !== undefined) return known;
  const made = (async (): Promise<Contents> => {
    const contents = new Map<string, Bytes>();
    const now = (): ReturnType<typeof instant> => instant(1_700_000_000_000);
    const repository = await openRepository({ files: openMemoryFiles(contents), now });
    for (let number = 1; number <= commits; number++) await commitOn(repository, number);
    return contents;
  })();
  lived.set(commits, made);
  return made;
}

const lived = new Map<number, Promise<Contents>>();

async function opened(commits: number): Promise<Repository> {
  return openRepository({ files: openMemoryFiles(new Map(await livedIn(commits))) });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

async function commitOn(repository: Repository, number: number): Promise<void> {
  const parent = (await repository.refs()).get(main);
  const oid = await repository.commitDraft({
    parent,
    changes: [{ path: "folder/a.txt", kind: "write", bytes: formatUtf8(`text ${number}\n`) }],
    message: `Write ${number}`,
    author: { name: "Alice", email: "alice@example.org" },
    at: instant((1_700_000_000 + number) * 1_000),
    offsetMinutes: 0,
  });
  await moveMain(repository, parent, oid);
}

async function moveMain(
  repository: Repository,
  from: ObjectId | undefined,
  to: ObjectId,
): Promise<void> {
  expect(await repository.updateRefs([{ ref: main, from, to }], { why: "test" })).toBe("done");
}

async function tipOf(repository: Repository): Promise<ObjectId> {
  const tip = (await repository.refs()).get(main);
  if (tip === undefined) throw new Error("somebody has worked there");
  return tip;
}

function refName(text: string): RefName {
  const ref = parseRefName(text);
  if (ref === undefined) throw new Error(`${text} is a ref name`);
  return ref;
}
