/** Sockets over WebSocket: the platform's own where there is one, `ws` in Node. */

import { Bug } from "@skein/protocol/errors";
import type { Sockets } from "./socket.ts";

/** Loads `ws` only where the platform has no WebSocket. */
export async function openWebSockets(): Promise<Sockets> {
  throw new Bug("not yet");
}
