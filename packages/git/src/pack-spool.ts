/** The bytes of a pack while it arrives: a small one is held, and of a large one the end; what was read of it waits on the device. */

import { concat, type Bytes } from "@skein/protocol/bytes";
import { packSegmentBytesMax, packSliceBytesMax } from "@skein/protocol/limits";
import type { Files } from "./files.ts";
import { StorageDamagedError } from "./stored-pack.ts";

/** How much of packs is held in memory, and kept in one piece. */
export interface PackRoom {
  /** Of a pack that arrives; more of it waits on the device. */
  readonly heldBytes: number;
  /** What is written there at a time, in so many files. */
  readonly chunkBytes: number;
  readonly chunksAtOnce: number;
  /** A larger pack is kept as several. */
  readonly segmentBytes: number;
}

export const packRoom: PackRoom = {
  heldBytes: packSliceBytesMax,
  chunkBytes: 1024 * 1024,
  chunksAtOnce: 4,
  segmentBytes: packSegmentBytesMax,
};

/** Where chunks wait: nobody else writes files that begin so. */
export interface SpoolPlace {
  readonly files: Files;
  readonly prefix: string;
}

/** What waits there belongs to a pack that is arriving, or to one whose receiver came to an end. */
export const spoolFolder = "objects/arriving";

export interface PackSpool {
  readonly length: () => number;
  readonly append: (part: Uint8Array) => void;
  /** Puts away what lies before `until`, once that is enough. It must not be appended to meanwhile. */
  readonly settle: (until: number) => Promise<void> | undefined;
  /** The bytes, as they must not be changed. Throws `BytesAwayError` where they are put away. */
  readonly view: (start: number, end: number) => Uint8Array;
  /** Has them here until they are let go. */
  readonly bring: (start: number, end: number) => Promise<void>;
  /** Keeps a little of what was brought. */
  readonly letGo: () => void;
  /** Whether something was put away. */
  readonly isAway: () => boolean;
  /** Removes what was put away. */
  readonly close: () => Promise<void>;
}

/** Bytes of the pack have to be brought first. */
export class BytesAwayError extends Error {
  override readonly name = "BytesAwayError";
  readonly start: number;
  readonly end: number;

  constructor(start: number, end: number) {
    super("the bytes are put away");
    this.start = start;
    this.end = end;
  }
}

/** Without a place, all of it is held. */
export function openPackSpool({
  expectedBytes,
  place,
  room = packRoom,
}: {
  readonly expectedBytes: number;
  readonly place?: SpoolPlace | undefined;
  readonly room?: PackRoom | undefined;
}): PackSpool {
  return new Spool(expectedBytes, place, room);
}

class Spool implements PackSpool {
  readonly #expectedBytes: number;
  readonly #place: SpoolPlace | undefined;
  readonly #room: PackRoom;
  /** All of it, as whoever gave it holds it. */
  #whole: Uint8Array | undefined;
  /** All but the last are full. */
  readonly #chunks: Array<Bytes | undefined> = [];
  readonly #brought = new Map<number, Bytes>();
  #length = 0;
  /** How many chunks are away, from the first on. */
  #away = 0;

  constructor(expectedBytes: number, place: SpoolPlace | undefined, room: PackRoom) {
    this.#expectedBytes = expectedBytes;
    this.#place = place;
    this.#room = room;
  }

  length(): number {
    return this.#length;
  }

  isAway(): boolean {
    return this.#away > 0;
  }

  append(part: Uint8Array): void {
    if (part.length === 0) return;
    const before = this.#whole;
    if (this.#length === 0 && part.length === this.#expectedBytes) {
      this.#whole = part;
      this.#length = part.length;
    } else if (before === undefined) this.#add(part);
    else {
      // More comes than was announced.
      this.#whole = undefined;
      this.#length = 0;
      this.#add(before);
      this.#add(part);
    }
  }

  #add(part: Uint8Array): void {
    const { chunkBytes } = this.#room;
    for (let from = 0; from < part.length;) {
      const at = this.#length % chunkBytes;
      const many = Math.min(part.length - from, chunkBytes - at);
      this.#lastWith(at, at + many).set(part.subarray(from, from + many), at);
      this.#length += many;
      from += many;
    }
  }

  settle(until: number): Promise<void> | undefined {
    const { heldBytes, chunkBytes, chunksAtOnce } = this.#room;
    const place = this.#place;
    if (place === undefined || this.#whole !== undefined || this.#length <= heldBytes)
      return undefined;
    const full = Math.floor(Math.min(until, this.#length - chunkBytes) / chunkBytes);
    return full - this.#away < chunksAtOnce ? undefined : this.#putAway(place, full);
  }

  view(start: number, end: number): Uint8Array {
    if (this.#whole !== undefined) return this.#whole.subarray(start, end);
    const { chunkBytes } = this.#room;
    const first = Math.floor(start / chunkBytes);
    const last = Math.floor(Math.max(start, end - 1) / chunkBytes);
    const parts: Uint8Array[] = [];
    for (let at = first; at <= last; at++) {
      const chunk = this.#chunks[at] ?? this.#brought.get(at);
      if (chunk === undefined) throw new BytesAwayError(start, end);
      parts.push(
        chunk.subarray(Math.max(0, start - at * chunkBytes), Math.max(0, end - at * chunkBytes)),
      );
    }
    const [only = new Uint8Array(0)] = parts;
    return parts.length > 1 ? concat(...parts) : only;
  }

  async bring(start: number, end: number): Promise<void> {
    const { chunkBytes } = this.#room;
    const first = Math.floor(start / chunkBytes);
    const last = Math.floor(Math.max(start, end - 1) / chunkBytes);
    for (let at = first; at <= last; at++) {
      if (this.#chunks[at] !== undefined || this.#brought.has(at)) continue;
      const path = this.#pathOf(at);
      // oxlint-disable-next-line no-await-in-loop -- no more is held than is needed.
      const bytes = await this.#place?.files.read(path);
      if (bytes?.length !== chunkBytes) throw new StorageDamagedError(`${path} is gone`);
      this.#brought.set(at, bytes);
    }
  }

  letGo(): void {
    for (const oldest of this.#brought.keys())
      if (this.#brought.size > broughtMax) this.#brought.delete(oldest);
  }

  async close(): Promise<void> {
    const paths = Array.from({ length: this.#away }, (_, at) => this.#pathOf(at));
    this.#chunks.length = 0;
    this.#brought.clear();
    this.#away = 0;
    if (paths.length > 0)
      await this.#place?.files.commit({ put: [], delete: paths }, { durability: "relaxed" });
  }

  async #putAway({ files }: SpoolPlace, until: number): Promise<void> {
    const put: Array<readonly [path: string, bytes: Uint8Array]> = [];
    for (let at = this.#away; at < until; at++) {
      const chunk = this.#chunks[at];
      if (chunk !== undefined) put.push([this.#pathOf(at), chunk]);
    }
    const before = this.#away;
    // What is half there is removed as well.
    this.#away = until;
    await files.commit({ put, delete: [] }, { durability: "relaxed" });
    for (let at = before; at < until; at++) this.#chunks[at] = undefined;
  }

  #pathOf(at: number): string {
    return `${this.#place?.prefix ?? ""}-${at}`;
  }

  /** The last chunk, with what is in its first `filled` bytes, and room for `wanted`. */
  #lastWith(filled: number, wanted: number): Bytes {
    const last = filled === 0 ? undefined : this.#chunks.at(-1);
    if (last !== undefined && last.length >= wanted) return last;
    const { chunkBytes } = this.#room;
    // No more is set aside than twice what has come, unless so much was announced.
    const announced = Math.min(chunkBytes, this.#expectedBytes - this.#length + filled);
    const next = new Uint8Array(Math.min(chunkBytes, Math.max(wanted, 2 * filled, announced)));
    if (last !== undefined) {
      next.set(last.subarray(0, filled));
      this.#chunks.pop();
    }
    this.#chunks.push(next);
    return next;
  }
}

/** Chunks that are read again: what deltas stand on is mostly near. */
const broughtMax = 8;
