/**
 * Takes whole binary messages straight out of what the socket has read, and leaves everything else to the library.
 *
 * Nearly every message is one masked, unfragmented, binary frame that lies whole in one read. Through the library each
 * of them costs a stream's bookkeeping and four small buffers; here it is unmasked where it lies. Control frames, text,
 * fragments, frames cut by the end of a read and everything that RFC 6455 forbids go to the library as they came, in
 * their order and from their first byte to their last, so it always stands at the beginning of a frame when we do.
 */

import { unmask } from "./fast-mask.ts";
import { putHead } from "./outbox.ts";

export interface LaneEnds {
  /** A whole binary message, unmasked, in the memory of the read; before a large one stands the header it goes out with. */
  readonly message: (message: Buffer) => void;
  /** One that was held, on going on. */
  readonly heldMessage: (message: Buffer, isAdmitted: boolean) => void;
  /** Bytes that are the library's. */
  readonly library: (piece: Buffer) => void;
  /** Longer messages are the library's, which knows what to say to them. */
  readonly messageBytesMax: number;
}

/** A class, because each connection has one. */
export class FastLane {
  readonly #ends: LaneEnds;
  /** What the library has of a message whose end has not come, and what the reads it lies in keep from being freed. */
  #libraryBytes = 0;
  /** A message that has to wait, and what came behind it. */
  #held: Buffer | undefined = undefined;
  #behind: Buffer[] = nothing;
  /** Bytes of a frame given to the library that are still to come. */
  #owedBytes = 0;
  /** They are a message's, and not a ping's. */
  #isMessage = false;
  /** The first bytes of a frame whose head was cut; the library has them already. */
  #cutHead: Buffer | undefined = undefined;
  /** A fragmented message has begun: what may come between its frames is the library's to judge. */
  #isFragmented = false;
  /** Nothing more is to be heard but the answer to our own goodbye. */
  #isLeaving = false;
  /** Of the frame at hand the library hears nothing. */
  #isSkipped = false;
  /** Behind a goodbye nothing counts any more. */
  #isEnding = false;
  #isClosed = false;

  constructor(ends: LaneEnds) {
    this.#ends = ends;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Of messages that have not come whole or have to wait, with what they keep from being freed. */
  get heldBytes(): number {
    if (this.#held === undefined) return this.#libraryBytes;
    const kept = new Set([this.#held, ...this.#behind].map(({ buffer }) => buffer));
    let bytes = this.#libraryBytes;
    for (const { byteLength } of kept) bytes += byteLength + pieceCostBytes;
    return bytes;
  }

  take(piece: Buffer): void {
    let at = 0;
    while (at < piece.length && !this.#isClosed && this.#held === undefined)
      if (this.#owedBytes > 0) at = this.#handOwed(piece, at);
      else if (this.#cutHead !== undefined) this.#joinHead(this.#cutHead, piece);
      else at = this.#takeFrame(piece, at);
    if (at < piece.length && this.#held !== undefined)
      this.#behind = [...this.#behind, piece.subarray(at)];
  }

  /** The message that just came has to wait, and what is behind it with it. */
  hold(message: Buffer): void {
    this.#held = message;
  }

  /** Hands the held message over, and what came behind it, as far as that does not have to wait in its turn. */
  goOn(isAdmitted: boolean): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#ends.heldMessage(held, isAdmitted);
    this.#takeBehind();
  }

  #takeBehind(): void {
    const pieces = this.#behind;
    this.#behind = nothing;
    for (const piece of pieces) this.take(piece);
  }

  /** Messages that wait, or begin from now on, are thrown away, so that nothing of them is held. */
  leave(): void {
    this.#isLeaving = true;
    this.#held = undefined;
    this.#takeBehind();
  }

  /** Whatever else there is or comes is thrown away. */
  close(): void {
    this.#isClosed = true;
    this.#held = undefined;
    this.#behind = nothing;
  }

  #takeFrame(piece: Buffer, at: number): number {
    const bytes = frameBytes(piece, at);
    if (bytes === 0) {
      this.#cutHead = ownCopy(piece.subarray(at));
      this.#ends.library(this.#cutHead);
      return piece.length;
    }
    const until = at + bytes;
    if (!this.#isPlain(piece, at, bytes) || until > piece.length) {
      this.#note(piece[at] ?? 0, bytes);
      return at;
    }
    const begin = at + headBytes(piece[at + 1] ?? 0);
    for (let index = 0; index < 4; index++) key[index] = piece[begin - 4 + index] ?? 0;
    const message = piece.subarray(begin, until);
    unmask(message, key);
    putHead(piece, begin, message.length);
    this.#ends.message(message);
    return until;
  }

  #isPlain(piece: Buffer, at: number, bytes: number): boolean {
    const isMasked = (piece[at + 1] ?? 0) >= maskedBit;
    if (piece[at] !== finalBinary || !isMasked || this.#isFragmented || this.#isLeaving)
      return false;
    return bytes <= this.#ends.messageBytesMax;
  }

  /** The frame that begins here is the library's. */
  #note(first: number, bytes: number): void {
    const opcode = first & 0x0f;
    this.#isMessage = opcode < 3;
    this.#isSkipped = this.#isMessage && this.#isLeaving;
    if (opcode === closing) this.#isEnding = true;
    else if (this.#isMessage) this.#isFragmented = first < finalBit;
    this.#owedBytes = bytes;
  }

  #handOwed(piece: Buffer, at: number): number {
    const until = Math.min(piece.length, at + this.#owedBytes);
    this.#owedBytes -= until - at;
    if (this.#isSkipped) return until;
    if (this.#isMessage)
      this.#libraryBytes =
        this.#owedBytes > 0 || this.#isFragmented
          ? this.#libraryBytes + piece.buffer.byteLength + pieceCostBytes
          : 0;
    const part = piece.subarray(at, until);
    // Half a ping is small, and counted nowhere: it may not keep the read that it came in.
    this.#ends.library(!this.#isMessage && this.#owedBytes > 0 ? ownCopy(part) : part);
    if (this.#isEnding && this.#owedBytes === 0) this.#isClosed = true;
    return until;
  }

  /** Reads a head that came in two or more pieces; all of it is the library's. */
  #joinHead(cut: Buffer, piece: Buffer): void {
    const head = Buffer.concat([cut, piece.subarray(0, headBytesMax)]);
    const bytes = frameBytes(head, 0);
    this.#cutHead = undefined;
    if (bytes > 0) {
      this.#note(head[0] ?? 0, bytes - cut.length);
      this.#isSkipped = false;
    } else {
      this.#owedBytes = piece.length;
      this.#cutHead = head;
    }
  }
}

function ownCopy(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

/** How long the frame that begins here is, its head included; 0 while that is not to be seen yet. */
function frameBytes(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return 0;
  const second = bytes[at + 1] ?? 0;
  const head = headBytes(second);
  const short = second & 0x7f;
  if (short < 126) return head + short;
  if (short === 126) return at + 4 > bytes.length ? 0 : head + bytes.readUInt16BE(at + 2);
  if (at + 10 > bytes.length) return 0;
  return head + bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
}

/** Two bytes, the longer lengths, and the mask where there is one. */
function headBytes(second: number): number {
  const short = second & 0x7f;
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  return 2 + lengthBytes + (second >= maskedBit ? 4 : 0);
}

/** Shared, and never written to. */
const nothing: Buffer[] = [];
const finalBinary = 0x82;
const finalBit = 0x80;
const maskedBit = 0x80;
const closing = 0x08;
const headBytesMax = 14;
/** What holding a piece costs the library besides its bytes. */
const pieceCostBytes = 256;
/** The mask of the frame at hand. */
const key = new Uint8Array(4);
