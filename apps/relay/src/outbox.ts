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

/**
 * A message with its header: in one piece when small, so that many are joined; in two when large, so that none is copied.
 * The first outbox in which it has to wait moves it into memory of its own, for all its readers.
 */
export interface Framed {
  head: Uint8Array;
  body: Uint8Array | undefined;
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

/** The answer to a ping of WebSocket itself, whose payload is at most 125 bytes (RFC 6455 §5.5.3). */
export function framePong(payload: Uint8Array): Framed {
  const head = Buffer.allocUnsafe(2 + payload.length);
  head[0] = finalPong;
  head[1] = payload.length;
  head.set(payload, 2);
  return { head, body: undefined, length: head.length };
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
  /** What the socket keeps from being freed besides the bytes that it has not sent. */
  #besideBytes = 0;
  /** The socket has enough: what comes now waits for its `drain`. */
  #isHeld = false;

  constructor(pipe: Pipe, askFlush: (outbox: Outbox) => void) {
    this.#pipe = pipe;
    this.#askFlush = askFlush;
  }

  push(framed: Framed): void {
    this.#waitingBytes += this.#isHeld ? keep(framed) : framed.length + framedCostBytes;
    const isFirst = this.#waiting.length === 0;
    if (isFirst) this.#waiting = [framed];
    else this.#waiting.push(framed);
    // Joining saves a large one nothing, and now it is still in the processor's cache.
    if (framed.length > joinedBytesMax) this.flush();
    else if (isFirst) this.#askFlush(this);
  }

  backlogBytes(): number {
    const unsentBytes = this.#pipe.writableLength;
    if (unsentBytes === 0) this.#besideBytes = 0;
    return this.#waitingBytes + unsentBytes + this.#besideBytes;
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
    this.#isHeld = false;
  }

  #flushUntil(unsentBytesMax: number): void {
    const pipe = this.#pipe;
    const waiting = this.#waiting;
    const [only] = waiting;
    if (only === undefined) return;
    const unsentBytes = pipe.writableLength;
    if (unsentBytes >= unsentBytesMax) return this.#hold(waiting);
    if (unsentBytes === 0) this.#besideBytes = 0;
    if (only.body === undefined && waiting.length === 1) {
      this.drop();
      this.#write(only, unsentBytes > 0);
      return;
    }
    let taken = 0;
    pipe.cork();
    while (taken < waiting.length && pipe.writableLength < unsentBytesMax)
      taken += this.#writeSome(waiting, taken, unsentBytes > 0);
    pipe.uncork();
    if (taken >= waiting.length) this.drop();
    else this.#hold(waiting.slice(taken));
  }

  /** What is left waits here until the socket has room. */
  #hold(left: Framed[]): void {
    this.#waiting = left;
    this.#waitingBytes = left.reduce((sum, framed) => sum + keep(framed), 0);
    this.#isHeld = true;
  }

  /** Writes one large message, or a run of small ones joined; answers how many messages that were. */
  #writeSome(waiting: ReadonlyArray<Framed>, from: number, isHeld: boolean): number {
    const first = waiting[from];
    if (first === undefined) return 1;
    if (first.length > joinedBytesMax) {
      this.#write(first, isHeld);
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
    if (run.length === 1) this.#write(first, isHeld);
    else {
      const heads = run.map(({ head }) => head);
      this.#write({ head: Buffer.concat(heads, bytes), body: undefined, length: bytes }, isHeld);
    }
    return run.length;
  }

  /** What the socket takes is never copied. What it only holds behind something else is: nobody sees what that would keep. */
  #write(framed: Framed, isHeld: boolean): void {
    const pipe = this.#pipe;
    if (isHeld) {
      keep(framed);
      this.#besideBytes += keptCostBytes;
    }
    const { head, body } = framed;
    pipe.write(head);
    if (body !== undefined) pipe.write(body);
    if (!isHeld && pipe.writableLength > 0) this.#besideBytes += besideOf(framed) + keptCostBytes;
  }
}

/** Makes a message ready to wait, and answers what that costs: it may keep nothing else, such as the read that it came in. */
function keep(framed: Framed): number {
  const { head, body, length } = framed;
  if (besideOf(framed) > length * besideShareMax) {
    const own = Buffer.allocUnsafeSlow(length);
    own.set(head);
    if (body !== undefined) own.set(body, head.length);
    framed.head = own;
    framed.body = undefined;
  }
  return length + keptCostBytes;
}

/** What lies in the same memory as the message, and is not freed before it. */
function besideOf({ head, body, length }: Framed): number {
  return head.buffer.byteLength + (body?.buffer.byteLength ?? 0) - length;
}

/** FIN and opcode 2. */
const finalBinary = 0x82;
/** FIN and opcode 10. */
const finalPong = 0x8a;
/** What one message costs besides its bytes within a turn, so that a flood of tiny ones is counted as what it is. */
const framedCostBytes = 128;
/** The same of one that waits in memory of its own, measured at 430 to 470. */
const keptCostBytes = 480;
/** A message that waits may keep a quarter of its length besides itself: less is not worth copying. */
const besideShareMax = 0.25;
const { joinedBytesMax, runBytesMax, unsentBytesMin } = fixedLimits;
/** A header to compare with. */
const wanted = Buffer.alloc(10);
