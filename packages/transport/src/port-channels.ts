/** Channels at the other end of a message port: the page serves them, the worker uses them. */

import { Bug } from "@skein/protocol/errors";
import type { Channels } from "./channels.ts";

/** As much of a MessagePort, a Worker or a worker's global scope as this needs. */
export interface MessagePortLike {
  postMessage: (message: unknown, transfer: ArrayBuffer[]) => void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
}

/** The page's end. */
export function serveChannels(_port: MessagePortLike, _channels: Channels): void {
  throw new Bug("not yet");
}

/** The worker's end. `supported` is what the page knows: ask it before, as `port` cannot answer at once. */
export function channelsOver(
  _port: MessagePortLike,
  _options: { readonly supported: boolean },
): Channels {
  throw new Bug("not yet");
}
