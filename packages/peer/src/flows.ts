/** Runs the streams to each node: collects what was asked for here, and reads what others asked for from its source. */

import type { Random } from "@skein/auth/crypto/random";
import { concat, type Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import type { Instant, NodeId, StreamId } from "@skein/protocol/ids";
import { sourceBytesMax } from "@skein/protocol/limits";
import { step, type Machine } from "@skein/protocol/machine";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { StreamResetReason } from "@skein/protocol/node-messages/stream-reset";
import {
  nextStream,
  streamsBetween,
  type StreamFailure,
  type StreamMessage,
  type StreamsEffect,
  type StreamsEvent,
  type StreamsState,
} from "@skein/transport/streams";
import type { Alarms } from "./alarms.ts";
import type { Inbox } from "./inbox.ts";
import { randomU32, type Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";
import { Searches, type Find } from "./searches.ts";
import { SourceGoneError, type Source } from "./sources.ts";

/** A stream brought nothing; `why` is the other side's word or our own observation. */
export class FlowFailedError extends SkeinError {
  override readonly name = "FlowFailedError";
  readonly code = "flow_failed";
  readonly blame = "peer";
  readonly hint = "It is asked again from any node that has it.";
  readonly why: StreamFailure | "stopped";

  constructor(why: StreamFailure | "stopped") {
    super(`A stream ended early: ${why}`);
    this.why = why;
  }
}

/** Thrown by a `find` that has nothing to show. */
export class NoSourceError extends SkeinError {
  override readonly name = "NoSourceError";
  readonly code = "no_source";
  readonly blame = "peer";
  readonly hint = "The node that asked turns to another one.";
  readonly why: StreamResetReason;

  constructor(why: StreamResetReason) {
    super(`Nothing to send: ${why}`);
    this.why = why;
  }
}

export interface FlowProgress {
  readonly bytes: number;
  readonly bytesAll: number;
  readonly objects: number;
}

export interface AskOptions {
  readonly bytesMax: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: FlowProgress) => void;
  /**
   * Takes what comes, part by part, in the place of collecting it: the answer is empty then. More is asked for as parts
   * are taken. What it throws ends the stream and is what `ask` rejects with.
   */
  readonly take?: (part: Bytes, progress: FlowProgress) => Promise<void>;
}

/** How other parts ask a node for something. */
export type AskNode = (node: NodeId, request: StreamRequest, options: AskOptions) => Promise<Bytes>;

interface Asked {
  readonly resolve: (bytes: Bytes) => void;
  readonly reject: (cause: unknown) => void;
  readonly parts: Bytes[];
  readonly onProgress: AskOptions["onProgress"] | undefined;
  readonly take: AskOptions["take"] | undefined;
  /** All that came was taken. */
  taken: Promise<void>;
  offered: { readonly bytes: number; readonly objects: number };
  /** Nobody can cancel it any more. */
  readonly over: () => void;
}

/** The streams with one node. */
interface Line {
  readonly node: NodeId;
  readonly machine: Machine<StreamsState, StreamsEvent, StreamsEffect>;
  state: StreamsState;
  readonly asked: Map<StreamId, Asked>;
  readonly sources: Map<StreamId, Source>;
}

interface FlowsOptions {
  readonly me: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  /** Finds what a node asked for. Throws `NoSourceError`. */
  readonly find: Find<Source>;
  readonly send: (node: NodeId, message: StreamMessage) => void;
  readonly report: (cause: unknown) => void;
}

type Effect<T extends StreamsEffect["type"]> = Extract<StreamsEffect, { readonly type: T }>;

export class Flows {
  readonly #options: FlowsOptions;
  readonly #lines = new Map<NodeId, Line>();

  readonly #searches: Searches<Source | StreamResetReason>;

  constructor(options: FlowsOptions) {
    this.#options = options;
    this.#searches = new Searches(options.scope, (node, request, signal) =>
      options.find(node, request, signal).catch((error: unknown) => {
        if (error instanceof NoSourceError) return error.why;
        if (!signal.aborted) options.report(error);
        return "failed";
      }),
    );
  }

  /** Asks a node. Rejects with `FlowFailedError`. */
  ask(node: NodeId, request: StreamRequest, options: AskOptions): Promise<Bytes> {
    const { bytesMax, signal, onProgress, take } = options;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new FlowFailedError("stopped"));
      const line = this.#lineTo(node);
      const stream = nextStream(line.state);
      const stop = (): void => this.#cancel(line, stream);
      signal.addEventListener("abort", stop, { once: true });
      line.asked.set(stream, {
        resolve,
        reject,
        parts: [],
        onProgress,
        take,
        taken: Promise.resolve(),
        offered: { bytes: 0, objects: 0 },
        over: () => signal.removeEventListener("abort", stop),
      });
      return this.#tell(line, {
        type: "opened-here",
        stream,
        request,
        bytesMax,
        now: this.#now(),
      });
    });
  }

  receive(node: NodeId, message: StreamMessage): void {
    this.#tell(this.#lineTo(node), { type: "message-received", message, now: this.#now() });
  }

  up(node: NodeId): void {
    this.#tell(this.#lineTo(node), { type: "session-up", now: this.#now() });
  }

  lost(node: NodeId): void {
    this.#tell(this.#lineTo(node), { type: "session-lost", now: this.#now() });
  }

  /** Whether the path to a node takes more for now. */
  room(node: NodeId, room: boolean): void {
    this.#tell(this.#lineTo(node), { type: room ? "room" : "no-room", now: this.#now() });
  }

  /** Whoever waits for a stream is told that none comes. */
  close(): void {
    for (const { asked } of this.#lines.values())
      for (const one of asked.values()) {
        one.over();
        refuse(one, new FlowFailedError("stopped"));
      }
    for (const { sources } of this.#lines.values())
      for (const source of sources.values()) source.close();
    this.#lines.clear();
  }

  #lineTo(node: NodeId): Line {
    const known = this.#lines.get(node);
    if (known !== undefined) return known;
    const { me, random } = this.#options;
    const opens = me < node ? "odd" : "even";
    const machine = streamsBetween({ opens, start: randomU32(random) });
    const state = machine.initial;
    const line: Line = { node, machine, state, asked: new Map(), sources: new Map() };
    this.#lines.set(node, line);
    return line;
  }

  #tell(line: Line, event: StreamsEvent): void {
    const [next, effects] = step(line.machine, line.state, event);
    line.state = next;
    for (const effect of effects) this.#perform(line, effect);
    if (isIdle(line)) this.#letGo(line);
  }

  /** Numbers of streams start anew by chance: the next line to that node reuses none. */
  #letGo(line: Line): void {
    const { node } = line;
    if (this.#lines.get(node) !== line) return;
    this.#lines.delete(node);
    this.#options.alarms.cancel(`flows ${node}`);
  }

  #perform(line: Line, effect: StreamsEffect): void {
    switch (effect.type) {
      case "send":
        return this.#options.send(line.node, effect.message);
      case "start-source":
        return this.#searches.begin({
          ...effect,
          node: line.node,
          done: (found) => this.#options.inbox.post(() => this.#answer(line, effect.stream, found)),
        });
      case "read-source":
        // A turn of its own, so that a long stream never keeps the others waiting.
        return this.#options.inbox.post(() => this.#readSource(line, effect));
      case "drop-source":
        line.sources.get(effect.stream)?.close();
        line.sources.delete(effect.stream);
        return this.#searches.cancel(line.node, effect.stream);
      case "wake-at":
        return this.#options.alarms.set(`flows ${line.node}`, effect.at, (now) =>
          this.#tell(line, { type: "time-passed", now }),
        );
      case "offered":
      case "deliver":
        return this.#collect(line, effect);
      case "finished":
      case "failed":
        return this.#conclude(line, effect);
    }
  }

  #answer(line: Line, stream: StreamId, found: Source | StreamResetReason): void {
    if (typeof found === "string") return this.#refuse(line, stream, found);
    if (this.#heldBytes() + found.held > sourceBytesMax) {
      found.close();
      return this.#refuse(line, stream, "failed");
    }
    line.sources.set(stream, found);
    const { bytes, objects } = found;
    return this.#tell(line, { type: "source-ready", stream, bytes, objects, now: this.#now() });
  }

  #heldBytes(): number {
    let bytes = 0;
    for (const { sources } of this.#lines.values())
      for (const source of sources.values()) bytes += source.held;
    return bytes;
  }

  #refuse(line: Line, stream: StreamId, why: StreamResetReason): void {
    this.#tell(line, { type: "source-refused", stream, why, now: this.#now() });
  }

  #readSource(line: Line, { stream, offset, length }: Effect<"read-source">): void {
    const source = line.sources.get(stream);
    if (source === undefined) return;
    const pass = (bytes: Bytes): void =>
      this.#tell(line, { type: "source-bytes", stream, offset, bytes, now: this.#now() });
    const read = source.read(offset, length);
    if (read instanceof Uint8Array) return pass(read);
    const { inbox, scope, report } = this.#options;
    return scope.start(async (signal) => {
      try {
        const bytes = await read;
        inbox.post(() => pass(bytes));
      } catch (error) {
        // Nobody waits for it any more.
        if (signal.aborted || line.sources.get(stream) !== source) return;
        if (!(error instanceof SourceGoneError)) report(error);
        inbox.post(() => this.#refuse(line, stream, "failed"));
      }
    });
  }

  #collect(line: Line, effect: Effect<"offered" | "deliver">): void {
    const { stream } = effect;
    const asked = line.asked.get(stream);
    if (asked === undefined) return;
    if (effect.type === "offered") {
      asked.offered = { bytes: effect.bytes, objects: effect.objects };
      return;
    }
    const upto = effect.offset + effect.bytes.length;
    const { bytes: bytesAll, objects } = asked.offered;
    const progress = { bytes: upto, bytesAll, objects };
    asked.onProgress?.(progress);
    const consumed = (): void =>
      this.#options.inbox.post(() =>
        this.#tell(line, { type: "consumed", stream, upto, now: this.#now() }),
      );
    const { take } = asked;
    if (take === undefined) {
      asked.parts.push(effect.bytes);
      return consumed();
    }
    asked.taken = asked.taken.then(() => take(effect.bytes, progress));
    return void asked.taken.then(consumed, (cause: unknown) => this.#cancel(line, stream, cause));
  }

  #conclude(line: Line, effect: Effect<"finished" | "failed">): void {
    const asked = line.asked.get(effect.stream);
    line.asked.delete(effect.stream);
    asked?.over();
    if (effect.type === "finished")
      void asked?.taken.then(() => asked.resolve(concat(...asked.parts)), asked.reject);
    else if (asked !== undefined) refuse(asked, new FlowFailedError(effect.why));
  }

  #cancel(line: Line, stream: StreamId, cause: unknown = new FlowFailedError("stopped")): void {
    const asked = line.asked.get(stream);
    if (asked === undefined) return;
    line.asked.delete(stream);
    asked.over();
    refuse(asked, cause);
    this.#options.inbox.post(() =>
      this.#tell(line, { type: "cancelled", stream, now: this.#now() }),
    );
  }

  #now(): Instant {
    return this.#options.clock.now();
  }
}

/** Whoever asked is told once nothing is being taken any more. */
function refuse({ taken, reject }: Asked, cause: unknown): void {
  void taken.then(
    () => reject(cause),
    () => reject(cause),
  );
}

/** Nothing is under way, and the node is not there. */
function isIdle({ state }: Line): boolean {
  return state.phase === "down" && state.receiving.size === 0 && state.sending.size === 0;
}
