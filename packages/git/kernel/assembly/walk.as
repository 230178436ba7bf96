/** What commits reach, as a set of rows: gone through commit by commit, then tree by tree. */

import { madeAt, madeSize, makeRow, packsFind } from "./packs";

/** A walk: sets of rows that were found, were had, and were met of these; known tips; a stack with an end for each kind. */
const foundAt: usize = 0;
const hadAt: usize = 4;
const metAt: usize = 8;
const tipsAt: usize = 12;
const stackAt: usize = 16;
const commitsAt: usize = 20;
const treesAt: usize = 24;
const rowsAt: usize = 28;
const walkedAt: usize = 32;
const tipsMetAt: usize = 36;
const tipsListAt: usize = 40;
const skipAt: usize = 120;
/** How many links lead to nothing, and the first id that is not here. */
const missingAt: usize = 124;
const missingIdAt: usize = 128;

const skipTrees: u32 = 1;
const skipParents: u32 = 2;

/** How a row is met: what cannot lead on, a commit or a tag, a tree. */
const leaf: u32 = 0;
const commit: u32 = 1;
const tree: u32 = 2;

const over: i32 = 0;
const tired: i32 = 1;
const tipMet: i32 = 2;

const named: usize = memory.data(24, 16);

/** Begins with, or goes on at, the object of an id. What is not here is counted. */
export function walkMeet(walk: usize, id: usize): void {
  meet(walk, id, commit);
}

/** Goes into `budget` objects. Answers whether it is over, tired, or met a known tip; or what went wrong. */
export function walkOn(walk: usize, budget: u32): i32 {
  const stack: usize = load<u32>(walk + stackAt);
  const top = load<u32>(walk + rowsAt);
  store<u32>(walk + walkedAt, 0);
  for (let done: u32 = 0; done < budget; done++) {
    store<u32>(walk + walkedAt, done);
    const commits = load<u32>(walk + commitsAt);
    const trees = load<u32>(walk + treesAt);
    if (commits > 0) {
      const code = makeRow(load<u32>(stack + ((commits - 1) << 2)));
      if (code < 0) return code;
      store<u32>(walk + commitsAt, commits - 1);
      if (code == 1) readCommit(walk);
      else if (code == 2) readTree(walk);
      else if (code == 4 && madeSize > 47) meetNamed(walk, madeAt + 7, commit);
    } else if (trees > 0) {
      const code = makeRow(load<u32>(stack + ((top - trees) << 2)));
      if (code < 0) return code;
      store<u32>(walk + treesAt, trees - 1);
      if (code == 2) readTree(walk);
    } else return over;
    if (load<u32>(walk + tipsMetAt) > 0) {
      store<u32>(walk + walkedAt, done + 1);
      return tipMet;
    }
  }
  store<u32>(walk + walkedAt, budget);
  return tired;
}

/** "tree ", 40 digits and a newline; then so many of "parent ". */
function readCommit(walk: usize): void {
  const end = madeAt + madeSize;
  if (madeSize < 46) return;
  const skip = load<u32>(walk + skipAt);
  if (!(skip & skipTrees)) meetNamed(walk, madeAt + 5, tree);
  if (skip & skipParents) return;
  let line = madeAt + 46;
  for (; line + 48 <= end && load<u8>(line) == 0x70; line += 48) meetNamed(walk, line + 7, commit);
}

function readTree(walk: usize): void {
  const end = madeAt + madeSize;
  let at = madeAt;
  while (at < end) {
    let mode: u32 = 0;
    let byte: u32 = load<u8>(at);
    while (byte != 0x20) {
      mode = (mode << 3) + byte - 0x30;
      if (++at >= end) return;
      byte = load<u8>(at);
    }
    while (load<u8>(at) != 0) if (++at >= end) return;
    at++;
    if (at + 20 > end) return;
    const kind = mode & 0xf000;
    if (kind == 0x4000) meet(walk, at, tree);
    else if (kind == 0x8000 || kind == 0xa000) meet(walk, at, leaf);
    at += 20;
  }
}

function meetNamed(walk: usize, hex: usize, kind: u32): void {
  for (let index: usize = 0; index < 20; index++) {
    const high = digit(load<u8>(hex + index * 2));
    store<u8>(named + index, (high << 4) | digit(load<u8>(hex + index * 2, 1)));
  }
  meet(walk, named, kind);
}

@inline
function digit(byte: u32): u32 {
  return (byte & 15) + (byte >> 6) * 9;
}

/** Counts a row once. It waits to be gone into if it can lead on, and is not a tip whose objects are known. */
function meet(walk: usize, id: usize, kind: u32): void {
  const found = packsFind(id);
  const row = u32(found);
  // What came after the walk began is not a part of it: it was missing then.
  if (found < 0 || row >= load<u32>(walk + rowsAt)) {
    const many = load<u32>(walk + missingAt);
    if (many == 0) memory.copy(walk + missingIdAt, id, 20);
    store<u32>(walk + missingAt, many + 1);
    return;
  }
  const word = (row >> 5) << 2;
  const bit: u32 = 1 << (row & 31);
  if (load<u32>(load<u32>(walk + hadAt) + word) & bit) {
    if (kind != commit) return;
    const at = load<u32>(walk + metAt) + word;
    store<u32>(at, load<u32>(at) | bit);
    return;
  }
  const at = load<u32>(walk + foundAt) + word;
  const before = load<u32>(at);
  if (before & bit) return;
  store<u32>(at, before | bit);
  if (kind == leaf) return;
  if (load<u32>(load<u32>(walk + tipsAt) + word) & bit) {
    const many = load<u32>(walk + tipsMetAt);
    store<u32>(walk + tipsListAt + (many << 2), row);
    store<u32>(walk + tipsMetAt, many + 1);
  } else if (kind == commit) {
    const many = load<u32>(walk + commitsAt);
    store<u32>(load<u32>(walk + stackAt) + (many << 2), row);
    store<u32>(walk + commitsAt, many + 1);
  } else {
    const many = load<u32>(walk + treesAt) + 1;
    store<u32>(load<u32>(walk + stackAt) + ((load<u32>(walk + rowsAt) - many) << 2), row);
    store<u32>(walk + treesAt, many);
  }
}
