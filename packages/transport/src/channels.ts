/** The port to direct channels, such as WebRTC's: attempts are named by text, signals are opaque, packets keep their borders. */

import type { Bytes } from "@skein/protocol/bytes";
import type { IceServer } from "@skein/protocol/relay-frames/hello";

export type ChannelsEvent =
  /** Give `body` to the other node, through the session. */
  | { readonly type: "signal"; readonly attempt: string; readonly body: string }
  | { readonly type: "connected"; readonly attempt: string }
  | { readonly type: "packet"; readonly attempt: string; readonly bytes: Bytes }
  /** `send` takes packets again. */
  | { readonly type: "room"; readonly attempt: string }
  /** Nothing passes for now; it may come back as `connected`. */
  | { readonly type: "stalled"; readonly attempt: string }
  /** The last event of an attempt. */
  | { readonly type: "closed"; readonly attempt: string; readonly why: ChannelClosed };

export type ChannelClosed =
  | "closed-here"
  | "closed-there"
  | "timeout"
  | "too-many"
  | "unsupported"
  | "failed";

export interface ChannelOpening {
  readonly attempt: string;
  /** The node with the smaller id. */
  readonly initiator: boolean;
  /** Always given, and empty where the relay offers none: no default of any library is ever used. */
  readonly iceServers: ReadonlyArray<IceServer>;
}

export interface Channels {
  readonly supported: boolean;
  readonly open: (opening: ChannelOpening) => void;
  /** A signal of the other node. One that belongs to no attempt is ignored. */
  readonly signal: (attempt: string, body: string) => void;
  /** `false`: not taken, wait for `room`. The bytes are given away: do not use them again. */
  readonly send: (attempt: string, packet: Bytes) => boolean;
  readonly close: (attempt: string) => void;
  /** The network or the tab came back: whatever stalls is tried again. */
  readonly nudge: () => void;
  /** One listener; it is never called from inside a call to this port. */
  readonly listen: (listener: (event: ChannelsEvent) => void) => void;
}
