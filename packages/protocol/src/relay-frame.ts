/**
 * What a node and a relay say to each other: one binary WebSocket message a frame, told apart by the first byte.
 *
 * Frames with a tag carry it right behind that byte, so that a relay forwards without parsing further.
 * Spec: docs/protocol/1-relay.md
 */

import { variants, type Codec, type Variant } from "./codec.ts";
import { Announce } from "./relay-frames/announce.ts";
import { Bulk } from "./relay-frames/bulk.ts";
import { Found } from "./relay-frames/found.ts";
import { RelayHello } from "./relay-frames/hello.ts";
import { Keep } from "./relay-frames/keep.ts";
import { Lookup } from "./relay-frames/lookup.ts";
import { RelayPing } from "./relay-frames/ping.ts";
import { RelayPong } from "./relay-frames/pong.ts";
import { Publish } from "./relay-frames/publish.ts";
import { Refused } from "./relay-frames/refused.ts";
import { Subscribe } from "./relay-frames/subscribe.ts";
import { Unsubscribe } from "./relay-frames/unsubscribe.ts";
import { Withdraw } from "./relay-frames/withdraw.ts";

/** The first byte of each frame. */
export const relayOps = {
  hello: 0x00,
  subscribe: 0x01,
  publish: 0x02,
  announce: 0x03,
  unsubscribe: 0x04,
  lookup: 0x05,
  withdraw: 0x06,
  ping: 0x07,
  bulk: 0x08,
  keep: 0x09,
  found: 0x83,
  pong: 0x87,
  refused: 0x7f,
} as const;

const declared = {
  hello: [relayOps.hello, RelayHello],
  subscribe: [relayOps.subscribe, Subscribe],
  publish: [relayOps.publish, Publish],
  announce: [relayOps.announce, Announce],
  unsubscribe: [relayOps.unsubscribe, Unsubscribe],
  lookup: [relayOps.lookup, Lookup],
  withdraw: [relayOps.withdraw, Withdraw],
  ping: [relayOps.ping, RelayPing],
  bulk: [relayOps.bulk, Bulk],
  keep: [relayOps.keep, Keep],
  found: [relayOps.found, Found],
  pong: [relayOps.pong, RelayPong],
  refused: [relayOps.refused, Refused],
} as const;

export type RelayFrame = Variant<typeof declared>;
export const RelayFrame: Codec<RelayFrame> = variants(declared);
