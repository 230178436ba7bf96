/** Runs a relay link over a socket: the only part of it that does anything. */

import type { Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { later, type Tag } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { relaySubprotocol } from "@skein/protocol/version";
import type { Alarm } from "./alarm.ts";
import { relayLink, type RelayLinkEffect, type RelayLinkEvent } from "./relay-link.ts";
import type { Socket, SocketEvent, Sockets } from "./socket.ts";

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

type Untimed = RelayLinkEvent extends infer E
  ? E extends unknown
    ? Omit<E, "now">
    : never
  : never;

/** Starts dialling. `listen` is never called before this returns, nor from inside a call to the link. */
export function openRelayLink({
  url,
  sockets,
  alarm,
  seed,
  listen,
}: {
  readonly url: string;
  readonly sockets: Sockets;
  readonly alarm: Alarm;
  readonly seed: number;
  readonly listen: (news: RelayLinkNews) => void;
}): RelayLink {
  const machine = relayLink({ seed });
  const inbox: RelayLinkEvent[] = [];
  const news: RelayLinkNews[] = [];
  let state = machine.initial;
  let running = false;
  let socket: Socket | undefined;
  let full = false;
  let forgetWaking = (): void => {};

  const tell = (event: Untimed): void => {
    inbox.push({ ...event, now: alarm.now() });
    if (running) return;
    running = true;
    try {
      for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
        const [after, effects] = step(machine, state, next);
        state = after;
        for (const effect of effects) perform(effect);
      }
    } finally {
      running = false;
    }
  };

  /** The owner is told after the turn that brought the news, in the order in which things happened. */
  const report = (item: RelayLinkNews): void => {
    if (news.push(item) > 1) return;
    void Promise.resolve().then(() => {
      for (const each of news.splice(0)) listen(each);
    });
  };

  const perform = (effect: RelayLinkEffect): void => {
    switch (effect.type) {
      case "dial":
        return dial();
      case "hang-up":
        return hangUp(effect.code);
      case "send":
        return send(effect.frame);
      case "wake-at":
        forgetWaking();
        forgetWaking = alarm.wake(effect.at, () => tell({ type: "time-passed" }));
        return;
      case "greeted":
      case "away":
      case "deliver":
      case "found":
      case "refused":
      case "room":
      case "no-room":
      case "dropped":
        return report(effect);
    }
  };

  const dial = (): void => {
    full = false;
    const opened: Socket = sockets.open(url, {
      subprotocol: relaySubprotocol,
      listen: (event) => {
        // A socket that was let go of is not listened to.
        if (socket === opened) hear(event);
      },
    });
    socket = opened;
  };

  const hear = (event: SocketEvent): void => {
    if (event.type === "open") return tell({ type: "socket-opened" });
    if (event.type === "closed") {
      socket = undefined;
      return tell({ type: "socket-closed", code: event.code });
    }
    const frame = tryDecode(RelayFrame, event.bytes);
    return tell(
      frame === undefined ? { type: "garbage-received" } : { type: "frame-received", frame },
    );
  };

  const hangUp = (code: number): void => {
    const old = socket;
    socket = undefined;
    old?.close(code);
  };

  const send = (frame: RelayFrame): void => {
    socket?.send(encode(RelayFrame, frame));
    if (full || (socket?.bufferedAmount() ?? 0) < socketHighBytes) return;
    full = true;
    tell({ type: "socket-no-room" });
    awaitRoom(socket);
  };

  /** A WebSocket does not say when it drains: it must be asked. */
  const awaitRoom = (asked: Socket | undefined): void =>
    void alarm.wake(later(alarm.now(), roomMillis), () => {
      if (asked === undefined || socket !== asked) return;
      if (asked.bufferedAmount() > socketLowBytes) return awaitRoom(asked);
      full = false;
      tell({ type: "socket-room" });
    });

  const forgetStart = alarm.wake(alarm.now(), () => tell({ type: "started" }));

  return {
    chooseTopics: (tags) => tell({ type: "topics-chosen", tags }),
    announce: (tag, blob, want) => tell({ type: "announced", tag, blob, want }),
    withdraw: (tag) => tell({ type: "withdrawn", tag }),
    lookUp: (tag, want) => tell({ type: "looked-up", tag, want }),
    publish: (tag, payload) => tell({ type: "published", tag, payload }),
    publishBulk: (tag, payload) => tell({ type: "bulk-published", tag, payload }),
    tryNow: () => tell({ type: "try-now" }),
    close: () => {
      tell({ type: "stopped" });
      forgetWaking();
      forgetStart();
      news.splice(0);
    },
  };
}

const socketHighBytes = 256 * 1024;
const socketLowBytes = 64 * 1024;
const roomMillis = 20;
