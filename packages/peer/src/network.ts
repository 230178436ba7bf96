/** Speaking with other nodes: sessions over the best path there is, direct or through the relay, and who is reachable how. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import { sessionPsk } from "@skein/auth/door";
import type { NodeKeys } from "@skein/auth/identity";
import { openSessions, type Acquaintance, type SessionOutput } from "@skein/auth/session";
import type { Introduction } from "@skein/auth/session-handshake";
import type { Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { later, type Instant, type NodeId } from "@skein/protocol/ids";
import { NodeMessage } from "@skein/protocol/node-message";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Alarms } from "./alarms.ts";
import { openDirectPaths } from "./direct-paths.ts";
import { openFlows, type Flows, type Source } from "./flows.ts";
import type { Inbox } from "./inbox.ts";
import { openMeetingPlace, type RelayStatus } from "./meeting-place.ts";
import type { Ports } from "./ports.ts";
import type { Scope } from "./scope.ts";

/** A node this one has a session with. */
export interface Connection {
  readonly introduction: Introduction;
  readonly handshakeHash: Bytes;
  readonly since: Instant;
  readonly roundTripMillis: number | undefined;
}

export interface NetworkNews {
  readonly up: (node: NodeId) => void;
  readonly down: (node: NodeId) => void;
  readonly message: (node: NodeId, message: AppMessage) => void;
  readonly knock: (knock: Knock) => void;
  /** Another node holds our own keys: a copied profile. */
  readonly self: () => void;
  /** A path, the relay or a round-trip time changed. */
  readonly changed: () => void;
}

/** What the network does not deal with itself. */
export type AppMessage = Exclude<
  NodeMessage,
  { readonly type: `stream-${string}` | "signal" | "ping" | "pong" | "bye" }
>;

export interface Network {
  readonly connections: () => ReadonlyMap<NodeId, Connection>;
  readonly pathKind: (node: NodeId) => "direct" | "relayed";
  readonly handshakes: (node: NodeId) => ReadonlyArray<Bytes>;
  readonly relay: () => RelayStatus;
  readonly send: (node: NodeId, message: NodeMessage) => void;
  readonly ask: Flows["ask"];
  readonly connect: (peer: { readonly node: NodeId; readonly box: Uint8Array }) => void;
  readonly drop: (node: NodeId) => void;
  readonly knock: (knock: Knock) => void;
  readonly moveIn: (readKey: SecretKey) => void;
  readonly tryNow: () => void;
  readonly close: () => void;
}

interface Options {
  readonly ports: Ports;
  readonly keys: NodeKeys;
  readonly meeting: SecretKey;
  readonly pass: () => Pass | undefined;
  readonly mayConnect: (introduction: Introduction) => boolean;
  /** Nodes that may still have a session with us from before this program was started. */
  readonly acquaintances: () => Iterable<Acquaintance>;
  readonly find: (node: NodeId, request: StreamRequest) => Promise<Source>;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly news: NetworkNews;
}

export function openNetwork(options: Options): Network {
  const { ports, keys, alarms, inbox, scope, news } = options;
  const { crypto, clock, random, channels } = ports;
  const connections = new Map<NodeId, Connection>();
  const pings = new Map<number, { readonly node: NodeId; readonly at: Instant }>();
  /** Packets that a direct path had no room for; a few at most, because streams stop when told. */
  const waiting = new Map<NodeId, Bytes[]>();
  let relayRoom = true;

  const sessions = openSessions({
    crypto,
    keys,
    psk: sessionPsk(crypto, options.meeting),
    pass: options.pass,
    mayConnect: options.mayConnect,
    acquaintances: options.acquaintances,
    random,
  });

  const carryOut = (outputs: ReadonlyArray<SessionOutput>): void => {
    for (const output of outputs) perform(output);
    const wake = sessions.nextWake();
    if (wake !== undefined) alarms.set("sessions", wake, (now) => carryOut(sessions.tick(now)));
  };

  const perform = (output: SessionOutput): void => {
    switch (output.type) {
      case "packet":
        return sendPacket(output);
      case "message": {
        const message = tryDecode(NodeMessage, output.message);
        if (message !== undefined) hear(output.node, message, output.path);
        return;
      }
      case "up":
        return comeUp(output);
      case "down":
        return goDown(output.node);
      case "self":
        return news.self();
      case "refused":
        return undefined;
    }
  };

  const sendPacket = ({
    node,
    packet,
    path,
    bulk,
  }: Extract<SessionOutput, { readonly type: "packet" }>): void => {
    const attempt = path === relayPath ? undefined : direct.pathTo(node);
    if (attempt === undefined) return meeting.sendPacket(node, packet, bulk);
    const queue = waiting.get(node);
    if (queue === undefined) {
      const kept = packet.slice();
      if (direct.send(attempt, packet)) return;
      waiting.set(node, [kept]);
      flows.room(node, false);
    } else if (queue.length < waitingPacketsMax) queue.push(packet);
  };

  const flush = (node: NodeId): void => {
    const queue = waiting.get(node);
    waiting.delete(node);
    const attempt = direct.pathTo(node);
    for (const [index, packet] of (queue ?? []).entries()) {
      const kept = packet.slice();
      if (attempt === undefined) meeting.sendPacket(node, packet, true);
      else if (!direct.send(attempt, packet)) {
        waiting.set(node, [kept, ...(queue ?? []).slice(index + 1)]);
        return;
      }
    }
    flows.room(node, attempt !== undefined || relayRoom);
  };

  const hear = (node: NodeId, message: NodeMessage, path: string): void => {
    switch (message.type) {
      case "stream-open":
      case "stream-offer":
      case "stream-grant":
      case "stream-chunk":
      case "stream-reset":
        return flows.receive(node, message);
      case "signal":
        return direct.signalled(node, message);
      case "ping":
        return send(node, { type: "pong", nonce: message.nonce }, path);
      case "pong":
        return measure(node, message.nonce);
      case "bye":
        return carryOut(sessions.drop(node));
      default:
        return news.message(node, message);
    }
  };

  const measure = (node: NodeId, nonce: number): void => {
    const ping = pings.get(nonce);
    const connection = connections.get(node);
    if (ping?.node !== node || connection === undefined) return;
    pings.delete(nonce);
    connections.set(node, { ...connection, roundTripMillis: clock.now() - ping.at });
    news.changed();
  };

  const ping = (node: NodeId): void => {
    if (!connections.has(node)) return;
    const now = clock.now();
    for (const [nonce, { at }] of pings) if (now - at > pingMillis * 4) pings.delete(nonce);
    const nonce = random.bytes(4).reduce((value, byte) => value * 256 + byte, 0);
    pings.set(nonce, { node, at: now });
    send(node, { type: "ping", nonce });
    alarms.set(`ping ${node}`, later(now, pingMillis), () => ping(node));
  };

  const comeUp = ({
    node,
    introduction,
    handshakeHash,
  }: Extract<SessionOutput, { readonly type: "up" }>): void => {
    const known = connections.get(node);
    const since = known?.since ?? clock.now();
    const connection = {
      introduction,
      handshakeHash,
      since,
      roundTripMillis: known?.roundTripMillis,
    };
    connections.set(node, connection);
    if (known === undefined) {
      direct.up(node);
      flows.up(node);
      flows.room(node, relayRoom);
      ping(node);
      news.up(node);
    }
  };

  const goDown = (node: NodeId): void => {
    if (!connections.delete(node)) return;
    alarms.cancel(`ping ${node}`);
    waiting.delete(node);
    direct.down(node);
    flows.lost(node);
    news.down(node);
    alarms.set("look around", later(clock.now(), lookAroundMillis), () => meeting.lookAround());
  };

  const send = (node: NodeId, message: NodeMessage, path?: string): void =>
    carryOut(sessions.send(node, encode(NodeMessage, message), clock.now(), path));

  const flows = openFlows({
    me: keys.id,
    clock,
    random,
    alarms,
    inbox,
    scope,
    find: options.find,
    send,
  });

  const direct = openDirectPaths({
    me: keys.id,
    channels,
    clock,
    random,
    alarms,
    inbox,
    news: {
      packet: (attempt, bytes) => carryOut(sessions.receive(bytes, attempt, clock.now())),
      room: flush,
      changed: (node) => {
        flush(node);
        ping(node);
        news.changed();
      },
      send,
    },
  });

  const meeting = openMeetingPlace({
    crypto,
    keys,
    meeting: options.meeting,
    relayUrl: ports.relayUrl,
    sockets: ports.sockets,
    clock,
    random,
    alarms,
    inbox,
    news: {
      packet: (packet) => carryOut(sessions.receive(packet, relayPath, clock.now())),
      knock: news.knock,
      present: (peer) => carryOut(sessions.connect(peer, clock.now())),
      room: (room) => {
        relayRoom = room;
        for (const node of connections.keys())
          if (direct.pathTo(node) === undefined) flows.room(node, room);
      },
      greeted: (servers) => {
        direct.iceServers(servers);
        carryOut(sessions.nudge("all", clock.now()));
      },
      changed: news.changed,
    },
  });

  return {
    connections: () => connections,
    pathKind: (node) => (direct.pathTo(node) === undefined ? "relayed" : "direct"),
    handshakes: (node) => sessions.handshakes(node),
    relay: () => meeting.relay(),
    send,
    ask: flows.ask,
    connect: (peer) => carryOut(sessions.connect(peer, clock.now())),
    drop: (node) => carryOut(sessions.drop(node)),
    knock: (knock) => meeting.knock(knock),
    moveIn: (readKey) => meeting.moveIn(readKey),
    tryNow: () => {
      meeting.tryNow();
      meeting.lookAround();
      direct.tryNow();
      carryOut(sessions.nudge("all", clock.now()));
    },
    close: () => {
      for (const node of connections.keys()) send(node, { type: "bye" });
      meeting.close();
      direct.close();
      sessions[Symbol.dispose]();
    },
  };
}

/** The name of the relay among the paths of a session; attempts are hex and never this. */
const relayPath = "relay";
/** Often enough that a person sees a path go within a breath, seldom enough for a phone's battery. */
const pingMillis = 15_000;
/** A node that went away is often a tab that was reloaded. */
const lookAroundMillis = 2_000;
/** Control messages that may wait for a direct path: more means that it stands still. */
const waitingPacketsMax = 256;
