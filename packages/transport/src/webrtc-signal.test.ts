import { expect, test } from "vitest";
import { formatSignal, parseSignal, type WebRtcSignal } from "./webrtc-signal.ts";

test("every signal reads as it was written", () => {
  const signals: ReadonlyArray<WebRtcSignal> = [
    { type: "offer", sdp: "v=0" },
    { type: "answer", sdp: "v=0" },
    { type: "candidate", candidate: { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 } },
    { type: "renegotiate", renegotiate: true },
    { type: "restart" },
  ];
  for (const signal of signals) expect(parseSignal(formatSignal(signal))).toEqual(signal);
});

test("what is no signal is nothing", () => {
  const bodies = [
    "",
    "{",
    "null",
    "7",
    "{}",
    '{"type":"offer"}',
    '{"type":"offer","sdp":7}',
    '{"type":"candidate","candidate":null}',
    '{"type":"transceiverRequest"}',
  ];
  for (const body of bodies) expect(parseSignal(body)).toBe(undefined);
});
