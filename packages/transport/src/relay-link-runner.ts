/** Runs a relay link over a socket: the only part of it that does anything. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { Tag } from "@skein/protocol/ids";
import type { Alarm } from "./alarm.ts";
import type { RelayLinkEffect } from "./relay-link.ts";
import type { Sockets } from "./socket.ts";

/** What the owner of a link hears. */
export type RelayLinkNews = Extract<
  RelayLinkEffect,
  {
    readonly type:
      | "greeted"
      | "away"
      | "deliver"
      | "found"
      | "refused"
      | "room"
      | "no-room"
      | "dropped";
  }
>;

export interface RelayLink {
  readonly chooseTopics: (tags: ReadonlyArray<Tag>) => void;
  readonly announce: (tag: Tag, blob: Bytes, want: number) => void;
  readonly withdraw: (tag: Tag) => void;
  readonly lookUp: (tag: Tag, want: number) => void;
  readonly publish: (tag: Tag, payload: Bytes) => void;
  readonly publishBulk: (tag: Tag, payload: Bytes) => void;
  readonly tryNow: () => void;
  readonly close: () => void;
}

/** Starts dialling. `listen` is never called before this returns. */
export function openRelayLink(_options: {
  readonly url: string;
  readonly sockets: Sockets;
  readonly alarm: Alarm;
  readonly seed: number;
  readonly listen: (news: RelayLinkNews) => void;
}): RelayLink {
  throw new Bug("not yet");
}
