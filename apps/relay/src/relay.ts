/** The always-on relay: one process, one port, the web app and the WebSocket. Keeps nothing on disk, and says nothing about anyone. */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";

import { readAppFiles } from "./app-files.ts";
import { answerHttp, answerWatcher, type Desk } from "./desk.ts";
import type { Engine } from "./engine.ts";
import type { Clock } from "./hub.ts";
import { fixedLimits } from "./fixed-limits.ts";
import { openInternet, type GitReach } from "./git-asking.ts";
import { openGitProxy } from "./git-proxy.ts";
import { silentJournal, type Journal } from "./journal.ts";
import { Junction } from "./junction.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { listen } from "./listen.ts";
import { openSocketGuard, type SocketGuard } from "./sockets.ts";
import { Station } from "./station.ts";
import { openWatchdog } from "./watchdog.ts";

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
  /** What words for TURN are made of. */
  readonly turnSecret?: string | undefined;
  /** Believe the last address in `X-Forwarded-For`, where a proxy may have written it. */
  readonly isBehindProxy?: boolean;
  /** Proxies that are neither on this machine nor on a private network. */
  readonly proxies?: ReadonlyArray<string>;
  /** Files of a certificate chain and its key: the port speaks https then. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Joins this relay to others. */
  readonly engine?: Engine | undefined;
  readonly metrics?: {
    /** 0 for none. */
    readonly port: number;
    readonly host: string;
    readonly token: string | undefined;
  };
  /** Git hosts that may be cloned from through this relay. */
  readonly gitHosts?: ReadonlyArray<string>;
  readonly gitReach?: GitReach;
  readonly hasDoctor?: boolean;
  readonly isTransparent?: boolean;
  readonly limits?: Partial<Limits>;
  /** Sockets at once, connections or not, where the system has few files. */
  readonly socketsMax?: number;
  readonly clock?: Clock;
  readonly journal?: Journal;
}

export interface Relay {
  readonly port: number;
  readonly station: Station;
  /** Reads the certificate again. */
  readonly renew: () => void;
  /** Says goodbye to everyone, spread over a moment, and ends when nobody is left. */
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const { tls, metrics, journal = silentJournal, socketsMax } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const files = options.app === undefined ? undefined : await readAppFiles(options.app);
  const { station, release } = openStation(options, limits);
  const { gitHosts: hosts = [], gitReach: reach = openInternet, origins = [] } = options;
  const desk: Desk = {
    git: openGitProxy({ hosts, origins, limits, reach, station }),
    files,
    servesApp: options.app !== undefined,
    hasDoctor: options.hasDoctor ?? true,
    metricsToken: metrics?.token,
    station,
  };
  const guard = openGuard(options, limits);
  const main = await listen(() => openServer(desk, { limits, tls, socketsMax, guard }), options);
  const hasWatcher = metrics !== undefined && metrics.port !== 0;
  const watchers = hasWatcher
    ? (await listen(() => openWatcher(desk, limits), metrics)).servers
    : [];
  const servers = [...main.servers, ...watchers];
  const timer = setInterval(() => {
    station.tick();
    countSockets(main.servers, station);
  }, station.tickMillis);
  const reporter = options.isTransparent === true ? reportEvery(station, journal) : undefined;

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= stop(servers, station).finally(() => {
      clearInterval(timer);
      clearInterval(reporter);
    });
    return closing.then(release);
  };
  const renew = (): void => journal.write({ event: "certificate", read: renewTls(servers, tls) });
  return { port: main.port, station, renew, close, [Symbol.asyncDispose]: close };
}

/** The station and what lives as long as it does. */
function openStation(
  options: RelayOptions,
  limits: Limits,
): { readonly station: Station; readonly release: () => Promise<void> } {
  const { clock = systemClock, journal = silentJournal, isBehindProxy = false } = options;
  const { origins = [], iceServers = [], proxies = [], turnSecret } = options;
  const watchdog = openWatchdog(limits);
  const junction = openJunction(options.engine, { limits, clock });
  const rules = { limits, origins, iceServers, turnSecret, isBehindProxy, proxies };
  const station = new Station({ ...rules, clock, junction, watchdog, journal });
  const release = async (): Promise<void> => {
    watchdog.close();
    await junction?.close();
  };
  return { station, release };
}

function openGuard(options: RelayOptions, limits: Limits): SocketGuard {
  const { isBehindProxy = false, proxies = [] } = options;
  return openSocketGuard({ limits, isBehindProxy, proxies });
}

function openJunction(
  engine: Engine | undefined,
  { limits, clock }: { readonly limits: Limits; readonly clock: Clock },
): Junction | undefined {
  if (engine === undefined) return undefined;
  return new Junction({
    engine,
    limits,
    name: randomBytes(8),
    nowMillis: () => clock.monotonicMillis(),
    later: (run) => void setImmediate(run),
  });
}

interface ServerRules {
  readonly limits: Limits;
  readonly tls: RelayOptions["tls"];
  readonly socketsMax: number | undefined;
  readonly guard: SocketGuard;
}

function openServer(desk: Desk, { limits, tls, socketsMax, guard }: ServerRules): Server {
  const rules = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersMillisMax,
    requestTimeout: limits.headersMillisMax,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMillisMax / 2),
    keepAliveTimeout: limits.idleSocketMillisMax,
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void =>
    answerHttp(request, response, desk);
  const server =
    tls === undefined
      ? createServer(rules, answer)
      : createTlsServer(
          { ...rules, ...readTls(tls), handshakeTimeout: limits.headersMillisMax },
          answer,
        );
  const wanted = limits.connectionsMax + limits.spareSocketsMax;
  server.maxConnections = Math.min(wanted, socketsMax ?? wanted);
  server.on("connection", guard);
  server.on("upgrade", (request: IncomingMessage, socket, head) =>
    desk.station.upgrade(request, socket, head),
  );
  server.on("clientError", (_error, socket) => socket.destroy());
  return server;
}

function openWatcher(desk: Desk, limits: Limits): Server {
  const { headerBytesMax: maxHeaderSize, headersMillisMax: headersTimeout } = limits;
  const rules = { maxHeaderSize, headersTimeout, requestTimeout: headersTimeout };
  const server = createServer(rules, (request, response) => answerWatcher(request, response, desk));
  server.maxConnections = limits.watcherSocketsMax;
  server.on("clientError", (_error, socket) => socket.destroy());
  return server;
}

/** Node tells each count a moment later. */
function countSockets(servers: ReadonlyArray<Server>, station: Station): void {
  let sum = 0;
  for (const server of servers)
    server.getConnections((_error, count) => {
      sum += count;
      station.countSockets(sum);
    });
}

function readTls({ cert, key }: { readonly cert: string; readonly key: string }) {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

/** A certificate that cannot be read, or does not fit its key, leaves the one before in place. */
function renewTls(servers: ReadonlyArray<Server>, tls: RelayOptions["tls"]): boolean {
  if (tls === undefined) return false;
  try {
    const context = readTls(tls);
    for (const server of servers) if (server instanceof TlsServer) server.setSecureContext(context);
    return true;
  } catch {
    return false;
  }
}

/** The port answers to the end: whoever asks /readyz hears 503, and so does whoever comes anew. */
async function stop(servers: ReadonlyArray<Server>, station: Station): Promise<void> {
  await station.drain();
  const closed = servers.map(
    (server) => new Promise<void>((resolve) => server.close(() => resolve())),
  );
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
}

function reportEvery(station: Station, journal: Journal): NodeJS.Timeout {
  return setInterval(() => {
    const { holds, did } = station.report();
    journal.write({ event: "transparency", holds, did });
  }, fixedLimits.reportMillis);
}

const systemClock: Clock = {
  // Whole numbers: a fraction of a millisecond is worth nothing here and costs an object each time it is kept.
  monotonicMillis: () => Math.floor(performance.now()),
  wallMillis: () => Date.now(),
};
