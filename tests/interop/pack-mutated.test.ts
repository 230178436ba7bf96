/** Whatever Mallory changes in a sound pack: what is accepted here is accepted by git, and indexed as git does. */

import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { equal, type Bytes } from "@skein/protocol/bytes";
import { afterAll, expect, test } from "vitest";
import {
  blobCode,
  commitCode,
  entry,
  idOf,
  packOf,
  tagCode,
  treeCode,
  treeOf,
} from "./pack-builder.ts";
import { indexByGit, makeGit, makeHistory, sealPack } from "./pack-git.ts";
import {
  entriesOf,
  entryOf,
  mutate,
  mutations,
  nothing,
  openRandom,
  patience,
  pick,
  type Part,
  type Random,
} from "./pack-mutation.ts";

const history = makeHistory(4, 3);
const judge = makeGit();
afterAll(() => {
  history[Symbol.dispose]();
  judge[Symbol.dispose]();
});

const signal = new AbortController().signal;
/** Deltas in it name their bases, so entries can be moved about. */
const sound = new Uint8Array(
  history.run(
    ["pack-objects", "--stdout", "-q", "--revs", "--all", "--window=20", "--no-reuse-delta"],
    "\n",
  ),
);

test(
  "bytes changed anywhere in the pack",
  async () => {
    const accepted = await acceptedOf((random) => {
      const body = sound.slice(0, -20);
      if (random(10) === 0) return sealPack(levelChanged(body, random));
      for (let change = random(3); change >= 0; change--) {
        const at = 12 + random(body.length - 12);
        body[at] = random(2) === 0 ? random(256) : (body[at] ?? 0) ^ (1 << random(8));
      }
      return sealPack(random(8) === 0 ? body.subarray(0, body.length - random(40)) : body);
    });
    expect(accepted.length).toBeGreaterThan(mutations / 20);
    expectByGit(accepted);
  },
  patience,
);

test(
  "bytes changed inside objects and deltas, deflated again",
  async () => {
    const accepted = await acceptedOf((random) => {
      const entries: Part[] = entriesOf(sound);
      for (let change = random(2); change >= 0; change--) {
        const at = random(entries.length);
        const { prefix, data } = entries[at] ?? { prefix: nothing, data: nothing };
        entries[at] = { prefix, data: mutate(data, random), code: entries[at]?.code ?? 0 };
      }
      if (random(10) === 0) entries.splice(random(entries.length), 1);
      if (random(10) === 0) entries.reverse();
      return packOf(entries.map(entryOf));
    });
    // Some changes do no harm: a commit's message says something else. Without any, this test would prove nothing.
    expect(accepted.length).toBeGreaterThan(mutations / 100);
    expectByGit(accepted);
  },
  patience,
);

test(
  "names, modes, order and headers by chance, and every id right",
  async () => {
    const accepted = await acceptedOf((random) => {
      const blob = entry(blobCode, file);
      const tree = oddTree(random);
      const commit = oddText(random, commitLines(idOf("tree", tree)));
      const tag = oddText(random, tagLines(idOf("commit", commit)));
      const above = [entry(treeCode, tree), entry(commitCode, commit), entry(tagCode, tag)];
      const entries = [blob, entry(treeCode, ""), ...above.slice(0, 1 + random(3))];
      return packOf(random(2) === 0 ? entries : entries.toReversed());
    });
    expect(accepted.length).toBeGreaterThan(mutations / 50);
    expectByGit(accepted);
  },
  patience,
);

/** How hard a stream says it was compressed: nobody minds. */
function levelChanged(body: Uint8Array, random: Random): Uint8Array {
  const { stream } = pick(random, entriesOf(sound));
  return body.with(stream + 1, pick(random, [0x01, 0x5e, 0x9c, 0xda]));
}

const file = "a file\n";
const emptyTree = idOf("tree", "");
const person = "Alice <alice@example.org> 1700000000 +0000";

/** Mostly sound, and in order; the ids are of what is there. */
function oddTree(random: Random): Uint8Array {
  const kinds: ReadonlyArray<readonly [mode: string, oid: string]> = [
    [pick(random, fileModes), idOf("blob", file)],
    [pick(random, fileModes), idOf("blob", file)],
    ["40000", emptyTree],
  ];
  const entries = Array.from({ length: random(4) }, () => {
    const [mode, oid] = pick(random, kinds);
    return [mode, oddName(random), oid] as const;
  });
  const key = ([mode, name]: (typeof entries)[number]): Buffer =>
    Buffer.concat([name, Buffer.from(mode === "40000" ? "/" : "")]);
  if (random(8) > 0) entries.sort((one, other) => key(one).compare(key(other)));
  return treeOf(...entries);
}

function oddName(random: Random): Buffer {
  const name = Buffer.from(pick(random, names) + (random(3) === 0 ? pick(random, endings) : ""));
  if (random(20) === 0 && name.length > 0) name[random(name.length)] = 1 + random(255);
  return name;
}

/** One line is left out, comes twice, or has another byte; or all is well. */
function oddText(random: Random, lines: ReadonlyArray<string>): string {
  const at = random(lines.length);
  const line = lines[at] ?? "";
  const changed = [...lines];
  const what = random(9);
  if (what === 0) changed.splice(at, 1);
  else if (what === 1) changed.splice(at, 0, line);
  else if (what === 2) changed.splice(random(lines.length), 0, pick(random, headers));
  else if (what < 5) {
    const place = random(line.length + 1);
    changed[at] = line.slice(0, place) + pick(random, pieces) + line.slice(place + random(2));
  }
  return changed.join("\n");
}

function commitLines(tree: string): ReadonlyArray<string> {
  return [`tree ${tree}`, `author ${person}`, `committer ${person}`, "", "Say something", ""];
}

function tagLines(commit: string): ReadonlyArray<string> {
  return [`object ${commit}`, "type commit", "tag v1", `tagger ${person}`, "", "Release", ""];
}

const fileModes = [
  "100644",
  "100644",
  "100755",
  "120000",
  "100664",
  "100600",
  "0100644",
  "644",
  "100666",
  "104755",
];
const names = [
  "a",
  "b",
  "a-b",
  "a.b",
  "dir",
  ".git",
  ".GIT",
  ".gitignore",
  ".gitmodules",
  "GIT~1",
  "git~2",
  ".g\u200cit",
  "\ufeff.git",
  ".git ",
  ".git.",
  "..",
  ".",
  "CON",
  "a/b",
  "a\\b",
  "x\\.git",
  ".gi\u0307t",
  "\u00fc",
  "gi7eba~1",
  ".gitattributes",
  ".git:x",
  "__proto__",
  "-rf",
  "%2e%2e",
];
const endings = [" ", ".", ":", "::$INDEX_ALLOCATION", "\u200d", "\\", "~1", "0", "-"];
const headers = [
  "encoding UTF-8",
  "gpgsig x",
  " more",
  "parent 1",
  `parent ${"0".repeat(40)}`,
  "mergetag x",
  "",
];
const pieces = ["", " ", "<", ">", "\0", "\t", "-", "0", "9", "+", "\u00fc", "\r", "a"];

interface Accepted {
  readonly seed: number;
  readonly pack: Uint8Array;
  /** Nothing is kept of a pack without objects. */
  readonly idx: Bytes | undefined;
}

async function acceptedOf(make: (random: Random) => Uint8Array): Promise<ReadonlyArray<Accepted>> {
  const accepted: Accepted[] = [];
  for (let seed = 1; seed <= mutations; seed++) {
    const pack = make(openRandom(seed));
    const contents = new Map<string, Bytes>();
    const store = await openObjectStore(openMemoryFiles(contents));
    const why = await store.storePack({ bytes: pack, tips: [], signal }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const idx = [...contents].find(([path]) => path.endsWith(".idx"))?.[1];
    if (why === undefined) accepted.push({ seed, pack, idx });
    else if (!(why instanceof PackRejectedError)) throw new Error(`seed ${seed}`, { cause: why });
    // Some of them wait on the device while they arrive: that changes nothing.
    if (seed % 4 === 0)
      expect(await isAcceptedInParts(pack), `seed ${seed} in parts`).toBe(why === undefined);
  }
  return accepted;
}

async function isAcceptedInParts(pack: Uint8Array): Promise<boolean> {
  const contents = new Map<string, Bytes>();
  const room = { heldBytes: 300, chunkBytes: 128, chunksAtOnce: 1, segmentBytes: 2_000 };
  const store = await openObjectStore(openMemoryFiles(contents), { room });
  const receiver = store.openReceiver({ tips: [], signal });
  try {
    for (let at = 0; at < pack.length; at += 200) await receiver.write(pack.slice(at, at + 200));
    await receiver.finish();
    return true;
  } catch (error) {
    if (!(error instanceof PackRejectedError)) throw error;
    expect(contents.size).toBe(0);
    return false;
  }
}

/** Git is asked about those only that were accepted: the others may be as they like. */
function expectByGit(accepted: ReadonlyArray<Accepted>): void {
  for (const { seed, pack, idx } of accepted) {
    const { idx: theirs, why } = indexByGit(judge, pack);
    expect(theirs, `seed ${seed}: git says ${why}`).toBeDefined();
    if (idx !== undefined) expect(equal(idx, theirs ?? nothing), `seed ${seed}`).toBe(true);
  }
  process.stdout.write(
    `${mutations} changed packs: ${accepted.length} accepted, here and by git\n`,
  );
}
