/** The always-on relay: one process, one port, the web app and the WebSocket. Keeps nothing on disk and logs nothing. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import { answerFromApp, plain, readAppFiles, type Answer, type AppFiles } from "./app-files.ts";
import type { Clock } from "./hub.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { listen } from "./listen.ts";
import { Station } from "./station.ts";
import { relayPath } from "./upgrade.ts";

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
  readonly clock?: Clock;
}

export interface Relay {
  readonly port: number;
  /** Says goodbye to everyone, spread over a moment, and ends when nobody is left. */
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const { origins = [], iceServers = [], isBehindProxy = false, clock = systemClock } = options;
  const files = options.app === undefined ? undefined : await readAppFiles(options.app);
  const station = new Station({ limits, origins, iceServers, isBehindProxy, clock });
  const desk: Desk = { files, servesApp: options.app !== undefined, station };
  const { servers, port } = await listen(() => openServer(desk, limits), options);
  const timer = setInterval(() => station.tick(), station.tickMillis);

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= stop(servers, station).finally(() => clearInterval(timer));
    return closing;
  };
  return { port, close, [Symbol.asyncDispose]: close };
}

function openServer(desk: Desk, limits: Limits): Server {
  const rules = {
    maxHeaderSize: headerBytesMax,
    headersTimeout: limits.headersMillisMax,
    requestTimeout: limits.headersMillisMax,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMillisMax / 2),
    keepAliveTimeout: 5_000,
  };
  const server = createServer(rules, (request, response) => answerHttp(request, response, desk));
  server.maxConnections = limits.connectionsMax + spareSockets;
  server.on("upgrade", (request, socket, head) => desk.station.upgrade(request, socket, head));
  server.on("clientError", (_error, socket) => socket.destroy());
  return server;
}

async function stop(servers: ReadonlyArray<Server>, station: Station): Promise<void> {
  const closed = servers.map(
    (server) => new Promise<void>((resolve) => server.close(() => resolve())),
  );
  await station.drain();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
}

interface Desk {
  readonly files: AppFiles | undefined;
  readonly servesApp: boolean;
  readonly station: Station;
}

function answerHttp(request: IncomingMessage, response: ServerResponse, desk: Desk): void {
  const { status, headers, body } = chooseAnswer(request, desk);
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  // Whoever keeps asking over an open connection would otherwise hold up the end.
  if (desk.station.isClosing) response.setHeader("connection", "close");
  response.writeHead(status, status === 304 ? headers : { ...headers, "content-length": length });
  response.end(request.method === "HEAD" ? undefined : body);
  request.resume();
}

function chooseAnswer(request: IncomingMessage, { files, servesApp, station }: Desk): Answer {
  const target = request.url ?? "/";
  const [path] = target.split("?");
  if (path === "/healthz") {
    const health = station.health();
    const status = health.status === "ok" ? 200 : 503;
    return plain(status, JSON.stringify(health), { "content-type": "application/json" });
  }
  if (path === relayPath)
    return plain(426, "This address is for WebSockets.", { upgrade: "websocket" });
  if (!servesApp) return plain(404, "A Skein relay. The app is served elsewhere.");
  const acceptEncoding = request.headers["accept-encoding"]?.toString();
  const ifNoneMatch = request.headers["if-none-match"];
  return answerFromApp(files, {
    method: request.method ?? "",
    target,
    acceptEncoding,
    ifNoneMatch,
  });
}

const systemClock: Clock = {
  monotonicMillis: () => performance.now(),
  wallMillis: () => Date.now(),
};

const headerBytesMax = 8 * 1024;
/** Sockets beyond the connections: for the page and its files. */
const spareSockets = 500;
