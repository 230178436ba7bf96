/** The proxy samples of apps/relay/deploy in front of a real relay: nginx as it is installed, with a certificate of its own. */

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { decode, encode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { relaySubprotocol } from "@skein/protocol/version";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";

import { findFreePort, installed, start, type Running } from "./installed.ts";
import { openStage, tagOf } from "./relay-scene.ts";

const nginx = installed("nginx");
const openssl = installed("openssl");
const deploy = join(import.meta.dirname, "..", "..", "apps", "relay", "deploy");
const tag = tagOf(0x31);

/** The sample as it stands, with this test's ports and files in place of an operator's. */
async function openNginx(
  sample: string,
  relays: ReadonlyArray<number>,
): Promise<{ readonly port: number; readonly nginx: Running; readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "skein-nginx-"));
  await mkdir(join(folder, "logs"));
  const port = await findFreePort();
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=relay.example.org", "-days", "1", "-nodes"];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  execFileSync(openssl ?? "", [...made, ...subject, "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  let text = await readFile(join(deploy, sample), "utf8");
  text = text
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`)
    .replace("listen [::]:443 ssl;", "")
    .replace(/\/etc\/letsencrypt\S+fullchain\.pem/u, cert)
    .replace(/\/etc\/letsencrypt\S+privkey\.pem/u, key)
    .replace("127.0.0.1:7534", `127.0.0.1:${relays[0] ?? 0}`);
  for (const [index, relay] of relays.entries())
    text = text.replace(`10.0.0.${index + 1}:7534`, `127.0.0.1:${relay}`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join("\n");
  const main = `worker_processes 1;\npid ${folder}/pid;\nerror_log ${folder}/logs/error.log;\nevents {}\nhttp {\n${paths}\n${text}\n}\n`;
  await writeFile(join(folder, "nginx.conf"), main);
  const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-g", "daemon off;"];
  return { port, nginx: await start(nginx ?? "", args, port), folder };
}

async function dial(port: number): Promise<WebSocket> {
  const webSocket = new WebSocket(`wss://127.0.0.1:${port}/relay`, relaySubprotocol, {
    origin: `https://127.0.0.1:${port}`,
    rejectUnauthorized: false,
    perMessageDeflate: false,
  });
  const [hello] = (await once(webSocket, "message")) as [Buffer];
  expect(decode(RelayFrame, new Uint8Array(hello))).toMatchObject({ type: "hello" });
  return webSocket;
}

/** For whom the relay takes somebody at this address who pretends to be at another. */
async function seen(port: number, localAddress: string): Promise<string> {
  const headers = { "x-forwarded-for": "192.0.2.66" };
  const rules = { host: "127.0.0.1", port, path: "/doctor/seen", localAddress, headers };
  const asked = request({ ...rules, rejectUnauthorized: false }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response) text += String(piece);
  return text;
}

function tell(webSocket: WebSocket, frame: RelayFrame): void {
  webSocket.send(encode(RelayFrame, frame));
}

describe.skipIf(nginx === undefined || openssl === undefined)(
  "with nginx and openssl (apt-get install nginx-light openssl)",
  () => {
    test("nodes come through nginx with a page's origin, and the relay limits each by its own address", async () => {
      await using stage = await openStage({ isBehindProxy: true });
      const { port, nginx: running, folder } = await openNginx("nginx.conf", [stage.relay.port]);
      await using _running = running;
      const [alice, bob] = [await dial(port), await dial(port)];
      tell(bob, { type: "subscribe", tags: [tag] });
      tell(bob, { type: "ping", nonce: 1 });
      await once(bob, "message");
      const payload = new Uint8Array(65_536).fill(7);
      const heard = once(bob, "message");
      tell(alice, { type: "publish", tag, payload });
      const [bytes] = (await heard) as [Buffer];
      expect(decode(RelayFrame, new Uint8Array(bytes))).toEqual({ type: "publish", tag, payload });
      expect(await seen(port, "127.0.0.9")).toBe('{"address":"127.0.0.9"}\n');
      alice.terminate();
      bob.terminate();
      await rm(folder, { recursive: true });
    }, 20_000);

    test("three relays behind one nginx: whichever is stopped, the next node comes in", async () => {
      const stages = await Promise.all([1, 2, 3].map(() => openStage({ isBehindProxy: true })));
      const ports = stages.map(({ relay }) => relay.port);
      const { port, nginx: running, folder } = await openNginx("nginx-three-relays.conf", ports);
      await using _running = running;
      const nodes = await Promise.all([1, 2, 3].map(() => dial(port)));
      const counts = await Promise.all(stages.map((stage) => stage.health()));
      expect(counts.map(({ connections }) => connections)).toEqual([1, 1, 1]);
      const ended = nodes.map((node) => once(node, "close"));
      await stages[1]?.relay.close();
      const [code] = (await Promise.race(ended)) as [number];
      expect(code).toBe(1012);
      const again = await dial(port);
      for (const node of [...nodes, again]) node.terminate();
      for (const stage of stages) await stage[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    }, 20_000);
  },
);
