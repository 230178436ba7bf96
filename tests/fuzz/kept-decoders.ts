/** What a device wrote for itself and reads again, maybe damaged: refs, where they were before, copies that are not over. */

import { openMemoryFiles } from "@skein/git/memory-files";
import { openReflog, type RefMove } from "@skein/git/reflog";
import { openRefs, RefRefusedError } from "@skein/git/refs";
import { StorageDamagedError } from "@skein/git/stored-pack";
import { isSameCopy, openUnfinishedCopies, type UnfinishedCopy } from "@skein/git/unfinished-copy";
import { compare, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import {
  instant,
  parseObjectId,
  parseRefName,
  type ObjectId,
  type RefName,
} from "@skein/protocol/ids";
import { demand, type Decoder } from "./fuzz.ts";

const one = oidOf("ab");
const two = oidOf("12");
const fresh = refOf("refs/heads/fresh/one");
const nothing = "0".repeat(40);
const [bob, carol] = ["b".repeat(64), "c".repeat(64)];

const packedRefs: Decoder = {
  name: "packed-refs",
  samples: [
    `# pack-refs with: sorted \n${one} refs/heads/main\n${two} refs/heads/side/x\n${one} refs/tags/v1\n`,
    `# pack-refs with: sorted \n${two} refs/heads/fresh\n${one} refs/remotes/p2p-0123/heads/x\n`,
    "# pack-refs with: sorted \n" +
      Array.from({ length: 20 }, (_, at) => `${one} refs/heads/${at}\n`).join(""),
  ].map(formatUtf8),
  words: [`${two} refs/heads/`, "refs/heads/fresh/one/x", "..", ".lock", "\n", "\r\n", "^", "#"],
  read: (bytes) => unlessDamaged(() => readRefs(bytes)),
};

async function readRefs(bytes: Bytes): Promise<boolean> {
  const contents = new Map([["packed-refs", bytes]]);
  const refs = await openRefs(openMemoryFiles(contents), { type: async () => "commit" });
  const before = await refs.all();
  for (const [name, oid] of before) {
    demand(parseRefName(name) === name, "a ref has a sound name");
    demand(parseObjectId(oid) === oid, "a ref is at an object");
  }
  const was = new Map(contents);
  const change = { ref: fresh, from: before.get(fresh), to: two };
  try {
    demand((await refs.update([change])) === "done", "what is read is what changes build on");
  } catch (error) {
    if (!(error instanceof RefRefusedError)) throw error;
    demand(isSameMap(contents, was), "a change that is refused changes nothing");
    return before.size > 0;
  }
  const again = await openRefs(openMemoryFiles(contents), { type: async () => "commit" });
  const expected = new Map(before).set(fresh, two);
  demand(isSameMap(await again.all(), expected), "a change adds a ref and keeps all others");
  demand(isSorted(contents.get("packed-refs")), "refs are written in the order of their bytes");
  const [move] = await again.moves({ ref: fresh });
  demand(
    change.from === two ? move === undefined : move?.from === change.from && move?.to === two,
    "it is remembered where a ref was",
  );
  return before.size > 0;
}

/** Whoever reads what is damaged may say so instead. */
async function unlessDamaged(read: () => Promise<boolean>): Promise<boolean> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StorageDamagedError) return false;
    throw error;
  }
}

function isSorted(file: Bytes | undefined): boolean {
  const lines = Buffer.from(file ?? [])
    .toString()
    .split("\n")
    .slice(1, -1);
  const names = lines.map((line) => formatUtf8(line.slice(41)));
  return names.every((name, at) => at === 0 || compare(names[at - 1] ?? name, name) < 0);
}

function isSameMap<T>(map: ReadonlyMap<string, T>, other: ReadonlyMap<string, T>): boolean {
  return map.size === other.size && [...map].every(([key, value]) => other.get(key) === value);
}

const moveLines = [
  `${nothing} ${one} 1700000000000 refs/heads/main create\n`,
  `${one} ${two} 1700000100000 refs/heads/main commit\n`,
  `seen 1700090000000\n`,
  `followed ${two} ${one} 1707900200000 refs/remotes/p2p-0123/heads/main\n`,
  `${two} ${nothing} 1707900300000 refs/tags/v1 remove a tag\n`,
];

const reflogs: Decoder = {
  name: "reflog",
  samples: [
    moveLines.join(""),
    moveLines.slice(1, 3).join(""),
    moveLines.toReversed().join(""),
  ].map(formatUtf8),
  words: [
    "followed ",
    "seen ",
    nothing,
    " 9007199254740993 ",
    "9".repeat(16),
    "\n",
    "\t",
    "\u0085",
  ],
  read: async (bytes, chance) => {
    // Segments are read as one.
    const cut = chance.below(3) === 0 ? bytes.indexOf(0x0a) + 1 : bytes.length;
    const contents = new Map([
      ["reflog/0000000001", bytes.slice(0, cut)],
      ["reflog/0000000002", bytes.slice(cut)],
    ]);
    const files = openMemoryFiles(contents);
    const moves = await openReflog(files).read();
    demand(moves.length <= countLines(bytes), "a move is a line");
    const written = openMemoryFiles();
    await written.commit(await openReflog(written).record(moves), { durability: "strict" });
    const again = await openReflog(written).read();
    demand(told(again) === told(moves), "a move that is read is written as the same move");
    demand(
      again.every(({ why }) => moves.some((move) => move.why.trim().length >= why.length)),
      "no reason grows",
    );
    const { gone, ...aged } = await openReflog(files).age(moves.at(-1)?.at ?? instant(0));
    await files.commit(aged, { durability: "strict" });
    const left = await openReflog(files).read();
    demand(told(left) === told(moves.slice(gone)), "only the oldest moves are taken out");
    return moves.length > 0;
  },
};

/** Without the reasons, of which some characters are taken out. */
function told(moves: ReadonlyArray<RefMove>): string {
  return JSON.stringify(
    moves.map(({ ref, from, to, at, followed }) => [ref, from, to, at, followed]),
  );
}

function countLines(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + Number(byte === 0x0a), 1);
}

const copyLines = (number: number, from: string): string =>
  [
    `at ${1_700_000_000_000 + number}`,
    "begun 1700000000000",
    `from ${from}`,
    `objects ${number}`,
    `after ${one}`,
    `want ${two}`,
    `want ${one}`,
    `have ${one}`,
    `doubted ${carol}`,
    "",
  ].join("\n");

const unfinishedCopies: Decoder = {
  name: "unfinished-copies",
  samples: [
    copyLines(5, bob),
    [copyLines(9, bob), copyLines(7, carol)].join("\n"),
    Array.from({ length: 9 }, (_, at) => copyLines(at, String(at).repeat(64))).join("\n"),
  ].map(formatUtf8),
  words: [
    "at ",
    "objects -1\n",
    "objects 1e3\n",
    "begun \n",
    "\n\n",
    `want ${one}\n`,
    "0x10",
    "NaN",
  ],
  read: async (bytes) => {
    const files = openMemoryFiles(new Map([["unfinished-copy", bytes]]));
    const copies = await openUnfinishedCopies(files).list();
    for (const { wants, objects, begun, at } of copies) {
      demand(wants.length > 0, "a copy is of something");
      for (const number of [objects, begun, at])
        demand(Number.isSafeInteger(number) && number >= 0, "a number counts something");
    }
    demand(40 * copies.length <= bytes.length, "no copy comes from nothing");
    const written = openUnfinishedCopies(openMemoryFiles());
    for (const copy of copies.toReversed()) await written.write(copy);
    demand(
      JSON.stringify(await written.list()) === JSON.stringify(firstOfEach(copies).slice(0, 8)),
      "a copy that is read is written as the same copy",
    );
    return copies.length > 0;
  },
};

function firstOfEach(copies: ReadonlyArray<UnfinishedCopy>): ReadonlyArray<UnfinishedCopy> {
  return copies.filter((copy, at) => copies.findIndex((first) => isSameCopy(first, copy)) === at);
}

function oidOf(twoDigits: string): ObjectId {
  const oid = parseObjectId(twoDigits.repeat(20));
  if (oid === undefined) throw new Error("it is an id");
  return oid;
}

function refOf(name: string): RefName {
  const ref = parseRefName(name);
  if (ref === undefined) throw new Error("it is a name");
  return ref;
}

export const keptDecoders: ReadonlyArray<Decoder> = [packedRefs, reflogs, unfinishedCopies];
