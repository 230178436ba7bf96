/** What flows towards a node that asked for something: found once, then read piece by piece. */

/* oxlint-disable eslint/no-await-in-loop -- a pack is told from its beginning to its end. */

import { SkeinError } from "@skein/protocol/errors";
import type { Bytes } from "@skein/protocol/bytes";
import { sentBytesKept } from "@skein/protocol/limits";

export interface Source {
  readonly bytes: number;
  readonly objects: number;
  /** Bytes of it that are in memory at once, at the most. */
  readonly held: number;
  /** The answer is there at once where the bytes are. Rejects with `SourceGoneError`, or with why they are not. */
  readonly read: (offset: number, length: number) => Bytes | Promise<Bytes>;
  readonly close: () => void;
}

/** Bytes that were told long ago, or were never to be told. */
export class SourceGoneError extends SkeinError {
  override readonly name = "SourceGoneError";
  readonly code = "source_gone";
  readonly blame = "peer";
  readonly hint = "The other device asks anew.";
}

/** What is in memory already. */
export function sourceOf(bytes: Bytes, objects = 0): Source {
  return {
    bytes: bytes.length,
    objects,
    held: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    close: () => {},
  };
}

interface Telling {
  readonly bytes: number;
  readonly objects: number;
  /** To be asked for once. */
  readonly parts: () => AsyncIterable<Bytes>;
}

/**
 * What is made while it is read, part by part: no more than is asked for, and what the other side may still ask for again
 * is kept.
 */
export function sourceOfParts(telling: Telling): Source {
  return new SourceOfParts(telling);
}

class SourceOfParts implements Source {
  readonly bytes: number;
  readonly objects: number;
  readonly held: number;
  readonly #parts: Telling["parts"];
  #telling: AsyncIterator<Bytes> | undefined;
  /** One after the other; `#start` and `#end` are where the first begins and the last ends. */
  readonly #kept: Bytes[] = [];
  #start = 0;
  #end = 0;
  #farthest = 0;
  #isClosed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ bytes, objects, parts }: Telling) {
    this.bytes = bytes;
    this.objects = objects;
    this.held = Math.min(bytes, sentBytesKept);
    this.#parts = parts;
  }

  read(offset: number, length: number): Bytes | Promise<Bytes> {
    if (offset >= this.#start && offset + length <= this.#end) return this.#cut(offset, length);
    const mine = this.#last.then(() => this.#bring(offset, length));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  close(): void {
    this.#isClosed = true;
    this.#kept.length = 0;
    void this.#last.then(() => this.#telling?.return?.()).catch(() => undefined);
  }

  async #bring(offset: number, length: number): Promise<Bytes> {
    const until = offset + length;
    this.#telling ??= this.#parts()[Symbol.asyncIterator]();
    while (this.#end < until) {
      const next = this.#isClosed ? undefined : await this.#telling.next();
      if (next === undefined || next.done === true) break;
      this.#kept.push(next.value);
      this.#end += next.value.length;
    }
    if (this.#isClosed || offset < this.#start || this.#end < until)
      throw new SourceGoneError(`Bytes ${offset} to ${until} are not at hand`);
    return this.#cut(offset, length);
  }

  #cut(offset: number, length: number): Bytes {
    const piece = new Uint8Array(length);
    let at = this.#start;
    for (const part of this.#kept) {
      const from = Math.max(0, offset - at);
      const until = Math.min(part.length, offset + length - at);
      if (from < until) piece.set(part.subarray(from, until), at + from - offset);
      at += part.length;
    }
    this.#farthest = Math.max(this.#farthest, offset + length);
    this.#forget();
    return piece;
  }

  #forget(): void {
    const needed = this.#farthest - sentBytesKept / 2;
    for (let first = this.#kept[0]; first !== undefined; first = this.#kept[0]) {
      if (this.#start + first.length > needed) return;
      this.#kept.shift();
      this.#start += first.length;
    }
  }
}
