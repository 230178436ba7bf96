/** One WebRTC connection to one node: simple-peer as a thin wrapper, kept alive through stalls by ICE restarts. */

import SimplePeer from "simple-peer/simplepeer.min.js";
import type { Bytes } from "@skein/protocol/bytes";
import type { ChannelClosed, ChannelOpening, ChannelsEvent } from "./channels.ts";
import { usableServers } from "./webrtc-ice.ts";
import { formatSignal, parseSignal } from "./webrtc-signal.ts";

declare function setTimeout(run: () => void, millis: number): number;
declare function clearTimeout(timer: number | undefined): void;

export class WebRtcChannel {
  readonly #attempt: string;
  readonly #emit: (event: ChannelsEvent) => void;
  readonly #peer: SimplePeer;
  #phase: "connecting" | "connected" | "stalled" | "closed" = "connecting";
  #full = false;
  #restartTimer: number | undefined;
  #endTimer: number | undefined;

  constructor(opening: ChannelOpening, emit: (event: ChannelsEvent) => void) {
    this.#attempt = opening.attempt;
    this.#emit = emit;
    this.#peer = new SimplePeer({
      initiator: opening.initiator,
      trickle: true,
      channelName: "skein.1",
      config: { iceServers: usableServers(opening.iceServers), iceTransportPolicy: "all" },
    });
    this.#survive();
    this.#endTimer = setTimeout(() => this.close("timeout"), connectMillisMax);
    this.#peer.on("signal", (signal) => this.#say(formatSignal(signal)));
    this.#peer.on("connect", () => this.#start());
    this.#peer.on("data", ({ buffer, byteOffset, byteLength }) =>
      this.#emit({
        type: "packet",
        attempt: this.#attempt,
        bytes: new Uint8Array(buffer, byteOffset, byteLength),
      }),
    );
    this.#peer.on("iceStateChange", (state) => this.#followIce(state));
    this.#peer.on("error", ({ code }) => this.close(reasons.get(code ?? "") ?? "failed"));
    this.#peer.on("close", () => this.close("closed-there"));
  }

  signal(body: string): void {
    const signal = parseSignal(body);
    // simple-peer throws when it is signalled after its end.
    if (signal === undefined || this.#phase === "closed" || this.#peer.destroyed) return;
    if (signal.type !== "restart") this.#peer.signal(signal);
    else if (this.#peer.initiator) this.restart();
  }

  send(packet: Bytes): boolean {
    const channel = this.#peer._channel;
    if (channel === null || this.#phase === "connecting" || this.#phase === "closed") return false;
    if (channel.bufferedAmount + packet.length > highBytes) {
      this.#full = true;
      return false;
    }
    try {
      this.#peer.send(packet);
      return true;
    } catch {
      // The platform's own queue is full, or the channel is just closing: the caller waits for either.
      this.#full = true;
      return false;
    }
  }

  /** What stalls is tried again, by the initiator; the other one asks it to. */
  restart(): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    if (this.#phase !== "stalled") return;
    if (!this.#peer.initiator) return this.#say(formatSignal({ type: "restart" }));
    try {
      this.#peer._pc?.restartIce?.();
      this.#peer.negotiate();
    } catch {
      this.close("failed");
    }
  }

  close(why: ChannelClosed): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#endTimer);
    this.#peer.destroy();
    this.#emit({ type: "closed", attempt: this.#attempt, why });
  }

  /** simple-peer ends itself when ICE fails; once connected, a failure is only a stall that a restart can cure. */
  #survive(): void {
    const peer = this.#peer;
    const onConnection = peer._onConnectionStateChange.bind(peer);
    const onIce = peer._onIceStateChange.bind(peer);
    peer._onConnectionStateChange = () => {
      if (this.#phase === "connecting" || peer._pc?.connectionState !== "failed") onConnection();
    };
    peer._onIceStateChange = () => {
      if (this.#phase === "connecting" || peer._pc?.iceConnectionState !== "failed") onIce();
      else this.#followIce("failed");
    };
  }

  #start(): void {
    clearTimeout(this.#endTimer);
    const channel = this.#peer._channel;
    if (channel !== null) {
      channel.bufferedAmountLowThreshold = lowBytes;
      channel.addEventListener("bufferedamountlow", () => this.#drain());
    }
    this.#phase = "connected";
    this.#emit({ type: "connected", attempt: this.#attempt });
  }

  #drain(): void {
    if (!this.#full || this.#phase === "closed") return;
    this.#full = false;
    this.#emit({ type: "room", attempt: this.#attempt });
  }

  #followIce(state: string): void {
    if (this.#phase === "connecting" || this.#phase === "closed") return;
    if (state === "connected" || state === "completed") return this.#recover();
    if (state !== "disconnected" && state !== "failed") return;
    if (this.#phase === "connected") {
      this.#phase = "stalled";
      this.#emit({ type: "stalled", attempt: this.#attempt });
      this.#endTimer = setTimeout(() => this.close("failed"), stallMillisMax);
    }
    clearTimeout(this.#restartTimer);
    this.#restartTimer = setTimeout(
      () => this.restart(),
      state === "failed" ? 0 : restartAfterMillis,
    );
  }

  #recover(): void {
    clearTimeout(this.#restartTimer);
    if (this.#phase !== "stalled") return;
    clearTimeout(this.#endTimer);
    this.#phase = "connected";
    this.#emit({ type: "connected", attempt: this.#attempt });
  }

  #say(body: string): void {
    if (this.#phase !== "closed") this.#emit({ type: "signal", attempt: this.#attempt, body });
  }
}

const reasons: ReadonlyMap<string, ChannelClosed> = new Map([
  ["ERR_PC_CONSTRUCTOR", "too-many"],
  ["ERR_WEBRTC_SUPPORT", "unsupported"],
  ["ERR_DATA_CHANNEL", "closed-there"],
]);

/** Measured: above 1 MiB a ping waits for seconds behind a pack, below 512 KiB throughput suffers. */
const highBytes = 512 * 1024;
const lowBytes = 128 * 1024;
const connectMillisMax = 20_000;
/** A short loss of packets heals by itself. */
const restartAfterMillis = 2_500;
const stallMillisMax = 30_000;
