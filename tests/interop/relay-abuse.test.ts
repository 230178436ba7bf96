/**
 * Many idle nodes and some active ones while Mallory does what she can.
 *
 * Small by default. At full size: SKEIN_STORM=full npx -y pnpm test tests/interop/relay-abuse
 */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { defaultLimits } from "@skein/relay/limits";
import { memoryBound } from "@skein/relay/memory-bound";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

import {
  attack,
  comeIn,
  openHonest,
  publish,
  startRelayProcess,
  subscribe,
} from "./relay-storm.ts";

const isFull = process.env["SKEIN_STORM"] === "full";
const size = isFull
  ? {
      idle: 10_000,
      pairs: 100,
      strength: 3_000,
      millis: 30_000,
      lateMillisMax: 250,
      floodBytes: 400e6,
    }
  : // A short run shares its processors with other tests: what it shows is that nobody is shut out.
    { idle: 300, pairs: 20, strength: 200, millis: 2_000, lateMillisMax: 2_000, floodBytes: 120e6 };

const relayFolder = join(import.meta.dirname, "..", "..", "apps", "relay");
let folder = "";
let program = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-storm-"));
  program = join(folder, "relay.mjs");
  await build({
    root: relayFolder,
    configFile: join(relayFolder, "vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder },
  });
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

function percentile(samples: ReadonlyArray<number>, share: number): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length * share)] ?? Number.NaN;
}

test("while Mallory opens, floods, stalls and squats, Alice and Bob feel little, and memory stays within its formula", async () => {
  const room = ["--connections-max", String(defaultLimits.connectionsMax + 1_000)];
  await using rita = await startRelayProcess(program, ["--behind-proxy", ...room]);
  const empty = rita.residentBytes();
  const sockets = new Set<Socket>();
  for (let index = 0; index < size.idle; index++) {
    const node = await comeIn(rita.port, `192.0.${index >> 4}.${index & 15}`);
    node.socket.write(subscribe(tagOfIndex(index)));
    sockets.add(node.socket);
  }
  expect(sockets.size).toBe(size.idle);
  const honest = await openHonest(rita.port, size.pairs, 100);
  await sleep(500);
  const before = rita.residentBytes();
  attack(rita.port, size.strength, sockets);
  await sleep(size.millis);
  const grown = rita.residentBytes() - before;
  const late = percentile(honest.latencies, 0.99);
  const [heard, sent] = [honest.latencies.length, honest.sent()];
  const health = (await (await fetch(`http://127.0.0.1:${rita.port}/healthz`)).json()) as {
    readonly connections: number;
    readonly tags: number;
    readonly announcements: number;
    readonly backlogBytes: number;
  };
  honest.stop();
  for (const socket of sockets) socket.destroy();

  process.stderr.write(
    `${size.idle} idle, ${size.pairs * 2} active: p99 ${late.toFixed(1)} ms, grown by ${(grown / 1e6).toFixed(1)} MB\n`,
  );
  expect(heard).toBeGreaterThan(sent - size.pairs * 4);
  expect(late).toBeLessThan(size.lateMillisMax);
  const most = memoryBound(defaultLimits, health);
  expect(rita.residentBytes()).toBeLessThan(empty + most.nowBytes);
  expect(grown).toBeLessThan(60e6 + (isFull ? 120e6 : 0));
}, 180_000);

test("readers that never read cost a relay no more than what may wait for them, however much they are sent", async () => {
  const unlimited = ["publishes-per-second", "publishes-burst", "publish-bytes-per-second"];
  const flags = [...unlimited, "publish-bytes-burst"].flatMap((name) => [`--${name}`, "1G"]);
  await using rita = await startRelayProcess(program, flags);
  const before = rita.residentBytes();
  const tag = Buffer.alloc(16, 0x33);
  const readers = await Promise.all(Array.from({ length: 10 }, () => comeIn(rita.port, "")));
  for (const { socket } of readers) {
    socket.write(subscribe(tag));
    socket.pause();
  }
  const [alice, bob] = [await comeIn(rita.port, ""), await comeIn(rita.port, "")];
  bob.socket.write(subscribe(tag));
  await sleep(200);
  const frame = publish(tag, Buffer.alloc(16_000, 7));
  let heard = 0;
  const whole = Math.ceil(size.floodBytes / frame.length);
  bob.listen = (message) => {
    if (message[0] !== 2) return;
    heard += 1;
    if (heard % 8 === 0 && heard < whole) alice.socket.write(eight);
  };
  const eight = Buffer.concat(Array.from({ length: 8 }, () => frame));
  let most = 0;
  alice.socket.write(eight);
  await expect
    .poll(
      () => {
        most = Math.max(most, rita.residentBytes() - before);
        return heard;
      },
      { timeout: 60_000, interval: 20 },
    )
    .toBeGreaterThanOrEqual(whole);
  process.stderr.write(
    `${heard} frames for ten that do not read: grown by ${(most / 1e6).toFixed(1)} MB at most\n`,
  );
  expect(most).toBeLessThan(60e6);
  for (const { socket } of [...readers, alice, bob]) socket.destroy();
}, 90_000);

function tagOfIndex(index: number): Buffer {
  const tag = Buffer.alloc(16, 1);
  tag.writeUInt32BE(index, 4);
  return tag;
}

test("the formula in the documentation is the one that is computed, with its numbers", () => {
  const page = readFileSync(
    join(import.meta.dirname, "..", "..", "docs", "self-hosting.md"),
    "utf8",
  );
  const { terms, mostBytes } = memoryBound(defaultLimits, {
    connections: 0,
    tags: 0,
    announcements: 0,
    backlogBytes: 0,
  });
  for (const { name, each, count } of terms)
    expect(page).toContain(
      `| ${name} | ${each.toLocaleString("en")} | ${count.toLocaleString("en")} |`,
    );
  expect(page).toContain(`${Math.round(mostBytes / 1e6).toLocaleString("en")} MB`);
});
