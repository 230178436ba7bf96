/** Every HTTP answer of the relay: the app, its health, its counts, and the page that looks at it from a browser. */

import { timingSafeEqual, createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import { answerFromApp, plain, type Answer, type AppFiles } from "./app-files.ts";
import { answerDoctor } from "./doctor-page.ts";
import type { GitProxy } from "./git-proxy.ts";
import { formatMetrics, metricsType } from "./metrics.ts";
import type { Station } from "./station.ts";
import { relayPath } from "./upgrade.ts";

export interface Desk {
  readonly files: AppFiles | undefined;
  readonly servesApp: boolean;
  readonly hasDoctor: boolean;
  /** Opens /metrics and /transparency on the main port. */
  readonly metricsToken: string | undefined;
  readonly station: Station;
  readonly git: GitProxy;
}

export function answerHttp(request: IncomingMessage, response: ServerResponse, desk: Desk): void {
  const { answers, reception } = desk.station;
  if (!answers.begin(request, response)) return;
  if (vitalPaths.has(pathOf(request))) answerNow(request, response, desk);
  else reception.receive(() => answerNow(request, response, desk));
}

function answerNow(request: IncomingMessage, response: ServerResponse, desk: Desk): void {
  if (request.socket.destroyed) return;
  const path = pathOf(request);
  const asked = desk.station.ask(request, vitalPaths.has(path));
  if (asked.verdict === "refused") {
    const { status, why, retrySeconds } = asked;
    return turnAway(request, response, { status, why, retrySeconds, desk });
  }
  if (desk.git.answers(path)) return desk.git.answer(request, response);
  const answer = chooseAnswer(request, desk);
  const retrySeconds = asked.spend(answer.body === undefined ? 0 : Buffer.byteLength(answer.body));
  if (retrySeconds === 0) return send(request, response, { answer, desk });
  const why = "Your address has had as much as it may for now.";
  turnAway(request, response, { status: 429, why, retrySeconds, desk });
}

/** Whoever asks too much has to come anew as well: that costs more than asking on an open connection. */
function turnAway(
  request: IncomingMessage,
  response: ServerResponse,
  refused: {
    readonly status: number;
    readonly why: string;
    readonly retrySeconds: number;
    readonly desk: Desk;
  },
): void {
  const { status, why, retrySeconds, desk } = refused;
  const headers = { "retry-after": String(retrySeconds), connection: "close" };
  send(request, response, { answer: plain(status, why, headers), desk });
}

/** The port of its own: counts, and nothing else. */
export function answerWatcher(
  request: IncomingMessage,
  response: ServerResponse,
  desk: Desk,
): void {
  if (!desk.station.answers.begin(request, response)) return;
  const answer = answerCounts(pathOf(request), desk) ?? plain(404, "There is /metrics here.");
  send(request, response, { answer, desk });
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, desk }: { readonly answer: Answer; readonly desk: Desk },
): void {
  const { status, headers, body } = answer;
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  // Whoever keeps asking over an open connection would otherwise hold up the end.
  if (desk.station.isClosing) response.setHeader("connection", "close");
  response.writeHead(status, status === 304 ? headers : { ...headers, "content-length": length });
  desk.station.answers.send(response, request.method === "HEAD" ? undefined : body);
  request.resume();
}

function chooseAnswer(request: IncomingMessage, desk: Desk): Answer {
  const { station } = desk;
  const path = pathOf(request);
  if (path === "/healthz") return answerHealth(station);
  if (path === "/readyz") return answerReadiness(station);
  if (path === relayPath)
    return plain(426, "This address is for WebSockets.", { upgrade: "websocket" });
  if (path === "/metrics" || path === "/transparency") return answerGuarded(request, desk);
  if (desk.hasDoctor && (path === "/doctor" || path.startsWith("/doctor/")))
    return answerDoctor(path, station.addressOf(request));
  return answerApp(request, desk);
}

function answerApp(request: IncomingMessage, { files, servesApp, hasDoctor }: Desk): Answer {
  const elsewhere = "A Skein relay. The app is served elsewhere.";
  if (!servesApp)
    return plain(404, hasDoctor ? `${elsewhere} /doctor looks at the relay.` : elsewhere);
  const acceptEncoding = request.headers["accept-encoding"]?.toString();
  const ifNoneMatch = request.headers["if-none-match"];
  const target = request.url ?? "/";
  return answerFromApp(files, {
    method: request.method ?? "",
    target,
    acceptEncoding,
    ifNoneMatch,
  });
}

function answerHealth(station: Station): Answer {
  const health = station.health();
  return json(health.status === "ok" ? 200 : 503, health);
}

/** For load balancers: 503 while nobody new should come. Those who are here stay. */
function answerReadiness(station: Station): Answer {
  const readiness = station.readiness();
  const { backplane } = station.health();
  return json(readiness === "ready" ? 200 : 503, { status: readiness, backplane });
}

function answerGuarded(request: IncomingMessage, desk: Desk): Answer {
  const { metricsToken } = desk;
  if (metricsToken === undefined)
    return plain(404, "Counts are off here: --metrics-token or --metrics-port turns them on.");
  const given = request.headers.authorization ?? "";
  if (!isSame(given, `Bearer ${metricsToken}`))
    return plain(401, "A token opens this.", { "www-authenticate": "Bearer" });
  return answerCounts(pathOf(request), desk) ?? plain(404, "There is nothing here.");
}

function answerCounts(path: string, { station }: Desk): Answer | undefined {
  if (path === "/metrics")
    return plain(200, formatMetrics(station.report()).trimEnd(), { "content-type": metricsType });
  if (path === "/transparency") return json(200, station.report());
  return path === "/healthz" ? answerHealth(station) : undefined;
}

/** In a time that says nothing about how much of it was right. */
function isSame(given: string, wanted: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}

function json(status: number, body: object): Answer {
  return plain(status, JSON.stringify(body), { "content-type": "application/json" });
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?")[0] ?? "/";
}

/** What balancers ask: of no cost, and answered whatever others ask. */
const vitalPaths: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
