/** The same job said to each server in its own words: B listens, A sends it `size` bytes, over and over. */

/* oxlint-disable no-await-in-loop -- one thing at a time is what is measured. */

import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { clientFrame, dial } from "./load.mjs";

/** Each opens one sender and its listeners, and answers the frame to send; `heard` is called with counts of frames. */
export const dialects = {
  skein: {
    open: (place, job) => openTopic(place, { ...job, path: "/relay", protocol: "skein.relay.1" }),
  },
  minimal: { open: openTopic },
  "minimal-native": { open: openTopic },
  "y-webrtc": { open: openYjs },
  peerjs: { open: openPeerJs },
  "bittorrent-tracker": { open: openTracker },
  forward: { open: openForward },
};

async function openTopic(port, { size, readers = 1, heard, path, protocol, address, from }) {
  const tag = randomBytes(16);
  const subscribe = clientFrame(Buffer.concat([Buffer.of(1, 0, 0, 0, 1), tag]));
  const counted = counterAfter(protocol === undefined ? 0 : readers, heard);
  const options = { path, protocol, address };
  const listeners = await many(readers, () => dial(port, { ...options, onFrames: counted }));
  for (const listener of listeners) listener.write(subscribe);
  // At another relay, where two are joined.
  const sender = await dial(from ?? port, options);
  return {
    sockets: [sender, ...listeners],
    sender,
    frame: clientFrame(Buffer.concat([Buffer.of(2), tag, randomBytes(size)])),
  };
}

/** A relay that speaks first: its hello is nobody's message. */
function counterAfter(hellos, heard) {
  let left = hellos;
  return (frames) => {
    const skipped = Math.min(left, frames);
    left -= skipped;
    if (frames > skipped) heard(frames - skipped);
  };
}

async function openYjs(port, { size, readers = 1, heard }) {
  const topic = randomBytes(16).toString("hex");
  const listeners = await many(readers, () => dial(port, { onFrames: heard }));
  for (const listener of listeners) listener.write(text({ type: "subscribe", topics: [topic] }));
  const sender = await dial(port);
  const data = randomBytes(size).toString("base64");
  return { sockets: [sender, ...listeners], sender, frame: text({ type: "publish", topic, data }) };
}

async function openPeerJs(port, { size, heard }) {
  const join = (onFrames) => {
    const id = randomBytes(8).toString("hex");
    const path = `/peerjs?key=peerjs&id=${id}&token=${id}&version=1.5.4`;
    return dial(port, { path, onFrames }).then((socket) => ({ socket, id }));
  };
  const listener = await join(counterAfter(1, heard));
  const sender = await join(() => {});
  const payload = randomBytes(size).toString("base64");
  return {
    sockets: [sender.socket, listener.socket],
    sender: sender.socket,
    frame: text({ type: "OFFER", dst: listener.id, payload }),
  };
}

async function openTracker(port, { size, heard }) {
  const info_hash = randomBytes(20).toString("latin1");
  const join = async (onFrames) => {
    const peer_id = randomBytes(10).toString("hex");
    const socket = await dial(port, { onFrames });
    socket.write(text(announcement({ info_hash, peer_id })));
    return { socket, peer_id };
  };
  const listener = await join(counterAfter(1, heard));
  const sender = await join(() => {});
  await sleep(20);
  const answer = { type: "answer", sdp: randomBytes(size).toString("base64") };
  const { peer_id } = sender;
  const to = { to_peer_id: listener.peer_id, offer_id: randomBytes(10).toString("hex") };
  return {
    sockets: [sender.socket, listener.socket],
    sender: sender.socket,
    frame: text({ action: "announce", info_hash, peer_id, answer, ...to }),
  };
}

export function announcement({ info_hash, peer_id, offers = [], numwant = 5 }) {
  const amounts = { uploaded: 0, downloaded: 0, left: 1 };
  return { action: "announce", info_hash, peer_id, numwant, offers, event: "started", ...amounts };
}

async function openForward(port, { size, heard }) {
  const listener = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(listener, "connect");
  const sender = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(sender, "connect");
  const length = size + 17;
  let rest = 0;
  listener.on("data", (piece) => {
    rest += piece.length;
    const whole = Math.floor(rest / length);
    rest -= whole * length;
    if (whole > 0) heard(whole);
  });
  for (const socket of [listener, sender]) socket.on("error", () => {});
  return { sockets: [sender, listener], sender, frame: Buffer.alloc(length, 7) };
}

export function text(message) {
  return clientFrame(Buffer.from(JSON.stringify(message)), { text: true });
}

async function many(count, make) {
  const made = [];
  // One after the other: a server that pairs connections by order needs it, and no limit on upgrades is met.
  for (let index = 0; index < count; index++) made.push(await make(index));
  return made;
}
