/** How far a copy is that comes in slices: what is here of it is reached by no ref yet. */

import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { instant, parseObjectId, type Instant, type ObjectId } from "@skein/protocol/ids";
import type { Files } from "./files.ts";

export interface UnfinishedCopy {
  readonly wants: ReadonlyArray<ObjectId>;
  readonly haves: ReadonlyArray<ObjectId>;
  /** Its history is here up to this object. */
  readonly after: ObjectId;
  /** How many objects that is. */
  readonly objects: number;
  /** When the last of it came. */
  readonly at: Instant;
}

export interface UnfinishedCopies {
  readonly read: () => Promise<UnfinishedCopy | undefined>;
  /** In the place of what was known before. */
  readonly write: (copy: UnfinishedCopy) => Promise<void>;
  /** Before anything of it goes, or after all of it has come. */
  readonly forget: () => Promise<void>;
}

export function openUnfinishedCopies(files: Files): UnfinishedCopies {
  return {
    read: async () => {
      const bytes = await files.read(path);
      return bytes && parseCopy(parseUtf8(bytes) ?? "");
    },
    write: (copy) =>
      files.commit(
        { put: [[path, formatUtf8(formatCopy(copy))]], delete: [] },
        { durability: "strict" },
      ),
    forget: async () => {
      if ((await files.size(path)) === undefined) return;
      await files.commit({ put: [], delete: [path] }, { durability: "strict" });
    },
  };
}

function formatCopy({ wants, haves, after, objects, at }: UnfinishedCopy): string {
  const lines = [
    `at ${at}`,
    `objects ${objects}`,
    `after ${after}`,
    ...wants.map((oid) => `want ${oid}`),
    ...haves.map((oid) => `have ${oid}`),
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
  const [after] = oids("after");
  const [at, objects] = [Number(all("at")[0]), Number(all("objects")[0])];
  const wants = oids("want");
  if (after === undefined || wants.length === 0) return undefined;
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(objects)) return undefined;
  return { wants, haves: oids("have"), after, objects, at: instant(at) };
}

const path = "unfinished-copy";
