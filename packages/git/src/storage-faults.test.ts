/** IndexedDB that fails at any one write, in any way it can: a repository opens again as it was acknowledged, and work goes on. */

import { concat, formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { instant, parseRefName, type ObjectId, type RefName } from "@skein/protocol/ids";
import { faults, surviveFaults, type Contents, type Stage } from "@skein/testkit/storage-faults";
import * as fake from "fake-indexeddb";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { GitHost } from "./git-host.ts";
import { openIdbFiles } from "./idb-files.ts";
import { namesOfPath } from "./imports.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { flushPacket, formatPacket } from "./pkt-line.ts";
import { openRepository, type Repository } from "./repository.ts";

beforeAll(() => {
  for (const [name, value] of Object.entries(fake))
    if (/^(?:IDB|indexedDB$)/u.test(name)) vi.stubGlobal(name, value);
});

const { signal } = new AbortController();
const author = { name: "Alice", email: "alice@example.org" };
const signed = { author, at: instant(1_750_000_000_000), offsetMinutes: 0 };
const imported = {
  ...signed,
  parent: undefined,
  message: "Import",
  others: "go",
  signal,
} as const;

interface Workflow {
  readonly name: string;
  readonly before: () => Promise<Contents>;
  readonly steps: ReadonlyArray<(repository: Repository) => Promise<unknown>>;
}

const main = refName("refs/heads/main");
const side = refName("refs/heads/side");
const trunk = refName("refs/heads/trunk");

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
    name: "keeping once what came twice",
    before: doubled,
    steps: [
      async (repository) => {
        const keep = await repository.reachableRoots();
        const { objects } = await repository.objects.dropUnreachable({ keep, signal });
        // Two commits that came alone, and two that came between others.
        expect(objects).toBe(2 * 4 + 2 * 4);
      },
      (repository) => commitOn(repository, main, 9),
    ],
  },
  {
    name: "branches and tags",
    before: () => livedIn(2),
    steps: [
      async (repository) => repository.createBranch("side", await tipOf(repository, main)),
      async (repository) =>
        repository.createTag({
          name: "first",
          target: await tipOf(repository, side),
          annotation: { ...signed, message: "First" },
        }),
      (repository) => repository.deleteTag("first"),
      async (repository) => {
        const tip = await tipOf(repository, main);
        const tag = refName("refs/tags/v1");
        await move(repository, [
          { ref: side, from: tip, to: undefined },
          { ref: tag, from: undefined, to: tip },
        ]);
      },
      (repository) => repository.renameBranch("main", "trunk"),
      async (repository) => repository.createBranch("late", await tipOf(repository, trunk)),
      (repository) => repository.deleteBranch("late"),
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
  {
    name: "merging",
    before: () => parted({ main: "a.txt", side: "b.txt" }),
    steps: [
      async (repository) => {
        const tips = await bothTips(repository);
        await moveTo(repository, tips.ours, await repository.merge(tips));
      },
    ],
  },
  {
    name: "merging by choice",
    before: () => parted({ main: "folder/a.txt", side: "folder/a.txt" }),
    steps: [
      async (repository) => {
        const tips = await bothTips(repository);
        const resolutions = [{ path: "folder/a.txt", take: "hunks", hunks: ["both"] }] as const;
        const asked = { ...signed, ...tips, resolutions };
        await moveTo(repository, tips.ours, await repository.mergeWithResolutions(asked));
      },
    ],
  },
  {
    name: "picking and taking back",
    before: () => parted({ main: "a.txt", side: "b.txt" }),
    steps: [
      async (repository) => {
        const { ours: onto, theirs: commit } = await bothTips(repository);
        await moveTo(repository, onto, await repository.cherryPick({ ...signed, commit, onto }));
      },
      async (repository) => {
        const { ours: onto } = await bothTips(repository);
        await moveTo(repository, onto, await repository.revert({ ...signed, commit: onto, onto }));
      },
    ],
  },
  {
    name: "cloning from a git host",
    before: nothing,
    steps: [
      async (repository) => {
        const host = await hostOf(await elsewhere(4));
        const cloned = await repository.cloneFrom({ url: "https://example.org/a", host, signal });
        expect(cloned.refs.size).toBe(1);
      },
    ],
  },
  {
    name: "importing a zip",
    before: nothing,
    steps: [
      async (repository) => {
        const other = await elsewhere(2);
        const commit = await tipOf(other, main);
        const zip = await other.exportZip({ commit, signal });
        const { oid } = await repository.importZip(zip, imported);
        await move(repository, [{ ref: main, from: undefined, to: oid }]);
      },
    ],
  },
  {
    name: "importing a folder",
    before: nothing,
    steps: [
      async (repository) => {
        const files = ["a.txt", "b.txt"].map((path) => ({
          names: namesOfPath(`notes/${path}`),
          bytes: formatUtf8(path),
          kind: "file" as const,
        }));
        const { oid } = await repository.importFiles(files, imported);
        await move(repository, [{ ref: main, from: undefined, to: oid }]);
      },
    ],
  },
];

describe.each(workflows.map((workflow) => [workflow.name, workflow] as const))(
  "%s",
  (_, { before, steps }) => {
    test.each(faults)(
      "survives a fault at every single write: %s",
      async (fault) => {
        const story = { before: await before(), steps };
        expect(await surviveFaults(stage, story, fault)).toBeGreaterThan(0);
      },
      120_000,
    );
  },
);

const stage: Stage<Repository> = {
  fake,
  openFiles: openIdbFiles,
  // A clock that stands still: what is done once more leaves what it would have left.
  open: (files) => openRepository({ files, now: () => instant(1_800_000_000_000) }),
  look: async (repository) => {
    await judge(repository);
    const { head, refs, refMoves } = repository;
    return { head: await head(), refs: await refs(), moves: await refMoves() };
  },
};

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

/** A repository in which somebody has worked: the same every time, so it is made once. */
function livedIn(commits: number): Promise<Contents> {
  const known = lived.get(commits);
  if (known !== undefined) return known;
  const made = liveIn(commits);
  lived.set(commits, made);
  return made;
}

const lived = new Map<number, Promise<Contents>>();

async function liveIn(commits: number): Promise<Contents> {
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

/** With commits that no ref has ever named, in one pack with others. */
function givenUp(): Promise<Contents> {
  strays ??= (async () => {
    const contents = new Map(await livedIn(3));
    const repository = await openRepository({ files: openMemoryFiles(contents) });
    for (let number = 0; number < 9; number++)
      await repository.commitDraft(draft(undefined, `stray ${number}`, number));
    expect(await repository.objects.mergePacks({ signal })).toBeGreaterThan(2);
    return contents;
  })();
  return strays;
}

let strays: Promise<Contents> | undefined;

/** One pack that others hold all of, and one that another holds a third of. */
function doubled(): Promise<Contents> {
  twice ??= (async () => {
    const contents = new Map<string, Bytes>();
    const repository = await openRepository({ files: openMemoryFiles(contents) });
    const tips = [];
    for (const [after, upTo] of [
      [0, 4],
      [2, 8],
      [0, 2],
    ] as const) {
      const other = await elsewhere(upTo);
      const tip = await tipOf(other, main);
      const haves = after === 0 ? [] : [await tipOf(await elsewhere(after), main)];
      const { bytes } = await other.objects.buildPack({ wants: [tip], haves, signal });
      await repository.objects.storePack({ bytes, tips: [tip], signal });
      tips.push(tip);
    }
    await move(repository, [{ ref: main, from: undefined, to: tips[1] }]);
    return contents;
  })();
  return twice;
}

let twice: Promise<Contents> | undefined;

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

async function nothing(): Promise<Contents> {
  return new Map();
}

/** Main and side each have a commit that the other lacks. */
async function parted(files: { readonly main: string; readonly side: string }): Promise<Contents> {
  const contents = new Map(await livedIn(1));
  const now = (): ReturnType<typeof instant> => instant(1_700_000_000_000);
  const repository = await openRepository({ files: openMemoryFiles(contents), now });
  const base = await tipOf(repository, main);
  const write = (path: string, text: string): Promise<ObjectId> => {
    const changes = [{ path, kind: "write", bytes: formatUtf8(text) }] as const;
    return repository.commitDraft({ ...signed, parent: base, changes, message: text });
  };
  const [ours, theirs] = [await write(files.main, "ours\n"), await write(files.side, "theirs\n")];
  await move(repository, [
    { ref: main, from: base, to: ours },
    { ref: side, from: undefined, to: theirs },
  ]);
  return contents;
}

async function bothTips(
  repository: Repository,
): Promise<{ readonly ours: ObjectId; readonly theirs: ObjectId }> {
  return { ours: await tipOf(repository, main), theirs: await tipOf(repository, side) };
}

async function moveTo(
  repository: Repository,
  from: ObjectId,
  made: { readonly kind: string; readonly oid?: ObjectId },
): Promise<void> {
  if (made.oid === undefined) throw new Error(made.kind);
  await move(repository, [{ ref: main, from, to: made.oid }]);
}

/** A git host that has what `repository` has on main. */
async function hostOf(repository: Repository): Promise<GitHost> {
  const tip = await tipOf(repository, main);
  const { bytes } = await repository.objects.buildPack({ wants: [tip], haves: [], signal });
  const answerTo = (asked: string): Bytes => {
    if (asked.includes("command=fetch"))
      return concat(formatPacket("packfile"), onFirstBand(bytes), flushPacket);
    const said = asked === "" ? ["version 2", "ls-refs", "fetch"] : [`${tip} refs/heads/main`];
    return concat(...said.map(formatPacket), flushPacket);
  };
  return {
    ask: async ({ url, body }) => ({
      status: 200,
      url,
      type: `application/x-git-upload-pack-${body === undefined ? "advertisement" : "result"}`,
      body: (async function* () {
        yield answerTo(parseUtf8(body ?? new Uint8Array()) ?? "");
      })(),
    }),
  };
}

function onFirstBand(bytes: Bytes): Bytes {
  const length = (bytes.length + 5).toString(16).padStart(4, "0");
  return concat(formatUtf8(length), Uint8Array.of(1), bytes);
}

function refName(text: string): RefName {
  const ref = parseRefName(text);
  if (ref === undefined) throw new Error(`${text} is a ref name`);
  return ref;
}
