/** Runs the direct paths to all nodes over the channels port, and says which attempt reaches which node. */

import type { Random } from "@skein/auth/crypto/random";
import { formatHex, parseHex, type Bytes } from "@skein/protocol/bytes";
import type { Instant, NodeId } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { Signal } from "@skein/protocol/node-messages/signal";
import type { IceServer } from "@skein/protocol/relay-frames/hello";
import type { Channels, ChannelsEvent } from "@skein/transport/channels";
import type { Alarms } from "./alarms.ts";
import {
  directPath,
  type DirectPathEffect,
  type DirectPathEvent,
  type DirectPathState,
} from "./direct-path.ts";
import type { Inbox } from "./inbox.ts";
import type { Clock } from "./ports.ts";

export interface DirectPathsNews {
  readonly packet: (attempt: string, bytes: Bytes) => void;
  readonly room: (node: NodeId) => void;
  /** The path to a node opened, stalled or closed. */
  readonly changed: (node: NodeId) => void;
  readonly send: (node: NodeId, message: NodeMessage) => void;
}

interface DirectPathsOptions {
  readonly me: NodeId;
  readonly channels: Channels;
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly news: DirectPathsNews;
}

export class DirectPaths {
  readonly #options: DirectPathsOptions;
  readonly #paths = new Map<NodeId, DirectPathState>();
  readonly #owners = new Map<string, NodeId>();
  #servers: ReadonlyArray<IceServer> = [];

  constructor(options: DirectPathsOptions) {
    this.#options = options;
    options.channels.listen((event) => options.inbox.post(() => this.#hear(event)));
  }

  up(node: NodeId): void {
    const { me, channels } = this.#options;
    if (!channels.supported) return;
    this.#tell(node, {
      type: "session-up",
      opens: me < node,
      fresh: this.#fresh(),
      now: this.#now(),
    });
  }

  down(node: NodeId): void {
    this.#tell(node, { type: "session-down", now: this.#now() });
  }

  signalled(node: NodeId, { attempt, body }: Signal): void {
    const { me, channels } = this.#options;
    if (!channels.supported) return;
    const name = formatHex(attempt);
    if (!this.#owners.has(name) && me > node)
      this.#tell(node, { type: "attempt-heard", attempt: name, now: this.#now() });
    if (this.#owners.get(name) === node) channels.signal(name, body);
  }

  /** The attempt by which a node can be reached now. */
  pathTo(node: NodeId): string | undefined {
    return usable(this.#paths.get(node));
  }

  /** `false`: there is no room; hear `room` later. */
  send(attempt: string, packet: Bytes): boolean {
    return this.#options.channels.send(attempt, packet);
  }

  tryNow(): void {
    this.#options.channels.nudge();
    for (const node of this.#paths.keys())
      this.#tell(node, { type: "try-now", fresh: this.#fresh(), now: this.#now() });
  }

  useIceServers(servers: ReadonlyArray<IceServer>): void {
    this.#servers = servers;
  }

  close(): void {
    for (const attempt of this.#owners.keys()) this.#options.channels.close(attempt);
    this.#owners.clear();
    this.#paths.clear();
  }

  #tell(node: NodeId, event: DirectPathEvent): void {
    const before = this.#paths.get(node) ?? directPath.initial;
    const [next, effects] = step(directPath, before, event);
    if (next.phase === "off") this.#rest(node);
    else this.#paths.set(node, next);
    for (const effect of effects) this.#perform(node, effect);
    if (usable(before) !== usable(next)) this.#options.news.changed(node);
  }

  #rest(node: NodeId): void {
    this.#paths.delete(node);
    this.#options.alarms.cancel(`direct ${node}`);
  }

  #perform(node: NodeId, effect: DirectPathEffect): void {
    const { channels, alarms } = this.#options;
    switch (effect.type) {
      case "open-attempt":
        this.#owners.set(effect.attempt, node);
        return channels.open({ ...effect, iceServers: this.#servers });
      case "close-attempt":
        this.#owners.delete(effect.attempt);
        return channels.close(effect.attempt);
      case "wake-at":
        return alarms.set(`direct ${node}`, effect.at, (now) =>
          this.#tell(node, { type: "time-passed", now, fresh: this.#fresh() }),
        );
    }
  }

  #hear(event: ChannelsEvent): void {
    const { news } = this.#options;
    const { attempt } = event;
    const node = this.#owners.get(attempt);
    if (node === undefined) return undefined;
    switch (event.type) {
      case "signal": {
        const id = parseHex(attempt);
        return id && news.send(node, { type: "signal", attempt: id, body: event.body });
      }
      case "packet":
        return news.packet(attempt, event.bytes);
      case "room":
        return news.room(node);
      case "connected":
      case "stalled":
        return this.#tell(node, { type: event.type, attempt, now: this.#now() });
      case "closed":
        this.#owners.delete(attempt);
        return this.#tell(node, {
          type: "closed",
          attempt,
          chance: this.#chance(),
          now: this.#now(),
        });
    }
  }

  #fresh(): string {
    return formatHex(this.#options.random.bytes(attemptBytes));
  }

  #chance(): number {
    return (this.#options.random.bytes(1)[0] ?? 0) / 255;
  }

  #now(): Instant {
    return this.#options.clock.now();
  }
}

function usable(state: DirectPathState | undefined): string | undefined {
  return state?.phase === "open" && !state.stalled ? state.attempt : undefined;
}

/** As long as the field of the `signal` message. */
const attemptBytes = 8;
