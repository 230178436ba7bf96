/** The bundled relay as an operator runs it: commands, a log, a certificate of its own, and a look into its memory. */

import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { lookup } from "node:dns/promises";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request, type RequestOptions } from "node:https";
import type { IncomingMessage } from "node:http";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { promisify } from "node:util";

import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { buffersWith, heapOf } from "../browser/relay-memory.ts";
import { findFreePort, installed } from "./installed.ts";
import { dial, publish, subscribe } from "./relay-storm.ts";

const relayFolder = join(import.meta.dirname, "..", "..", "apps", "relay");
const openssl = installed("openssl");
/** What this machine calls itself, where that leads to it. */
const ownName = await lookup(hostname(), { family: 4 }).then(
  () => hostname(),
  () => undefined,
);
let folder = "";
let program = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-operator-"));
  program = join(folder, "relay.mjs");
  await build({
    root: relayFolder,
    configFile: join(relayFolder, "vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder },
  });
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

async function say(...args: ReadonlyArray<string>) {
  return sayWith([process.execPath], args);
}

/** Before the words of a command: hardly any files. */
const withFewFiles = ["sh", "-c", 'ulimit -n 160 && exec "$@"', "sh", process.execPath];

async function sayWith([first = "", ...more]: ReadonlyArray<string>, args: ReadonlyArray<string>) {
  const run = promisify(execFile)(first, [...more, program, ...args], { cwd: folder });
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

/** Runs the relay until its port answers. */
async function serve(
  args: ReadonlyArray<string>,
  {
    node = [],
    scheme = "http",
    words: given = ["serve", "--no-app"],
    before: [first = "", ...before] = [process.execPath],
  }: {
    readonly before?: ReadonlyArray<string>;
    readonly node?: ReadonlyArray<string>;
    readonly scheme?: string;
    readonly words?: ReadonlyArray<string>;
  } = {},
) {
  const port = await findFreePort();
  const words = [...before, ...node, program, ...given, "--port", String(port), ...args];
  const child = spawn(first, words, { cwd: folder });
  const said = { text: "" };
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => (said.text += piece.toString()));
  const marks = scheme === "https" ? ['"started"'] : ["Ctrl+C", '"started"'];
  const isUp = (): boolean => marks.some((mark) => said.text.includes(mark));
  await expect.poll(isUp, { timeout: 10_000 }).toBe(true);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  return { port, child, said, [Symbol.asyncDispose]: stop };
}

test("commands answer and end; what is wrong ends with 2 and a sentence", async () => {
  const printed = await say("config", "print", "--tags-max", "5");
  expect(printed.stdout).toMatch(/^tags-max = 5 +# flag --tags-max$/mu);
  expect((await say("config", "sample")).stdout).toContain("# connections-max = 10000");
  const turn = await say("turnserver", "relay.example.org", "--turn-secret", "s3");
  expect(turn.stdout).toContain("static-auth-secret=s3");
  expect(await say("turnserver")).toMatchObject({ code: 2 });
  const bare = await say("serve", "relay.example.org");
  expect(bare).toMatchObject({ code: 2 });
  expect(bare.stderr).toContain("--behind-proxy");
  const locked = await say("serve", "--nats", "nats://a:4222", "--nats-credentials", "/gone");
  expect(locked).toMatchObject({ code: 1, stdout: "" });
  expect(locked.stderr).toMatch(/^The relay could not start: .*\/gone, cannot be read \(ENOENT\)/u);
  const gone = await say("doctor", "--port", String(await findFreePort()));
  expect(gone).toMatchObject({ code: 1 });
  expect(gone.stdout).toContain("Does the relay run?");
}, 20_000);

test("the log is lines of JSON, and neither it nor the memory afterwards holds a tag, an address or a payload", async () => {
  const node = ["--inspect=127.0.0.1:0"];
  // Writing the heap down makes it late, which it would say otherwise.
  const busy = ["--lag-millis-max", "60000"];
  await using rita = await serve(["--log", "json", "--behind-proxy", ...busy], { node });
  const address = "198.18.77.66";
  const word = Buffer.from("canary-in-a-coal-mine");
  const tag = Buffer.from("Canary-Tag-16-by");
  const [alice, bob] = [await dial(rita.port, address), await dial(rita.port, address)];
  const heard = new Promise<Buffer>((resolve) => {
    if (bob !== undefined)
      bob.listen = (message) => {
        if (message[0] === 2) resolve(message);
      };
  });
  bob?.socket.write(subscribe(tag));
  const repeat = setInterval(() => alice?.socket.write(publish(tag, word)), 5);
  expect((await heard).includes(word)).toBe(true);
  // Everything in the relay's memory that has a name or is text, and every byte of its buffers.
  expect(await heapOf(rita.said.text)).toContain(tag.toString());
  const buffers = () => buffersWith(rita.said.text, [tag, word, Buffer.from(address)]);
  await expect.poll(async () => (await buffers()).found).toEqual([0, 1]);
  clearInterval(repeat);
  const health = async () =>
    (await (await fetch(`http://127.0.0.1:${rita.port}/healthz`)).json()) as object;
  for (const one of [alice, bob]) one?.socket.destroy();
  await expect.poll(health).toMatchObject({ connections: 0, tags: 0 });

  const left = { timeout: 5_000, interval: 500 };
  await expect.poll(async () => (await buffers()).found, left).toEqual([]);
  expect((await buffers()).bytes).toBeGreaterThan(10_000);
  const snapshot = await heapOf(rita.said.text);
  rita.child.kill("SIGTERM");
  await once(rita.child, "exit");
  const lines = rita.said.text.split("\n").filter((line) => line.startsWith("{"));
  const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events).toEqual(["started", "stopping", "stopped"]);
  expect(snapshot.length).toBeGreaterThan(1e6);
  for (const canary of [address, tag.toString(), word.toString(), tag.toString("hex")]) {
    expect(snapshot.includes(canary)).toBe(false);
    expect(rita.said.text).not.toContain(canary);
  }
}, 30_000);

test("where the system has few files, the log, the greeting, `config print` and the doctor say how many connections that leaves", async () => {
  const before = withFewFiles;
  await using rita = await serve(["--log", "json"], { before });
  const [few] = rita.said.text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(few).toMatchObject({ event: "few-files", files: 160, wanted: 10_000, connections: 96 });
  await using ruth = await serve([], { before });
  expect(ruth.said.text).toContain("160 files, so 96 connections fit, not 10000");
  const printed = await sayWith(before, ["config", "print"]);
  expect(printed.stdout).toMatch(/^connections-max = 10000 +# default; 96 hold, .*160 files/mu);
  const doctor = await sayWith(before, ["doctor", "--port", String(rita.port)]);
  expect(doctor.stdout).toMatch(
    /^note +Files: .* only 160; .* 96 connections .*LimitNOFILE=12500/mu,
  );
  await using rosa = await serve(["--connections-max", "96"], { before });
  expect(rosa.said.text).not.toContain("files");
}, 20_000);

test("whoever serves the app to others finds in the log that they are trusted, and whoever serves none does not", async () => {
  const args = ["--log", "json", "--behind-proxy"];
  await using rita = await serve(args, { words: ["serve", "relay.example.org"] });
  await expect.poll(() => rita.said.text).toContain('"trust"');
  const lines = rita.said.text.trimEnd().split("\n");
  const trust = lines.map((line) => JSON.parse(line) as Record<string, unknown>)[1];
  expect(trust).toMatchObject({ event: "trust", says: expect.stringContaining("trust whoever") });
  await using ruth = await serve(args, { words: ["serve", "relay.example.org", "--no-app"] });
  ruth.child.kill("SIGTERM");
  await once(ruth.child, "exit");
  expect(ruth.said.text).not.toContain("trust");
}, 20_000);

describe.skipIf(openssl === undefined)("with openssl (apt-get install openssl)", () => {
  /** Makes a certificate for this name, in place of the one before. */
  function certify(name: string): ReadonlyArray<string> {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    const files = ["-keyout", key, "-out", cert, ...names, "-days", "20"];
    execFileSync(openssl ?? "", ["req", "-x509", ...curve, ...files], { stdio: "ignore" });
    return ["--tls-cert", cert, "--tls-key", key];
  }

  /** The name in the certificate that a new connection sees. */
  async function nameAt(port: number): Promise<string> {
    const rules: RequestOptions = { host: "127.0.0.1", port, path: "/healthz", agent: false };
    const asked = request({ ...rules, rejectUnauthorized: false }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const name = String((response.socket as TLSSocket).getPeerCertificate().subject.CN);
    response.destroy();
    return name;
  }

  test("a relay with a certificate speaks https, and takes a new one without a restart; a broken one changes nothing", async () => {
    const args = certify("first.example");
    await using rita = await serve([...args, "--log", "json"], { scheme: "https" });
    expect(await nameAt(rita.port)).toBe("first.example");
    certify("second.example");
    rita.child.kill("SIGHUP");
    await expect.poll(() => nameAt(rita.port)).toBe("second.example");
    await writeFile(join(folder, "cert.pem"), "nonsense");
    rita.child.kill("SIGHUP");
    await expect.poll(() => rita.said.text).toContain('"read":false');
    expect(await nameAt(rita.port)).toBe("second.example");
  }, 20_000);

  test.skipIf(ownName === undefined)(
    "the doctor looks at a relay at any port and with a certificate of its own authority, once that is named",
    async () => {
      const name = ownName ?? "";
      const args = certify(name);
      const all = ["--host", "0.0.0.0", "--log", "json"];
      await using rita = await serve([...args, ...all], { scheme: "https" });
      const place = `${name}:${rita.port}`;
      expect((await say("doctor", place)).stdout).toMatch(/^bad +Certificate: .*--ca/mu);
      const known = await say("doctor", place, "--ca", join(folder, "cert.pem"));
      expect(known.stdout).toMatch(/^good +Certificate: TLSv1\.3, from/mu);
      expect(known.stdout).toMatch(/^good +WebSocket: open/mu);
      const other = await say("doctor", place, "--ca", join(folder, "key.pem"));
      expect(other.stdout).toContain("Certificate: there is none in");
      // On its own machine, whatever name it has a certificate for.
      const own = await say("doctor", "--port", String(rita.port), ...args);
      expect(own.stdout).toMatch(new RegExp(`^good +Certificate: .*for DNS:${name}, `, "mu"));
      expect(own.stdout).toMatch(/^good +WebSocket: open/mu);
      expect(own.code).toBe(0);
    },
    20_000,
  );
});
