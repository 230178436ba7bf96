/** The text of one WebRTC signal: what simple-peer says, or our own wish for an ICE restart. */

import type { PeerSignal } from "simple-peer/simplepeer.min.js";

export type WebRtcSignal = PeerSignal | { readonly type: "restart" };

export function formatSignal(signal: WebRtcSignal): string {
  return JSON.stringify(signal);
}

/** What is no signal of ours is `undefined`: the other node is known, but its program may be of any age. */
export function parseSignal(body: string): WebRtcSignal | undefined {
  const value = parseJson(body);
  if (typeof value !== "object" || value === null || !("type" in value)) return undefined;
  if (value.type === "restart") return { type: "restart" };
  if (value.type === "renegotiate") return { type: "renegotiate", renegotiate: true };
  if (value.type === "candidate") return parseCandidate(value);
  const isDescription = value.type === "offer" || value.type === "answer";
  return isDescription && "sdp" in value && typeof value.sdp === "string"
    ? { type: value.type === "offer" ? "offer" : "answer", sdp: value.sdp }
    : undefined;
}

function parseCandidate(value: object): WebRtcSignal | undefined {
  return "candidate" in value && typeof value.candidate === "object" && value.candidate !== null
    ? { type: "candidate", candidate: value.candidate }
    : undefined;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Not JSON: no signal.
    return undefined;
  }
}
