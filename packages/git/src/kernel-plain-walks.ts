/** What commits reach, as the plain kernel walks it. */

import { setWord, wordAt, type PlainPacks } from "./kernel-plain-packs.ts";
import { walkSkips, walkStatus, walkWords, type CoreKernel, type PacksKernel } from "./kernel.ts";
import { kindOfMode, walkTree } from "./object.ts";

interface Walk {
  readonly core: CoreKernel;
  readonly packs: PlainPacks;
  readonly at: number;
}

type Kind = "leaf" | "commit" | "tree";

export function openPlainWalks(
  core: CoreKernel,
  packs: PlainPacks,
): Pick<PacksKernel, "walkMeet" | "walkOn"> {
  return {
    walkMeet: (at, id) => meet({ core, packs, at }, id, "commit"),
    walkOn: (at, budget) => {
      const walk: Walk = { core, packs, at };
      for (let done = 0; done < budget; done++) {
        set(walk, "walked", done);
        const status = goOn(walk);
        if (status !== undefined) return status;
        set(walk, "walked", done + 1);
        if (get(walk, "tipsMet") > 0) return walkStatus.tipMet;
      }
      return walkStatus.tired;
    },
  };
}

/** Goes into one object. Answers a status if there was none, or it could not be made. */
function goOn(walk: Walk): number | undefined {
  const { core, packs } = walk;
  const commits = get(walk, "commits");
  const trees = get(walk, "trees");
  if (commits + trees === 0) return walkStatus.over;
  const top = commits > 0 ? commits - 1 : get(walk, "rows") - trees;
  const code = packs.packsMake(wordAt(core, get(walk, "stack") + top * 4));
  if (code < 0) return code;
  if (commits > 0) set(walk, "commits", commits - 1);
  else set(walk, "trees", trees - 1);
  const { at, size } = packs.made();
  const bytes = core.bytes().slice(at, at + size);
  if (code === commitCode && commits > 0) readCommit(walk, bytes);
  else if (code === treeCode) readTree(walk, bytes);
  else if (code === tagCode && commits > 0 && size > 47) meetNamed(walk, bytes, 7, "commit");
  return undefined;
}

function readCommit(walk: Walk, bytes: Uint8Array): void {
  if (bytes.length < 46) return;
  const skip = get(walk, "skip");
  if ((skip & walkSkips.trees) === 0) meetNamed(walk, bytes, 5, "tree");
  if ((skip & walkSkips.parents) !== 0) return;
  for (let line = 46; line + 48 <= bytes.length && bytes[line] === letterP; line += 48)
    meetNamed(walk, bytes, line + 7, "commit");
}

function readTree(walk: Walk, bytes: Uint8Array): void {
  walkTree(bytes, (mode, _start, end) => {
    const kind = kindOfMode(mode);
    if (kind === "submodule") return true;
    meetBytes(walk, bytes.subarray(end + 1, end + 21), kind === "tree" ? "tree" : "leaf");
    return true;
  });
}

function meetNamed(walk: Walk, bytes: Uint8Array, hex: number, kind: Kind): void {
  const digit = (at: number): number => {
    const byte = bytes[at] ?? 0;
    return (byte & 15) + (byte >> 6) * 9;
  };
  const id = Uint8Array.from(
    { length: 20 },
    (_, index) => (digit(hex + index * 2) << 4) | digit(hex + index * 2 + 1),
  );
  meetBytes(walk, id, kind);
}

function meetBytes(walk: Walk, id: Uint8Array, kind: Kind): void {
  walk.core.bytes().set(id, idAt);
  meet(walk, idAt, kind);
}

function meet(walk: Walk, id: number, kind: Kind): void {
  const row = walk.packs.packsFind(id);
  if (row < 0 || row >= get(walk, "rows")) {
    const many = get(walk, "missing");
    const to = walk.at + walkWords.missingId;
    if (many === 0) walk.core.bytes().copyWithin(to, id, id + 20);
    return set(walk, "missing", many + 1);
  }
  if (hasBit(walk, "had", row)) {
    if (kind === "commit") addBit(walk, "met", row);
    return;
  }
  if (hasBit(walk, "found", row)) return;
  addBit(walk, "found", row);
  if (kind === "leaf") return;
  const stack = get(walk, "stack");
  if (hasBit(walk, "tips", row)) {
    const many = get(walk, "tipsMet");
    setWord(walk.core, walk.at + walkWords.tipsList + many * 4, row);
    set(walk, "tipsMet", many + 1);
  } else if (kind === "commit") {
    const many = get(walk, "commits");
    setWord(walk.core, stack + many * 4, row);
    set(walk, "commits", many + 1);
  } else {
    const many = get(walk, "trees") + 1;
    setWord(walk.core, stack + (get(walk, "rows") - many) * 4, row);
    set(walk, "trees", many);
  }
}

function get({ core, at }: Walk, word: keyof typeof walkWords): number {
  return wordAt(core, at + walkWords[word]);
}

function set({ core, at }: Walk, word: keyof typeof walkWords, value: number): void {
  setWord(core, at + walkWords[word], value);
}

type SetName = "found" | "had" | "met" | "tips";

function hasBit(walk: Walk, name: SetName, row: number): boolean {
  return ((wordAt(walk.core, get(walk, name) + (row >>> 5) * 4) >>> (row & 31)) & 1) === 1;
}

function addBit(walk: Walk, name: SetName, row: number): void {
  const at = get(walk, name) + (row >>> 5) * 4;
  setWord(walk.core, at, (wordAt(walk.core, at) | (1 << (row & 31))) >>> 0);
}

const commitCode = 1;
const treeCode = 2;
const tagCode = 4;
const letterP = 0x70;
/** In front of the caller's memory. */
const idAt = 32;
