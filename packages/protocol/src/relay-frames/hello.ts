/** Relay to node, first frame: the relay's clock, its limits and the ICE servers it offers. Clients adapt instead of being cut. */

import { list, struct, text, u16, u32, u48, u8, type Decoded } from "../codec.ts";

/** A STUN server, whose name and word are empty, or a TURN server with a name and a word that hold for a while. */
export type IceServer = Decoded<typeof IceServer>;
export const IceServer = struct({
  url: text(256),
  username: text(128),
  credential: text(128),
});

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
  /** How long a `keep` frame may wait for its reader; 0 where the relay keeps nothing. */
  keepSecondsMax: u32,
  /** `stun:` and `turn:` addresses; empty means none. Never anybody else's than the operator's. */
  iceServers: list(IceServer, 8),
});
