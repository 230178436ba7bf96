/** Speaking with other nodes: sessions over the best path there is, direct or through the relay, and who is reachable how. */

import type { NodeKeys } from "@skein/auth/identity";
import {
  openSessions,
  type Acquaintance,
  type SessionOutput,
  type Sessions,
} from "@skein/auth/session";
import type { Introduction } from "@skein/auth/session-handshake";
import type { Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { later, type Instant, type NodeId } from "@skein/protocol/ids";
import { NodeMessage } from "@skein/protocol/node-message";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Letter } from "@skein/protocol/topic-messages/letter";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { StreamMessage } from "@skein/transport/streams";
import { openAlarms, type Alarms } from "./alarms.ts";
import { DirectPaths } from "./direct-paths.ts";
import { Flows, type AskOptions } from "./flows.ts";
import type { Source } from "./sources.ts";
import { branchInbox, type Inbox } from "./inbox.ts";
import { MeetingPlace } from "./meeting-place.ts";
import { Pings } from "./pings.ts";
import type { Ports } from "./ports.ts";
import type { RelayReport } from "./relay-status.ts";
import type { Relays } from "./relays.ts";
import type { Scope } from "./scope.ts";
import type { Whereabouts } from "./venues.ts";

/** A node this one has a session with. */
export interface Connection {
  readonly introduction: Introduction;
  readonly since: Instant;
}

export interface NetworkNews {
  readonly up: (node: NodeId) => void;
  /** A relay is back, and perhaps with it the only path to this node: what was said meanwhile may be lost. */
  readonly resumed: (node: NodeId) => void;
  readonly down: (node: NodeId) => void;
  readonly message: (node: NodeId, message: AppMessage) => void;
  readonly knock: (knock: Knock) => void;
  /** A node left it at a relay while this one was away, or a moment ago. */
  readonly letter: (letter: Letter) => void;
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

export interface NetworkOptions {
  readonly ports: Ports;
  readonly relays: Relays;
  readonly keys: NodeKeys;
  readonly whereabouts: Whereabouts;
  readonly pass: () => Pass | undefined;
  /** `atFormerPlace`: by one that only whoever has not heard of the new one looks at. */
  readonly mayConnect: (introduction: Introduction, atFormerPlace: boolean) => boolean;
  /** Nodes that may still have a session with us from before this program was started. */
  readonly acquaintances: () => Iterable<Acquaintance>;
  readonly find: (node: NodeId, request: StreamRequest, signal: AbortSignal) => Promise<Source>;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly news: NetworkNews;
}

type Output<T extends SessionOutput["type"]> = Extract<SessionOutput, { readonly type: T }>;

export class Network {
  readonly #options: NetworkOptions;
  /** Both end with the network: nothing rings, and nothing is heard, after it was closed. */
  readonly #inbox: Inbox;
  readonly #alarms: Alarms;
  readonly #connections = new Map<NodeId, Connection>();
  /** Packets that a direct path had no room for; a few at most, because streams stop when told. */
  readonly #waiting = new Map<NodeId, Bytes[]>();
  /** How often each node was greeted since it was last heard. */
  readonly #unanswered = new Map<NodeId, number>();
  readonly #sessions: Sessions;
  readonly #flows: Flows;
  readonly #direct: DirectPaths;
  readonly #meeting: MeetingPlace;
  readonly #pings: Pings;
  #relayHasRoom = true;

  constructor(options: NetworkOptions) {
    this.#options = options;
    const { ports, keys, scope, find } = options;
    const { clock, random } = ports;
    const inbox = branchInbox(options.inbox);
    const alarms = openAlarms({ clock, inbox });
    this.#inbox = inbox;
    this.#alarms = alarms;
    const send = (node: NodeId, message: NodeMessage): void => this.send(node, message);
    this.#sessions = this.#openSessions();
    this.#flows = new Flows({
      me: keys.id,
      clock,
      random,
      alarms,
      inbox,
      scope,
      find,
      send,
      report: ports.report,
    });
    this.#pings = new Pings({ clock, random, alarms, send, measured: options.news.changed });
    this.#direct = this.#openDirectPaths();
    this.#meeting = this.#openMeetingPlace();
  }

  connections(): ReadonlyMap<NodeId, Connection> {
    return this.#connections;
  }

  pathKind(node: NodeId): "direct" | "relayed" {
    return this.#direct.pathTo(node) === undefined ? "relayed" : "direct";
  }

  roundTripMillis(node: NodeId): number | undefined {
    return this.#pings.roundTripMillis(node);
  }

  handshakes(node: NodeId): ReadonlyArray<Bytes> {
    return this.#sessions.handshakes(node);
  }

  relays(): ReadonlyArray<RelayReport> {
    return this.#meeting.relays();
  }

  send(node: NodeId, message: NodeMessage, path?: string): void {
    const now = this.#options.ports.clock.now();
    this.#carryOut(this.#sessions.send(node, encode(NodeMessage, message), now, path));
  }

  ask(node: NodeId, request: StreamRequest, options: AskOptions): Promise<Bytes> {
    return this.#flows.ask(node, request, options);
  }

  connect(peer: Acquaintance): void {
    this.#carryOut(this.#sessions.connect(peer, this.#now()));
  }

  drop(node: NodeId): void {
    this.#carryOut(this.#sessions.drop(node));
  }

  knock(knock: Knock): void {
    this.#meeting.knock(knock);
  }

  leave(node: NodeId, letter: Letter): void {
    this.#meeting.leave(node, letter);
  }

  /** Can be met by other secrets from now on. Sessions go on. */
  meetAt(whereabouts: Whereabouts): void {
    this.#meeting.meetAt(whereabouts);
    this.#lookAroundIn(lookAroundIdleMillis);
  }

  /** The network or the tab came back. */
  tryNow(): void {
    this.#meeting.tryNow();
    this.#meeting.lookAround();
    this.#direct.tryNow();
    this.#carryOut(this.#sessions.nudge("all", this.#now()));
  }

  /** Says goodbye. What was asked of other nodes fails. */
  close(): void {
    for (const node of this.#connections.keys()) this.send(node, { type: "bye" });
    this.#connections.clear();
    this.#alarms.close();
    this.#inbox.close();
    this.#flows.close();
    this.#meeting.close();
    this.#direct.close();
    this.#sessions[Symbol.dispose]();
  }

  // --- What sessions order. ---

  #carryOut(outputs: ReadonlyArray<SessionOutput>): void {
    for (const output of outputs) this.#perform(output);
    const wake = this.#sessions.nextWake();
    if (wake === undefined) return;
    this.#alarms.set("sessions", wake, (now) => this.#carryOut(this.#sessions.tick(now)));
  }

  #perform(output: SessionOutput): void {
    switch (output.type) {
      case "packet":
        return this.#sendPacket(output);
      case "message":
        return this.#open(output);
      case "heard":
        return this.#placeNode(output);
      case "up":
        return this.#comeUp(output);
      case "down":
        return this.#goDown(output.node);
      case "self":
        return this.#options.news.self();
      case "refused":
        return undefined;
    }
  }

  #sendPacket({ node, packet, path, bulk }: Output<"packet">): void {
    const venue = venueOf(path);
    const attempt = venue === undefined ? this.#direct.pathTo(node) : undefined;
    // A handshake is begun because nothing is heard: the direct path may be dead without knowing it yet.
    if (packet[0] === sessionHelloType) this.#greet(node, packet.slice());
    else if (attempt === undefined) this.#meeting.sendPacket(node, packet, { bulk, venue });
    if (attempt === undefined) return undefined;
    const queue = this.#waiting.get(node);
    if (queue !== undefined) {
      if (queue.length < waitingPacketsMax) queue.push(packet);
      return undefined;
    }
    const kept = packet.slice();
    if (this.#direct.send(attempt, packet)) return undefined;
    this.#waiting.set(node, [kept]);
    return this.#flows.room(node, false);
  }

  /** One that does not answer may not know where we meet now: it is looked for at the door too. */
  #greet(node: NodeId, packet: Bytes): void {
    const times = this.#unanswered.get(node) ?? 0;
    if (this.#unanswered.size >= unansweredMax) this.#unanswered.clear();
    this.#unanswered.set(node, times + 1);
    if (times === 0 && this.#meeting.isPlaced(node))
      this.#meeting.sendPacket(node, packet, { bulk: false });
    else this.#meeting.callEverywhere(node, packet);
  }

  #placeNode({ node, path }: Output<"heard">): void {
    const venue = venueOf(path);
    this.#unanswered.delete(node);
    if (venue !== undefined) this.#meeting.heard(node, venue);
  }

  /** The direct path takes packets again, or there is another path now. */
  #flush(node: NodeId): void {
    const queue = this.#waiting.get(node) ?? [];
    this.#waiting.delete(node);
    const attempt = this.#direct.pathTo(node);
    for (let packet = queue.shift(); packet !== undefined; packet = queue.shift()) {
      const kept = packet.slice();
      if (attempt === undefined) this.#meeting.sendPacket(node, packet, { bulk: true });
      else if (!this.#direct.send(attempt, packet)) {
        this.#waiting.set(node, [kept, ...queue]);
        return;
      }
    }
    this.#flows.room(node, attempt !== undefined || this.#relayHasRoom);
  }

  #comeUp({ node, introduction }: Output<"up">): void {
    if (this.#connections.has(node)) return;
    this.#connections.set(node, { introduction, since: this.#now() });
    this.#direct.up(node);
    this.#flows.up(node);
    this.#flows.room(node, this.#relayHasRoom);
    this.#pings.start(node);
    this.#options.news.up(node);
  }

  #goDown(node: NodeId): void {
    if (!this.#connections.delete(node)) return;
    this.#pings.stop(node);
    this.#waiting.delete(node);
    this.#direct.down(node);
    this.#flows.lost(node);
    this.#options.news.down(node);
    // A node that went away is often a tab that was reloaded.
    this.#lookAroundIn(lookAroundMillis);
  }

  /** Now and then, too: a node that was removed cannot find the others, and is to hear why. */
  #lookAroundIn(millis: number): void {
    this.#alarms.set("look around", later(this.#now(), millis), () => {
      this.#meeting.lookAround();
      this.#lookAroundIn(lookAroundIdleMillis);
    });
  }

  // --- What nodes say. ---

  #open({ node, message: bytes, path }: Output<"message">): void {
    this.#unanswered.delete(node);
    const message = tryDecode(NodeMessage, bytes);
    if (message !== undefined) this.#hear(node, message, path);
  }

  #hear(node: NodeId, message: NodeMessage, path: string): void {
    if (isStreamMessage(message)) return this.#flows.receive(node, message);
    if (isAppMessage(message)) return this.#options.news.message(node, message);
    switch (message.type) {
      case "signal":
        return this.#direct.signalled(node, message);
      case "ping":
        return this.send(node, { type: "pong", nonce: message.nonce }, path);
      case "pong":
        return this.#pings.answered(node, message.nonce);
      case "bye":
        return this.drop(node);
    }
  }

  #openSessions(): Sessions {
    const { ports, mayConnect, ...options } = this.#options;
    const { crypto, random } = ports;
    return openSessions({
      ...options,
      crypto,
      random,
      psks: (path) => this.#meeting.psks(venueOf(path)),
      mayConnect: (introduction, path) => {
        const venue = venueOf(path);
        return mayConnect(introduction, venue !== undefined && this.#meeting.isFormer(venue));
      },
    });
  }

  // --- The two paths. ---

  #openDirectPaths(): DirectPaths {
    const { ports, keys, news } = this.#options;
    return new DirectPaths({
      ...ports,
      me: keys.id,
      alarms: this.#alarms,
      inbox: this.#inbox,
      news: {
        packet: (attempt, bytes) =>
          this.#carryOut(this.#sessions.receive(bytes, attempt, this.#now())),
        room: (node) => this.#flush(node),
        changed: (node) => {
          this.#flush(node);
          if (this.#connections.has(node)) this.#pings.start(node);
          news.changed();
        },
        send: (node, message) => this.send(node, message),
      },
    });
  }

  #openMeetingPlace(): MeetingPlace {
    const { ports, relays, keys, news, whereabouts } = this.#options;
    return new MeetingPlace({
      ...ports,
      relays,
      keys,
      whereabouts,
      alarms: this.#alarms,
      inbox: this.#inbox,
      news: {
        packet: (packet, venue) =>
          this.#carryOut(this.#sessions.receive(packet, relayPath + venue, this.#now())),
        knock: news.knock,
        letter: news.letter,
        self: news.self,
        present: (peer) => this.connect(peer),
        room: (room) => this.#relayRoom(room),
        greeted: (servers) => {
          this.#direct.useIceServers(servers);
          this.#carryOut(this.#sessions.nudge("all", this.#now()));
          for (const node of this.#connections.keys())
            if (this.pathKind(node) === "relayed") news.resumed(node);
        },
        changed: news.changed,
      },
    });
  }

  #relayRoom(room: boolean): void {
    this.#relayHasRoom = room;
    for (const node of this.#connections.keys())
      if (this.#direct.pathTo(node) === undefined) this.#flows.room(node, room);
  }

  #now(): Instant {
    return this.#options.ports.clock.now();
  }
}

function isAppMessage(message: NodeMessage): message is AppMessage {
  return !isStreamMessage(message) && !ownTypes.has(message.type);
}

function isStreamMessage(message: NodeMessage): message is StreamMessage {
  return message.type.startsWith("stream-");
}

/** The place of a path by the relay. */
function venueOf(path: string | undefined): string | undefined {
  return path?.startsWith(relayPath) === true ? path.slice(relayPath.length) : undefined;
}

const ownTypes: ReadonlySet<string> = new Set(["signal", "ping", "pong", "bye"]);

/** The first byte of a session packet that begins a handshake (docs/protocol/3-sessions.md). */
const sessionHelloType = 0x01;
/** How paths by the relay begin, before the name of a place; attempts are hex and never this. */
const relayPath = "relay ";
const lookAroundMillis = 2_000;
/** Nodes that are greeted and do not answer. */
const unansweredMax = 256;
const lookAroundIdleMillis = 5 * 60_000;
/** Control messages that may wait for a direct path: more means that it stands still. */
const waitingPacketsMax = 256;
