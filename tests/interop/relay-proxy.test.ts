/** The proxy samples of apps/relay/deploy in front of real relays: nginx and Caddy as they are installed, with certificates of their own. */

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
import { defaultLimits } from "@skein/relay/limits";
import { options, variableOf } from "@skein/relay/options";
import { openNatsEngine } from "@skein/relay/nats-engine";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";

import { findFreePort, installed, start, type Running } from "./installed.ts";
import { openStage, tagOf } from "./relay-scene.ts";

const nginx = installed("nginx");
const caddy = installed("caddy");
const natsServer = installed("nats-server");
const openssl = installed("openssl");
const systemd = installed("systemd-analyze");
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
  // What the sample says about the file that it is put beside.
  const [files, events] = [/^# {3}(worker_rlimit_nofile .*)$/mu, /^# {3}(events .*)$/mu].map(
    (line) => line.exec(text)?.[1] ?? "the sample says nothing",
  );
  const main = `worker_processes 1;\n${files}\npid ${folder}/pid;\nerror_log ${folder}/logs/error.log;\n${events}\nhttp {\n${paths}\n${text}\n}\n`;
  await writeFile(join(folder, "nginx.conf"), main);
  const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-g", "daemon off;"];
  return { port, nginx: await start(nginx ?? "", args, port), folder };
}

/** As above; Caddy makes the certificate itself, as it would fetch one for a name. */
async function openCaddy(
  relay: number,
): Promise<{ readonly port: number; readonly caddy: Running; readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "skein-caddy-"));
  const port = await findFreePort();
  const options = ["admin off", "skip_install_trust", "auto_https disable_redirects"];
  const sample = await readFile(join(deploy, "Caddyfile"), "utf8");
  const text = sample
    .replace("relay.example.org {", `https://127.0.0.1:${port} {\n\ttls internal`)
    .replace("localhost:7534", `127.0.0.1:${relay}`);
  const config = join(folder, "Caddyfile");
  await writeFile(config, `{\n${[...options, "default_sni 127.0.0.1"].join("\n")}\n}\n${text}`);
  const environment = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const args = ["run", "--config", config, "--adapter", "caddyfile"];
  return { port, caddy: await start(caddy ?? "", args, port, environment), folder };
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

/** Whether two nodes that came through a proxy hear each other, with the largest payload there is. */
async function pass(port: number): Promise<RelayFrame> {
  const [alice, bob] = [await dial(port), await dial(port)];
  tell(bob, { type: "subscribe", tags: [tag] });
  tell(bob, { type: "ping", nonce: 1 });
  await once(bob, "message");
  const heard = once(bob, "message");
  tell(alice, { type: "publish", tag, payload: largest });
  const [bytes] = (await heard) as [Buffer];
  alice.terminate();
  bob.terminate();
  return decode(RelayFrame, new Uint8Array(bytes));
}

const largest = new Uint8Array(65_536).fill(7);

test("the samples name what a build makes, and settings that a relay knows", async () => {
  const texts = await Promise.all(
    ["Dockerfile", "compose.yaml", "skein-relay.service"].map((name) =>
      readFile(join(deploy, name), "utf8"),
    ),
  );
  const [docker = "", compose = "", unit = ""] = texts;
  for (const built of ["apps/relay/dist/relay.mjs", "apps/web/dist"])
    expect(docker).toContain(`/src/${built} `);
  const known = new Set(options.map((option) => variableOf(option)));
  const named = [...`${compose}${unit}`.matchAll(/\bSKEIN_[A-Z_]+/gu)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
  const flags = /^ExecStart=.* serve(.*)$/mu.exec(unit)?.[1];
  expect(flags).toBe("");
});

test("every variable that the compose file reads is explained at its head, with a value to copy", async () => {
  const compose = await readFile(join(deploy, "compose.yaml"), "utf8");
  const [head = "", services = ""] = compose.split("services:\n");
  const read = new Set([...services.matchAll(/\$\{(\w+)/gu)].map(([, name = ""]) => name));
  expect(read.size).toBeGreaterThan(3);
  for (const name of read) expect(head).toMatch(new RegExp(`^#   ${name}=\\S+`, "mu"));
});

describe.skipIf(caddy === undefined)("with Caddy (apt-get install caddy)", () => {
  test("nodes come through Caddy, and the relay limits each by its own address", async () => {
    await using stage = await openStage({ isBehindProxy: true });
    const { port, caddy: running, folder } = await openCaddy(stage.relay.port);
    await using _running = running;
    expect(await pass(port)).toEqual({ type: "publish", tag, payload: largest });
    expect(await seen(port, "127.0.0.9")).toBe('{"address":"127.0.0.9"}\n');
    await rm(folder, { recursive: true });
  }, 20_000);
});

describe.skipIf(systemd === undefined)("with systemd-analyze (part of systemd)", () => {
  test("systemd understands the unit, and finds it among the least exposed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "skein-unit-"));
    const file = join(folder, "skein-relay.service");
    const unit = await readFile(join(deploy, "skein-relay.service"), "utf8");
    await writeFile(file, unit.replace("/usr/bin/node", process.execPath));
    const run = (...args: ReadonlyArray<string>): string =>
      execFileSync(systemd ?? "", [...args, file], { encoding: "utf8", stdio: "pipe" });
    expect(run("verify")).toBe("");
    // Of 10.0, where 0 can do nothing at all; a service without any of these lines has 9.6.
    expect(run("security", "--offline=true", "--threshold=20")).toMatch(
      /exposure level .*: [01]\.\d OK/u,
    );
    await rm(folder, { recursive: true });
  }, 20_000);
});

describe.skipIf(nginx === undefined || openssl === undefined)(
  "with nginx and openssl (apt-get install nginx-light openssl)",
  () => {
    test("nodes come through nginx with a page's origin, and the relay limits each by its own address", async () => {
      await using stage = await openStage({ isBehindProxy: true });
      const { port, nginx: running, folder } = await openNginx("nginx.conf", [stage.relay.port]);
      await using _running = running;
      expect(await pass(port)).toEqual({ type: "publish", tag, payload: largest });
      expect(await seen(port, "127.0.0.9")).toBe('{"address":"127.0.0.9"}\n');
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

describe.skipIf(nginx === undefined || openssl === undefined || natsServer === undefined)(
  "with nginx, openssl and nats-server (apt-get install nginx-light openssl nats-server)",
  () => {
    test("three relays that NATS joins are one behind nginx: nodes of each hear each other, and do when one relay has stopped", async () => {
      const natsPort = await findFreePort();
      const args = ["-a", "127.0.0.1", "-p", String(natsPort)];
      await using _nats = await start(natsServer ?? "", args, natsPort);
      const stages = await Promise.all(
        [1, 2, 3].map(() => {
          const rules = { servers: [`127.0.0.1:${natsPort}`], credentials: undefined };
          const engine = openNatsEngine({ ...rules, subject: "skein", limits: defaultLimits });
          return openStage({ isBehindProxy: true, engine });
        }),
      );
      for (const stage of stages)
        await expect
          .poll(async () => (await stage.health())["backplane"], { timeout: 8_000 })
          .toBe("up");
      const ports = stages.map(({ relay }) => relay.port);
      const { port, nginx: running, folder } = await openNginx("nginx-three-relays.conf", ports);
      await using _running = running;
      const nodes = await Promise.all([1, 2, 3].map(() => dial(port)));
      const counts = await Promise.all(stages.map((stage) => stage.health()));
      expect(counts.map(({ connections }) => connections)).toEqual([1, 1, 1]);
      await expectCircle(nodes, 1);
      const ended = nodes.map((node) => once(node, "close").then(() => node));
      await stages[1]?.relay.close();
      const gone = await Promise.race(ended);
      const again = await dial(port);
      await expectCircle([...nodes.filter((node) => node !== gone), again], 2);
      for (const node of [...nodes, again]) node.terminate();
      for (const stage of stages) await stage[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    }, 40_000);
  },
);

/** Each node speaks until all others have heard it. */
async function expectCircle(nodes: ReadonlyArray<WebSocket>, word: number): Promise<void> {
  const heard = new Map(nodes.map((node) => [node, new Set<number>()]));
  const listeners = nodes.map((node) => {
    const listen = (bytes: Buffer): void => {
      const frame = decode(RelayFrame, new Uint8Array(bytes));
      if (frame.type === "publish" && frame.payload[0] === word)
        heard.get(node)?.add(frame.payload[1] ?? 0);
    };
    node.on("message", listen);
    tell(node, { type: "subscribe", tags: [tag] });
    return () => node.off("message", listen);
  });
  await expect
    .poll(
      () => {
        for (const [index, node] of nodes.entries())
          tell(node, { type: "publish", tag, payload: Uint8Array.of(word, index) });
        return nodes.map((node) => heard.get(node)?.size);
      },
      { timeout: 12_000, interval: 100 },
    )
    .toEqual(nodes.map(() => nodes.length - 1));
  for (const forget of listeners) forget();
}
