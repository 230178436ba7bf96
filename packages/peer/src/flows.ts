/** Runs the streams to each node: collects what was asked for here, and reads what others asked for from its source. */

import type { Random } from "@skein/auth/crypto/random";
import { concat, type Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import type { NodeId, StreamId } from "@skein/protocol/ids";
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
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";

/** What flows towards the node that asked: found once, then read piece by piece. */
export interface Source {
  readonly bytes: Bytes;
  readonly objects: number;
}

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

export interface Flows {
  /** Asks a node. Rejects with `FlowFailedError`. */
  readonly ask: (
    node: NodeId,
    request: StreamRequest,
    options: {
      readonly bytesMax: number;
      readonly signal: AbortSignal;
      readonly onProgress?: (progress: FlowProgress) => void;
    },
  ) => Promise<Bytes>;
  readonly receive: (node: NodeId, message: StreamMessage) => void;
  readonly up: (node: NodeId) => void;
  readonly lost: (node: NodeId) => void;
  readonly room: (node: NodeId, room: boolean) => void;
}

interface Asked {
  readonly resolve: (bytes: Bytes) => void;
  readonly reject: (cause: unknown) => void;
  readonly parts: Bytes[];
  readonly onProgress: ((progress: FlowProgress) => void) | undefined;
  offered: { readonly bytes: number; readonly objects: number };
}

interface Line {
  readonly machine: Machine<StreamsState, StreamsEvent, StreamsEffect>;
  state: StreamsState;
  readonly asked: Map<StreamId, Asked>;
  readonly sources: Map<StreamId, Source>;
}

export function openFlows({
  me,
  clock,
  random,
  alarms,
  inbox,
  scope,
  find,
  send,
}: {
  readonly me: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  /** Finds what a node asked for. Throws `NoSourceError`. */
  readonly find: (node: NodeId, request: StreamRequest) => Promise<Source>;
  readonly send: (node: NodeId, message: StreamMessage) => void;
}): Flows {
  const lines = new Map<NodeId, Line>();

  const lineTo = (node: NodeId): Line => {
    const known = lines.get(node);
    if (known !== undefined) return known;
    const start = random.bytes(4).reduce((value, byte) => value * 256 + byte, 0);
    const machine = streamsBetween({ opens: me < node ? "odd" : "even", start });
    const line: Line = { machine, state: machine.initial, asked: new Map(), sources: new Map() };
    lines.set(node, line);
    return line;
  };

  const tell = (node: NodeId, event: StreamsEvent): void => {
    const line = lineTo(node);
    const [next, effects] = step(line.machine, line.state, event);
    line.state = next;
    for (const effect of effects) perform(node, line, effect);
  };

  const perform = (node: NodeId, line: Line, effect: StreamsEffect): void => {
    switch (effect.type) {
      case "send":
        return send(node, effect.message);
      case "start-source":
        return startSource(node, line, effect);
      case "read-source":
        return readSource(node, line, effect);
      case "drop-source":
        line.sources.delete(effect.stream);
        return;
      case "wake-at":
        return alarms.set(`flows ${node}`, effect.at, (now) =>
          tell(node, { type: "time-passed", now }),
        );
      default:
        return collect(node, line, effect);
    }
  };

  const startSource = (
    node: NodeId,
    line: Line,
    { stream, request }: Extract<StreamsEffect, { readonly type: "start-source" }>,
  ): void =>
    scope.start(async () => {
      const found = await find(node, request).catch((error: unknown) => {
        if (error instanceof NoSourceError) return error.why;
        throw error;
      });
      inbox.post(() => {
        const now = clock.now();
        if (typeof found === "string")
          return tell(node, { type: "source-refused", stream, why: found, now });
        line.sources.set(stream, found);
        tell(node, {
          type: "source-ready",
          stream,
          bytes: found.bytes.length,
          objects: found.objects,
          now,
        });
      });
    });

  /** Answered in a turn of its own, so that a long stream never keeps the others waiting. */
  const readSource = (
    node: NodeId,
    line: Line,
    { stream, offset, length }: Extract<StreamsEffect, { readonly type: "read-source" }>,
  ): void =>
    inbox.post(() => {
      const source = line.sources.get(stream);
      if (source === undefined) return;
      const bytes = source.bytes.slice(offset, offset + length);
      tell(node, { type: "source-bytes", stream, offset, bytes, now: clock.now() });
    });

  const collect = (
    node: NodeId,
    line: Line,
    effect: Extract<
      StreamsEffect,
      { readonly type: "offered" | "deliver" | "finished" | "failed" }
    >,
  ): void => {
    const asked = line.asked.get(effect.stream);
    if (asked === undefined) return;
    if (effect.type === "offered") {
      asked.offered = { bytes: effect.bytes, objects: effect.objects };
    } else if (effect.type === "deliver") {
      asked.parts.push(effect.bytes);
      const upto = effect.offset + effect.bytes.length;
      asked.onProgress?.({
        bytes: upto,
        bytesAll: asked.offered.bytes,
        objects: asked.offered.objects,
      });
      const { stream } = effect;
      inbox.post(() => tell(node, { type: "consumed", stream, upto, now: clock.now() }));
    } else {
      line.asked.delete(effect.stream);
      if (effect.type === "finished") asked.resolve(concat(...asked.parts));
      else asked.reject(new FlowFailedError(effect.why));
    }
  };

  const ask: Flows["ask"] = (node, request, { bytesMax, signal, onProgress }) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new FlowFailedError("stopped"));
      const line = lineTo(node);
      const stream = nextStream(line.state);
      line.asked.set(stream, {
        resolve,
        reject,
        parts: [],
        onProgress,
        offered: { bytes: 0, objects: 0 },
      });
      const stop = (): void =>
        inbox.post(() => {
          if (!line.asked.delete(stream)) return;
          tell(node, { type: "cancelled", stream, now: clock.now() });
          reject(new FlowFailedError("stopped"));
        });
      signal.addEventListener("abort", stop, { once: true });
      tell(node, { type: "opened-here", stream, request, bytesMax, now: clock.now() });
    });

  return {
    ask,
    receive: (node, message) => tell(node, { type: "message-received", message, now: clock.now() }),
    up: (node) => tell(node, { type: "session-up", now: clock.now() }),
    lost: (node) => tell(node, { type: "session-lost", now: clock.now() }),
    room: (node, room) => tell(node, { type: room ? "room" : "no-room", now: clock.now() }),
  };
}
