/** Channels at the other end of a message port: the page serves them, the worker uses them. */

import type { Bytes } from "@skein/protocol/bytes";
import type { ChannelOpening, Channels, ChannelsEvent } from "./channels.ts";

/** As much of a MessagePort, a Worker or a worker's global scope as this needs. */
export interface MessagePortLike {
  postMessage: (message: unknown, transfer: ArrayBuffer[]) => void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
}

/** The page's end. Whoever sits at the other end of the port is our own worker: what it says is trusted, not parsed. */
export function serveChannels(port: MessagePortLike, channels: Channels): void {
  const { listen, answer } = serve(port, channels);
  channels.listen(listen);
  // eslint-disable-next-line unicorn/prefer-add-event-listener -- setting it is what starts a port.
  port.onmessage = ({ data }) => {
    if (isOrder(data)) answer(data);
  };
}

function serve(
  port: MessagePortLike,
  channels: Channels,
): { readonly listen: (event: ChannelsEvent) => void; readonly answer: (order: Order) => void } {
  /** Packets that the channel had no room for: the worker was told to stop, but these were under way. */
  const waiting = new Map<string, Bytes[]>();
  const post = (notice: Notice): void => port.postMessage(notice, transferOf(notice));
  const postEvent = (event: ChannelsEvent): void =>
    post({
      type: "event",
      event: event.type === "packet" ? { ...event, bytes: whole(event.bytes) } : event,
    });

  const flush = (attempt: string): void => {
    const queue = waiting.get(attempt) ?? [];
    let passed = 0;
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      if (!channels.send(attempt, next)) break;
      queue.shift();
      passed += next.length;
    }
    if (queue.length === 0) waiting.delete(attempt);
    if (passed > 0) post({ type: "passed", attempt, bytes: passed });
  };

  const answer = (order: Order): void => {
    switch (order.type) {
      case "open":
        return channels.open(order.opening);
      case "signal":
        return channels.signal(order.attempt, order.body);
      case "send": {
        const queue = waiting.get(order.attempt) ?? [];
        waiting.set(order.attempt, queue);
        queue.push(order.packet);
        return flush(order.attempt);
      }
      case "close":
        waiting.delete(order.attempt);
        return channels.close(order.attempt);
      case "nudge":
        return channels.nudge();
    }
  };

  const listen = (event: ChannelsEvent): void => {
    if (event.type === "room") return flush(event.attempt);
    if (event.type === "closed") waiting.delete(event.attempt);
    postEvent(event);
    if (event.type === "connected") flush(event.attempt);
  };
  return { listen, answer };
}

/** The worker's end. `supported` is what the page knows: ask it before, as `port` cannot answer at once. */
export function channelsOver(
  port: MessagePortLike,
  { supported }: { readonly supported: boolean },
): Channels {
  /** Bytes handed over and not yet taken by the channel. Only connected attempts have a number. */
  const underWay = new Map<string, number>();
  const full = new Set<string>();
  let listener = (_event: ChannelsEvent): void => {};
  const post = (order: Order): void => port.postMessage(order, transferOf(order));

  // eslint-disable-next-line unicorn/prefer-add-event-listener -- setting it is what starts a port.
  port.onmessage = ({ data }) => {
    if (!isNotice(data)) return;
    if (data.type === "event") {
      const { event } = data;
      if (event.type === "connected" && !underWay.has(event.attempt))
        underWay.set(event.attempt, 0);
      if (event.type === "closed") underWay.delete(event.attempt);
      if (event.type === "closed") full.delete(event.attempt);
      return listener(event);
    }
    const { attempt } = data;
    const left = underWay.get(attempt);
    if (left === undefined) return;
    underWay.set(attempt, left - data.bytes);
    if (left - data.bytes <= lowBytes && full.delete(attempt)) listener({ type: "room", attempt });
  };

  return {
    supported,
    open: (opening) => post({ type: "open", opening }),
    signal: (attempt, body) => post({ type: "signal", attempt, body }),
    send: (attempt, packet) => {
      const bytes = underWay.get(attempt);
      if (bytes === undefined) return false;
      if (bytes >= highBytes) {
        full.add(attempt);
        return false;
      }
      underWay.set(attempt, bytes + packet.length);
      post({ type: "send", attempt, packet: whole(packet) });
      return true;
    },
    close: (attempt) => post({ type: "close", attempt }),
    nudge: () => post({ type: "nudge" }),
    listen: (next) => {
      listener = next;
    },
  };
}

/** From the worker to the page. */
type Order =
  | { readonly type: "open"; readonly opening: ChannelOpening }
  | { readonly type: "signal"; readonly attempt: string; readonly body: string }
  | { readonly type: "send"; readonly attempt: string; readonly packet: Bytes }
  | { readonly type: "close"; readonly attempt: string }
  | { readonly type: "nudge" };

/** From the page to the worker. */
type Notice =
  | { readonly type: "event"; readonly event: ChannelsEvent }
  /** The channel took so many bytes more. */
  | { readonly type: "passed"; readonly attempt: string; readonly bytes: number };

/** A packet moves, it is not copied. */
function transferOf(message: Order | Notice): ArrayBuffer[] {
  if (message.type === "send") return [message.packet.buffer];
  if (message.type === "event" && message.event.type === "packet")
    return [message.event.bytes.buffer];
  return [];
}

/** A view of something larger would take all of that along. */
function whole(bytes: Bytes): Bytes {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function isOrder(message: unknown): message is Order {
  return hasType(message, ["open", "signal", "send", "close", "nudge"]);
}

function isNotice(message: unknown): message is Notice {
  return hasType(message, ["event", "passed"]);
}

function hasType(message: unknown, types: ReadonlyArray<string>): boolean {
  return (
    typeof message === "object" &&
    message !== null &&
    "type" in message &&
    types.some((type) => type === message.type)
  );
}

/** The channel itself holds 512 KiB; this is what is between here and there. */
const highBytes = 256 * 1024;
const lowBytes = 64 * 1024;
