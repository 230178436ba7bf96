/** Nodes as cheap as they can be: raw sockets that speak WebSocket, count what comes and never look inside. */

import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

/** A masked client frame (RFC 6455 §5.2), binary or text. */
export function clientFrame(payload, { text = false } = {}) {
  const length = payload.length;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + 4 + length);
  frame[0] = text ? 0x81 : 0x82;
  if (head === 2) frame[1] = 0x80 | length;
  else if (head === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  const mask = randomBytes(4);
  mask.copy(frame, head);
  for (let at = 0; at < length; at++) frame[head + 4 + at] = payload[at] ^ mask[at & 3];
  return frame;
}

/** One socket, upgraded. `onFrames` is told how many data frames have come. */
export async function dial(
  port,
  { path = "/", protocol, address, onFrames = () => {}, onPayload } = {},
) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    ...(address === undefined ? [] : [`X-Forwarded-For: ${address}`]),
  ];
  const counter = openCounter(onFrames, onPayload);
  const upgraded = new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const listen = (piece) => {
      head = Buffer.concat([head, piece]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", listen);
      const status = Number(head.subarray(9, 12).toString());
      if (status !== 101) return reject(new Error(`upgrade answered ${status}`));
      socket.on("data", counter);
      const rest = head.subarray(end + 4);
      if (rest.length > 0) counter(rest);
      resolve();
    };
    socket.on("data", listen);
    socket.once("close", () => reject(new Error("closed during the upgrade")));
    socket.on("error", () => {});
  });
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  await upgraded;
  return socket;
}

/** Walks over server frames: their headers only, wherever the pieces are cut. With `onPayload` each is put together. */
function openCounter(onFrames, onPayload) {
  let skip = 0;
  let kept;
  return (given) => {
    let piece = kept === undefined ? given : Buffer.concat([kept, given]);
    kept = undefined;
    let frames = 0;
    while (piece.length > 0) {
      const step = Math.min(skip, piece.length);
      skip -= step;
      piece = piece.subarray(step);
      const frame = readHead(piece);
      const isWhole = frame !== undefined && piece.length >= frame.head + frame.length;
      if (frame === undefined || (onPayload !== undefined && !isWhole)) {
        kept = piece.length > 0 ? piece : undefined;
        break;
      }
      if (frame.isData) {
        frames++;
        onPayload?.(piece.subarray(frame.head, frame.head + frame.length));
      }
      piece = piece.subarray(frame.head);
      skip = frame.length;
    }
    if (frames > 0) onFrames(frames);
  };
}

function readHead(piece) {
  const short = piece[1];
  if (short === undefined) return undefined;
  const isData = (piece[0] & 0x0f) < 8;
  if (short < 126) return { head: 2, length: short, isData };
  if (short === 126)
    return piece.length < 4 ? undefined : { head: 4, length: piece.readUInt16BE(2), isData };
  return piece.length < 10
    ? undefined
    : { head: 10, length: Number(piece.readBigUInt64BE(2)), isData };
}
