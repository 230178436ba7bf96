/** The relay over real sockets: what it forwards, finds, refuses and cuts. */

import { once } from "node:events";
import { connect as connectSocket } from "node:net";

import { encode } from "@skein/protocol/codec";
import { RelayFrame, relayOps } from "@skein/protocol/relay-frame";
import { expect, test } from "vitest";

import { openStage, tagOf } from "./relay-scene.ts";

const tag = tagOf(0x11);

function publish(payload: Uint8Array, type: "publish" | "bulk" = "publish"): RelayFrame {
  return { type, tag, payload: new Uint8Array(payload) };
}

test("the first frame from Rita states her clock and her limits", async () => {
  await using stage = await openStage({
    iceServers: ["stun:127.0.0.1:3478"],
    clock: { monotonicMillis: () => 0, wallMillis: () => 1_700_000_000_000 },
  });
  const alice = await stage.connect({ hears: false });
  expect(await alice.hear()).toMatchObject({
    type: "hello",
    version: 1,
    now: 1_700_000_000_000,
    payloadBytesMax: 65_536,
    iceServers: [{ url: "stun:127.0.0.1:3478", username: "", credential: "" }],
  });
});

test("Bob receives what Alice publishes byte for byte, small and large; she does not hear herself", async () => {
  await using stage = await openStage();
  const [alice, bob, carol] = [await stage.connect(), await stage.connect(), await stage.connect()];
  for (const node of [alice, bob]) node.tell({ type: "subscribe", tags: [tag] });
  carol.tell({ type: "subscribe", tags: [tagOf(0x22)] });
  await Promise.all([alice.hearAll(), bob.hearAll(), carol.hearAll()]);
  const sizes = [0, 1, 108, 109, 4_079, 4_080, 16_384, 65_518, 65_519, 65_536];
  const sent = sizes.map((size, index) =>
    Buffer.from(encode(RelayFrame, publish(new Uint8Array(size).fill(index), "bulk"))),
  );
  for (const frame of sent) alice.tellBytes(frame);
  for (const frame of sent) {
    expect((await bob.hearBytes()).equals(frame)).toBe(true);
  }
  expect([await alice.hearAll(), await bob.hearAll(), await carol.hearAll()]).toEqual([[], [], []]);
});

test("Bob finds Alice's blob until its time is over, and never after she has gone", async () => {
  let nowMillis = 0;
  await using stage = await openStage({
    clock: { monotonicMillis: () => nowMillis, wallMillis: () => 0 },
  });
  const [alice, bob, carol] = [await stage.connect(), await stage.connect(), await stage.connect()];
  const announce = (blob: number): RelayFrame => ({
    type: "announce",
    tag,
    seconds: 180,
    want: 20,
    blob: Uint8Array.of(blob),
  });
  const lookup: RelayFrame = { type: "lookup", tag, want: 20 };
  alice.tell(announce(1));
  expect(await alice.hear()).toEqual({ type: "found", tag, blobs: [] });
  carol.tell(announce(3));
  expect(await carol.hear()).toEqual({ type: "found", tag, blobs: [Uint8Array.of(1)] });
  carol.tell({ type: "withdraw", tag });
  await carol.hearAll();
  bob.tell(lookup);
  expect(await bob.hear()).toEqual({ type: "found", tag, blobs: [Uint8Array.of(1)] });
  nowMillis = 180_000;
  bob.tell(lookup);
  expect(await bob.hear()).toEqual({ type: "found", tag, blobs: [] });
  alice.tell(announce(4));
  await alice.hear();
  alice.webSocket.close();
  await alice.ended;
  bob.tell(lookup);
  expect(await bob.hear()).toEqual({ type: "found", tag, blobs: [] });
});

test("limits refuse with a reason, the op and a time to come back", async () => {
  await using stage = await openStage({
    limits: { publishesBurst: 1, publishesPerSecond: 0.1, tagsPerConnectionMax: 1 },
    clock: { monotonicMillis: () => 0, wallMillis: () => 0 },
  });
  const alice = await stage.connect();
  alice.tell(publish(Uint8Array.of(1)));
  alice.tell(publish(Uint8Array.of(2)));
  expect(await alice.hear()).toEqual({
    type: "refused",
    reason: "too-fast",
    retryAfterSeconds: 10,
    op: relayOps.publish,
  });
  alice.tell({ type: "subscribe", tags: [tag, tagOf(0x22)] });
  expect(await alice.hear()).toMatchObject({ reason: "too-many-tags", op: relayOps.subscribe });
});

test("a reader that takes nothing is cut, and the others lose nothing", async () => {
  const generous = { publishesBurst: 1e6, publishBytesBurst: 1e12, lingerMillisMax: 10 };
  await using stage = await openStage({ limits: generous });
  const [alice, bob, mallory] = [
    await stage.connect(),
    await stage.connect(),
    await stage.connect(),
  ];
  for (const node of [bob, mallory]) node.tell({ type: "subscribe", tags: [tag] });
  await Promise.all([bob.hearAll(), mallory.hearAll()]);
  mallory.webSocket.pause();
  let sent = 0;
  let connections: unknown = 3;
  while (connections === 3 && sent < 2_000) {
    for (let index = 0; index < 10; index++)
      alice.tell(publish(new Uint8Array(60_000).fill(sent++ % 256)));
    const heard = await Promise.all(Array.from({ length: 10 }, () => bob.hearBytes()));
    expect(heard.map((frame) => frame[17])).toEqual(
      Array.from({ length: 10 }, (_, index) => (sent - 10 + index) % 256),
    );
    ({ connections } = await stage.health());
  }
  expect(connections).toBe(2);
  mallory.webSocket.resume();
  expect([1006, 1013]).toContain(await mallory.ended);
});

test("a message in tiny fragments ends the connection", async () => {
  await using stage = await openStage();
  const mallory = await stage.connect();
  for (let index = 0; index < 80; index++)
    mallory.webSocket.send(Buffer.of(2), { fin: false, binary: true });
  expect(await mallory.ended).toBe(1008);
});

test("hostile frames are refused or end their own connection, and nobody else's", async () => {
  await using stage = await openStage();
  const [alice, bob] = [await stage.connect(), await stage.connect()];
  bob.tell({ type: "subscribe", tags: [tag] });
  await bob.hearAll();

  const confused = await stage.connect();
  for (let index = 0; index < 4; index++) confused.tellBytes(Buffer.of(0x42, index));
  for (let index = 0; index < 3; index++)
    expect(await confused.hear()).toMatchObject({ reason: "malformed", op: 0x42 });
  expect(await confused.ended).toBe(1008);

  const chatty = await stage.connect();
  chatty.webSocket.send("hello");
  expect(await chatty.ended).toBe(1003);

  const huge = await stage.connect();
  huge.tellBytes(new Uint8Array(65_536 + 22));
  expect(await huge.ended).toBe(1009);

  const liar = await stage.connect();
  liar.tellBytes(Buffer.of(relayOps.subscribe, 0xff, 0xff, 0xff, 0xff));
  expect(await liar.hear()).toMatchObject({ reason: "too-many-tags", retryAfterSeconds: 0 });
  liar.tellBytes(new Uint8Array());
  expect(await liar.hear()).toMatchObject({ reason: "malformed", op: 0 });

  alice.tell(publish(Uint8Array.of(7)));
  expect(await bob.hear()).toEqual(publish(Uint8Array.of(7)));
});

test("bytes that are no WebSocket frame end the socket", async () => {
  await using stage = await openStage();
  const socket = connectSocket(stage.relay.port, "127.0.0.1");
  socket.write(
    "GET /relay HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Protocol: skein.relay.1\r\n\r\n",
  );
  await once(socket, "data");
  // An unmasked frame: RFC 6455 §5.1 has the relay fail the connection.
  socket.write(Buffer.of(0x82, 0x01, 0x07));
  socket.resume();
  await once(socket, "close");
  expect(await stage.health()).toMatchObject({ connections: 0 });
});

test("a ping of WebSocket itself is answered once with what it said", async () => {
  await using stage = await openStage();
  const alice = await stage.connect();
  const pongs: Buffer[] = [];
  alice.webSocket.on("pong", (payload: Buffer) => pongs.push(payload));
  const said = [Buffer.alloc(0), Buffer.alloc(125, 7)];
  for (const payload of said) alice.webSocket.ping(payload);
  expect(await alice.hearAll()).toEqual([]);
  expect(pongs).toEqual(said);
});

test("whoever says nothing is cut, whoever answers pings stays", async () => {
  await using stage = await openStage({ limits: { pingMillis: 60, firstFrameMillisMax: 60 } });
  const [mute, deaf, bob] = [
    await stage.connect(),
    await stage.connect({ answersPings: false }),
    await stage.connect(),
  ];
  for (const node of [deaf, bob]) node.tell({ type: "subscribe", tags: [tag] });
  expect(await mute.ended).toBe(1006);
  expect(await deaf.ended).toBe(1006);
  expect(await bob.hearAll()).toEqual([]);
});

test("Rita says goodbye to everyone with 1012 and takes nobody new", async () => {
  const stage = await openStage();
  const nodes = await Promise.all(Array.from({ length: 20 }, () => stage.connect()));
  const closing = stage.relay.close();
  const codes = await Promise.all(nodes.map(({ ended }) => ended));
  expect(new Set(codes)).toEqual(new Set([1012]));
  await closing;
  await expect(fetch(`http://127.0.0.1:${stage.relay.port}/healthz`)).rejects.toThrow(
    "fetch failed",
  );
});
