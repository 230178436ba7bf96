/** Runs the direct paths to all nodes over the channels port, and says which attempt reaches which node. */

import type { Random } from "@skein/auth/crypto/random";
import { formatHex, parseHex, type Bytes } from "@skein/protocol/bytes";
import type { NodeId } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { Signal } from "@skein/protocol/node-messages/signal";
import type { Channels, ChannelsEvent } from "@skein/transport/channels";
import type { Alarms } from "./alarms.ts";
import { directPath, type DirectPathEvent, type DirectPathState } from "./direct-path.ts";
import type { Inbox } from "./inbox.ts";
import type { Clock } from "./ports.ts";

export interface DirectPaths {
  readonly up: (node: NodeId) => void;
  readonly down: (node: NodeId) => void;
  readonly signalled: (node: NodeId, signal: Signal) => void;
  /** The attempt by which a node can be reached now. */
  readonly pathTo: (node: NodeId) => string | undefined;
  /** `false`: there is no room; hear `room` later. */
  readonly send: (attempt: string, packet: Bytes) => boolean;
  readonly tryNow: () => void;
  readonly iceServers: (servers: ReadonlyArray<string>) => void;
  readonly close: () => void;
}

export interface DirectPathsNews {
  readonly packet: (attempt: string, bytes: Bytes) => void;
  readonly room: (node: NodeId) => void;
  /** The path to a node opened, stalled or closed. */
  readonly changed: (node: NodeId) => void;
  readonly send: (node: NodeId, message: NodeMessage) => void;
}

export function openDirectPaths({
  me,
  channels,
  clock,
  random,
  alarms,
  inbox,
  news,
}: {
  readonly me: NodeId;
  readonly channels: Channels;
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly news: DirectPathsNews;
}): DirectPaths {
  const paths = new Map<NodeId, DirectPathState>();
  const owners = new Map<string, NodeId>();
  let servers: ReadonlyArray<string> = [];

  const fresh = (): string => formatHex(random.bytes(attemptBytes));
  const chance = (): number => (random.bytes(1)[0] ?? 0) / 255;

  const tell = (node: NodeId, event: DirectPathEvent): void => {
    const before = paths.get(node) ?? directPath.initial;
    const [next, effects] = step(directPath, before, event);
    paths.set(node, next);
    for (const effect of effects) {
      if (effect.type === "open-attempt") {
        owners.set(effect.attempt, node);
        channels.open({
          attempt: effect.attempt,
          initiator: effect.initiator,
          iceServers: servers,
        });
      } else if (effect.type === "close-attempt") {
        owners.delete(effect.attempt);
        channels.close(effect.attempt);
      } else {
        alarms.set(`direct ${node}`, effect.at, (now) =>
          tell(node, { type: "time-passed", now, fresh: fresh() }),
        );
      }
    }
    if (usable(before) !== usable(next)) news.changed(node);
  };

  const hear = (event: ChannelsEvent): void => {
    const node = owners.get(event.attempt);
    if (node === undefined) return;
    switch (event.type) {
      case "signal": {
        const attempt = parseHex(event.attempt);
        if (attempt !== undefined) news.send(node, { type: "signal", attempt, body: event.body });
        return;
      }
      case "packet":
        return news.packet(event.attempt, event.bytes);
      case "room":
        return news.room(node);
      case "connected":
      case "stalled":
        return tell(node, { type: event.type, attempt: event.attempt, now: clock.now() });
      case "closed":
        owners.delete(event.attempt);
        return tell(node, {
          type: "closed",
          attempt: event.attempt,
          chance: chance(),
          now: clock.now(),
        });
    }
  };
  channels.listen((event) => inbox.post(() => hear(event)));

  return {
    up: (node) => {
      if (channels.supported)
        tell(node, { type: "session-up", opens: me < node, fresh: fresh(), now: clock.now() });
    },
    down: (node) => tell(node, { type: "session-down", now: clock.now() }),
    signalled: (node, { attempt, body }) => {
      if (!channels.supported) return;
      const name = formatHex(attempt);
      const owner = owners.get(name);
      if (owner === undefined && me > node)
        tell(node, { type: "attempt-heard", attempt: name, now: clock.now() });
      if (owners.get(name) === node) channels.signal(name, body);
    },
    pathTo: (node) => usable(paths.get(node)),
    send: (attempt, packet) => channels.send(attempt, packet),
    tryNow: () => {
      channels.nudge();
      for (const node of paths.keys())
        tell(node, { type: "try-now", fresh: fresh(), now: clock.now() });
    },
    iceServers: (offered) => {
      servers = offered;
    },
    close: () => {
      for (const attempt of owners.keys()) channels.close(attempt);
      owners.clear();
      paths.clear();
    },
  };
}

function usable(state: DirectPathState | undefined): string | undefined {
  return state?.phase === "open" && !state.stalled ? state.attempt : undefined;
}

/** As long as the field of the `signal` message. */
const attemptBytes = 8;
