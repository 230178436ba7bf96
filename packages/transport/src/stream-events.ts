/** What the streams of a session are told, and what they order. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, StreamId } from "@skein/protocol/ids";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { StreamResetReason } from "@skein/protocol/node-messages/stream-reset";

/** The node messages that streams are made of. */
export type StreamMessage = Extract<NodeMessage, { readonly type: `stream-${string}` }>;

/** Why a stream that was opened here brought nothing. A reset's reason is the other side's word. */
export type StreamFailure = StreamResetReason | "silence" | "misbehaved" | "busy";

export type StreamsEvent = { readonly now: Instant } & (
  | { readonly type: "session-up" }
  | { readonly type: "session-lost" }
  /** Wanted here. `stream` is from `nextStream(state)`, taken in the same turn. An offer above `bytesMax` is refused. */
  | {
      readonly type: "opened-here";
      readonly stream: StreamId;
      readonly request: StreamRequest;
      readonly bytesMax: number;
    }
  | { readonly type: "message-received"; readonly message: StreamMessage }
  /** What the other node asked for was found: so many bytes, holding so many objects. */
  | {
      readonly type: "source-ready";
      readonly stream: StreamId;
      readonly bytes: number;
      readonly objects: number;
    }
  /** The answer to `read-source`, with the same offset and exactly the length asked for. */
  | {
      readonly type: "source-bytes";
      readonly stream: StreamId;
      readonly offset: number;
      readonly bytes: Bytes;
    }
  /** The source cannot be found, may not be shown, or broke. */
  | {
      readonly type: "source-refused";
      readonly stream: StreamId;
      readonly why: StreamResetReason;
    }
  /** Everything before `upto` was dealt with here: more may come. */
  | { readonly type: "consumed"; readonly stream: StreamId; readonly upto: number }
  /** The path takes more, or takes no more for now. A machine begins with room. */
  | { readonly type: "room" }
  | { readonly type: "no-room" }
  /** Not wanted any more, whoever opened it. */
  | { readonly type: "cancelled"; readonly stream: StreamId }
  | { readonly type: "time-passed" }
);

export type StreamsEffect =
  | { readonly type: "send"; readonly message: StreamMessage }
  /** Find what the other node asked for; answer with `source-ready` or `source-refused`. */
  | { readonly type: "start-source"; readonly stream: StreamId; readonly request: StreamRequest }
  | {
      readonly type: "read-source";
      readonly stream: StreamId;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly type: "drop-source"; readonly stream: StreamId }
  | {
      readonly type: "offered";
      readonly stream: StreamId;
      readonly bytes: number;
      readonly objects: number;
    }
  /** In order, without gaps, each byte once. */
  | {
      readonly type: "deliver";
      readonly stream: StreamId;
      readonly offset: number;
      readonly bytes: Bytes;
    }
  | { readonly type: "finished"; readonly stream: StreamId }
  | { readonly type: "failed"; readonly stream: StreamId; readonly why: StreamFailure }
  /** Say `time-passed` then. Replaces the one before. */
  | { readonly type: "wake-at"; readonly at: Instant };
