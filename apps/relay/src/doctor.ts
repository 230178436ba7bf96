/** Looks at a relay from where it is run, as a node would come to it: name, certificate, WebSocket, clock, files, STUN and TURN. */

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";

import { tryDecode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import type { RelayHello } from "@skein/protocol/relay-frames/hello";
import { relaySubprotocol } from "@skein/protocol/version";
import { WebSocket } from "ws";

import { isPrivate } from "./addresses.ts";
import { fileLimits } from "./file-limits.ts";
import { isLoopback } from "./greeting.ts";
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
}

export async function examine(settings: Settings): Promise<ReadonlyArray<Finding>> {
  const target = targetOf(settings);
  const findings: Finding[] = [checkFiles(settings)];
  if (!target.isLocal) {
    findings.push(await checkName(target.name));
    if (findings.at(-1)?.verdict === "bad") return findings;
    findings.push(await checkCertificate(target.name, portOf(target)));
  }
  findings.push(await checkHealth(target), await checkAddress(target));
  const { hello, finding } = await checkWebSocket(target);
  findings.push(finding);
  if (hello === undefined) return findings;
  findings.push(checkClock(hello.now, Date.now()));
  findings.push(...(await Promise.all(hello.iceServers.map(({ url }) => checkStun(url)))));
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
function targetOf({ publicName, port, tls }: Settings): Target {
  if (publicName === "" || isLoopback(publicName)) {
    const scheme = tls === undefined ? "http" : "https";
    return { name: "localhost", origin: `${scheme}://localhost:${port}`, isLocal: true };
  }
  return { name: publicName, origin: `https://${publicName}`, isLocal: false };
}

function portOf({ origin }: Target): number {
  return Number(new URL(origin).port || 443);
}

function checkFiles({ limits }: Settings): Finding {
  const files = fileLimits();
  if (files === undefined) return note("This system does not say how many files may be open.");
  const wanted = Math.ceil(limits.connectionsMax / 0.8);
  return files.hard >= wanted
    ? good(
        `Files: the doctor itself may open ${files.hard}; with the same limit, a relay has enough for ${limits.connectionsMax} connections.`,
      )
    : note(
        `Files: the doctor itself may open only ${files.hard}; with the same limit, a relay has ${Math.floor(files.hard * 0.8)} connections at most. A unit or container has a limit of its own: LimitNOFILE=${wanted} in the unit, or ulimit -n, raises it.`,
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

async function checkCertificate(name: string, port: number): Promise<Finding> {
  const socket = connectTls({ host: name, port, servername: name, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect", { signal: AbortSignal.timeout(patienceMillis) });
    const { valid_to: until, issuer } = socket.getPeerCertificate();
    if (!socket.authorized)
      return bad(`Certificate: browsers will not take it (${String(socket.authorizationError)}).`);
    const days = Math.floor((Date.parse(until) - Date.now()) / 86_400_000);
    const text = `Certificate: ${socket.getProtocol() ?? "TLS"}, from ${String(issuer.O)}, ${days} days left.`;
    return days < 14 ? note(`${text} It should have been renewed by now.`) : good(text);
  } catch (error) {
    return bad(`Certificate: nothing speaks TLS at ${name}:${port} (${codeOf(error)}).`);
  } finally {
    socket.destroy();
  }
}

async function checkHealth({ origin }: Target): Promise<Finding> {
  try {
    const response = await fetch(`${origin}/healthz`, {
      signal: AbortSignal.timeout(patienceMillis),
    });
    const text = await response.text();
    return text.includes('"protocol":')
      ? good(`Health: the relay answers ${response.status}.`)
      : bad(`Health: something else answers at ${origin}/healthz (${response.status}).`);
  } catch (error) {
    return bad(`Health: nothing answers at ${origin} (${codeOf(error)}). Does the relay run?`);
  }
}

async function checkAddress({ origin, isLocal }: Target): Promise<Finding> {
  try {
    const response = await fetch(`${origin}/doctor/seen`, {
      signal: AbortSignal.timeout(patienceMillis),
    });
    const seen: unknown = response.ok ? await response.json() : {};
    const address =
      typeof seen === "object" && seen !== null && "address" in seen ? seen.address : "";
    if (typeof address !== "string" || address === "")
      return note("Address: the relay does not say whom it takes you for (--no-doctor).");
    if (isPrivate(address) && !isLocal)
      return bad(
        `Address: the relay takes you for ${address}, which is a proxy's. Start it with --behind-proxy, and have the proxy send X-Forwarded-For; until then all share one address's limits.`,
      );
    return good(`Address: the relay takes you for ${address}.`);
  } catch (error) {
    return note(`Address: the relay did not say whom it takes you for (${codeOf(error)}).`);
  }
}

async function checkWebSocket({
  origin,
}: Target): Promise<{ readonly hello: RelayHello | undefined; readonly finding: Finding }> {
  const url = `${origin.replace(/^http/u, "ws")}${relayPath}`;
  const webSocket = new WebSocket(url, relaySubprotocol, {
    origin,
    perMessageDeflate: false,
    handshakeTimeout: patienceMillis,
  });
  const began = performance.now();
  try {
    const [bytes]: unknown[] = await once(webSocket, "message", {
      signal: AbortSignal.timeout(patienceMillis),
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

/** A STUN binding request (RFC 8489 §6.1); a TURN server over UDP answers it as well. */
async function checkStun(url: string): Promise<Finding> {
  const match = /^(?:stun|turn):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=udp)?$/u.exec(url);
  const host = match?.[1]?.replaceAll(/[[\]]/gu, "");
  if (host === undefined) return note(`ICE: ${url} is not asked: only UDP is.`);
  const request = Buffer.alloc(20);
  request.writeUInt16BE(0x0001, 0);
  request.writeUInt32BE(0x2112_a442, 4);
  randomBytes(12).copy(request, 8);
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  try {
    socket.send(request, Number(match?.[2] ?? 3478), host);
    await once(socket, "message", { signal: AbortSignal.timeout(stunMillis) });
    return good(
      url.startsWith("turn:")
        ? `ICE: ${url} answers. Only its port was asked, not whether it takes the words this relay gives.`
        : `ICE: ${url} answers.`,
    );
  } catch (error) {
    return bad(`ICE: ${url} does not answer (${codeOf(error)}).`);
  } finally {
    socket.close();
  }
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

const patienceMillis = 8_000;
const stunMillis = 2_000;
