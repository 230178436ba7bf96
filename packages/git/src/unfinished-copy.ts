/** How far copies are that come in slices: what is here of them is reached by no ref yet. */

import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import {
  instant,
  parseNodeId,
  parseObjectId,
  type Instant,
  type NodeId,
  type ObjectId,
} from "@skein/protocol/ids";
import type { Files } from "./files.ts";

export interface UnfinishedCopy {
  readonly wants: ReadonlyArray<ObjectId>;
  readonly haves: ReadonlyArray<ObjectId>;
  /** Whom it was begun with. */
  readonly from: NodeId;
  /** Its history is here up to this object. */
  readonly after: ObjectId;
  /** How many objects that is. */
  readonly objects: number;
  /** When it was begun, and when the last of it came. */
  readonly begun: Instant;
  readonly at: Instant;
  /** Nodes whose slices did not fit what is said to be here. */
  readonly doubted: ReadonlyArray<NodeId>;
}

/** One copy: what is wanted, and whom it was begun with. */
export type CopyName = Pick<UnfinishedCopy, "wants" | "from">;

/** Whoever writes waits for whoever wrote before. */
export interface UnfinishedCopies {
  /** The last written first. */
  readonly list: () => Promise<ReadonlyArray<UnfinishedCopy>>;
  /** In the place of what was known of this copy. */
  readonly write: (copy: UnfinishedCopy) => Promise<void>;
  /** All of it has come: however it was begun. */
  readonly finish: (wants: ReadonlyArray<ObjectId>) => Promise<void>;
  /** It is not what it was said to be. */
  readonly forget: (copy: CopyName) => Promise<void>;
  /** Before anything of them goes. */
  readonly forgetAll: () => Promise<void>;
}

export function isSameCopy(a: CopyName, b: CopyName): boolean {
  return a.from === b.from && isSameWants(a.wants, b.wants);
}

export function openUnfinishedCopies(files: Files): UnfinishedCopies {
  const list = async (): Promise<ReadonlyArray<UnfinishedCopy>> => {
    const bytes = await files.read(path);
    const text = (bytes && parseUtf8(bytes)) ?? "";
    return text.split("\n\n").flatMap((part) => parseCopy(part) ?? []);
  };
  const keep = async (copies: ReadonlyArray<UnfinishedCopy>): Promise<void> => {
    const text = copies.slice(0, copiesMax).map(formatCopy).join("\n");
    const batch =
      copies.length === 0
        ? { put: [], delete: [path] }
        : { put: [[path, formatUtf8(text)] as const], delete: [] };
    await files.commit(batch, { durability: "strict" });
  };
  const keepOnly = async (isKept: (copy: UnfinishedCopy) => boolean): Promise<void> => {
    const all = await list();
    const kept = all.filter(isKept);
    if (kept.length < all.length) await keep(kept);
  };
  return {
    list,
    write: async (copy) =>
      keep([copy, ...(await list()).filter((other) => !isSameCopy(other, copy))]),
    finish: (wants) => keepOnly((other) => !isSameWants(other.wants, wants)),
    forget: (copy) => keepOnly((other) => !isSameCopy(other, copy)),
    forgetAll: async () => {
      if ((await files.size(path)) !== undefined) await keep([]);
    },
  };
}

function isSameWants(a: ReadonlyArray<ObjectId>, b: ReadonlyArray<ObjectId>): boolean {
  return a.length === b.length && a.every((oid, index) => oid === b[index]);
}

function formatCopy(copy: UnfinishedCopy): string {
  const lines = [
    `at ${copy.at}`,
    `begun ${copy.begun}`,
    `from ${copy.from}`,
    `objects ${copy.objects}`,
    `after ${copy.after}`,
    ...copy.wants.map((oid) => `want ${oid}`),
    ...copy.haves.map((oid) => `have ${oid}`),
    ...copy.doubted.map((node) => `doubted ${node}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** `undefined`: it is damaged, and the copy begins anew. */
function parseCopy(text: string): UnfinishedCopy | undefined {
  const all = (word: string): ReadonlyArray<string> =>
    text
      .split("\n")
      .flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  const oids = (word: string): ReadonlyArray<ObjectId> =>
    all(word).flatMap((oid) => parseObjectId(oid) ?? []);
  const nodes = (word: string): ReadonlyArray<NodeId> =>
    all(word).flatMap((node) => parseNodeId(node) ?? []);
  const [after] = oids("after");
  const [from] = nodes("from");
  const numbers = ["at", "begun", "objects"].map((word) => Number(all(word)[0]));
  const [at = 0, begun = 0, objects = 0] = numbers;
  const wants = oids("want");
  if (after === undefined || from === undefined || wants.length === 0) return undefined;
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined;
  return {
    wants,
    haves: oids("have"),
    from,
    after,
    objects,
    begun: instant(begun),
    at: instant(at),
    doubted: nodes("doubted"),
  };
}

const path = "unfinished-copy";
/** Of several writers, each from where it was begun; what is more begins anew. */
const copiesMax = 8;
