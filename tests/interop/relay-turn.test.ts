/** The words for TURN that a relay gives, taken by a real coturn that was set up with what the relay prints. */

import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { examine } from "@skein/relay/doctor";
import { readSettings } from "@skein/relay/settings";
import { turnserverConfig } from "@skein/relay/turn";
import { describe, expect, test } from "vitest";

import { findFreePort, installed, start } from "./installed.ts";
import { openStage, type Stage } from "./relay-scene.ts";

const turnserver = installed("turnserver");
const secret = "shared between the relay and coturn";

// RFC 8489 and RFC 8656, as little as an allocation takes.
const cookie = 0x2112_a442;
const attributes = { username: 0x06, integrity: 0x08, realm: 0x14, nonce: 0x15, transport: 0x19 };

function attribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(value.length, 2);
  value.copy(padded, 4);
  return padded;
}

function message(parts: ReadonlyArray<Buffer>, more = 0): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(0x0003, 0);
  head.writeUInt16BE(body.length + more, 2);
  head.writeUInt32BE(cookie, 4);
  transaction.copy(head, 8);
  return Buffer.concat([head, body]);
}
const transaction = randomBytes(12);

function find(answer: Buffer, wanted: number): Buffer {
  for (let at = 20; at + 4 <= answer.length;) {
    const length = answer.readUInt16BE(at + 2);
    if (answer.readUInt16BE(at) === wanted) return answer.subarray(at + 4, at + 4 + length);
    at += 4 + Math.ceil(length / 4) * 4;
  }
  throw new Error(`no attribute ${wanted}`);
}

async function ask(socket: Socket, port: number, request: Buffer): Promise<Buffer> {
  const answered = once(socket, "message", { signal: AbortSignal.timeout(5_000) });
  socket.send(request, port, "127.0.0.1");
  const [answer] = (await answered) as [Buffer];
  return answer;
}

/** The type of the answer to an allocation asked for with these words. */
async function allocate(port: number, username: string, credential: string): Promise<number> {
  const socket = createSocket("udp4");
  try {
    const transport = attribute(attributes.transport, Buffer.of(17, 0, 0, 0));
    const refused = await ask(socket, port, message([transport]));
    const realm = find(refused, attributes.realm);
    const parts = [
      transport,
      attribute(attributes.username, Buffer.from(username)),
      attribute(attributes.realm, realm),
      attribute(attributes.nonce, find(refused, attributes.nonce)),
    ];
    const key = createHash("md5").update(`${username}:${realm.toString()}:${credential}`).digest();
    const integrity = createHmac("sha1", key).update(message(parts, 24)).digest();
    const whole = message([...parts, attribute(attributes.integrity, integrity)]);
    return (await ask(socket, port, whole)).readUInt16BE(0);
  } finally {
    socket.close();
  }
}

/** What the doctor says of ICE servers. */
async function diagnose({ relay }: Stage): Promise<ReadonlyArray<string>> {
  const read = readSettings({
    args: ["doctor", "--port", String(relay.port)],
    environment: {},
    readFile: () => undefined,
  });
  if (read.kind !== "settings") throw new Error("the settings are sound");
  const findings = await examine(read.settings);
  return findings
    .filter(({ text }) => text.startsWith("ICE:"))
    .map(({ verdict, text }) => `${verdict} ${text}`);
}

/** A coturn as the relay's own configuration makes it, but on loopback. */
async function startCoturn(port: number, folder: string) {
  const config = turnserverConfig({ name: "relay.example.org", secret })
    .replace("listening-port=3478", `listening-port=${port}\nlistening-ip=127.0.0.1`)
    .concat(
      `relay-ip=127.0.0.1\nuserdb=${folder}/db\npidfile=${folder}/pid\nallow-loopback-peers\n`,
    );
  const file = join(folder, "turnserver.conf");
  await writeFile(file, config);
  return start(turnserver ?? "", ["-c", file], port);
}

describe.skipIf(turnserver === undefined)("with coturn (apt-get install coturn)", () => {
  test("a node that came to the relay may use coturn, and nobody who made up a word may", async () => {
    const port = await findFreePort();
    const folder = await mkdtemp(join(tmpdir(), "skein-turn-"));
    await using _coturn = await startCoturn(port, folder);
    await using stage = await openStage({
      iceServers: [`turn:127.0.0.1:${port}`],
      turnSecret: secret,
    });
    const alice = await stage.connect({ hears: false });
    const hello = await alice.hear();
    const [server] = hello.type === "hello" ? hello.iceServers : [];
    expect(server?.url).toBe(`turn:127.0.0.1:${port}`);
    const { username = "", credential = "" } = server ?? {};
    expect(await allocate(port, username, credential)).toBe(0x0103);
    expect(await allocate(port, username, "made up")).toBe(0x0113);
    const expired = username.replace(/^\d+/u, "1000");
    const word = createHmac("sha1", secret).update(expired).digest("base64");
    expect(await allocate(port, expired, word)).toBe(0x0113);
    await rm(folder, { recursive: true });
  }, 20_000);

  test("the doctor asks coturn for a way with the relay's own words, over both transports, and tells when it is refused", async () => {
    const port = await findFreePort();
    const folder = await mkdtemp(join(tmpdir(), "skein-turn-"));
    await using _coturn = await startCoturn(port, folder);
    const [turn, stun] = [`turn:127.0.0.1:${port}`, `stun:127.0.0.1:${port}`];
    const iceServers = [stun, turn, `${turn}?transport=tcp`];
    await using rita = await openStage({ iceServers, turnSecret: secret });
    expect(await diagnose(rita)).toEqual([
      `good ICE: ${stun} answers.`,
      `good ICE: ${turn} takes the words this relay gives.`,
      `good ICE: ${turn}?transport=tcp takes the words this relay gives.`,
    ]);
    await using ruth = await openStage({ iceServers: [turn], turnSecret: "another" });
    expect(await diagnose(ruth)).toEqual([
      expect.stringContaining("refuses the words this relay gives (401)"),
    ]);
    const gone = `turn:127.0.0.1:${await findFreePort()}?transport=tcp`;
    await using rosa = await openStage({ iceServers: [gone], turnSecret: secret });
    expect(await diagnose(rosa)).toEqual([`bad ICE: ${gone} does not answer (ECONNREFUSED).`]);
    await rm(folder, { recursive: true });
  }, 20_000);
});
