/**
 * Takes in a few sockets in each turn of the event loop, however many the system has accepted.
 *
 * Node accepts whatever has come in one go, and would then read thousands of requests in one go: what a socket costs is nearly
 * all in its first request. So what has been accepted waits here unread, and who is connected already is served in between.
 */

import type { Server } from "node:http";
import type { Socket } from "node:net";

import { fixedLimits } from "./fixed-limits.ts";
import type { SocketGuard } from "./sockets.ts";

type TakeIn = (socket: Socket) => void;

export class Doorway {
  readonly #guard: SocketGuard;
  /** In the order in which they came, each with what takes it in. */
  readonly #waiting = new Map<Socket, TakeIn>();
  readonly #forget: (this: Socket) => void;
  #taken = 0;
  #isClosed = false;

  /** The guard sees each socket first. */
  constructor(guard: SocketGuard) {
    this.#guard = guard;
    const waiting = this.#waiting;
    this.#forget = function forget() {
      waiting.delete(this);
    };
  }

  /** Stands before a server from now on. */
  watch(server: Server): void {
    const listeners = server.listeners("connection");
    server.removeAllListeners("connection");
    // As `net.createServer` has it (Node, net): nothing is read before its turn.
    Object.assign(server, { pauseOnConnect: true });
    const takeIn: TakeIn = (socket) => {
      for (const listener of listeners) listener.call(server, socket);
      socket.resume();
    };
    server.on("secureConnection", (secured: Socket) => secured.resume());
    server.on("connection", (socket: Socket) => this.#meet(socket, takeIn));
  }

  /** Whoever still waits is turned away. */
  close(): void {
    this.#isClosed = true;
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  #meet(socket: Socket, takeIn: TakeIn): void {
    this.#guard(socket);
    if (this.#isClosed) socket.destroy();
    if (socket.destroyed) return;
    if (this.#taken === 0 && this.#waiting.size === 0) setImmediate(() => this.#beginTurn());
    if (this.#taken < takenPerTurn && this.#waiting.size === 0) {
      this.#taken += 1;
      takeIn(socket);
      return;
    }
    socket.on("error", destroySelf);
    socket.on("close", this.#forget);
    this.#waiting.set(socket, takeIn);
  }

  #beginTurn(): void {
    this.#taken = 0;
    for (const [socket, takeIn] of this.#waiting) {
      if (this.#taken === takenPerTurn) break;
      this.#waiting.delete(socket);
      this.#taken += 1;
      socket.off("error", destroySelf);
      socket.off("close", this.#forget);
      takeIn(socket);
    }
    if (this.#taken > 0) setImmediate(() => this.#beginTurn());
  }
}

function destroySelf(this: Socket): void {
  this.destroy();
}

const takenPerTurn = fixedLimits.socketsPerTurn;
