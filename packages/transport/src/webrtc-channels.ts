/** Channels over WebRTC, in a page: as many connections as there are nodes, made one at a time. */

import SimplePeer from "simple-peer/simplepeer.min.js";
import type { ChannelOpening, Channels, ChannelsEvent } from "./channels.ts";
import { WebRtcChannel } from "./webrtc-channel.ts";

declare function setTimeout(run: () => void, millis: number): number;
declare function addEventListener(type: "pagehide", listen: () => void): void;

/** One per page. Everything is let go of on `pagehide`, so that the other nodes notice at once. */
export function openWebRtcChannels({
  random,
}: {
  /** From 0 to 1, exclusive. */
  readonly random: () => number;
}): Channels {
  const channels = new WebRtcChannels(random);
  addEventListener("pagehide", () => channels.closeAll());
  return {
    supported: SimplePeer.WEBRTC_SUPPORT,
    open: (opening) => channels.open(opening),
    signal: (attempt, body) => channels.signal(attempt, body),
    send: (attempt, packet) => channels.connected.get(attempt)?.send(packet) ?? false,
    close: (attempt) => channels.close(attempt),
    nudge: () => channels.nudge(),
    listen: (listener) => channels.listen(listener),
  };
}

/** An attempt that waits until another connection may be made, and what was signalled to it meanwhile. */
interface Queued {
  readonly opening: ChannelOpening;
  readonly signals: string[];
}

class WebRtcChannels {
  readonly connected = new Map<string, WebRtcChannel>();
  readonly #queued = new Map<string, Queued>();
  readonly #random: () => number;
  readonly #news: ChannelsEvent[] = [];
  #listener: (event: ChannelsEvent) => void = () => {};
  /** The platform counts connections that are long closed: they are made slowly. */
  #gateOpen = true;
  #shutCount = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  listen(listener: (event: ChannelsEvent) => void): void {
    this.#listener = listener;
  }

  open(opening: ChannelOpening): void {
    const { attempt } = opening;
    if (this.connected.has(attempt) || this.#queued.has(attempt)) return;
    if (!SimplePeer.WEBRTC_SUPPORT)
      return this.#emit({ type: "closed", attempt, why: "unsupported" });
    this.#queued.set(attempt, { opening, signals: [] });
    this.#connectNext();
  }

  signal(attempt: string, body: string): void {
    this.connected.get(attempt)?.signal(body);
    const waiting = this.#queued.get(attempt);
    if (waiting !== undefined && waiting.signals.length < signalsMax) waiting.signals.push(body);
  }

  close(attempt: string): void {
    if (this.#queued.delete(attempt)) this.#emit({ type: "closed", attempt, why: "closed-here" });
    this.connected.get(attempt)?.close("closed-here");
  }

  closeAll(): void {
    for (const attempt of [...this.#queued.keys(), ...this.connected.keys()]) this.close(attempt);
  }

  nudge(): void {
    for (const channel of this.connected.values()) channel.restart();
  }

  #connectNext(): void {
    const [next] = this.#queued.values();
    if (next === undefined || !this.#gateOpen) return;
    const { opening, signals } = next;
    this.#queued.delete(opening.attempt);
    this.#shut(gapMillis);
    const channel = new WebRtcChannel(opening, (event) => this.#hear(event));
    this.connected.set(opening.attempt, channel);
    for (const body of signals) channel.signal(body);
  }

  #hear(event: ChannelsEvent): void {
    if (event.type === "closed") {
      this.connected.delete(event.attempt);
      if (event.why === "too-many") this.#shut(pauseMillis * (1 + 0.3 * this.#random()));
    }
    this.#emit(event);
  }

  #shut(millis: number): void {
    const mine = (this.#shutCount += 1);
    this.#gateOpen = false;
    setTimeout(() => {
      // A longer pause began meanwhile.
      if (mine !== this.#shutCount) return;
      this.#gateOpen = true;
      this.#connectNext();
    }, millis);
  }

  #emit(event: ChannelsEvent): void {
    if (this.#news.push(event) === 1) void this.#deliver();
  }

  /** In a turn of its own: whoever called is not called back before the call has ended. */
  async #deliver(): Promise<void> {
    await Promise.resolve();
    for (const event of this.#news.splice(0)) this.#listener(event);
  }
}

/** Signals of one attempt: a description and a handful of candidates. */
const signalsMax = 64;
const gapMillis = 1_000;
/** Until the platform has collected what it still counts. */
const pauseMillis = 30_000;
