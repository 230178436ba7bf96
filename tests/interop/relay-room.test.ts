/** What is bounded at the door of a real relay: sockets of an address, questions over HTTP, and messages that never come whole. */

import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect as connectSocket, type Socket } from "node:net";
import { networkInterfaces } from "node:os";

import { describe, expect, test } from "vitest";

import { openStage, tagOf } from "./relay-scene.ts";
import { comeIn, dial, masked, publish, subscribe } from "./relay-storm.ts";

interface Asking {
  readonly path?: string;
  readonly from?: string;
  readonly upgrades?: boolean;
}

async function ask(port: number, { path = "/", from = "", upgrades = false }: Asking = {}) {
  const headers = {
    ...(from === "" ? {} : { "x-forwarded-for": from }),
    ...(upgrades ? upgrade : {}),
  };
  const asked = request({ host: "127.0.0.1", port, path, headers, agent: false }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode, headers: response.headers, text };
}

const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  "sec-websocket-protocol": "skein.relay.1",
};

test("who is turned away is told what is true: full, or stopping, each with the time to come again", async () => {
  await using full = await openStage({ limits: { connectionsMax: 1 } });
  await full.connect();
  const refused = await ask(full.relay.port, { path: "/relay", upgrades: true });
  expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
  expect(refused.text).toContain("full");
  const limits = { drainMillisPerConnection: 500, drainMillisMax: 500, lingerMillisMax: 500 };
  const stopping = await openStage({ limits });
  const alice = await stopping.connect();
  const closing = stopping.relay.close();
  const answer = await ask(stopping.relay.port, { path: "/relay", upgrades: true });
  expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
  expect(answer.text).toContain("stopping");
  expect(answer.text).not.toContain("full");
  await closing;
  expect(await alice.ended).toBe(1012);
});

test("a relay whose tags are all taken says that it is full, and is ready again when one is given back", async () => {
  await using stage = await openStage({ limits: { tagsMax: 2 } });
  const { port } = stage.relay;
  const ready = async () => (await ask(port, { path: "/readyz" })).status;
  const mallory = await stage.connect();
  const tags = [1, 2, 3].map((byte) => tagOf(byte));
  mallory.tell({ type: "subscribe", tags });
  expect(await mallory.hearAll()).toMatchObject([{ type: "refused", reason: "full" }]);
  expect(await ready()).toBe(503);
  mallory.tell({ type: "unsubscribe", tags });
  expect(await mallory.hearAll()).toEqual([]);
  expect(await ready()).toBe(200);
});

test("an address may ask so much over HTTP and be served so many bytes; others are served, and so are balancers", async () => {
  const limits = {
    httpRequestsPerAddressBurst: 3,
    httpRequestsPerAddressPerSecond: 0.001,
    httpRequestsPerSecond: 8,
    bytesPerAddressBurst: 100,
    bytesPerAddressPerSecond: 1,
  };
  await using stage = await openStage({ isBehindProxy: true, limits });
  const { port } = stage.relay;
  const statuses: unknown[] = [];
  for (let times = 0; times < 5; times++)
    statuses.push((await ask(port, { from: "192.0.2.1", path: "/healthz" })).status);
  expect(statuses).toEqual([200, 429, 429, 429, 429]);
  const refused = await ask(port, { from: "192.0.2.1" });
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(100);
  expect(refused.headers.connection).toBe("close");
  expect((await ask(port, { from: "192.0.2.2", path: "/healthz" })).status).toBe(200);
  // Everybody together: the limit is one second's, and balancers are let through.
  const crowd = Array.from({ length: 30 }, (_, index) =>
    ask(port, { from: `192.0.2.${index + 9}` }),
  );
  expect((await Promise.all(crowd)).map(({ status }) => status)).toContain(503);
  const vital = Array.from({ length: 30 }, (_, index) =>
    ask(port, { from: `198.51.100.${index}`, path: "/readyz" }),
  );
  expect(new Set((await Promise.all(vital)).map(({ status }) => status))).toEqual(new Set([200]));
});

test("messages whose end never comes are held up to a bound; Mallory's go, and Alice's arrive", async () => {
  const bytesMax = 1024 * 1024;
  const limits = { halfReceivedTotalBytesMax: bytesMax, upgradesPerAddressBurst: 100 };
  await using stage = await openStage({ isBehindProxy: true, limits });
  const { port, station } = stage.relay;
  const half = publish(Buffer.alloc(16, 5), Buffer.alloc(60_000)).subarray(0, 50_000);
  const fragment = masked(Buffer.concat([Buffer.of(2), Buffer.alloc(30_000)]), 0x02);
  const codes: number[] = [];
  const mallorys: Socket[] = [];
  for (let index = 0; index < 60; index++) {
    const mallory = await dial(port, `192.0.2.${index % 3}`);
    if (mallory === undefined) throw new Error("she may come");
    mallory.socket.write(index % 2 === 0 ? half : fragment);
    mallory.socket.on("data", (piece: Buffer) => {
      const at = piece.indexOf(Buffer.of(0x88, 2));
      if (at >= 0) codes.push(piece.readUInt16BE(at + 2));
    });
    mallorys.push(mallory.socket);
  }
  await expect.poll(() => codes.length).toBeGreaterThan(20);
  expect(new Set(codes)).toEqual(new Set([1013]));
  const { halfReceivedBytes } = station.report().holds;
  expect(halfReceivedBytes).toBeGreaterThan(bytesMax / 4);
  expect(halfReceivedBytes).toBeLessThanOrEqual(bytesMax);
  const tag = tagOf(0x77);
  const [alice, bob] = [await comeIn(port, "198.51.100.1"), await stage.connect()];
  bob.tell({ type: "subscribe", tags: [tag] });
  await bob.hearAll();
  // In two pieces, a moment apart, while Mallory goes on.
  const whole = publish(Buffer.from(tag, "hex"), Buffer.alloc(30_000, 1));
  alice.socket.write(whole.subarray(0, 20_000));
  for (let index = 0; index < 30; index++) (await dial(port, "192.0.2.9"))?.socket.write(half);
  alice.socket.write(whole.subarray(20_000));
  expect(await bob.hear()).toMatchObject({ type: "publish", tag });
  for (const socket of [...mallorys, alice.socket]) socket.destroy();
  await expect.poll(() => station.report().holds.halfReceivedBytes).toBeLessThan(bytesMax * 1.01);
});

test("when there is more than one turn can pass on, every reader has all of it in order, and Alice is heard in between", async () => {
  const limits = {
    publishesBurst: 1_000,
    publishBytesBurst: 1e9,
    backlogBytesMax: 64 * 1024 * 1024,
  };
  await using stage = await openStage({ limits });
  const { port, station } = stage.relay;
  const [loud, low] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const [readers, frames] = [150, 20];
  const heard: number[][] = [];
  const sockets: Socket[] = [];
  for (let index = 0; index < readers; index++) {
    const reader = await comeIn(port, "");
    const marks: number[] = [];
    reader.listen = (message) => {
      if (message[0] === 2) marks.push(message[17] ?? 0);
    };
    reader.socket.write(subscribe(loud));
    heard.push(marks);
    sockets.push(reader.socket);
  }
  const bob = await comeIn(port, "");
  let [alices, before] = [0, 0];
  bob.listen = (message) => {
    if (message[0] !== 2) return;
    alices += 1;
    if (heard.some((marks) => marks.length < frames * 3)) before += 1;
  };
  bob.socket.write(subscribe(low));
  const [alice, ...mallorys] = [
    await comeIn(port, ""),
    await comeIn(port, ""),
    await comeIn(port, ""),
    await comeIn(port, ""),
  ];
  sockets.push(bob.socket, ...[alice, ...mallorys].map(({ socket }) => socket));
  for (const [which, { socket }] of mallorys.entries())
    for (let at = 0; at < frames; at++)
      socket.write(publish(loud, Buffer.alloc(16_000, which * frames + at)));
  for (let at = 0; at < 10; at++) {
    alice.socket.write(publish(low, Buffer.alloc(100)));
    await new Promise(setImmediate);
  }
  const isAll = (): boolean => heard.every((marks) => marks.length === frames * mallorys.length);
  await expect.poll(isAll, { timeout: 20_000 }).toBe(true);
  for (const marks of heard)
    for (const which of mallorys.keys())
      expect(marks.filter((mark) => Math.floor(mark / frames) === which)).toEqual(
        Array.from({ length: frames }, (_, at) => which * frames + at),
      );
  await expect.poll(() => alices).toBe(10);
  expect(before).toBeGreaterThan(5);
  const { did, holds } = station.report();
  expect(did.waited).toBeGreaterThan(frames);
  expect([holds.waitingSenders, holds.halfReceivedBytes]).toEqual([0, 0]);
  for (const socket of sockets) socket.destroy();
});

test("hundreds who ask at once are all answered; whoever says anything before its upgrade is answered is closed", async () => {
  const limits = { upgradesPerAddressBurst: 1_000, connectionsPerAddressMax: 1_000 };
  await using stage = await openStage({ limits });
  const { port, station } = stage.relay;
  const crowd = Array.from({ length: 200 }, (_, index) =>
    index % 2 === 0 ? comeIn(port, "") : ask(port, { path: "/doctor" }),
  );
  const answers = await Promise.all(crowd);
  expect(answers.map((one) => ("status" in one ? one.status : 101))).toEqual(
    Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? 101 : 200)),
  );
  const { connections } = station.health();
  const asked = Object.entries({ host: "a", ...upgrade }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const early = connectSocket({ port, host: "127.0.0.1" });
  early.on("error", () => undefined);
  const handshake = Buffer.from(`GET /relay HTTP/1.1\r\n${asked.join("\r\n")}\r\n\r\n`);
  early.write(Buffer.concat([handshake, subscribe(Buffer.alloc(16))]));
  const said: Buffer[] = [];
  early.on("data", (piece: Buffer) => said.push(piece));
  await once(early, "close");
  expect([said.length, station.health().connections]).toEqual([0, connections]);
  for (const one of answers) if ("socket" in one) one.socket.destroy();
});

/** An address of this machine that is not loopback, as a neighbour on the network would have one. */
const lanAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

describe.skipIf(lanAddress === undefined)("on a machine with a network", () => {
  test("an address that opens sockets and says nothing has so many of them, and the relay closes the rest", async () => {
    const socketsPerAddressMax = 5;
    const limits = { connectionsPerAddressMax: 5, socketsPerAddressMax };
    await using stage = await openStage({ host: "0.0.0.0", limits });
    const { port } = stage.relay;
    const sockets = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const socket = connectSocket({ port, host: lanAddress ?? "" });
        socket.on("error", () => undefined).resume();
        await once(socket, "connect");
        return socket;
      }),
    );
    const open = (): number => sockets.filter(({ closed }) => !closed).length;
    await expect.poll(open).toBe(socketsPerAddressMax);
    expect((await ask(port, { path: "/healthz" })).status).toBe(200);
    sockets.find(({ closed }) => !closed)?.destroy();
    await expect.poll(() => isLetIn(lanAddress ?? "", port)).toBe(true);
    for (const socket of sockets) socket.destroy();
  });
});

/** Whether a new socket from this address is answered. */
async function isLetIn(host: string, port: number): Promise<boolean> {
  const socket = connectSocket({ port, host });
  socket.on("error", () => undefined);
  socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const said = once(socket, "data").then(
    () => true,
    () => false,
  );
  const isIn = await Promise.race([said, once(socket, "close").then(() => false)]);
  socket.destroy();
  return isIn;
}
