/** What a link to a relay is told, and what it orders. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, Tag } from "@skein/protocol/ids";
import type { RelayFrame } from "@skein/protocol/relay-frame";
import type { RelayHello } from "@skein/protocol/relay-frames/hello";
import type { RefusedReason } from "@skein/protocol/relay-frames/refused";

export type RelayLinkEvent = { readonly now: Instant } & (
  | { readonly type: "started" }
  | { readonly type: "stopped" }
  /** The page saw the network or the tab come back. */
  | { readonly type: "try-now" }
  | { readonly type: "socket-opened" }
  | { readonly type: "frame-received"; readonly frame: RelayFrame }
  /** Bytes that are no frame. */
  | { readonly type: "garbage-received" }
  | { readonly type: "socket-closed"; readonly code: number }
  /** The socket takes more, or takes no more for now. */
  | { readonly type: "socket-room" }
  | { readonly type: "socket-no-room" }
  /** The whole set of tags to hear from now on. */
  | { readonly type: "topics-chosen"; readonly tags: ReadonlyArray<Tag> }
  /** Keep this blob at the relay, until withdrawn; replaces the one before. */
  | {
      readonly type: "announced";
      readonly tag: Tag;
      readonly blob: Bytes;
      readonly want: number;
    }
  | { readonly type: "withdrawn"; readonly tag: Tag }
  | { readonly type: "looked-up"; readonly tag: Tag; readonly want: number }
  | { readonly type: "published"; readonly tag: Tag; readonly payload: Bytes }
  /** As published; a reader who is away finds it when it comes back, where the relay holds such things. */
  | {
      readonly type: "left";
      readonly tag: Tag;
      readonly payload: Bytes;
      readonly seconds: number;
    }
  | { readonly type: "bulk-published"; readonly tag: Tag; readonly payload: Bytes }
  | { readonly type: "time-passed" }
);

export type RelayLinkEffect =
  | { readonly type: "dial" }
  | { readonly type: "hang-up"; readonly code: number }
  | { readonly type: "send"; readonly frame: RelayFrame }
  /** The relay said hello: the link is open. Said again when the relay names new servers or limits. */
  | { readonly type: "greeted"; readonly hello: RelayHello }
  /** The link is not open any more, and is tried again at `at`. */
  | { readonly type: "away"; readonly at: Instant | undefined; readonly code: number }
  | { readonly type: "deliver"; readonly tag: Tag; readonly payload: Bytes }
  | { readonly type: "found"; readonly tag: Tag; readonly blobs: ReadonlyArray<Bytes> }
  | {
      readonly type: "refused";
      readonly reason: RefusedReason;
      readonly retryAfterSeconds: number;
      readonly op: number;
    }
  /** Bulk is taken, or would only wait. Said at each change. */
  | { readonly type: "room" }
  | { readonly type: "no-room" }
  /** So many messages were let go of since the last report, the oldest first. */
  | { readonly type: "dropped"; readonly count: number }
  /** So many of the topics chosen last are not heard here: the relay lets one connection have fewer. Said at each change. */
  | { readonly type: "left-out"; readonly count: number }
  /** Say `time-passed` then. Replaces the one before. */
  | { readonly type: "wake-at"; readonly at: Instant };
