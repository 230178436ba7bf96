/** Parts of stored packs in memory: a pack is read in pages, never as a whole where the storage can do without. */

import { concat, type Bytes } from "@skein/protocol/bytes";
import type { Files } from "./files.ts";

/** A file of which parts are read. */
export interface Paged {
  readonly path: string;
  readonly bytes: number;
  readonly pages: Map<number, Page>;
}

interface Page {
  readonly bytes: Bytes;
  used: number;
}

export interface PackPages {
  /** Those bytes, if they are in memory; otherwise the page that is missing is noted. They must not be changed. */
  readonly at: (of: Paged, start: number, end: number) => Uint8Array | undefined;
  /**
   * Tries `work` again and again, bringing the page it missed in between. Work that misses no page is over at once.
   * Pages that one piece of work has seen stay until it is over.
   */
  readonly whenHere: <Result>(work: () => Result) => Promise<Result>;
  readonly forget: (of: Paged) => void;
}

interface Missing {
  readonly of: Paged;
  readonly index: number;
}

/** Asked for a page that is not there: the file is shorter than it was, or gone. */
export type PageLost = (of: Paged) => Error;

interface Opened {
  readonly files: Files;
  readonly lost: PageLost;
  readonly pageSize: number;
  readonly known: Set<Paged>;
  missing: Missing | undefined;
  clock: number;
  total: number;
  working: number;
}

export function openPackPages(files: Files, lost: PageLost): PackPages {
  const opened: Opened = {
    files,
    lost,
    pageSize: files.readRange === undefined ? Number.MAX_SAFE_INTEGER : pageBytes,
    known: new Set(),
    missing: undefined,
    clock: 0,
    total: 0,
    working: 0,
  };
  return {
    at: (of, start, end) => bytesAt(opened, of, { start, end }),
    whenHere: (work) => whenHere(opened, work),
    forget: (of) => {
      for (const { bytes } of of.pages.values()) opened.total -= bytes.length;
      of.pages.clear();
      opened.known.delete(of);
    },
  };
}

function bytesAt(
  opened: Opened,
  of: Paged,
  { start, end }: { readonly start: number; readonly end: number },
): Uint8Array | undefined {
  const { pageSize } = opened;
  const first = Math.floor(start / pageSize);
  const last = Math.floor((end - 1) / pageSize);
  const page = pageAt(opened, of, first);
  if (page === undefined) return undefined;
  if (first === last) return page.subarray(start - first * pageSize, end - first * pageSize);
  const parts: Uint8Array[] = [page.subarray(start - first * pageSize)];
  for (let index = first + 1; index <= last; index++) {
    const next = pageAt(opened, of, index);
    if (next === undefined) return undefined;
    parts.push(next.subarray(0, end - index * pageSize));
  }
  return concat(...parts);
}

function pageAt(opened: Opened, of: Paged, index: number): Bytes | undefined {
  const page = of.pages.get(index);
  if (page === undefined) {
    opened.missing = { of, index };
    return undefined;
  }
  page.used = ++opened.clock;
  return page.bytes;
}

async function whenHere<Result>(opened: Opened, work: () => Result): Promise<Result> {
  const attempt = (): { readonly result: Result; readonly missing: Missing | undefined } => {
    opened.missing = undefined;
    const result = work();
    return { result, missing: opened.missing };
  };
  let { result, missing } = attempt();
  if (missing === undefined) return result;
  opened.working += 1;
  try {
    while (missing !== undefined) {
      // oxlint-disable-next-line eslint/no-await-in-loop -- which page is needed next stands in the one before.
      await bring(opened, missing);
      ({ result, missing } = attempt());
    }
    return result;
  } finally {
    opened.working -= 1;
    trim(opened);
  }
}

async function bring(opened: Opened, { of, index }: Missing): Promise<void> {
  const { files, pageSize } = opened;
  const start = index * pageSize;
  const end = Math.min(of.bytes, start + pageSize);
  const bytes = await (files.readRange === undefined
    ? files.read(of.path)
    : files.readRange(of.path, start, end));
  if (bytes?.length !== end - start) throw opened.lost(of);
  if (of.pages.has(index)) return;
  of.pages.set(index, { bytes, used: ++opened.clock });
  opened.known.add(of);
  opened.total += bytes.length;
}

/** What was used last stays, and so does everything while somebody is at work. */
function trim(opened: Opened): void {
  if (opened.total <= pagesBytesMax || opened.working > 0) return;
  const all = [...opened.known].flatMap((of) =>
    Array.from(of.pages, ([index, page]) => ({ of, index, page })),
  );
  for (const { of, index, page } of all.toSorted((a, b) => a.page.used - b.page.used)) {
    if (opened.total <= pagesBytesMax * 0.75) break;
    of.pages.delete(index);
    opened.total -= page.bytes.length;
  }
}

const pageBytes = 1024 * 1024;
const pagesBytesMax = 32 * 1024 * 1024;
