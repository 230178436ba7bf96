/**
 * A relay that is killed, frozen, out of files, with a full disk for its log and a clock that jumps: no two nodes stay apart.
 *
 * Small by default. With a hundred kills: SKEIN_STORM=full npx -y pnpm test tests/interop/relay-chaos
 */

import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { instant } from "@skein/protocol/ids";
import { openRelayLink, type RelayLink } from "@skein/transport/relay-link-runner";
import { startRelay } from "@skein/relay/relay";
import { openWebSockets } from "@skein/transport/websocket-socket";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

import { findLibrary } from "./installed.ts";
import { tagOf } from "./relay-scene.ts";
import { dial, openHonest, startRelayProcess, type RelayProcess } from "./relay-storm.ts";

const isFull = process.env["SKEIN_STORM"] === "full";
const size = isFull
  ? { rounds: 150, links: 30, restMillis: 10_500, frozenMillis: 5_000 }
  : { rounds: 4, links: 8, restMillis: 0, frozenMillis: 300 };
/** What befalls the relay, in turns: two kills in three where there is time. */
const fates = isFull
  ? ([
      "killed",
      "frozen",
      "killed",
      "out of files",
      "killed",
      "killed",
      "clock",
      "killed",
      "killed",
    ] as const)
  : (["killed", "frozen", "out of files", "clock"] as const);
/** What a process may open: the relay itself takes some thirty. */
const filesMax = 160;

const relayFolder = join(import.meta.dirname, "..", "..", "apps", "relay");
/** Lets the wall clock of another process jump (Debian's libfaketime); without it that fate is a day like any other. */
const fakeTime = findLibrary("faketime/libfaketimeMT.so.1");
let folder = "";
let program = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-chaos-"));
  program = join(folder, "relay.mjs");
  await build({
    root: relayFolder,
    configFile: join(relayFolder, "vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder },
  });
  await writeFile(join(folder, "clock"), "+0");
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

/** The relay as badly off as it may be: hardly any files, and nowhere to write its log to. */
async function startPoorRelay(port?: number): Promise<RelayProcess> {
  const full = openSync("/dev/full", "w");
  const environment =
    fakeTime === undefined
      ? {}
      : {
          LD_PRELOAD: fakeTime,
          FAKETIME_TIMESTAMP_FILE: join(folder, "clock"),
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
        };
  const args = ["--log", "json", "--transparency"];
  const place = port === undefined ? {} : { port };
  const given = { ...place, stdout: full, filesMax, environment };
  const rita = await startRelayProcess(program, args, given);
  closeSync(full);
  return rita;
}

/** Nodes that each listen to a tag of their own and speak to the next one's. */
async function openCircle(port: number, count: number) {
  const sockets = await openWebSockets();
  const heard = new Map<number, number>();
  const away = new Set<number>();
  const links: RelayLink[] = [];
  const alarm = {
    now: () => instant(Math.floor(performance.now())),
    wake: (at: number, ring: () => void) => {
      const timer = setTimeout(ring, Math.max(0, at - performance.now()));
      return () => clearTimeout(timer);
    },
  };
  for (let index = 0; index < count; index++) {
    const link = openRelayLink({
      url: `ws://127.0.0.1:${port}/relay`,
      sockets,
      alarm,
      seed: index * 7_919 + 1,
      listen: (news) => {
        if (news.type === "away") away.add(index);
        if (news.type === "deliver") heard.set(index, news.payload[0] ?? 0);
      },
    });
    link.chooseTopics([tagOf(index + 1)]);
    links.push(link);
  }
  /** Everyone speaks to the next one until all have heard this round, or until it has lasted too long. */
  const meet = async (round: number, backMillisMax = 15_000): Promise<Met> => {
    const began = performance.now();
    const apart = (): number => links.filter((_, index) => heard.get(index) !== round).length;
    let first = 0;
    while (apart() > 0 && performance.now() < began + backMillisMax) {
      for (const [index, link] of links.entries())
        link.publish(tagOf(((index + 1) % count) + 1), Uint8Array.of(round));
      await sleep(50);
      if (first === 0 && apart() < count) first = performance.now() - began;
    }
    return { round, apart: apart(), first, last: performance.now() - began };
  };
  const close = (): void => {
    for (const link of links) link.close();
  };
  return { meet, close, away };
}

interface Met {
  readonly round: number;
  /** Who has not heard. */
  readonly apart: number;
  /** Milliseconds until the first and the last had. */
  readonly first: number;
  readonly last: number;
}

/** Takes every file the relay may open, holds them for a while, and gives them back. */
async function takeFiles(port: number): Promise<void> {
  const sockets: Socket[] = [];
  for (let index = 0; index < filesMax * 2; index++) {
    const socket = connectSocket({ port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    socket.write("GET /relay HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    sockets.push(socket);
  }
  await sleep(300);
  for (const socket of sockets) socket.destroy();
}

test("whatever befalls a relay whose disk is full and whose files are few, every two nodes are together again", async () => {
  let rita = await startPoorRelay();
  const circle = await openCircle(rita.port, size.links);
  const lasts = new Map<string, number[]>();
  const spreads: number[] = [];
  const downs: number[] = [0];
  try {
    expect(await circle.meet(200)).toMatchObject({ apart: 0 });
    for (let round = 0; round < size.rounds; round++) {
      const fate = fates[round % fates.length] ?? "killed";
      // Whoever is killed before anyone could rely on it is dialled ever later, up to a minute.
      if (fate === "killed") await sleep(size.restMillis);
      let downMillis = 0;
      if (fate === "killed") {
        const killed = performance.now();
        await rita[Symbol.asyncDispose]();
        rita = await startPoorRelay(rita.port);
        downMillis = performance.now() - killed;
        downs.push(downMillis);
      } else if (fate === "frozen") {
        rita.child.kill("SIGSTOP");
        await sleep(size.frozenMillis);
        rita.child.kill("SIGCONT");
      } else if (fate === "out of files") await takeFiles(rita.port);
      else await writeFile(join(folder, "clock"), clocks[round % clocks.length] ?? "+0");
      // A machine so busy that the relay takes seconds to start has nodes that wait longer: the longer it is away, the rarer they try.
      const met = await circle.meet(round, Math.max(15_000, 4 * downMillis));
      expect(met).toMatchObject({ round, apart: 0 });
      const { first, last } = met;
      lasts.set(fate, [...(lasts.get(fate) ?? []), last]);
      if (fate === "killed") spreads.push(last - first);
    }
  } finally {
    circle.close();
    await rita[Symbol.asyncDispose]();
  }
  for (const [fate, all] of lasts)
    process.stderr.write(
      `${fate}, ${all.length} times: all back after ${Math.round(Math.max(...all))} ms at most\n`,
    );
  process.stderr.write(
    `a kill took the relay away for ${Math.round(Math.max(...downs))} ms at most; they came back over ${Math.round(median(spreads))} ms (median)\n`,
  );
}, 3_600_000);

test("a clock of the relay that leaps, in any direction, parts nobody for long", async () => {
  let leapMillis = 0;
  let wallMillis = 0;
  await using rita = await startRelay({
    clock: {
      monotonicMillis: () => Math.floor(performance.now()) + leapMillis,
      wallMillis: () => performance.timeOrigin + performance.now() + wallMillis,
    },
    limits: { pingMillis: 1_000, firstFrameMillisMax: 1_000 },
    iceServers: ["turn:relay.example.org:3478"],
    turnSecret: "a word between the relay and coturn",
  });
  const circle = await openCircle(rita.port, 4);
  expect(await circle.meet(1)).toMatchObject({ apart: 0 });
  for (const [index, leap] of [decadeMillis, -decadeMillis].entries()) {
    wallMillis = leap;
    expect(await circle.meet(2 + index)).toMatchObject({ apart: 0 });
  }
  expect(circle.away.size).toBe(0);
  // As after a sleep of the machine: every connection is overdue, and every one comes back.
  leapMillis = 3_600_000;
  await expect.poll(() => circle.away.size, { timeout: 10_000 }).toBe(4);
  expect(await circle.meet(4)).toMatchObject({ apart: 0 });
  circle.close();
}, 60_000);

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

function median(samples: ReadonlyArray<number>): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0;
}

const decadeMillis = 10 * 365 * 86_400_000;
/** Ten years ahead, ten years back, and as it should be. */
const clocks = ["+3650d", "-3650d", "+0"];
