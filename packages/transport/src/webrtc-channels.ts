/** Channels over WebRTC, in a page: simple-peer as a thin wrapper, and nothing of it that buffers or throttles. */

import { Bug } from "@skein/protocol/errors";
import type { Channels } from "./channels.ts";

/** One per page. Everything is let go of on `pagehide`, so that the other nodes notice at once. */
export function openWebRtcChannels(_options: {
  /** From 0 to 1, exclusive. */
  readonly random: () => number;
}): Channels {
  throw new Bug("not yet");
}
