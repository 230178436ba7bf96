/** Our relay beside its peers, in turns: CPU microseconds of the server for each message delivered, by the kernel's count. */

/* oxlint-disable no-await-in-loop -- one thing at a time is what is measured. */

import { Buffer } from "node:buffer";
import process from "node:process";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { announcement, dialects, text } from "./dialects.mjs";
import { clientFrame, dial } from "./load.mjs";
import { cpuMicros, freePort, residentBytes, startServer, stopServer } from "./process.mjs";
import { installPeers, servers } from "./servers.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const warmMillis = 1_000;
const measureMillis = 900;

/** One forwarding job at each server. `inFlight` messages of each sender are under way at any time. */
const jobs = {
  spread: { name: "256 bytes, 200 pairs, one at a time", size: 256, pairs: 200, inFlight: 1 },
  burst: { name: "256 bytes, 20 pairs, 64 at a time", size: 256, pairs: 20, inFlight: 64 },
  large: { name: "16 KiB, 100 pairs, one at a time", size: 16_384, pairs: 100, inFlight: 1 },
  fan: { name: "256 bytes from one to 100", size: 256, pairs: 1, inFlight: 1, readers: 100 },
};

/** Peer, job, the most (or for a raw forward the least) that our share of its cost may be. */
const goals = [
  ["minimal", "spread", 1.05],
  ["minimal", "burst", 0.35],
  ["minimal", "large", 1.1],
  ["minimal-native", "large", 1.1],
  ["minimal", "fan", 0.9],
  ["y-webrtc", "spread", 0.75],
  ["y-webrtc", "large", 0.22],
  ["peerjs", "spread", 0.6],
  ["peerjs", "large", 0.2],
  ["bittorrent-tracker", "spread", 0.4],
  ["bittorrent-tracker", "large", 0.14],
  ["forward", "spread", 1 / 0.45],
  ["forward", "large", 1 / 0.4],
];

const names = {
  minimal: "minimal binary relay on ws 8.23.0",
  "minimal-native": "minimal binary relay on ws 8.23.0 with bufferutil, its native add-on",
  "y-webrtc": "y-webrtc 10.3.0 signalling server",
  peerjs: "PeerJS server 1.0.2",
  "bittorrent-tracker": "bittorrent-tracker 11.2.3 over WebSocket",
  forward: "raw TCP forward (C, epoll)",
};

export async function measure({ say }) {
  installPeers(say);
  const rows = [];
  for (const [key, job] of Object.entries(jobs)) rows.push(...(await compare(key, job, say)));
  rows.push(await compareAnnounce(say));
  rows.push(...(await measureMemory(say)));
  rows.push(...(await measureGrowth(say)));
  rows.push(...(await measureHop(say)));
  return rows;
}

/** Every server in turn, several rounds; the median of the rounds' ratios is what counts. */
async function compare(key, job, say) {
  const wanted = goals.filter(([, which]) => which === key);
  const costs = new Map(["skein", ...wanted.map(([peer]) => peer)].map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, samples] of costs) samples.push(await costOf(name, job));
  const ours = costs.get("skein");
  say(
    `${job.name}: ${[...costs].map(([name, s]) => `${name} ${median(s).toFixed(2)}`).join(", ")}`,
  );
  return wanted.map(([peer, , goal]) => {
    const theirs = costs.get(peer);
    const ratio = median(ours.map((cost, round) => cost / theirs[round]));
    const middle = median(theirs);
    return row({
      name: job.name,
      ours: ratio * middle,
      peer: middle,
      against: names[peer],
      unit: "CPU µs a message",
      goal,
      sizes: {
        bytes: job.size,
        pairs: job.pairs,
        inFlight: job.inFlight,
        readers: job.readers ?? 1,
      },
    });
  });
}

async function costOf(name, job, ...more) {
  const server = await servers[name](...more);
  const stage = await play(name, server.port, job);
  try {
    return await sample(server.pid, stage);
  } finally {
    for (const socket of stage.sockets) socket.destroy();
    await stopServer(server);
  }
}

/** Opens the pairs and keeps them going until their sockets are gone. */
async function play(name, port, { size, pairs, inFlight, readers = 1, from }) {
  const stage = { delivered: 0, sockets: [], lines: [] };
  for (let index = 0; index < pairs; index++) {
    const line = { waiting: 0, say: () => {} };
    const heard = (frames) => {
      stage.delivered += frames;
      line.waiting += frames;
      if (line.waiting < readers) return;
      const whole = Math.floor(line.waiting / readers);
      line.waiting -= whole * readers;
      line.say(whole);
    };
    const address = `10.${index >> 8}.${index & 255}.1`;
    const opened = await dialects[name].open(port, { size, readers, heard, address, from });
    stage.sockets.push(...opened.sockets);
    const run = Buffer.concat(Array.from({ length: inFlight }, () => opened.frame));
    line.say = (count) => {
      for (let left = count; left > 0; left -= inFlight)
        opened.sender.write(run.subarray(0, Math.min(left, inFlight) * opened.frame.length));
    };
    stage.lines.push(line);
  }
  await sleep(100);
  for (const line of stage.lines) line.say(inFlight);
  return stage;
}

async function sample(pids, stage, lastsMillis = measureMillis) {
  const cpu = () => [pids].flat().reduce((sum, pid) => sum + cpuMicros(pid), 0);
  await sleep(warmMillis);
  const [messages, micros] = [stage.delivered, cpu()];
  await sleep(lastsMillis);
  const count = stage.delivered - messages;
  if (count < 50) throw new Error(`only ${count} messages came`);
  return (cpu() - micros) / count;
}

/** Announcing and hearing of twenty others, without any offer; against a tracker that is given five, as its clients do. */
async function compareAnnounce(say) {
  const [ours, theirs] = [[], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(await costOfAnnounce("skein"));
    theirs.push(await costOfAnnounce("bittorrent-tracker"));
  }
  say(
    `announce: skein ${median(ours).toFixed(1)}, bittorrent-tracker ${median(theirs).toFixed(1)}`,
  );
  const ratio = median(ours.map((cost, round) => cost / theirs[round]));
  return row({
    name: "announce, and hear of 20 others",
    ours: ratio * median(theirs),
    peer: median(theirs),
    against: `${names["bittorrent-tracker"]}, with 5 offers`,
    unit: "CPU µs an announcement",
    goal: 0.2,
  });
}

async function costOfAnnounce(name) {
  const server = await servers[name]();
  const swarms = Array.from({ length: 5 }, () => randomBytes(20));
  const stage = { delivered: 0, sockets: [] };
  const offers = Array.from({ length: 5 }, () => ({
    offer: { type: "offer", sdp: randomBytes(600).toString("base64") },
    offer_id: randomBytes(10).toString("latin1"),
  }));
  for (let index = 0; index < 105; index++) {
    const swarm = swarms[index % swarms.length];
    const peer_id = randomBytes(10).toString("hex");
    const info_hash = swarm.toString("latin1");
    const blob = randomBytes(200);
    const seconds = Buffer.of(0, 180, 20, 0, 0, 0, blob.length);
    const frame =
      name === "skein"
        ? clientFrame(Buffer.concat([Buffer.of(3), swarm.subarray(0, 16), seconds, blob]))
        : text(announcement({ info_hash, peer_id, offers, numwant: 5 }));
    const isAnswer = (payload) =>
      name === "skein" ? payload[0] === 0x83 : payload.includes('"complete"');
    const again = () => socket.write(frame);
    const options =
      name === "skein"
        ? { path: "/relay", protocol: "skein.relay.1", address: `10.0.0.${index}` }
        : {};
    const socket = await dial(server.port, {
      ...options,
      onPayload: (payload) => {
        if (!isAnswer(payload)) return;
        stage.delivered += 1;
        again();
      },
    });
    stage.sockets.push(socket);
  }
  for (const [index, socket] of stage.sockets.entries()) {
    const swarm = swarms[index % swarms.length];
    const peer_id = randomBytes(10).toString("hex");
    const blob = randomBytes(200);
    const seconds = Buffer.of(0, 180, 20, 0, 0, 0, blob.length);
    socket.write(
      name === "skein"
        ? clientFrame(Buffer.concat([Buffer.of(3), swarm.subarray(0, 16), seconds, blob]))
        : text(announcement({ info_hash: swarm.toString("latin1"), peer_id, offers, numwant: 5 })),
    );
  }
  try {
    return await sample(server.pid, stage);
  } finally {
    for (const socket of stage.sockets) socket.destroy();
    await stopServer(server);
  }
}

/** What a connection with one topic keeps in memory, and what each further topic adds. */
async function measureMemory(say) {
  const count = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
  const server = await servers.skein();
  await sleep(500);
  const empty = await settledBytes(server);
  const sockets = await connectIdle(server.port, count);
  await sleep(1_500);
  const idle = ((await settledBytes(server)) - empty) / count;
  const [tagsEach, sharedEach] = [200, 50];
  const chosen = sockets.slice(0, Math.min(2_500, count));
  const before = await settledBytes(server);
  const shared = chosen.map(() => subscription(sharedEach));
  for (const [index, socket] of chosen.entries())
    socket.write(Buffer.concat([shared[index], subscription(tagsEach - sharedEach)]));
  await sleep(3_000);
  const alone = await settledBytes(server);
  const topic = (alone - before) / (chosen.length * tagsEach);
  // Some topics get a second reader: what the formula of docs/self-hosting.md counts for any further one.
  for (const [index, socket] of chosen.entries()) socket.write(shared[(index + 1) % shared.length]);
  await sleep(3_000);
  const reader = ((await settledBytes(server)) - alone) / (chosen.length * sharedEach);
  for (const socket of sockets) socket.destroy();
  await stopServer(server);
  say(
    `memory: ${(idle / 1024).toFixed(2)} KiB a connection, ${topic.toFixed(0)} bytes a topic, ${reader.toFixed(0)} its second reader`,
  );
  const most = { goal: 1, unit: "bytes", against: "its goal" };
  return [
    row({ ...most, name: `memory of an idle connection, of ${count}`, ours: idle, peer: 8 * 1024 }),
    row({ ...most, name: "memory of one more topic", ours: topic, peer: 100 }),
    row({ ...most, name: "memory of a second reader of a topic", ours: reader, peer: 300 }),
    row({ ...most, name: "memory of a relay without anyone", ours: empty, peer: 75e6 }),
  ];
}

/** What is resident once the garbage is gone: twice, because the first look gives pages back only a little later. */
async function settledBytes({ child, pid }) {
  for (let times = 0; times < 2; times++) {
    child.kill("SIGUSR2");
    await sleep(700);
  }
  return residentBytes(pid);
}

function subscription(count) {
  const frame = Buffer.concat([
    Buffer.of(1, 0, 0, count >> 8, count & 255),
    randomBytes(16 * count),
  ]);
  return clientFrame(frame);
}

export async function connectIdle(port, count, topicsEach = 1) {
  const sockets = [];
  for (let index = 0; index < count; index += 50) {
    const some = Array.from({ length: Math.min(50, count - index) }, (_, at) =>
      dial(port, {
        path: "/relay",
        protocol: "skein.relay.1",
        address: `10.9.${index % 250}.${at}`,
      }),
    );
    for (const socket of await Promise.all(some)) {
      socket.write(subscription(topicsEach));
      sockets.push(socket);
    }
  }
  return sockets;
}

/** The same work among ever more connections that only stand there, and among ever more topics. */
async function measureGrowth(say) {
  const most = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
  const byConnections = new Map();
  for (let round = 0; round < 3; round++)
    for (const connections of [100, most / 10, most])
      note(byConnections, connections, await costAmong({ connections, topicsEach: 1 }));
  const byTopics = new Map();
  for (let round = 0; round < 3; round++)
    for (const topics of [1_000, 10_000, 100_000, 1_000_000])
      note(byTopics, topics, await costAmong(spread(topics)));
  return [
    ...growthRows(say, byConnections, "idle connections", "connections"),
    ...growthRows(say, byTopics, "topics", "topics"),
  ];
}

/** So many topics on as few connections as may have them. */
function spread(topics) {
  const connections = Math.max(100, Math.ceil(topics / 250));
  return { connections, topicsEach: Math.ceil(topics / connections) };
}

async function costAmong({ connections, topicsEach }) {
  const server = await servers.skein();
  const sockets = await connectIdle(server.port, connections, topicsEach);
  await sleep(topicsEach > 1 ? 2_000 : 200);
  const stage = await play("skein", server.port, { ...jobs.spread, pairs: 50 });
  try {
    return await sample(server.pid, stage, 1_500);
  } finally {
    for (const socket of [...sockets, ...stage.sockets]) socket.destroy();
    await stopServer(server);
  }
}

function note(samples, size, cost) {
  samples.set(size, [...(samples.get(size) ?? []), cost]);
}

function growthRows(say, samples, what, size) {
  const [[least, first], ...more] = samples;
  say(
    `by ${what}: ${[...samples].map(([n, costs]) => `${n}: ${median(costs).toFixed(2)}`).join(", ")}`,
  );
  return more.map(([count, costs]) => {
    const ratio = median(costs.map((cost, round) => cost / first[round]));
    return row({
      name: `256 bytes among ${count} ${what}`,
      ours: ratio * median(first),
      peer: median(first),
      against: `the same among ${least}`,
      unit: "CPU µs a message",
      goal: 1.25,
      sizes: { [size]: count },
    });
  });
}

/** From a node of one relay to a node of another, through NATS: all three processes, against one plain relay alone. */
async function measureHop(say) {
  const rows = [];
  for (const [key, goal] of [
    ["spread", 1.6],
    ["burst", 1],
  ]) {
    const job = jobs[key];
    const [joined, alone] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const cost = await costOfHop(job);
      if (cost === undefined) {
        say("No hop through NATS: nats-server is not installed.");
        return [];
      }
      joined.push(cost);
      alone.push(await costOf("minimal", job));
    }
    say(`${key} through NATS: ${median(joined).toFixed(2)}, alone ${median(alone).toFixed(2)}`);
    const ratio = median(joined.map((cost, round) => cost / alone[round]));
    rows.push(
      row({
        name: `${job.name}, from relay to relay`,
        ours: ratio * median(alone),
        peer: median(alone),
        against: `${names.minimal}, alone`,
        unit: "CPU µs a message, both relays and NATS",
        goal,
      }),
    );
  }
  return rows;
}

async function costOfHop(job) {
  const engine = await servers.nats();
  if (engine === undefined) return undefined;
  const all = [engine];
  try {
    const joined = ["--nats", `127.0.0.1:${engine.port}`];
    for (let count = 0; count < 2; count++) all.push(await servers.skein(...joined));
    // Until both are sure of having heard from every other.
    await sleep(7_000);
    const [, first, second] = all;
    const stage = await play("skein", first.port, { ...job, from: second.port });
    const cost = await sample(
      all.map(({ pid }) => pid),
      stage,
    );
    for (const socket of stage.sockets) socket.destroy();
    return cost;
  } finally {
    for (const server of all) await stopServer(server);
  }
}

function row({ ours, peer, goal, ...rest }) {
  return { ...rest, ours, peer, goal, better: "lower" };
}

export function median(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export { freePort, startServer, sample, play, costOf, jobs, servers, row };

/** Single parts of the bench, for working on one of them. */
export async function parts(names, say) {
  const all = { hop: measureHop, memory: measureMemory, growth: measureGrowth };
  const rows = [];
  for (const name of names)
    rows.push(...(await (all[name] ?? (() => compare(name, jobs[name], say)))(say)));
  return rows;
}
