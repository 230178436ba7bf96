/**
 * The way from a browser to ordinary git hosts, which do not let pages of other origins read them: for the hosts that the
 * operator named, off where there are none. It passes on two questions of git's own and nothing else, and writes nothing down.
 */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { plain } from "./app-files.ts";
import { askHost, HostRefusedError, type GitAnswer, type GitReach } from "./git-asking.ts";
import { addressOf, gitPath, parseGitTarget, type GitTarget } from "./git-target.ts";
import type { Limits } from "./limits.ts";
import type { Station } from "./station.ts";
import { isOwnOrListed } from "./upgrade.ts";

export interface GitProxyRules {
  /** Names, with a port where it is not 443. None: it is off. */
  readonly hosts: ReadonlyArray<string>;
  readonly origins: ReadonlyArray<string>;
  readonly limits: Limits;
  readonly reach: GitReach;
  readonly station: Station;
}

export interface GitProxy {
  readonly answers: (path: string) => boolean;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
}

interface Opened extends GitProxyRules {
  readonly listed: ReadonlySet<string>;
  asking: number;
  readonly askingOf: WeakMap<object, number>;
}

export function openGitProxy(rules: GitProxyRules): GitProxy {
  const opened: Opened = {
    ...rules,
    listed: new Set(rules.hosts),
    asking: 0,
    askingOf: new WeakMap(),
  };
  return {
    answers: (path) => path === gitPath || path.startsWith(`${gitPath}/`),
    answer: (request, response) => void answer(opened, request, response),
  };
}

async function answer(
  opened: Opened,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!welcome(opened, request, response))
    return say(request, response, { status: 403, text: "This page may not use this relay." });
  if (request.method === "OPTIONS") return preflight(request, response);
  const path = request.url ?? "";
  if (path === gitPath) return tellHosts(opened, request, response);
  const target = parseGitTarget(path);
  if (target === undefined || !opened.listed.has(target.host))
    return say(request, response, { status: 403, text: "This relay does not ask that." });
  const method = target.ask === "refs" ? "GET" : "POST";
  if (request.method !== method)
    return say(request, response, { status: 405, text: `This is asked by ${method}.` });
  return admit(opened, { request, response, target });
}

/** Whether the page that asks may read the answer. It is said to be so to browsers, which ask. */
function welcome(opened: Opened, { headers }: IncomingMessage, response: ServerResponse): boolean {
  const { origin, host, "sec-fetch-site": site } = headers;
  // A page elsewhere that only embeds an address says no origin; browsers say that it is elsewhere.
  if (origin === undefined) return site === undefined || ownSites.has(site);
  if (!isOwnOrListed(origin, host, opened.origins)) return false;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", movedHeader);
  response.setHeader("cross-origin-resource-policy", "cross-origin");
  return true;
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: GitTarget;
}

async function admit(opened: Opened, visit: Visit): Promise<void> {
  const { station, limits } = opened;
  const { request, response } = visit;
  const admitted = station.admit(request);
  if (admitted.kind === "refused")
    return say(request, response, {
      status: admitted.status,
      text: admitted.why,
      headers: { "retry-after": String(admitted.retrySeconds) },
    });
  const { visitor } = admitted;
  const count = (more: 1 | -1): void => {
    opened.asking += more;
    if (visitor !== undefined)
      opened.askingOf.set(visitor, (opened.askingOf.get(visitor) ?? 0) + more);
  };
  const own = visitor === undefined ? undefined : (opened.askingOf.get(visitor) ?? 0);
  const isFull = opened.asking >= limits.gitQuestionsMax;
  count(1);
  try {
    if (isFull || (own ?? -1) >= limits.gitQuestionsPerAddressMax)
      say(request, response, isFull ? full : enough);
    else await pass(opened, visit, admitted.spend);
  } finally {
    count(-1);
    admitted.leave();
  }
}

/** Answers the milliseconds to wait until bytes may pass, or 0 when they were spent. */
type Spend = (bytes: number) => number;

async function pass(opened: Opened, visit: Visit, spend: Spend): Promise<void> {
  const { limits, reach, listed } = opened;
  const { request, response, target } = visit;
  const ending = new AbortController();
  const { signal } = ending;
  const end = (): void => ending.abort();
  const timer = setTimeout(end, limits.gitMillisMax);
  response.on("close", end);
  const isListed = (host: string): boolean => listed.has(host);
  try {
    const body = await readQuestion(request, limits.gitQuestionBytesMax);
    if (body === undefined) return say(request, response, tooLong);
    const question = {
      target,
      protocol: protocolOf(request),
      body: target.ask === "pack" ? body : undefined,
      signal,
      limits,
    };
    await pour(opened, visit, {
      answered: await askHost(question, { reach, isListed }),
      spend,
      signal,
      end,
    });
  } catch (error) {
    // Whoever has had a part sees that it was cut; whoever has had none is told.
    if (response.headersSent) response.destroy();
    else say(request, response, error instanceof HostRefusedError ? refused(error) : unreachable);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

interface Pouring {
  readonly answered: GitAnswer;
  readonly spend: Spend;
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** Passes a host's answer on, as fast as it is taken and as the address may have it. */
async function pour(
  { limits, station }: Opened,
  { request, response }: Visit,
  { answered: { from, message }, spend, signal, end }: Pouring,
): Promise<void> {
  const { statusCode: status = 502 } = message;
  const [type = ""] = (message.headers["content-type"] ?? "").split(";");
  if (status !== 200 || !gitTypes.has(type)) {
    message.destroy();
    return say(request, response, passedOn.get(status) ?? notGit);
  }
  const { headers } = plain(200, "", {
    "content-type": type,
    [movedHeader]: addressOf(from),
    vary: "origin",
  });
  begin(response, 200, headers);
  // Also while nobody takes what came before.
  message.once("error", end);
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limits.gitBytesMax) throw new Error("The host sends more than is passed on.");
    station.countGit(chunk.length);
    for (let wait = spend(chunk.length); wait > 0; wait = spend(chunk.length)) {
      if (wait > limits.gitWaitMillisMax)
        throw new Error("The address has had its bytes of the day.");
      // oxlint-disable-next-line no-await-in-loop -- to wait is what it is for.
      await sleep(wait, undefined, { signal });
    }
    if (!response.write(chunk)) await once(response, "drain", { signal });
  }
  response.end();
}

/** All of it, as it is short; `undefined`: it is not. */
async function readQuestion(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > bytesMax) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function protocolOf(request: IncomingMessage): string | undefined {
  const said = request.headers["git-protocol"];
  return typeof said === "string" && /^version=[0-2]$/u.test(said) ? said : undefined;
}

function preflight(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(204, {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "accept, content-type, git-protocol",
    "access-control-max-age": "600",
    vary: "origin",
  });
  response.end();
  request.resume();
}

/** For the app, which says what can be cloned from here and what cannot. */
function tellHosts({ hosts }: Opened, request: IncomingMessage, response: ServerResponse): void {
  say(request, response, {
    status: 200,
    text: JSON.stringify({ hosts }),
    headers: { "content-type": "application/json" },
  });
}

interface Said {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function say(request: IncomingMessage, response: ServerResponse, said: Said): void {
  const { status, headers, body } = plain(said.status, said.text, {
    vary: "origin",
    ...said.headers,
  });
  begin(response, status, headers);
  response.end(body);
  request.resume();
}

/** What was said of origins stays. */
function begin(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(headers))
    if (!response.hasHeader(name)) response.setHeader(name, value);
  response.writeHead(status);
}

function refused({ message }: HostRefusedError): Said {
  return { status: 403, text: message };
}

const ownSites: ReadonlySet<string> = new Set(["same-origin", "none"]);
/** Where the answer came from in the end. */
const movedHeader = "skein-git-address";
const gitTypes: ReadonlySet<string> = new Set([
  "application/x-git-upload-pack-advertisement",
  "application/x-git-upload-pack-result",
]);
const passedOn: ReadonlyMap<number, Said> = new Map([
  [401, { status: 401, text: "The host asks who is there." }],
  [403, { status: 403, text: "The host does not allow this." }],
  [404, { status: 404, text: "There is no repository at this address." }],
]);
const full: Said = {
  status: 503,
  text: "Too many ask git hosts at once.",
  headers: { "retry-after": "10" },
};
const enough: Said = {
  status: 429,
  text: "Your address asks enough of git hosts already.",
  headers: { "retry-after": "10" },
};
const tooLong: Said = { status: 413, text: "The question is too long." };
const unreachable: Said = { status: 502, text: "The host could not be reached." };
const notGit: Said = { status: 502, text: "What answers there is no git host." };
