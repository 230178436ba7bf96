/**
 * What waits to be written to one connection: everything of one turn of the event loop goes out in one write.
 *
 * Data frames get their RFC 6455 header here and go to the upgraded socket itself, because the library writes each
 * message at once: a system call is most of what forwarding costs, and this saves three of four in bursts.
 * Nothing else may send data frames on that socket. Control frames of the library may come between two writes,
 * never inside one.
 */

import { fixedLimits } from "./fixed-limits.ts";

/** The socket's side of it. */
export interface Pipe {
  readonly write: (bytes: Uint8Array) => unknown;
  readonly cork: () => void;
  readonly uncork: () => void;
  readonly writableLength: number;
  readonly writableHighWaterMark: number;
}

/** A message with its header: in one piece when small, so that many are joined; in two when large, so that none is copied. */
export interface Framed {
  readonly head: Uint8Array;
  readonly body: Uint8Array | undefined;
  readonly length: number;
}

export interface Outbox {
  push(framed: Framed): void;
  /** Bytes that wait here and in the socket, and what holding them costs. */
  backlogBytes(): number;
  /** Writes what waits, until the socket has enough; its `drain` event asks again. */
  flush(): void;
  /** Writes whatever waits: the connection is about to be closed. */
  flushAll(): void;
  /** Forgets what waits. */
  drop(): void;
}

/**
 * A binary message as one unfragmented, unmasked WebSocket frame (RFC 6455 §5.2). A large message is not copied, and goes
 * in one piece where its header stands in front of it already.
 */
export function frameMessage(message: Uint8Array): Framed {
  const { length } = message;
  const headBytes = headBytesOf(length);
  const isSmall = length <= joinedBytesMax;
  if (!isSmall) {
    const whole = withHead(message, headBytes);
    if (whole !== undefined) return { head: whole, body: undefined, length: whole.length };
  }
  const head = Buffer.allocUnsafe(headBytes + (isSmall ? length : 0));
  writeHead(head, 0, length);
  if (isSmall) head.set(message, headBytes);
  return { head, body: isSmall ? undefined : message, length: headBytes + length };
}

/** Puts the header of a large message in front of it, over the longer one that it came with: `at` is where the message begins. */
export function putHead(bytes: Buffer, at: number, length: number): void {
  if (length > joinedBytesMax) writeHead(bytes, at - headBytesOf(length), length);
}

/** The message and the header in front of it, if exactly that stands there: then it does not matter who wrote it. */
function withHead(message: Uint8Array, headBytes: number): Buffer | undefined {
  const { buffer, byteOffset, length } = message;
  if (byteOffset < headBytes) return undefined;
  const whole = Buffer.from(buffer, byteOffset - headBytes, headBytes + length);
  writeHead(wanted, 0, length);
  for (let at = 0; at < headBytes; at++) if (whole[at] !== wanted[at]) return undefined;
  return whole;
}

function headBytesOf(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

function writeHead(bytes: Buffer, at: number, length: number): void {
  bytes[at] = finalBinary;
  if (length < 126) bytes[at + 1] = length;
  else if (length < 65_536) {
    bytes[at + 1] = 126;
    bytes.writeUInt16BE(length, at + 2);
  } else {
    bytes[at + 1] = 127;
    bytes.writeUInt32BE(0, at + 2);
    bytes.writeUInt32BE(length, at + 6);
  }
}

/** `askFlush` is called when the first message since the last flush has come. */
export function openOutbox(pipe: Pipe, askFlush: (outbox: Outbox) => void): Outbox {
  return new Waiting(pipe, askFlush);
}

/** Shared, and never written to. */
const nothing: Framed[] = [];

/** A class, because each connection has one and most have nothing waiting: closures would cost ten times as much. */
class Waiting implements Outbox {
  readonly #pipe: Pipe;
  readonly #askFlush: (outbox: Outbox) => void;
  #waiting: Framed[] = nothing;
  #waitingBytes = 0;

  constructor(pipe: Pipe, askFlush: (outbox: Outbox) => void) {
    this.#pipe = pipe;
    this.#askFlush = askFlush;
  }

  push(framed: Framed): void {
    this.#waitingBytes += framed.length + framedCostBytes;
    const isFirst = this.#waiting.length === 0;
    if (isFirst) this.#waiting = [framed];
    else this.#waiting.push(framed);
    // Joining saves a large one nothing, and now it is still in the processor's cache.
    if (framed.length > joinedBytesMax) this.flush();
    else if (isFirst) this.#askFlush(this);
  }

  backlogBytes(): number {
    return this.#waitingBytes + this.#pipe.writableLength;
  }

  /** Never below the socket's own mark: it says `drain` only after it has held that much. */
  flush(): void {
    this.#flushUntil(Math.max(unsentBytesMin, this.#pipe.writableHighWaterMark));
  }

  flushAll(): void {
    this.#flushUntil(Number.POSITIVE_INFINITY);
  }

  drop(): void {
    this.#waiting = nothing;
    this.#waitingBytes = 0;
  }

  #flushUntil(unsentBytesMax: number): void {
    const pipe = this.#pipe;
    const waiting = this.#waiting;
    const [only] = waiting;
    if (only === undefined) return;
    if (only.body === undefined && waiting.length === 1) {
      if (pipe.writableLength >= unsentBytesMax) return;
      this.drop();
      pipe.write(only.head);
      return;
    }
    let taken = 0;
    pipe.cork();
    while (taken < waiting.length && pipe.writableLength < unsentBytesMax)
      taken += writeSome(pipe, waiting, taken);
    pipe.uncork();
    if (taken >= waiting.length) return this.drop();
    const left = waiting.slice(taken);
    this.#waitingBytes = left.reduce((sum, framed) => sum + framed.length + framedCostBytes, 0);
    this.#waiting = left;
  }
}

/** Writes one large message, or a run of small ones joined; answers how many messages that were. */
function writeSome(pipe: Pipe, waiting: ReadonlyArray<Framed>, from: number): number {
  const first = waiting[from];
  if (first === undefined) return 1;
  if (first.length > joinedBytesMax) {
    pipe.write(first.head);
    if (first.body !== undefined) pipe.write(first.body);
    return 1;
  }
  let until = from + 1;
  let bytes = first.length;
  for (; until < waiting.length; until++) {
    const next = waiting[until];
    if (next === undefined || next.length > joinedBytesMax) break;
    if (bytes + next.length > runBytesMax) break;
    bytes += next.length;
  }
  const run = waiting.slice(from, until);
  pipe.write(
    run.length === 1
      ? first.head
      : Buffer.concat(
          run.map(({ head }) => head),
          bytes,
        ),
  );
  return run.length;
}

/** FIN and opcode 2. */
const finalBinary = 0x82;
/** What keeping one message costs besides its bytes, so that a flood of tiny ones is counted as what it is. */
const framedCostBytes = 128;
const { joinedBytesMax, runBytesMax, unsentBytesMin } = fixedLimits;
/** A header to compare with. */
const wanted = Buffer.alloc(10);
