/** The always-on relay: one process, one port, the web app and the WebSocket. Keeps nothing on disk and logs nothing. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { protocolVersion } from "@skein/protocol/version";
import { WebSocketServer } from "ws";

import { openAddresses, forwardedAddress } from "./addresses.ts";
import { answerFromApp, plain, readAppFiles, type Answer, type AppFiles } from "./app-files.ts";
import { openConnection, type Connection } from "./connection.ts";
import { openHeartbeat } from "./heartbeat.ts";
import { openHub, type Now } from "./hub.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { listen } from "./listen.ts";
import type { Outbox } from "./outbox.ts";
import { judgeUpgrade, type UpgradeVerdict } from "./upgrade.ts";

export interface RelayOptions {
  /** A name or an address to listen at. `localhost` is both loopback addresses and nothing else. */
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port?: number;
  /** The folder of the built web app. Without it only the relay is served. */
  readonly app?: string;
  /** Origins of pages served elsewhere that may use this relay. */
  readonly origins?: ReadonlyArray<string>;
  /** STUN and TURN addresses told to every node. */
  readonly iceServers?: ReadonlyArray<string>;
  /** Believe the last address in `X-Forwarded-For`. Only behind a proxy that writes it. */
  readonly isBehindProxy?: boolean;
  readonly limits?: Partial<Limits>;
  readonly now?: () => Now;
}

export interface Relay {
  readonly port: number;
  /** Says goodbye to everyone, spread over a moment, and ends when nobody is left. */
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const files = options.app === undefined ? undefined : await readAppFiles(options.app);
  const station = openStation(options, limits);
  const server = (): Server => {
    const made = createServer(
      { maxHeaderSize: 8 * 1024, connectionsCheckingInterval: 1_000, keepAliveTimeout: 5_000 },
      (request, response) => answerHttp(request, response, { files, options, station }),
    );
    made.headersTimeout = limits.headersMillisMax;
    made.requestTimeout = limits.headersMillisMax;
    made.maxConnections = limits.connectionsMax + spareSockets;
    made.on("upgrade", station.upgrade);
    made.on("clientError", (_error, socket) => socket.destroy());
    return made;
  };
  const { servers, port } = await listen(server, options);
  const timer = setInterval(station.tick, station.tickMillis);

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    const closed = servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const server of servers) server.closeIdleConnections();
    await station.drain();
    clearInterval(timer);
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
  }
  const closeOnce = (): Promise<void> => (closing ??= close());
  return { port, close: closeOnce, [Symbol.asyncDispose]: closeOnce };
}

interface Station {
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly tick: () => void;
  readonly tickMillis: number;
  readonly drain: () => Promise<void>;
  readonly health: () => object;
}

/** Everything behind the upgrade: connections, the hub, and the heartbeat. */
function openStation(options: RelayOptions, limits: Limits): Station {
  const { origins = [], iceServers = [], isBehindProxy = false, now = systemNow } = options;
  const hub = openHub({ limits, iceServers });
  const heartbeat = openHeartbeat({ hub, limits, chance: Math.random });
  const addresses = openAddresses(limits);
  const connections = new Set<Connection>();
  const flushLater = openFlusher();
  const startedMillis = now().monotonicMillis;
  let isDraining = false;
  let emptied: (() => void) | undefined;
  const webSockets = new WebSocketServer(webSocketRules(limits));

  function judge(request: IncomingMessage, address: string): UpgradeVerdict {
    const { host, origin } = request.headers;
    const subprotocols = request.headers["sec-websocket-protocol"];
    const path = (request.url ?? "").split("?")[0] ?? "";
    const verdict = judgeUpgrade({ path, host, origin, subprotocols }, { origins });
    if (verdict.verdict === "refused") return verdict;
    if (isDraining || connections.size >= limits.connectionsMax)
      return { verdict: "refused", status: 503, why: "This relay is full.", retrySeconds: 30 };
    const waitMillis = addresses.enter(address, now().monotonicMillis);
    if (waitMillis === 0) return verdict;
    const retrySeconds = Math.ceil(waitMillis / 1000);
    return { verdict: "refused", status: 429, why: "Too many from your address.", retrySeconds };
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const address = addressOf(request, isBehindProxy);
    const verdict = judge(request, address);
    if (verdict.verdict === "refused") {
      refuseUpgrade(socket, verdict);
      return;
    }
    let isOpen = false;
    const leave = (): void => addresses.leave(address);
    socket.once("close", () => {
      if (!isOpen) leave();
    });
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true;
      const onEnd = (ended: Connection): void => {
        leave();
        connections.delete(ended);
        heartbeat.remove(ended);
        if (connections.size === 0) emptied?.();
      };
      const setup = { webSocket, socket: request.socket, hub, limits, now, flushLater, onEnd };
      const connection = openConnection(setup);
      connections.add(connection);
      heartbeat.add(connection);
    });
  }

  async function drain(): Promise<void> {
    isDraining = true;
    const spreadMillis = Math.min(
      limits.drainMillisMax,
      connections.size * limits.drainMillisPerConnection,
    );
    const empty = new Promise<void>((resolve) => (emptied = resolve));
    const timers = [...connections].map((connection) =>
      setTimeout(() => connection.close(1012), spreadMillis * Math.random()),
    );
    if (connections.size > 0) await empty;
    for (const timer of timers) clearTimeout(timer);
  }

  return {
    upgrade,
    tick: () => heartbeat.tick(now().monotonicMillis),
    tickMillis: heartbeat.tickMillis,
    drain,
    health: () => ({
      status: isDraining ? "closing" : "ok",
      protocol: protocolVersion,
      uptimeSeconds: Math.floor((now().monotonicMillis - startedMillis) / 1000),
      connections: connections.size,
      ...hub.counts(),
      backlogBytes: [...hub.members()].reduce((sum, { exit }) => sum + exit.backlogBytes(), 0),
    }),
  };
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
    perMessageDeflate: false,
    maxPayload: limits.payloadBytesMax + opAndTagBytes,
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

function refuseUpgrade(
  socket: Duplex,
  { status, why, retrySeconds }: Extract<UpgradeVerdict, { readonly verdict: "refused" }>,
): void {
  const retry = retrySeconds === undefined ? "" : `Retry-After: ${retrySeconds}\r\n`;
  const body = `${why}\n`;
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Content-Type-Options: nosniff\r\n${retry}\r\n${body}`,
  );
}

interface Desk {
  readonly files: AppFiles | undefined;
  readonly options: RelayOptions;
  readonly station: Station;
}

function answerHttp(request: IncomingMessage, response: ServerResponse, desk: Desk): void {
  const answer = chooseAnswer(request, desk);
  response.writeHead(answer.status, answer.headers);
  response.end(request.method === "HEAD" ? undefined : answer.body);
  request.resume();
}

function chooseAnswer(request: IncomingMessage, { files, options, station }: Desk): Answer {
  const target = request.url ?? "/";
  const [path] = target.split("?");
  if (path === "/healthz") {
    const health = station.health();
    const status = "status" in health && health.status === "ok" ? 200 : 503;
    return plain(status, JSON.stringify(health), { "content-type": "application/json" });
  }
  if (path === "/relay") return plain(426, "This is for WebSockets.", { upgrade: "websocket" });
  if (options.app === undefined) return plain(404, "A Skein relay. The app is served elsewhere.");
  const acceptEncoding = request.headers["accept-encoding"]?.toString();
  const ifNoneMatch = request.headers["if-none-match"];
  return answerFromApp(files, {
    method: request.method ?? "",
    target,
    acceptEncoding,
    ifNoneMatch,
  });
}

const systemNow = (): Now => ({ monotonicMillis: performance.now(), wallMillis: Date.now() });

const opAndTagBytes = 17;
/** Sockets beyond the connections: for the page and its files. */
const spareSockets = 500;
