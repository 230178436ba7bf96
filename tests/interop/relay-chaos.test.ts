/**
 * A relay that is killed, frozen, out of files, with a full disk for its log and clocks that leap: no two nodes stay apart.
 *
 * Everybody has to be back 15 seconds after the relay can be reached again.
 * Small by default. With a hundred kills: SKEIN_STORM=full npx -y pnpm test tests/interop/relay-chaos
 */

import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

import { instant } from "@skein/protocol/ids";
import { openRelayLink, type RelayLink } from "@skein/transport/relay-link-runner";
import { startRelay } from "@skein/relay/relay";
import { openWebSockets } from "@skein/transport/websocket-socket";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

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
  await writeFile(join(folder, "fate"), "0 0 few\n");
  await writeFile(join(folder, "report"), "");
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

/** The relay as badly off as it may be: hardly any files, and nowhere to write its log to. */
async function startPoorRelay(port?: number): Promise<RelayProcess> {
  const full = openSync("/dev/full", "w");
  const environment = {
    NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, "relay-fate.mjs")).href}`,
    SKEIN_FATE: join(folder, "fate"),
    SKEIN_FATE_REPORT: join(folder, "report"),
  };
  // So that it soon looks whether those who are connected are still there.
  const looks = ["--ping-millis", "1000", "--first-frame-millis-max", "3000"];
  const args = ["--log", "json", "--transparency", ...looks];
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
  const meet = async (round: number): Promise<Met> => {
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

/** What the relay's process told of itself, line by line. */
async function reports(): Promise<ReadonlyArray<string>> {
  return (await readFile(join(folder, "report"), "utf8")).split("\n");
}

/** Takes every file that the relay's process may open, beside all that it leaves to strangers. Gives them back in the end. */
async function takeFiles(port: number, meanwhile: () => Promise<void>): Promise<void> {
  const outs = async (): Promise<number> =>
    (await reports()).filter((line) => line === "EMFILE").length;
  const before = await outs();
  const sockets: Socket[] = [];
  for (let index = 0; index < filesMax * 2; index++) {
    const socket = connectSocket({ port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    socket.write("GET /relay HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    sockets.push(socket);
  }
  await tellFate({ files: "all" });
  await expect.poll(outs, { timeout: 10_000 }).toBeGreaterThan(before);
  expect(await dial(port)).toBeUndefined();
  await meanwhile();
  await tellFate({ files: "few" });
  for (const socket of sockets) socket.destroy();
}

/** Lets the clocks of the relay's process leap, and waits until they have. */
async function leapTo({ wall, passed }: Leap): Promise<void> {
  await tellFate({ wall, passed });
  const seen = async (): Promise<boolean> => {
    const [, date = 0, now = 0] = (await reports()).at(-2)?.split(" ").map(Number) ?? [];
    const own = performance.timeOrigin + performance.now();
    return Math.abs(date - own - wall) < 60_000 && now >= passed;
  };
  await expect.poll(seen, { timeout: 10_000 }).toBe(true);
}

const fateOfAll = { wall: 0, passed: 0, files: "few" };

async function tellFate(changed: Partial<typeof fateOfAll>): Promise<void> {
  const { wall, passed, files } = Object.assign(fateOfAll, changed);
  await writeFile(join(folder, "fate"), `${wall} ${passed} ${files}\n`);
}

interface Leap {
  readonly wall: number;
  readonly passed: number;
}

test("whatever befalls a relay whose disk is full and whose files are few, every two nodes are together again", async () => {
  let rita = await startPoorRelay();
  const circle = await openCircle(rita.port, size.links);
  const lasts = new Map<string, number[]>();
  const spreads: number[] = [];
  const downs: number[] = [0];
  let met = await circle.meet(200);
  expect(met).toMatchObject({ apart: 0 });
  /** Counted from when the relay can be reached again. */
  const meetAfter = async (fate: string, round: number): Promise<void> => {
    met = await circle.meet(round);
    expect(met).toMatchObject({ round, apart: 0 });
    lasts.set(fate, [...(lasts.get(fate) ?? []), met.last]);
  };
  let hours = 0;
  try {
    for (let round = 0; round < size.rounds; round++) {
      const fate = fates[round % fates.length] ?? "killed";
      // Whoever is killed before anyone could rely on it is dialled ever later, up to a minute.
      if (fate === "killed") await sleep(size.restMillis);
      if (fate === "killed") {
        const killed = performance.now();
        await rita[Symbol.asyncDispose]();
        rita = await startPoorRelay(rita.port);
        downs.push(performance.now() - killed);
      } else if (fate === "frozen") {
        rita.child.kill("SIGSTOP");
        await sleep(size.frozenMillis);
        rita.child.kill("SIGCONT");
      } else if (fate === "out of files")
        await takeFiles(rita.port, () => meetAfter("while out of files", 203));
      else {
        for (const wall of [decadeMillis, -decadeMillis]) {
          await leapTo({ wall, passed: hours * hourMillis });
          await meetAfter("the clock on the wall", 201 + Math.sign(wall));
        }
        // As after a sleep of the machine: every connection is overdue, and every one comes back.
        circle.away.clear();
        await leapTo({ wall: 0, passed: ++hours * hourMillis });
        await expect.poll(() => circle.away.size, { timeout: 15_000 }).toBe(size.links);
      }
      await meetAfter(fate, round);
      if (fate === "killed") spreads.push(met.last - met.first);
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
const hourMillis = 3_600_000;
/** Within this time of the relay's being back everybody is: with full jitter, if it was away for five seconds or less. */
const backMillisMax = 15_000;
