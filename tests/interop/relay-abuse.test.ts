/**
 * Many idle nodes and some active ones while Mallory does what she can; and a relay that is killed, frozen and starved.
 *
 * Small by default. At full size: SKEIN_STORM=full npx -y pnpm test tests/interop/relay-abuse
 */

import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { defaultLimits } from "@skein/relay/limits";
import { memoryBound } from "@skein/relay/memory-bound";
import { instant } from "@skein/protocol/ids";
import { openRelayLink, type RelayLink } from "@skein/transport/relay-link-runner";
import { openWebSockets } from "@skein/transport/websocket-socket";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

import { tagOf } from "./relay-scene.ts";
import { attack, comeIn, dial, openHonest, startRelayProcess, subscribe } from "./relay-storm.ts";

const isFull = process.env["SKEIN_STORM"] === "full";
const size = isFull
  ? {
      idle: 9_000,
      pairs: 100,
      strength: 3_000,
      millis: 30_000,
      kills: 100,
      links: 30,
      restMillis: 10_500,
    }
  : { idle: 300, pairs: 20, strength: 200, millis: 2_000, kills: 3, links: 8, restMillis: 0 };

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
  await using rita = await startRelayProcess(program, ["--behind-proxy"]);
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
  expect(late).toBeLessThan(250);
  const most = memoryBound(defaultLimits, health);
  expect(rita.residentBytes()).toBeLessThan(empty + most.nowBytes);
  expect(grown).toBeLessThan(60e6 + (isFull ? 120e6 : 0));
}, 180_000);

function tagOfIndex(index: number): Buffer {
  const tag = Buffer.alloc(16, 1);
  tag.writeUInt32BE(index, 4);
  return tag;
}

test("a relay killed and frozen in the middle of traffic leaves no two nodes apart for long", async () => {
  let rita = await startRelayProcess(program);
  const { port } = rita;
  const sockets = await openWebSockets();
  const heard = new Map<number, number>();
  const links: RelayLink[] = [];
  const alarm = {
    now: () => instant(Math.floor(performance.now())),
    wake: (at: number, ring: () => void) => {
      const timer = setTimeout(ring, Math.max(0, at - performance.now()));
      return () => clearTimeout(timer);
    },
  };
  for (let index = 0; index < size.links; index++) {
    const link = openRelayLink({
      url: `ws://127.0.0.1:${port}/relay`,
      sockets,
      alarm,
      seed: index * 7_919 + 1,
      listen: (news) => {
        if (news.type === "deliver") heard.set(index, news.payload[0] ?? 0);
      },
    });
    link.chooseTopics([tagOf(index + 1)]);
    links.push(link);
  }
  /** Everyone speaks to the next one until all have heard this round. */
  const meet = async (round: number): Promise<void> => {
    const by = performance.now() + 15_000;
    const apart = (): boolean => links.some((_, index) => heard.get(index) !== round);
    while (apart() && performance.now() < by) {
      for (const [index, link] of links.entries())
        link.publish(tagOf(((index + 1) % links.length) + 1), Uint8Array.of(round));
      await sleep(100);
    }
    expect(apart()).toBe(false);
  };
  try {
    await meet(200);
    for (let round = 0; round < size.kills; round++) {
      // Whoever is killed before anyone could rely on it is dialled ever later, up to a minute.
      await sleep(size.restMillis);
      if (round % 3 === 1) {
        rita.child.kill("SIGSTOP");
        await sleep(300);
        rita.child.kill("SIGCONT");
      } else {
        await rita[Symbol.asyncDispose]();
        rita = await startRelayProcess(program, [], { port });
      }
      await meet(round);
    }
  } finally {
    for (const link of links) link.close();
    await rita[Symbol.asyncDispose]();
  }
}, 1_800_000);

test("with a full disk for its log, and hardly any files left, a relay goes on for those who are there", async () => {
  const full = openSync("/dev/full", "w");
  const args = ["--log", "json", "--transparency", "--connections-max", "20"];
  await using rita = await startRelayProcess(program, args, { stdout: full });
  closeSync(full);
  const honest = await openHonest(rita.port, 3, 50);
  const sockets = new Set<Socket>();
  for (let index = 0; index < 60; index++) {
    const node = await dial(rita.port);
    if (node !== undefined) sockets.add(node.socket);
  }
  expect(sockets.size).toBe(14);
  const before = honest.latencies.length;
  await sleep(400);
  expect(honest.latencies.length).toBeGreaterThan(before + 6);
  rita.child.kill("SIGHUP");
  await sleep(50);
  expect(rita.child.exitCode).toBeNull();
  honest.stop();
  for (const socket of sockets) socket.destroy();
}, 20_000);

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
