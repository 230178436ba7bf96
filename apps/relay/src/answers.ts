/**
 * HTTP answers under way: one for each socket, written a piece at a time, and given up where nobody takes them.
 *
 * Whoever asks again before the answer is there is cut: browsers and proxies do not, and what is asked in a row and never
 * read would otherwise be held for as long as somebody likes. The bytes of a page are everybody's, and never copied here.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { fixedLimits } from "./fixed-limits.ts";
import type { Limits } from "./limits.ts";
import type { Totals } from "./totals.ts";

/** Something that waits for a reader, and what ends it. */
export interface Waiting {
  readonly bytes: number;
  readonly cut: () => void;
}

export interface AnswersSetup {
  readonly limits: Pick<Limits, "stallMillisMax">;
  readonly totals: Pick<Totals, "httpAnswers" | "httpBytes" | "httpCut">;
  /** So many bytes were handed out, and wait perhaps. */
  readonly onWrite: (bytes: number) => void;
}

export class Answers {
  readonly #setup: AnswersSetup;
  readonly #sockets = new Set<Socket>();

  constructor(setup: AnswersSetup) {
    this.#setup = setup;
  }

  /** How many are under way. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Whether the socket may have an answer. One that is still being given another is closed. */
  begin({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (this.cutBusy(socket)) return false;
    this.#sockets.add(socket);
    response.once("close", () => this.#sockets.delete(socket));
    this.#setup.totals.httpAnswers += 1;
    return true;
  }

  /** Closes a socket that asks for more before it has its answer. */
  cutBusy(socket: Socket): boolean {
    if (!this.#sockets.has(socket)) return false;
    this.#cut(socket);
    stopReading(socket);
    return true;
  }

  /** Writes a body whose headers are written, as fast as it is taken. */
  send(response: ServerResponse, body: Uint8Array | string | undefined): void {
    const { socket } = response;
    if (socket === null) return;
    // Ends with the answer: what is kept open has another time, and an upgraded socket none.
    response.setTimeout(this.#setup.limits.stallMillisMax, () => this.#cut(socket));
    if (body === undefined) response.end();
    else this.#pour(response, typeof body === "string" ? Buffer.from(body) : body);
  }

  /** Those of which something waits in the relay. */
  *waiting(): Iterable<Waiting> {
    for (const socket of this.#sockets)
      if (socket.writableLength > 0)
        yield { bytes: socket.writableLength + answerCostBytes, cut: () => this.#cut(socket) };
  }

  /** The next piece once the system has taken the one before. */
  #pour(response: ServerResponse, body: Uint8Array): void {
    const piece = body.subarray(0, fixedLimits.answerPieceBytes);
    const rest = body.subarray(piece.length);
    this.#setup.totals.httpBytes += piece.length;
    this.#setup.onWrite(piece.length + answerCostBytes);
    if (rest.length === 0) {
      response.end(piece);
      return;
    }
    response.write(piece, (error) => {
      const isGone = response.destroyed || response.socket?.destroyed !== false;
      if ((error ?? undefined) === undefined && !isGone) this.#pour(response, rest);
    });
  }

  #cut(socket: Socket): void {
    if (!socket.destroyed) this.#setup.totals.httpCut += 1;
    socket.destroy();
  }
}

/**
 * What has come in the same read would be made into requests and answers even so, kilobytes for each fifty bytes, and held
 * until the socket has closed. Node's parser is reached only so. Without it everything works, and the collector has more to do.
 */
function stopReading(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, "parser");
  if (typeof parser === "object" && parser !== null) Reflect.set(parser, "onIncoming", ignore);
}

function ignore(): number {
  return 0;
}

/** What Node makes of a request and its answer, and the headers of both. */
export const answerCostBytes = 8 * 1024;
