/** One WebSocket and the upgraded socket under it, made into an exit of the hub. */

import type { Socket } from "node:net";

import type { WebSocket } from "ws";

import type { Visitor } from "./addresses.ts";
import { FastLane, type LaneEnds } from "./fast-lane.ts";
import { payloadOffset } from "./frame-reader.ts";
import type { Clock, Hub } from "./hub.ts";
import type { Limits } from "./limits.ts";
import type { Exit, Member } from "./member.ts";
import { openOutbox, type Framed, type Outbox } from "./outbox.ts";

export interface Connection {
  readonly member: Member;
  /** When it has lasted long enough. */
  readonly endsMillis: number;
  /** Cuts a reader that has taken nothing for too long. */
  watch(nowMillis: number): void;
  /** Says goodbye and cuts whoever does not answer in time. */
  close(code: number): void;
  cut(): void;
}

export interface ConnectionSetup {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly visitor: Visitor | undefined;
  /** What all connections of a relay share. */
  readonly house: House;
}

export interface House {
  readonly hub: Hub;
  readonly limits: Limits;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly chance: () => number;
  /** Told how many bytes were read. */
  readonly onRead: (bytes: number) => void;
  /** Has the outbox flushed at the end of this turn of the event loop. */
  readonly flushLater: (outbox: Outbox) => void;
  readonly onEnd: (connection: Connection) => void;
}

export function openConnection(setup: ConnectionSetup): Connection {
  return new OpenConnection(setup);
}

/** A class, because there are thousands of them: its methods are shared, and only what listens is its own. */
class OpenConnection implements Connection, Exit, LaneEnds {
  readonly member: Member;
  readonly endsMillis: number;
  readonly messageBytesMax: number;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #reader: Reader | undefined;
  readonly #house: House;
  readonly #outbox: Outbox;
  readonly #lane: FastLane;
  #stalledSinceMillis: number | undefined = undefined;
  #halfBytes = 0;
  /** What it has of a message is given up. */
  #isLeft = false;

  constructor({ webSocket, socket, visitor, house }: ConnectionSetup) {
    const { hub, clock, limits, chance } = house;
    this.messageBytesMax = payloadOffset + limits.payloadBytesMax;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#house = house;
    this.#outbox = openOutbox(socket, house.flushLater);
    const monotonicMillis = clock.monotonicMillis();
    this.endsMillis = Math.round(
      monotonicMillis + limits.connectionMillisMax * (0.9 + 0.2 * chance()),
    );
    this.member = hub.join(this, { monotonicMillis, wallMillis: clock.wallMillis() }, visitor);
    socket.on("drain", () => this.#drain());
    webSocket.on("message", (frame: Buffer, isBinary: boolean) => {
      if (isBinary) this.message(frame);
      else if (!socket.destroyed) hub.receiveText(this.member);
    });
    webSocket.on("ping", (payload) => {
      if (!socket.destroyed) hub.receivePing(this.member, payload, clock.monotonicMillis());
    });
    const lane = new FastLane(this);
    this.#lane = lane;
    // The library closes the connection itself after a broken frame; without a listener the process would end.
    webSocket.on("error", () => {
      lane.close();
      if (!socket.destroyed) hub.blame(this.member, clock.monotonicMillis());
    });
    this.#reader = takeOver(socket, (piece) => {
      house.onRead(piece.length);
      lane.take(piece);
      // The library may have had it read on.
      if (lane.isHeld) socket.pause();
      this.#noteHalf(lane.heldBytes);
    });
    webSocket.on("close", () => this.#end());
  }

  message(message: Buffer): void {
    // What Node had read of a socket that broke goes past the lane, into the middle of whatever waits there.
    if (this.#socket.destroyed) return;
    this.#house.hub.receive(this.member, message, this.#house.clock.monotonicMillis());
  }

  hold(message: Buffer): void {
    this.#lane.hold(message);
    this.#socket.pause();
  }

  goOn(isAdmitted: boolean): void {
    this.#lane.goOn(isAdmitted);
    if (!this.#lane.isHeld) this.#socket.resume();
    this.#noteHalf(this.#lane.heldBytes);
  }

  heldMessage(message: Buffer, isAdmitted: boolean): void {
    this.#house.hub.goOn(this.member, message, isAdmitted);
  }

  library(piece: Buffer): void {
    this.#reader?.call(this.#socket, piece);
  }

  push(framed: Framed): void {
    this.#outbox.push(framed);
  }

  backlogBytes(): number {
    return this.#outbox.backlogBytes();
  }

  halfReceivedBytes(): number {
    return this.#halfBytes;
  }

  close(code: number): void {
    // What a slow reader has not taken would stand in the way of the goodbye.
    if (code === 1013) this.#outbox.drop();
    this.#outbox.flushAll();
    this.#lane.leave();
    this.#webSocket.close(code);
    if (this.#halfBytes > 0) this.#endHalf();
    setTimeout(() => this.#webSocket.terminate(), this.#house.limits.lingerMillisMax).unref();
  }

  cut(): void {
    this.#webSocket.terminate();
  }

  watch(nowMillis: number): void {
    if (this.#outbox.backlogBytes() === 0) this.#stalledSinceMillis = undefined;
    else this.#stalledSinceMillis ??= nowMillis;
    if (nowMillis - (this.#stalledSinceMillis ?? nowMillis) > this.#house.limits.stallMillisMax)
      this.#webSocket.terminate();
  }

  #drain(): void {
    this.#stalledSinceMillis = undefined;
    this.#outbox.flush();
  }

  #noteHalf(bytes: number): void {
    const more = bytes - this.#halfBytes;
    if (more === 0 || this.#isLeft) return;
    this.#halfBytes = bytes;
    this.#house.hub.burden.addHalf(this.member, more);
  }

  /** The rest of what has come by halves is not waited for: it is gone with this turn, and counts no more. */
  #endHalf(): void {
    this.#noteHalf(0);
    this.#isLeft = true;
    const takesGoodbye = this.#socket.writableLength === 0;
    if (takesGoodbye) this.#socket.destroySoon();
    else this.#webSocket.terminate();
  }

  #end(): void {
    this.#lane.close();
    this.#outbox.drop();
    this.#noteHalf(0);
    this.#house.hub.leave(this.member);
    this.#house.onEnd(this);
  }
}

/** Reads in the library's place; answers what the library read with. */
function takeOver(socket: Socket, read: Reader): Reader | undefined {
  const [reader] = socket.listeners("data");
  if (!isReader(reader)) return undefined;
  // Not all listeners of the event at once: that makes the socket's table of them slow, and 800 bytes larger.
  socket.off("data", reader);
  socket.on("data", read);
  return reader;
}

type Reader = (piece: Buffer) => void;

function isReader(listener: unknown): listener is Reader {
  return typeof listener === "function";
}
