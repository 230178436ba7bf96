/** The order in which a history can come in parts: whatever an object refers to stands before it, so each beginning is whole in itself. */

/* oxlint-disable eslint/no-await-in-loop -- what comes before an object stands in what was read before. */

import { openObjectSet, type ObjectSet } from "./object-set.ts";
import { idInHex, kindOfMode, walkTree } from "./object.ts";
import { typeOfPackCode } from "./pack-entry.ts";
import type { StoredPacks } from "./stored-packs.ts";

export interface Ordering {
  readonly packs: Pick<StoredPacks, "rowOf" | "typeOf" | "make">;
  /** Rows to begin at, one after the other. */
  readonly starts: ReadonlyArray<number>;
  /** Rows to be put in order. The others are passed over with all that they refer to. */
  readonly among: ObjectSet;
  readonly turn: (done: number) => Promise<void> | void;
}

/**
 * All rows that `starts` lead to. Parents come before their children, and files before their folders and those before
 * their commits. The order follows from what the objects say, so it is the same at every node.
 */
export async function orderRows(given: Ordering): Promise<Uint32Array<ArrayBuffer>> {
  const { packs, among, turn } = given;
  const seen = openObjectSet();
  const order: number[] = [];
  const under: Frame[] = [];
  const enter = (row: number): Promise<void> | undefined => {
    if (row < 0 || !among.has(row) || !seen.add(row)) return undefined;
    const type = packs.typeOf(row);
    return typeof type === "number" ? open(row, type) : type.then((code) => open(row, code));
  };
  const open = (row: number, code: number): Promise<void> | undefined => {
    const read = readers.get(typeOfPackCode(code) ?? "blob");
    if (read === undefined) {
      order.push(row);
      return undefined;
    }
    const ids = packs.make(row, read);
    if (ids instanceof Promise) return ids.then((found) => void under.push(frameOf(row, found)));
    under.push(frameOf(row, ids));
    return undefined;
  };
  for (const start of given.starts) {
    await enter(start);
    for (let top = under.at(-1); top !== undefined; top = under.at(-1)) {
      if (top.next === top.ids.length) {
        under.pop();
        order.push(top.row);
        const waited = turn(order.length);
        if (waited !== undefined) await waited;
        continue;
      }
      const row = packs.rowOf(top.ids, top.next);
      top.next += 20;
      const waited = enter(row);
      if (waited !== undefined) await waited;
    }
  }
  return Uint32Array.from(order);
}

/** An object whose turn comes once all that it refers to had theirs. */
interface Frame {
  readonly row: number;
  /** 20 bytes each. */
  readonly ids: Uint8Array;
  next: number;
}

function frameOf(row: number, ids: Uint8Array): Frame {
  return { row, ids, next: 0 };
}

const readers = new Map<string, (bytes: Uint8Array) => Uint8Array>([
  ["commit", idsOfCommit],
  ["tree", idsOfTree],
  ["tag", (bytes) => idInHex(bytes, 7)],
]);

/** Parents first, then the tree: history in the order in which it happened. */
function idsOfCommit(bytes: Uint8Array): Uint8Array {
  const ids: Uint8Array[] = [];
  for (let line = 46; bytes[line] === letterP && line + 48 <= bytes.length; line += 48)
    ids.push(idInHex(bytes, line + 7));
  ids.push(idInHex(bytes, 5));
  const all = new Uint8Array(ids.length * 20);
  for (const [at, id] of ids.entries()) all.set(id, at * 20);
  return all;
}

function idsOfTree(bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(Math.ceil(bytes.length / entryBytesMin) * 20);
  let filled = 0;
  walkTree(bytes, (mode, _start, end) => {
    if (kindOfMode(mode) === "submodule") return true;
    all.set(bytes.subarray(end + 1, end + 21), filled);
    filled += 20;
    return true;
  });
  return all.slice(0, filled);
}

const letterP = 0x70;
/** A digit, a space, a letter, a zero and an id. */
const entryBytesMin = 24;
