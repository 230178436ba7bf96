/** Runs a relay link over a socket: the only part of it that does anything. */

import type { Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { later, type Tag } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { relaySubprotocol } from "@skein/protocol/version";
import type { Alarm } from "./alarm.ts";
import {
  relayLink,
  type RelayLinkEffect,
  type RelayLinkEvent,
  type RelayLinkState,
} from "./relay-link.ts";
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
      | "dropped"
      | "left-out";
  }
>;

export interface RelayLink {
  readonly chooseTopics: (tags: ReadonlyArray<Tag>) => void;
  readonly announce: (tag: Tag, blob: Bytes, want: number) => void;
  readonly withdraw: (tag: Tag) => void;
  readonly lookUp: (tag: Tag, want: number) => void;
  readonly publish: (tag: Tag, payload: Bytes) => void;
  /** Publishes, and where the relay holds such things leaves it for a reader who is away, at most so long. */
  readonly leave: (tag: Tag, payload: Bytes, seconds: number) => void;
  readonly publishBulk: (tag: Tag, payload: Bytes) => void;
  readonly tryNow: () => void;
  readonly close: () => void;
}

type Untimed = RelayLinkEvent extends infer E
  ? E extends unknown
    ? Omit<E, "now">
    : never
  : never;

export interface RelayLinkOptions {
  readonly url: string;
  readonly sockets: Sockets;
  readonly alarm: Alarm;
  readonly seed: number;
  readonly listen: (news: RelayLinkNews) => void;
}

/** Starts dialling. `listen` is never called before this returns, nor from inside a call to the link. */
export function openRelayLink(options: RelayLinkOptions): RelayLink {
  const running = new RunningLink(options);
  const tell = (event: Untimed): void => running.tell(event);
  const forgetStart = options.alarm.wake(options.alarm.now(), () => tell({ type: "started" }));
  return {
    chooseTopics: (tags) => tell({ type: "topics-chosen", tags }),
    announce: (tag, blob, want) => tell({ type: "announced", tag, blob, want }),
    withdraw: (tag) => tell({ type: "withdrawn", tag }),
    lookUp: (tag, want) => tell({ type: "looked-up", tag, want }),
    publish: (tag, payload) => tell({ type: "published", tag, payload }),
    leave: (tag, payload, seconds) => tell({ type: "left", tag, payload, seconds }),
    publishBulk: (tag, payload) => tell({ type: "bulk-published", tag, payload }),
    tryNow: () => tell({ type: "try-now" }),
    close: () => {
      forgetStart();
      running.close();
    },
  };
}

/** One machine, its socket and its timer. */
class RunningLink {
  readonly #options: RelayLinkOptions;
  readonly #machine: ReturnType<typeof relayLink>;
  readonly #inbox: RelayLinkEvent[] = [];
  readonly #news: RelayLinkNews[] = [];
  #state: RelayLinkState;
  #turning = false;
  #socket: Socket | undefined;
  /** The socket holds so much that it is asked again and again whether it has room. */
  #full = false;
  #forgetWaking = (): void => {};

  constructor(options: RelayLinkOptions) {
    this.#options = options;
    this.#machine = relayLink({ seed: options.seed });
    this.#state = this.#machine.initial;
  }

  tell(event: Untimed): void {
    this.#inbox.push({ ...event, now: this.#options.alarm.now() });
    if (this.#turning) return;
    this.#turning = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        const [after, effects] = step(this.#machine, this.#state, next);
        this.#state = after;
        for (const effect of effects) this.#perform(effect);
      }
    } finally {
      this.#turning = false;
    }
  }

  close(): void {
    this.tell({ type: "stopped" });
    this.#forgetWaking();
    this.#news.splice(0);
  }

  #perform(effect: RelayLinkEffect): void {
    if (effect.type === "dial") return this.#dial();
    if (effect.type === "hang-up") return this.#hangUp(effect.code);
    if (effect.type === "send") return this.#send(effect.frame);
    if (effect.type !== "wake-at") return this.#report(effect);
    this.#forgetWaking();
    this.#forgetWaking = this.#options.alarm.wake(effect.at, () =>
      this.tell({ type: "time-passed" }),
    );
  }

  #dial(): void {
    this.#full = false;
    const opened: Socket = this.#options.sockets.open(this.#options.url, {
      subprotocol: relaySubprotocol,
      listen: (event) => {
        // A socket that was let go of is not listened to.
        if (this.#socket === opened) this.#hear(event);
      },
    });
    this.#socket = opened;
  }

  #hear(event: SocketEvent): void {
    if (event.type === "open") return this.tell({ type: "socket-opened" });
    if (event.type === "closed") {
      this.#socket = undefined;
      return this.tell({ type: "socket-closed", code: event.code });
    }
    const frame = tryDecode(RelayFrame, event.bytes);
    this.tell(
      frame === undefined ? { type: "garbage-received" } : { type: "frame-received", frame },
    );
  }

  #hangUp(code: number): void {
    const old = this.#socket;
    this.#socket = undefined;
    old?.close(code);
  }

  #send(frame: RelayFrame): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.send(encode(RelayFrame, frame));
    if (this.#full || socket.bufferedAmount() < socketHighBytes) return;
    this.#full = true;
    this.tell({ type: "socket-no-room" });
    this.#awaitRoom(socket);
  }

  /** A WebSocket does not say when it drains: it must be asked. */
  #awaitRoom(socket: Socket): void {
    const { alarm } = this.#options;
    alarm.wake(later(alarm.now(), roomMillis), () => {
      if (this.#socket !== socket) return;
      if (socket.bufferedAmount() > socketLowBytes) return this.#awaitRoom(socket);
      this.#full = false;
      this.tell({ type: "socket-room" });
    });
  }

  /** The owner is told after the turn that brought the news, in the order in which things happened. */
  #report(item: RelayLinkNews): void {
    if (this.#news.push(item) === 1) void this.#deliver();
  }

  async #deliver(): Promise<void> {
    await Promise.resolve();
    for (const item of this.#news.splice(0)) this.#options.listen(item);
  }
}

const socketHighBytes = 256 * 1024;
const socketLowBytes = 64 * 1024;
const roomMillis = 20;
