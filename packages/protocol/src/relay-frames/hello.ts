/** Relay to node, first frame: the relay's clock, its limits and the ICE servers it offers. Clients adapt instead of being cut. */

import { list, struct, text, u16, u32, u48, u8, type Decoded } from "../codec.ts";

export type RelayHello = Decoded<typeof RelayHello>;
export const RelayHello = struct({
  version: u8,
  /** Milliseconds since the epoch. Used to choose tags when a node's clock is far off, never for security. */
  now: u48,
  payloadBytesMax: u32,
  tagsMax: u16,
  publishesPerSecond: u32,
  bulkBytesPerSecond: u32,
  pingMillis: u32,
  announceSecondsMax: u16,
  /** `stun:` and `turn:` addresses; empty means none. Never anybody else's than the operator's. */
  iceServers: list(text(256), 8),
});
