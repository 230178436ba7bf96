/** Everything behind the upgrade: who may come in, the connections, the hub between them, their heartbeat and their end. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { protocolVersion, relaySubprotocol } from "@skein/protocol/version";
import { WebSocketServer, type WebSocket } from "ws";

import { Answers } from "./answers.ts";
import { isPrivate, type Visitor } from "./addresses.ts";
import { openConnection, type Connection, type House } from "./connection.ts";
import { Entrance, type Asked, type Judged, type Readiness } from "./entrance.ts";
import { fixedLimits } from "./fixed-limits.ts";
import { spreadGoodbyes } from "./goodbyes.ts";
import { openHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { Hub, type Clock, type HubCounts } from "./hub.ts";
import type { Journal } from "./journal.ts";
import type { Junction } from "./junction.ts";
import type { Limits } from "./limits.ts";
import { payloadOffset } from "./frame-reader.ts";
import type { Outbox } from "./outbox.ts";
import { renewPool } from "./pool.ts";
import { Reception } from "./reception.ts";
import { judgeUpgrade, type UpgradeRefused } from "./upgrade.ts";
import type { Room, Watchdog } from "./watchdog.ts";
import { openCollector } from "./young-garbage.ts";

export interface StationRules {
  readonly limits: Limits;
  readonly origins: ReadonlyArray<string>;
  readonly iceServers: ReadonlyArray<string>;
  readonly turnSecret: string | undefined;
  readonly isBehindProxy: boolean;
  readonly proxies: ReadonlyArray<string>;
  readonly clock: Clock;
  readonly junction: Junction | undefined;
  readonly watchdog: Watchdog;
  readonly journal: Journal;
}

/** What /healthz answers: counts, and nothing that tells one node from another. */
export interface Health {
  readonly status: "ok" | "closing";
  readonly protocol: number;
  readonly uptimeSeconds: number;
  readonly connections: number;
  readonly tags: number;
  readonly announcements: number;
  readonly backlogBytes: number;
  readonly backplane: "none" | "up" | "down";
}

/** Everything the relay holds and has done, as counts and sizes: there is nothing else to tell. */
export interface Report {
  readonly holds: HubCounts & {
    readonly connections: number;
    readonly addresses: number;
    readonly backlogBytes: number;
    readonly halfReceivedBytes: number;
    /** HTTP answers under way, and sockets that are no connections. */
    readonly answers: number;
    readonly otherSockets: number;
    readonly backplaneUp: number;
    readonly relays: number;
    /** Connections of other relays whose announcements are held. */
    readonly neighbourOwners: number;
  };
  readonly did: Readonly<Record<DidCount, number>> & {
    readonly refused: Readonly<Record<string, number>>;
    readonly closed: Readonly<Record<string, number>>;
  };
  readonly process: {
    readonly memoryBytes: number;
    readonly lagMillis: number;
    readonly uptimeSeconds: number;
  };
}

type DidCount =
  | "connections"
  | "upgradesRefused"
  | "publishes"
  | "publishBytes"
  | "bulks"
  | "bulkBytes"
  | "delivered"
  | "deliveredBytes"
  | "bulkLeftOut"
  | "waited"
  | "announces"
  | "lookups"
  | "subscribes"
  | "kept"
  | "keptDelivered"
  | "keptExpired"
  | "gitAnswers"
  | "gitBytes"
  | "httpAnswers"
  | "httpBytes"
  | "httpRefused"
  | "httpCut"
  | "backplaneLeftOut"
  | "backplaneSpared"
  | "backplaneSent"
  | "backplaneSentBytes"
  | "backplaneHeard"
  | "backplaneHeardBytes";

export class Station {
  /** Of this port and of the one for counts. */
  readonly answers: Answers;
  readonly #rules: StationRules;
  readonly #hub: Hub;
  readonly #heartbeat: Heartbeat;
  readonly #entrance: Entrance;
  /** What comes over HTTP goes through it. */
  readonly reception = new Reception(atTurnsEnd);
  readonly #connections = new Set<Connection>();
  readonly #house: House;
  readonly #webSockets: WebSocketServer;
  readonly #startedMillis: number;
  #room: Room = "free";
  #ticks = 0;
  /** Connections from a private address although no proxy was named: perhaps there is one. */
  #private = 0;
  #sockets = 0;
  #isJoined = false;
  #isClosing = false;
  #onEmpty: () => void = () => undefined;

  constructor(rules: StationRules) {
    const { limits, iceServers, turnSecret, clock, junction } = rules;
    this.#rules = rules;
    this.#hub = new Hub({ limits, iceServers, turnSecret, junction, later: atTurnsEnd });
    const { burden, totals } = this.#hub;
    this.answers = new Answers({ limits, totals, onWrite: (bytes) => burden.add(bytes) });
    burden.countAnswers(this.answers);
    const { wallMillis } = clock;
    this.#heartbeat = openHeartbeat({ hub: this.#hub, limits, wallMillis, chance: Math.random });
    this.#entrance = new Entrance({ ...rules, purse: this.#hub.purse });
    this.#startedMillis = clock.monotonicMillis();
    // What Node itself keeps for good lies in the slab it has now.
    renewPool();
    this.#webSockets = new WebSocketServer(webSocketRules(limits));
    this.#house = {
      hub: this.#hub,
      limits,
      clock,
      chance: Math.random,
      onRead: openCollector(),
      flushLater: openFlusher(),
      onEnd: (ended) => this.#end(ended),
    };
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  get tickMillis(): number {
    return this.#heartbeat.tickMillis;
  }

  tick(): void {
    const nowMillis = this.#rules.clock.monotonicMillis();
    this.#heartbeat.tick(nowMillis);
    this.#look();
    renewPool();
    this.#ticks += 1;
    if (this.#ticks % fixedLimits.sweepTicks === 0) this.#entrance.sweep(nowMillis);
  }

  /** Whether it would take another connection now, and if not, why not. */
  readiness(): Readiness {
    if (this.#isClosing) return "closing";
    if (this.#connections.size >= this.#rules.limits.connectionsMax || this.#hub.isOutOfTags())
      return "full";
    return this.#room === "free" ? "ready" : this.#room;
  }

  health(): Health {
    const { junction } = this.#rules;
    const { tags, announcements } = this.#hub.counts();
    return {
      status: this.#isClosing ? "closing" : "ok",
      protocol: protocolVersion,
      uptimeSeconds: this.#uptimeSeconds(),
      connections: this.#connections.size,
      tags,
      announcements,
      backlogBytes: this.#hub.burden.waitingBytes(),
      backplane: junction === undefined ? "none" : junction.isUp() ? "up" : "down",
    };
  }

  report(): Report {
    const { junction, watchdog } = this.#rules;
    const { refused, closed, ...did } = this.#hub.totals;
    return {
      holds: {
        connections: this.#connections.size,
        addresses: this.#entrance.size(),
        backlogBytes: this.#hub.burden.waitingBytes(),
        halfReceivedBytes: this.#hub.burden.halfReceivedBytes(),
        answers: this.answers.size,
        otherSockets: Math.max(0, this.#sockets - this.#connections.size),
        backplaneUp: junction?.isUp() === true ? 1 : 0,
        relays: junction?.relayCount() ?? 0,
        neighbourOwners: junction?.ownerCount() ?? 0,
        ...this.#hub.counts(),
      },
      did: {
        ...did,
        ...backplaneCounts(junction),
        refused: Object.fromEntries(refused),
        closed: Object.fromEntries(closed),
      },
      process: {
        memoryBytes: watchdog.memoryBytes(),
        lagMillis: watchdog.lagMillis(),
        uptimeSeconds: this.#uptimeSeconds(),
      },
    };
  }

  /** The address a request comes from, as the limits see it. For the one who asks, and for nobody else. */
  addressOf(request: IncomingMessage): string {
    return this.#entrance.addressOf(request);
  }

  /** Counts a question over HTTP. A vital one, such as a balancer's, waits for nobody else's. */
  ask(request: IncomingMessage, isVital: boolean): Asked {
    const asked = this.#entrance.ask(request, isVital);
    if (asked.verdict === "refused") this.#hub.totals.httpRefused += 1;
    return asked;
  }

  /** Told how many sockets its port has, connections or not. */
  countSockets(count: number): void {
    this.#sockets = count;
  }

  /** Answers an HTTP upgrade, now or in a moment: with a connection, or with the reason why not. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    destroyOnError(socket);
    if (this.answers.cutBusy(request.socket)) return;
    // Before the answer a node may send nothing (RFC 6455 §4.1), so nothing has to be held.
    if (head.length > 0) {
      this.#closeEarly(socket);
      return;
    }
    const tooEarly = (): void => this.#closeEarly(socket);
    const isDone = this.reception.receive(() => {
      socket.off("data", tooEarly);
      if (!socket.destroyed) this.#answerUpgrade(request, socket, head);
    });
    if (!isDone) socket.on("data", tooEarly);
  }

  #closeEarly(socket: Duplex): void {
    this.#hub.totals.upgradesRefused += 1;
    socket.destroy();
  }

  #answerUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const verdict = this.#judge(request);
    if (verdict.verdict === "refused") {
      this.#hub.totals.upgradesRefused += 1;
      refuse(socket, verdict);
      return;
    }
    const { visitor } = verdict;
    let isOpen = false;
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true;
      this.#open(webSocket, request, visitor);
    });
    // The library turns down a request that is no handshake, at once.
    if (!isOpen) this.#entrance.leave(visitor);
  }

  /** Lets in a question over HTTP that costs as a connection does. */
  admit(request: IncomingMessage): Admitted {
    const verdict = this.#entrance.enter(request, this.readiness());
    if (verdict.verdict === "refused") return { kind: "refused", ...verdict };
    const { visitor } = verdict;
    const { clock } = this.#rules;
    this.#hub.totals.gitAnswers += 1;
    return {
      kind: "admitted",
      visitor,
      leave: () => this.#entrance.leave(visitor),
      spend: (bytes) => {
        const nowMillis = clock.monotonicMillis();
        const addressMillis = visitor?.spend(bytes, true, nowMillis) ?? 0;
        return addressMillis || this.#hub.purse.spend(bytes, true, nowMillis);
      },
    };
  }

  countGit(bytes: number): void {
    this.#hub.totals.gitBytes += bytes;
  }

  /** Says goodbye to everyone, spread over a moment so that they do not all redial at once, and ends when nobody is left. */
  async drain(): Promise<void> {
    this.#isClosing = true;
    if (this.#connections.size === 0) return;
    const all = [...this.#connections];
    const goodbyes = spreadGoodbyes(all.length, this.#rules.limits, Math.random);
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const [index, connection] of all.entries())
      setTimeout(() => connection.close(1012), goodbyes[index]);
    await empty;
  }

  #judge(request: IncomingMessage): UpgradeRefused | Judged {
    const { host, origin } = request.headers;
    const subprotocols = request.headers["sec-websocket-protocol"];
    const path = (request.url ?? "").split("?")[0] ?? "";
    const { origins } = this.#rules;
    const verdict = judgeUpgrade({ path, host, origin, subprotocols }, { origins });
    return verdict.verdict === "refused"
      ? verdict
      : this.#entrance.enter(request, this.readiness());
  }

  #open(webSocket: WebSocket, { socket }: IncomingMessage, visitor: Visitor | undefined): void {
    const connection = openConnection({ webSocket, socket, visitor, house: this.#house });
    this.#connections.add(connection);
    this.#heartbeat.add(connection);
    if (visitor !== undefined && isPrivate(socket.remoteAddress ?? "")) this.#private += 1;
  }

  #end(ended: Connection): void {
    this.#connections.delete(ended);
    this.#entrance.leave(ended.member.visitor);
    this.#heartbeat.remove(ended);
    if (this.#connections.size === 0) this.#onEmpty();
  }

  #look(): void {
    const { watchdog, limits, journal, isBehindProxy } = this.#rules;
    const room = watchdog.look();
    this.#hub.isShort = watchdog.isShort();
    if (room === "bursting") this.#hub.burden.relieve();
    if (room !== this.#room) {
      const [memoryBytes, lagMillis] = [watchdog.memoryBytes(), watchdog.lagMillis()];
      journal[room === "free" ? "write" : "warn"]({ event: "room", room, memoryBytes, lagMillis });
      this.#room = room;
    }
    this.#watchNeighbours();
    // Everybody from one private address: a proxy that nobody told the relay about.
    if (isBehindProxy || this.#private < limits.connectionsPerAddressMax) return;
    if (this.#entrance.size() === 1)
      journal.warn({ event: "one-address", connections: this.#private });
    this.#private = 0;
  }

  #watchNeighbours(): void {
    const { junction, journal } = this.#rules;
    const isUp = junction?.isUp() === true;
    if (isUp === this.#isJoined) return;
    this.#isJoined = isUp;
    const relays = junction?.relayCount() ?? 0;
    journal[isUp ? "write" : "warn"]({ event: "backplane", up: isUp, relays });
  }

  #uptimeSeconds(): number {
    const upMillis = this.#rules.clock.monotonicMillis() - this.#startedMillis;
    return Math.floor(upMillis / 1000);
  }
}

export type Admitted =
  | {
      readonly kind: "admitted";
      /** Whoever it is, as the limits see it; loopback is nobody. */
      readonly visitor: object | undefined;
      /** The milliseconds to wait, or 0 when they were spent. */
      readonly spend: (bytes: number) => number;
      readonly leave: () => void;
    }
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly why: string;
      readonly retrySeconds: number;
    };

function backplaneCounts(junction: Junction | undefined) {
  const { counts } = junction ?? { counts: noCounts };
  return {
    backplaneLeftOut: counts.leftOut,
    backplaneSpared: counts.spared,
    backplaneSent: counts.sent,
    backplaneSentBytes: counts.sentBytes,
    backplaneHeard: counts.heard,
    backplaneHeardBytes: counts.heardBytes,
  };
}

const noCounts = { leftOut: 0, spared: 0, sent: 0, sentBytes: 0, heard: 0, heardBytes: 0 };

/** One function for all sockets, that holds nothing: a listener beside one that uses the request would keep it, 4 KiB, for as long. */
function destroyOnError(socket: Duplex): void {
  socket.on("error", destroySelf);
}

function destroySelf(this: Duplex): void {
  this.destroy();
}

/** When the event loop has read from everybody: right after the poll. */
function atTurnsEnd(run: () => void): void {
  setImmediate(run);
}

/** One `setImmediate` a turn for all outboxes with something in them: it comes right after the poll, so an idle relay adds no delay. */
function openFlusher(): (outbox: Outbox) => void {
  let waiting: Outbox[] = [];
  const flush = (): void => {
    const outboxes = waiting;
    waiting = [];
    for (const outbox of outboxes) outbox.flush();
  };
  return (outbox) => {
    if (waiting.push(outbox) === 1) setImmediate(flush);
  };
}

function webSocketRules(limits: Limits): object {
  return {
    noServer: true,
    clientTracking: false,
    handleProtocols: () => relaySubprotocol,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: payloadOffset + keepBytes + limits.payloadBytesMax,
    maxFragments: limits.fragmentsMax,
    maxBufferedChunks: limits.chunksMax,
    closeTimeout: limits.lingerMillisMax,
  };
}

function refuse(socket: Duplex, { status, why, retrySeconds }: UpgradeRefused): void {
  const body = `${why}\n`;
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "X-Content-Type-Options: nosniff",
    ...(retrySeconds === undefined ? [] : [`Retry-After: ${retrySeconds}`]),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** The seconds of a keep frame. */
const keepBytes = 4;
