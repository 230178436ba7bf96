/** What an operator sees of a running relay: readiness, counts, the doctor, and nothing of anybody else. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";

import { examine, printFindings } from "@skein/relay/doctor";
import { readSettings } from "@skein/relay/settings";
import { expect, test } from "vitest";

import { findFreePort } from "./installed.ts";
import { openStage, tagOf } from "./relay-scene.ts";

const tag = tagOf(0xc7);

async function ask(port: number, path: string, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test("a relay that is full says so to a load balancer, and keeps those who are there", async () => {
  await using stage = await openStage({ limits: { connectionsMax: 1 } });
  const { port } = stage.relay;
  expect(await ask(port, "/readyz")).toMatchObject({ status: 200 });
  const alice = await stage.connect();
  const full = await ask(port, "/readyz");
  expect(full.status).toBe(503);
  expect(JSON.parse(full.text)).toEqual({ status: "full", backplane: "none" });
  expect(await ask(port, "/healthz")).toMatchObject({ status: 200 });
  expect(await alice.hearAll()).toEqual([]);
});

test("counts are opened by a token or stand on a port of their own, and hold no tag, no address, no payload", async () => {
  const watching = await findFreePort();
  const metrics = { port: watching, host: "127.0.0.1", token: "open sesame" };
  await using stage = await openStage({ metrics });
  const { port } = stage.relay;
  const [alice, bob] = [await stage.connect(), await stage.connect()];
  bob.tell({ type: "subscribe", tags: [tag] });
  await bob.hearAll();
  const payload = new Uint8Array(Buffer.from("canary-payload"));
  alice.tell({ type: "publish", tag, payload });
  await bob.hear();
  expect(await ask(port, "/metrics")).toMatchObject({ status: 401 });
  expect(await ask(port, "/metrics", "open says me")).toMatchObject({ status: 401 });
  const told = await ask(port, "/metrics", "open sesame");
  expect(told.text).toMatch(/^skein_connections 2$/mu);
  expect(told.text).toMatch(/^skein_frames_total\{kind="publish"\} 1$/mu);
  expect(told.headers.get("content-type")).toContain("version=0.0.4");
  const open = await ask(watching, "/metrics");
  expect(open.status).toBe(200);
  expect(await ask(watching, "/")).toMatchObject({ status: 404 });
  const report = await ask(watching, "/transparency");
  const numbers = JSON.stringify(JSON.parse(report.text)).replaceAll(/"[a-zA-Z0-9-]+":/gu, "");
  expect(numbers).toMatch(/^[\d{},.]+$/u);
  const raw = Buffer.alloc(16, 0xc7);
  for (const canary of [tag, raw.toString("latin1"), raw.toString("base64"), "canary", "127.0.0.1"])
    for (const { text } of [told, open, report]) expect(text).not.toContain(canary);
});

test("without a token there are no counts on the main port", async () => {
  await using stage = await openStage();
  expect(await ask(stage.relay.port, "/metrics")).toMatchObject({ status: 404 });
});

test("the doctor's page runs nothing that is not the relay's, and can be left out", async () => {
  await using stage = await openStage();
  const page = await ask(stage.relay.port, "/doctor");
  expect(page.status).toBe(200);
  const policy = page.headers.get("content-security-policy") ?? "";
  for (const part of ["default-src 'none'", "script-src 'self'", "trusted-types 'none'"])
    expect(policy).toContain(part);
  expect(policy).not.toContain("unsafe");
  expect(page.text).not.toMatch(/<script(?![^>]* src=)|\bon\w+=|style=/u);
  expect(page.text).toContain("trusted when it is loaded for the first time");
  expect(await ask(stage.relay.port, "/doctor/seen")).toMatchObject({
    text: '{"address":"127.0.0.1"}\n',
  });
  await using silent = await openStage({ hasDoctor: false });
  expect(await ask(silent.relay.port, "/doctor")).toMatchObject({ status: 404 });
});

test("the page's program is a module without a fault of form, and reads what the relay says", () => {
  const folder = join(import.meta.dirname, "..", "..", "apps", "relay", "src", "doctor-page");
  const program = readFileSync(join(folder, "program.txt"), "utf8");
  const args = ["--input-type=module", "--check"];
  execFileSync(process.execPath, args, { input: program, stdio: ["pipe", "ignore", "inherit"] });
  const readHello = /function readHello[\s\S]*?\n\}/u.exec(program)?.[0] ?? "";
  const vectors = JSON.parse(
    readFileSync(join(import.meta.dirname, "..", "vectors", "relay-frames.json"), "utf8"),
  ) as ReadonlyArray<{ readonly hex: string }>;
  const frame = new Uint8Array(Buffer.from(vectors[0]?.hex ?? "", "hex"));
  const read: unknown = runInNewContext(`${readHello}; JSON.stringify(readHello(frame))`, {
    frame,
    TextDecoder,
    DataView,
  });
  expect(JSON.parse(String(read))).toEqual({
    version: 1,
    now: 1_795_222_800_000,
    servers: [
      { urls: "stun:relay.example:3478", username: "", credential: "" },
      {
        urls: "turn:relay.example:3478?transport=tcp",
        username: "1795226400:3f9c",
        credential: "c2VjcmV0IG9mIHRoZSBob3Vy",
      },
    ],
  });
});

test("the doctor finds a sound relay sound, and one whose clock is off or that is not there ill", async () => {
  const look = async (port: number) => {
    const read = readSettings({
      args: ["doctor", "--port", String(port)],
      environment: {},
      readFile: () => undefined,
    });
    if (read.kind !== "settings") throw new Error("the settings are sound");
    return examine(read.settings);
  };
  await using rita = await openStage();
  const findings = await look(rita.relay.port);
  expect(findings.filter(({ verdict }) => verdict === "bad")).toEqual([]);
  expect(printFindings(findings)).toMatch(/good {2}WebSocket: open, and hello after \d+ ms\./u);
  await using late = await openStage({
    clock: { monotonicMillis: () => 0, wallMillis: () => 1_000_000_000_000 },
  });
  expect((await look(late.relay.port)).filter(({ verdict }) => verdict === "bad")).toEqual([
    expect.objectContaining({
      text: expect.stringContaining("s away from this machine") as string,
    }),
  ]);
  const gone = await look(await findFreePort());
  expect(gone.filter(({ verdict }) => verdict === "bad").length).toBeGreaterThan(1);
}, 20_000);
