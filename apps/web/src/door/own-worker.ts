/** Starts the peer's worker in the tab that owns it, and lends it this page's WebRTC, which workers do not have. */

import type { MessagePortLike } from "@skein/transport/port-channels";
import { serveChannels } from "@skein/transport/port-channels";
import type { PeerPort } from "./tab.ts";

/** What the page sends its worker before anything else: where to reach the page's channels. */
interface ChannelsOffer {
  readonly kind: "channels";
  readonly port: MessagePort;
  /** Whether this browser can do WebRTC at all. */
  readonly supported: boolean;
}

export function startPeerWorker(hear: (message: unknown) => void, stopped: () => void): PeerPort {
  const worker = new Worker(new URL("../peer.worker.ts", import.meta.url), {
    type: "module",
    name: "skein-peer",
  });
  let met = false;
  worker.addEventListener("message", (event) => {
    met = true;
    hear(event.data);
  });
  worker.addEventListener("error", () => {
    // Before its first word the worker is dead; after it, the peer reports its own troubles as views.
    if (!met) stopped();
  });
  lendChannels(worker);
  return {
    post: (message) => worker.postMessage(message),
    [Symbol.dispose]: () => worker.terminate(),
  };
}

/** The worker's end: call at the top of its module, because messages are not kept for late listeners. */
export function awaitChannels(scope: {
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}): Promise<{ readonly port: MessagePortLike; readonly supported: boolean }> {
  return new Promise((resolve) => {
    scope.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (isChannelsOffer(data)) resolve({ port: plainPort(data.port), supported: data.supported });
    });
  });
}

function lendChannels(worker: Worker): void {
  const supported = "RTCPeerConnection" in globalThis;
  const { port1, port2 } = new MessageChannel();
  const offer: ChannelsOffer = { kind: "channels", port: port2, supported };
  worker.postMessage(offer, [port2]);
  if (supported) void serve(port1);
}

/** The port keeps what the worker posts until the lazily loaded channels listen. */
async function serve(port: MessagePort): Promise<void> {
  const { openWebRtcChannels } = await import("@skein/transport/webrtc-channels");
  serveChannels(plainPort(port), openWebRtcChannels({ random: Math.random }));
}

/** A message port as the channels know it. */
function plainPort(port: MessagePort): MessagePortLike {
  let listener: MessagePortLike["onmessage"] = null;
  port.addEventListener("message", (event) => listener?.(event));
  return {
    postMessage: (message, transfer) => port.postMessage(message, transfer),
    get onmessage() {
      return listener;
    },
    set onmessage(next) {
      listener = next;
      // Until now the port has kept what came.
      port.start();
    },
  };
}

function isChannelsOffer(value: unknown): value is ChannelsOffer {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "channels" &&
    "port" in value &&
    value.port instanceof MessagePort &&
    "supported" in value &&
    typeof value.supported === "boolean"
  );
}
