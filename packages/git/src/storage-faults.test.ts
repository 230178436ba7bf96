/** IndexedDB that fails at any one write, in any way it can: a repository opens again as it was acknowledged, and work goes on. */

import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { instant, parseRefName, type ObjectId, type RefName } from "@skein/protocol/ids";
import * as fake from "fake-indexeddb";
import * as git from "isomorphic-git";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { StorageFailedError, StorageFullError, type Files } from "./files.ts";
import { openIdbFiles } from "./idb-files.ts";
import { openLightningFs } from "./lightning-fs.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository, type Repository } from "./repository.ts";

beforeAll(() => {
  for (const [name, value] of Object.entries(fake))
    if (/^(?:IDB|indexedDB$)/u.test(name)) vi.stubGlobal(name, value);
});
afterEach(() => vi.restoreAllMocks());

const { signal } = new AbortController();
const author = { name: "Alice", email: "alice@example.org" };
const faults = ["crash", "quota", "abort", "unknown"] as const;
type Fault = (typeof faults)[number];

/** Each step is acknowledged before the next; what is done again after a fault begins with the step that failed. */
interface Workflow {
  readonly name: string;
  /** What is there before, written without any fault. */
  readonly before: () => Promise<ReadonlyMap<string, Bytes>>;
  readonly steps: ReadonlyArray<(repository: Repository) => Promise<unknown>>;
}

const main = refName("refs/heads/main");
const side = refName("refs/heads/side");

const workflows: ReadonlyArray<Workflow> = [
  {
    name: "committing",
    before: () => livedIn(0),
    steps: [1, 2, 3].map((number) => (repository) => commitOn(repository, main, number)),
  },
  {
    name: "importing a bundle",
    before: () => livedIn(1),
    steps: [
      async (repository) => {
        const other = await elsewhere(4);
        const bundle = await other.exportBundle({ signal });
        return repository.importBundle(bundle, { signal });
      },
    ],
  },
  {
    name: "receiving packs",
    before: () => livedIn(1),
    steps: [2, 3].map((number) => async (repository) => {
      const have = await tipOf(repository, main);
      const { want, bytes } = await packOf(number, have);
      const receiver = repository.objects.openReceiver({ tips: [want], signal });
      for (let offset = 0; offset < bytes.length; offset += 100)
        await receiver.write(bytes.slice(offset, offset + 100));
      await receiver.finish();
      await move(repository, [{ ref: main, from: have, to: want }]);
    }),
  },
  {
    name: "copying packs together",
    before: () => livedIn(11),
    steps: [
      async (repository) =>
        expect(await repository.objects.mergePacks({ signal })).toBeGreaterThan(2),
      (repository) => commitOn(repository, main, 12),
    ],
  },
  {
    name: "collecting garbage",
    before: givenUp,
    steps: [
      async (repository) =>
        repository.objects.dropUnreachable({ keep: await repository.reachableRoots(), signal }),
      (repository) => commitOn(repository, main, 4),
    ],
  },
  {
    name: "moving several refs at once",
    before: () => livedIn(2),
    steps: [
      async (repository) => repository.createBranch("side", await tipOf(repository, main)),
      async (repository) => {
        const tip = await tipOf(repository, main);
        const tag = refName("refs/tags/v1");
        await move(repository, [
          { ref: side, from: tip, to: undefined },
          { ref: tag, from: undefined, to: tip },
        ]);
      },
      async (repository) => repository.renameBranch("main", "trunk"),
    ],
  },
  {
    name: "undoing",
    before: () => livedIn(3),
    steps: [0, 1].map(() => async (repository) => {
      const [last] = await repository.refMoves({ ref: main, limit: 1 });
      if (last === undefined) throw new Error("there is a move");
      expect(await repository.undoMove(last)).toBe("done");
    }),
  },
];

let databases = 0;

describe.each(workflows.map((workflow) => [workflow.name, workflow] as const))(
  "%s",
  (_, workflow) => {
    test.each(faults)(
      "survives a fault at every single write: %s",
      async (fault) => {
        const whole = await playWith(workflow, undefined);
        expect(whole.writes).toBeGreaterThan(1);
        for (let failing = 1; failing <= whole.writes; failing++) {
          const played = await playWith(workflow, { fault, failing });
          expect(played.failures, `${fault} at write ${failing}`).toBe(1);
          expect(played.refs, `${fault} at write ${failing}`).toEqual(whole.refs);
        }
      },
      120_000,
    );
  },
);

/** Plays a workflow, goes on after the fault as after a restart, and answers with what is there in the end. */
async function playWith(
  workflow: Workflow,
  planned: Planned | undefined,
): Promise<{
  readonly writes: number;
  readonly failures: number;
  readonly refs: ReadonlyMap<RefName, ObjectId>;
}> {
  const place = `faults-${++databases}`;
  await fill(place, await workflow.before());
  seconds = 1_800_000_000;
  const injected = failAtWrite(planned);
  let files = await openIdbFiles(place);
  let repository: Repository | undefined;
  let before: ReadonlyMap<RefName, ObjectId> | undefined;
  let failures = 0;
  for (let step = 0; step < workflow.steps.length;) {
    try {
      repository ??= await openRepository({ files, now: tick });
      before = await repository.refs();
      await workflow.steps[step]?.(repository);
      step++;
    } catch (error) {
      if (++failures > 1 || planned === undefined) throw error;
      expect(error).toBeInstanceOf(
        planned.fault === "quota" ? StorageFullError : StorageFailedError,
      );
      injected.recover();
      await files.close();
      files = await openIdbFiles(place);
      repository = await openRepository({ files, now: tick });
      // Its last write is what acknowledges a step: until then nothing of it shows.
      if (before !== undefined) expect(await repository.refs()).toEqual(before);
      await judge(repository);
    }
  }
  if (repository === undefined) throw new Error("a workflow has steps");
  const refs = await repository.refs();
  await files.close();
  vi.restoreAllMocks();
  return { writes: injected.writes(), failures, refs };
}

/** All that refs name is there and can be read, and what is remembered of them agrees. */
async function judge(repository: Repository): Promise<void> {
  const refs = await repository.refs();
  const wants = [...refs.values()];
  const { objects } = repository;
  for (const oid of await objects.listReachable({ wants, haves: [], signal }))
    expect(await objects.read(oid)).toBeDefined();
  const last = new Map<RefName, ObjectId | undefined>();
  for (const { ref, to } of (await repository.refMoves()).toReversed()) last.set(ref, to);
  for (const [ref, to] of last) expect(refs.get(ref), ref).toBe(to);
}

interface Planned {
  readonly fault: Fault;
  /** Counts from 1. */
  readonly failing: number;
}

interface Injected {
  readonly writes: () => number;
  /** The disk has room again, or the tab is another one. */
  readonly recover: () => void;
}

/** The platform's own store fails one write. After a crash nothing works, as nobody is left to ask. */
function failAtWrite(planned: Planned | undefined): Injected {
  let writes = 0;
  let isDead = false;
  let isOver = planned === undefined;
  const fail = (transaction: IDBTransaction): void => {
    const { fault } = planned ?? { fault: "abort" };
    isOver = true;
    isDead = fault === "crash";
    abort(transaction, errorNames[fault]);
  };
  const prototype = fake.IDBObjectStore.prototype;
  // oxlint-disable-next-line typescript/unbound-method -- called with the store it was called on.
  const original = prototype.put;
  vi.spyOn(prototype, "put").mockImplementation(function (this: IDBObjectStore, ...args) {
    writes += 1;
    const { transaction } = this;
    const request = original.apply(this, args);
    if (!isOver && writes === planned?.failing) queueMicrotask(() => fail(transaction));
    return request;
  });
  const { prototype: database } = fake.IDBDatabase;
  // oxlint-disable-next-line typescript/unbound-method -- called with the database it was called on.
  const begin = database.transaction;
  vi.spyOn(database, "transaction").mockImplementation(function (this: IDBDatabase, ...args) {
    if (isDead) throw new DOMException("the process is gone", "InvalidStateError");
    return Reflect.apply(begin, this, args);
  });
  return { writes: () => writes, recover: () => (isDead = false) };
}

const errorNames: Readonly<Record<Fault, string>> = {
  crash: "AbortError",
  quota: "QuotaExceededError",
  abort: "AbortError",
  unknown: "UnknownError",
};

/** The whole transaction is given up, with a reason, as browsers do. */
function abort(transaction: IDBTransaction, name: string): void {
  (transaction as unknown as { readonly _abort: (name: string) => void })._abort(name);
}

/** A repository in which somebody has worked: the same every time, so it is made once. */
function livedIn(commits: number): Promise<ReadonlyMap<string, Bytes>> {
  const known = lived.get(commits);
  if (known !== undefined) return known;
  const made = liveIn(commits);
  lived.set(commits, made);
  return made;
}

const lived = new Map<number, Promise<ReadonlyMap<string, Bytes>>>();

async function liveIn(commits: number): Promise<ReadonlyMap<string, Bytes>> {
  const contents = new Map<string, Bytes>();
  let now = 1_700_000_000;
  const files = openMemoryFiles(contents);
  const repository = await openRepository({ files, now: () => instant(++now * 1_000) });
  for (let number = 1; number <= commits; number++) await commitOn(repository, main, number);
  return contents;
}

/** What another device sends to whoever has `have`: the same every time, so it is made once. */
function packOf(commits: number, have: ObjectId): Promise<Sent> {
  const known = sent.get(commits);
  if (known !== undefined) return known;
  const made = (async (): Promise<Sent> => {
    const other = await elsewhere(commits);
    const want = await tipOf(other, main);
    const { bytes } = await other.objects.buildPack({ wants: [want], haves: [have], signal });
    return { want, bytes };
  })();
  sent.set(commits, made);
  return made;
}

interface Sent {
  readonly want: ObjectId;
  readonly bytes: Bytes;
}

const sent = new Map<number, Promise<Sent>>();

/** As it is at another device. */
async function elsewhere(commits: number): Promise<Repository> {
  return openRepository({ files: openMemoryFiles(new Map(await livedIn(commits))) });
}

async function commitOn(repository: Repository, ref: RefName, number: number): Promise<void> {
  const from = (await repository.refs()).get(ref);
  const to = await repository.commitDraft(draft(from, `text ${number}\n`.repeat(50), number));
  await move(repository, [{ ref, from, to }]);
}

/** With a few commits that no ref has ever named. */
function givenUp(): Promise<ReadonlyMap<string, Bytes>> {
  strays ??= (async () => {
    const contents = new Map(await livedIn(3));
    const repository = await openRepository({ files: openMemoryFiles(contents) });
    for (let number = 0; number < 5; number++)
      await repository.commitDraft(draft(undefined, `stray ${number}`, number));
    return contents;
  })();
  return strays;
}

let strays: Promise<ReadonlyMap<string, Bytes>> | undefined;

function draft(parent: ObjectId | undefined, text: string, number: number) {
  const changes = [{ path: "folder/a.txt", kind: "write", bytes: formatUtf8(text) }] as const;
  const at = instant((1_700_000_000 + number) * 1_000);
  return { parent, changes, message: `Write ${number}`, author, at, offsetMinutes: 0 };
}

async function move(
  repository: Repository,
  changes: Parameters<Repository["updateRefs"]>[0],
): Promise<void> {
  expect(await repository.updateRefs(changes, { why: "test" })).toBe("done");
}

async function tipOf(repository: Repository, ref: RefName): Promise<ObjectId> {
  const tip = (await repository.refs()).get(ref);
  if (tip === undefined) throw new Error(`${ref} is there`);
  return tip;
}

async function fill(place: string, contents: ReadonlyMap<string, Bytes>): Promise<void> {
  const files = await openIdbFiles(place);
  await files.commit({ put: [...contents], delete: [] }, { durability: "strict" });
  await files.close();
}

let seconds = 1_700_000_000;

function tick(): ReturnType<typeof instant> {
  return instant(++seconds * 1_000);
}

function refName(text: string): RefName {
  const ref = parseRefName(text);
  if (ref === undefined) throw new Error(`${text} is a ref name`);
  return ref;
}

describe("isomorphic-git on lightning-fs", () => {
  test.each(faults)(
    "survives a fault at every single write: %s",
    async (fault) => {
      const { writes, tip } = await playIsomorphic(undefined);
      expect(writes).toBeGreaterThan(10);
      for (let failing = 1; failing <= writes; failing++)
        expect((await playIsomorphic({ fault, failing })).tip, `${fault} at write ${failing}`).toBe(
          tip,
        );
    },
    120_000,
  );
});

/** Three commits by the library, which writes files one by one; what was acknowledged is there after a fault. */
async function playIsomorphic(
  planned: Planned | undefined,
): Promise<{ readonly writes: number; readonly tip: string }> {
  const place = `faults-${++databases}`;
  const injected = failAtWrite(planned);
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
      injected.recover();
      await files.close();
      files = await openIdbFiles(place);
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
  vi.restoreAllMocks();
  return { writes: injected.writes(), tip: acknowledged };
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
