/** Looks at a relay from where it is run, as a node would come to it: name, certificate, WebSocket, clock, files, STUN and TURN. */

import { readFileSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { request as requestPlain, type ClientRequest, type IncomingMessage } from "node:http";
import { request as requestSecure } from "node:https";
import { connect as connectTls, rootCertificates } from "node:tls";

import { tryDecode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import type { IceServer, RelayHello } from "@skein/protocol/relay-frames/hello";
import { relaySubprotocol } from "@skein/protocol/version";
import { WebSocket } from "ws";

import { isPrivate } from "./addresses.ts";
import { fileLimits, filesFor, findFewFiles } from "./file-limits.ts";
import { fixedLimits } from "./fixed-limits.ts";
import { isLoopback } from "./greeting.ts";
import { askIce, type IceAnswer } from "./ice-asking.ts";
import type { Settings } from "./settings.ts";
import { relayPath } from "./upgrade.ts";

export interface Finding {
  readonly verdict: "good" | "note" | "bad";
  readonly text: string;
}

/** Where a relay is, as its nodes know it. */
interface Target {
  readonly name: string;
  readonly origin: string;
  readonly isLocal: boolean;
  /** Certificates to trust (PEM); the usual ones without. */
  readonly ca: ReadonlyArray<string> | undefined;
}

export async function examine(settings: Settings): Promise<ReadonlyArray<Finding>> {
  const findings: Finding[] = [checkFiles(settings)];
  const ca = readAuthorities(settings.ca);
  if (typeof ca === "string") return [...findings, bad(ca)];
  const target = targetOf(settings, ca);
  if (!target.isLocal) findings.push(await checkName(target.name));
  if (findings.at(-1)?.verdict === "bad") return findings;
  if (isSecure(target)) findings.push(await checkCertificate(target));
  findings.push(await checkHealth(target), await checkAddress(target));
  const { hello, finding } = await checkWebSocket(target);
  findings.push(finding);
  if (hello === undefined) return findings;
  findings.push(checkClock(hello.now, Date.now()));
  findings.push(...(await Promise.all(hello.iceServers.map((one) => checkIce(one, target)))));
  return findings;
}

export function printFindings(findings: ReadonlyArray<Finding>): string {
  const lines = findings.map(({ verdict, text }) => `${verdict.padEnd(5)} ${text}`);
  const count = (wanted: string): number =>
    findings.filter(({ verdict }) => verdict === wanted).length;
  const end = `${count("good")} good, ${count("note")} to note, ${count("bad")} bad`;
  return `${lines.join("\n")}\n\n${end}\n`;
}

/** A name without more is https, as browsers need it; without a name it is the relay on this machine. */
function targetOf(
  { publicName, port, tls }: Settings,
  ca: ReadonlyArray<string> | undefined,
): Target {
  const [name = "", namedPort] = publicName.split(":");
  if (name !== "" && !isLoopback(name))
    return { name, origin: `https://${publicName}`, isLocal: false, ca };
  const scheme = tls === undefined && ca === undefined ? "http" : "https";
  const origin = `${scheme}://localhost:${namedPort ?? port}`;
  return { name: "localhost", origin, isLocal: true, ca };
}

/** The usual certificates and those in the file, or why there are none. */
function readAuthorities(path: string | undefined): ReadonlyArray<string> | string | undefined {
  if (path === undefined) return undefined;
  try {
    const text = readFileSync(path, "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) return [...rootCertificates, text];
    return `Certificate: there is none in ${path}. It begins with -----BEGIN CERTIFICATE-----.`;
  } catch (error) {
    return `Certificate: ${path} cannot be read (${codeOf(error)}).`;
  }
}

function isSecure({ origin }: Target): boolean {
  return origin.startsWith("https:");
}

function portOf({ origin }: Target): number {
  return Number(new URL(origin).port || 443);
}

/** What to trust. A relay on this machine has a certificate for the name that others know it by. */
function trustIn({ name, isLocal, ca }: Target): object {
  const trusted = ca === undefined ? {} : { ca: [...ca] };
  return { ...trusted, servername: name, rejectUnauthorized: !isLocal };
}

async function get(
  target: Target,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const ask = isSecure(target) ? requestSecure : requestPlain;
  const signal = AbortSignal.timeout(fixedLimits.doctorMillisMax);
  const rules = { ...trustIn(target), agent: false, signal };
  const asked = ask(new URL(path, target.origin), rules).end();
  const response = await answerTo(asked);
  let text = "";
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode ?? 0, text };
}

function checkFiles({ limits }: Settings): Finding {
  const files = fileLimits();
  if (files === undefined) return note("This system does not say how many files may be open.");
  const few = findFewFiles(limits.connectionsMax, files);
  return few === undefined
    ? good(
        `Files: the doctor itself may open ${files.hard}; with the same limit, a relay has enough for ${limits.connectionsMax} connections.`,
      )
    : note(
        `Files: the doctor itself may open only ${files.hard}; with the same limit, a relay has ${few.connections} connections at most, not ${few.wanted}. A unit or container has a limit of its own: LimitNOFILE=${filesFor(few.wanted)} in the unit, or ulimit -n, raises it.`,
      );
}

async function checkName(name: string): Promise<Finding> {
  try {
    const addresses = await lookup(name, { all: true });
    const shown = addresses.map(({ address }) => address).join(", ");
    return addresses.every(({ address }) => isPrivate(address))
      ? note(`Name: ${name} leads to ${shown}, which only this network reaches.`)
      : good(`Name: ${name} leads to ${shown}.`);
  } catch (error) {
    return bad(`Name: ${name} leads nowhere (${codeOf(error)}). Add an A or AAAA record.`);
  }
}

async function checkCertificate(target: Target): Promise<Finding> {
  const { name, isLocal } = target;
  const port = portOf(target);
  const rules = { host: name, port, ...trustIn(target), rejectUnauthorized: false };
  const socket = connectTls(rules);
  try {
    await once(socket, "secureConnect", {
      signal: AbortSignal.timeout(fixedLimits.doctorMillisMax),
    });
    const { valid_to: until, issuer, subjectaltname: names, subject } = socket.getPeerCertificate();
    if (!socket.authorized && !isLocal)
      return bad(
        `Certificate: browsers will not take it (${String(socket.authorizationError)}). For an authority of your own, name its certificate with --ca.`,
      );
    const days = Math.floor((Date.parse(until) - Date.now()) / 86_400_000);
    const whose = isLocal ? `for ${names ?? String(subject.CN)}, ` : "";
    const text = `Certificate: ${socket.getProtocol() ?? "TLS"}, ${whose}from ${String(issuer.O ?? issuer.CN)}, ${days} days left.`;
    return days < 14 ? note(`${text} It should have been renewed by now.`) : good(text);
  } catch (error) {
    return bad(`Certificate: nothing speaks TLS at ${name}:${port} (${codeOf(error)}).`);
  } finally {
    socket.destroy();
  }
}

async function checkHealth(target: Target): Promise<Finding> {
  const { origin } = target;
  try {
    const { status, text } = await get(target, "/healthz");
    return text.includes('"protocol":')
      ? good(`Health: the relay answers ${status}.`)
      : bad(`Health: something else answers at ${origin}/healthz (${status}).`);
  } catch (error) {
    return bad(`Health: nothing answers at ${origin} (${codeOf(error)}). Does the relay run?`);
  }
}

async function checkAddress(target: Target): Promise<Finding> {
  try {
    const { status, text } = await get(target, "/doctor/seen");
    const seen: unknown = status === 200 ? JSON.parse(text) : {};
    const address =
      typeof seen === "object" && seen !== null && "address" in seen ? seen.address : "";
    if (typeof address !== "string" || address === "")
      return note("Address: the relay does not say whom it takes you for (--no-doctor).");
    if (isPrivate(address) && !target.isLocal)
      return bad(
        `Address: the relay takes you for ${address}, which is a proxy's. Start it with --behind-proxy, and have the proxy send X-Forwarded-For; until then all share one address's limits.`,
      );
    return good(`Address: the relay takes you for ${address}.`);
  } catch (error) {
    return note(`Address: the relay did not say whom it takes you for (${codeOf(error)}).`);
  }
}

async function checkWebSocket(
  target: Target,
): Promise<{ readonly hello: RelayHello | undefined; readonly finding: Finding }> {
  const { origin } = target;
  const url = `${origin.replace(/^http/u, "ws")}${relayPath}`;
  const webSocket = new WebSocket(url, relaySubprotocol, {
    ...trustIn(target),
    origin,
    perMessageDeflate: false,
    handshakeTimeout: fixedLimits.doctorMillisMax,
  });
  const began = performance.now();
  try {
    const [bytes]: unknown[] = await once(webSocket, "message", {
      signal: AbortSignal.timeout(fixedLimits.doctorMillisMax),
    });
    const frame =
      bytes instanceof Buffer ? tryDecode(RelayFrame, new Uint8Array(bytes)) : undefined;
    if (frame?.type !== "hello")
      return { hello: undefined, finding: bad("WebSocket: what came first was no hello.") };
    const millis = Math.round(performance.now() - began);
    return { hello: frame, finding: good(`WebSocket: open, and hello after ${millis} ms.`) };
  } catch (error) {
    const text = `WebSocket: ${codeOf(error)}. A proxy in front has to pass Upgrade, Connection and Host.`;
    return { hello: undefined, finding: bad(text) };
  } finally {
    webSocket.on("error", () => undefined);
    webSocket.terminate();
  }
}

export function checkClock(relayMillis: number, ownMillis: number): Finding {
  const seconds = Math.round((relayMillis - ownMillis) / 1000);
  return Math.abs(seconds) < 30
    ? good("Clock: the relay's and this machine's agree.")
    : bad(
        `Clock: the relay is ${seconds} s away from this machine. Nodes choose topics by it: run NTP.`,
      );
}

async function checkIce(server: IceServer, { ca, isLocal }: Target): Promise<Finding> {
  const { url } = server;
  try {
    const answer = await askIce(server, { patienceMillis: fixedLimits.iceMillisMax, ca });
    return answer === undefined
      ? bad(`ICE: ${url} is no address of a STUN or TURN server.`)
      : judgeIce(url, answer, isLocal);
  } catch (error) {
    return bad(`ICE: ${url} does not answer (${codeOf(error)}).`);
  }
}

function judgeIce(url: string, answer: IceAnswer, isLocal: boolean): Finding {
  switch (answer.kind) {
    case "answers":
      return good(`ICE: ${url} answers.`);
    case "allocated":
      return isPrivate(answer.address) && !isLocal
        ? note(
            `ICE: ${url} takes the words this relay gives, but passes things on from ${answer.address}, which only its own network reaches: set external-ip.`,
          )
        : good(`ICE: ${url} takes the words this relay gives.`);
    case "open":
      return bad(
        `ICE: ${url} passes things on for anybody, without a word. Start coturn with use-auth-secret.`,
      );
    case "refused":
      return bad(
        `ICE: ${url} refuses the words this relay gives (${answer.code}). Both need the same secret, and clocks that agree.`,
      );
    case "unreadable":
      return bad(`ICE: what answers at ${url} is no STUN or TURN server.`);
  }
}

async function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.on("response", resolve);
    asked.on("error", reject);
  });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError") return "no answer in time";
  const { cause } = error;
  const deep = cause instanceof Error ? cause : error;
  return "code" in deep && typeof deep.code === "string" ? deep.code : deep.message;
}

function good(text: string): Finding {
  return { verdict: "good", text };
}
function note(text: string): Finding {
  return { verdict: "note", text };
}
function bad(text: string): Finding {
  return { verdict: "bad", text };
}
