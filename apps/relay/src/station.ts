/** Everything behind the upgrade: who may come in, the connections, the hub between them, their heartbeat and their end. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { protocolVersion, relaySubprotocol } from "@skein/protocol/version";
import { WebSocketServer, type WebSocket } from "ws";

import { forwardedAddress, openAddresses, type Addresses } from "./addresses.ts";
import { openConnection, type Connection } from "./connection.ts";
import { openHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { Hub, type Clock } from "./hub.ts";
import type { Limits } from "./limits.ts";
import { payloadOffset } from "./frame-reader.ts";
import type { Outbox } from "./outbox.ts";
import { judgeUpgrade, type UpgradeVerdict } from "./upgrade.ts";

export interface StationRules {
  readonly limits: Limits;
  readonly origins: ReadonlyArray<string>;
  readonly iceServers: ReadonlyArray<string>;
  readonly isBehindProxy: boolean;
  readonly clock: Clock;
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
}

export class Station {
  readonly #rules: StationRules;
  readonly #hub: Hub;
  readonly #heartbeat: Heartbeat;
  readonly #addresses: Addresses;
  readonly #connections = new Set<Connection>();
  readonly #flushLater = openFlusher();
  readonly #webSockets: WebSocketServer;
  readonly #startedMillis: number;
  #isClosing = false;
  #onEmpty: () => void = () => undefined;

  constructor(rules: StationRules) {
    const { limits, iceServers, clock } = rules;
    this.#rules = rules;
    this.#hub = new Hub({ limits, iceServers });
    this.#heartbeat = openHeartbeat({ hub: this.#hub, limits, chance: Math.random });
    this.#addresses = openAddresses(limits);
    this.#webSockets = new WebSocketServer(webSocketRules(limits));
    this.#startedMillis = clock.monotonicMillis();
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  get tickMillis(): number {
    return this.#heartbeat.tickMillis;
  }

  tick(): void {
    this.#heartbeat.tick(this.#rules.clock.monotonicMillis());
  }

  health(): Health {
    const upMillis = this.#rules.clock.monotonicMillis() - this.#startedMillis;
    return {
      status: this.#isClosing ? "closing" : "ok",
      protocol: protocolVersion,
      uptimeSeconds: Math.floor(upMillis / 1000),
      connections: this.#connections.size,
      ...this.#hub.counts(),
      backlogBytes: this.#hub.backlogBytes(),
    };
  }

  /** Answers an HTTP upgrade: with a connection, or with the reason why not. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    destroyOnError(socket);
    const address = addressOf(request, this.#rules.isBehindProxy);
    const verdict = this.#judge(request, address);
    if (verdict.verdict === "refused") {
      refuse(socket, verdict);
      return;
    }
    leaveAtEnd(socket, this.#addresses, address);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      this.#open(webSocket, request),
    );
  }

  /** Says goodbye to everyone, spread over a moment so that they do not all redial at once, and ends when nobody is left. */
  async drain(): Promise<void> {
    this.#isClosing = true;
    if (this.#connections.size === 0) return;
    const { drainMillisMax, drainMillisPerConnection } = this.#rules.limits;
    const spreadMillis = Math.min(
      drainMillisMax,
      this.#connections.size * drainMillisPerConnection,
    );
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const connection of this.#connections)
      setTimeout(() => connection.close(1012), spreadMillis * Math.random());
    await empty;
  }

  #judge(request: IncomingMessage, address: string): UpgradeVerdict {
    const { host, origin } = request.headers;
    const subprotocols = request.headers["sec-websocket-protocol"];
    const path = (request.url ?? "").split("?")[0] ?? "";
    const { origins, limits, clock } = this.#rules;
    const verdict = judgeUpgrade({ path, host, origin, subprotocols }, { origins });
    if (verdict.verdict === "refused") return verdict;
    if (this.#isClosing || this.#connections.size >= limits.connectionsMax)
      return { verdict: "refused", status: 503, why: "This relay is full.", retrySeconds: 30 };
    const waitMillis = this.#addresses.enter(address, clock.monotonicMillis());
    if (waitMillis === 0) return verdict;
    const retrySeconds = Math.ceil(waitMillis / 1000);
    return { verdict: "refused", status: 429, why: "Too many from your address.", retrySeconds };
  }

  #open(webSocket: WebSocket, { socket }: IncomingMessage): void {
    const { limits, clock } = this.#rules;
    const connection = openConnection({
      webSocket,
      socket,
      hub: this.#hub,
      limits,
      clock,
      flushLater: this.#flushLater,
      onEnd: (ended) => {
        this.#connections.delete(ended);
        this.#heartbeat.remove(ended);
        if (this.#connections.size === 0) this.#onEmpty();
      },
    });
    this.#connections.add(connection);
    this.#heartbeat.add(connection);
  }
}

// Two functions of their own: a listener made beside another that uses the request would hold it, 4 KiB, for the
// connection's whole life.

function destroyOnError(socket: Duplex): void {
  socket.on("error", () => socket.destroy());
}

function leaveAtEnd(socket: Duplex, addresses: Addresses, address: string): void {
  socket.once("close", () => addresses.leave(address));
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
    maxPayload: payloadOffset + limits.payloadBytesMax,
    maxFragments: limits.fragmentsMax,
    maxBufferedChunks: limits.chunksMax,
    closeTimeout: limits.lingerMillisMax,
  };
}

function addressOf(request: IncomingMessage, isBehindProxy: boolean): string {
  const remote = request.socket.remoteAddress ?? "";
  const forwarded = request.headers["x-forwarded-for"];
  if (!isBehindProxy) return remote;
  return forwardedAddress(remote, Array.isArray(forwarded) ? forwarded.at(-1) : forwarded);
}

function refuse(
  socket: Duplex,
  { status, why, retrySeconds }: Extract<UpgradeVerdict, { readonly verdict: "refused" }>,
): void {
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
