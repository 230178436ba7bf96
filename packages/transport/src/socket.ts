/** The port to one message socket, such as a WebSocket: opened by address, heard through events. */

import type { Bytes } from "@skein/protocol/bytes";

export type SocketEvent =
  | { readonly type: "open" }
  | { readonly type: "message"; readonly bytes: Bytes }
  /** The last event, also when it never opened (1006). `code` as in RFC 6455 §7.4. */
  | { readonly type: "closed"; readonly code: number };

export interface Socket {
  /** Takes bytes when open; ignores them otherwise. */
  readonly send: (bytes: Bytes) => void;
  /** Bytes taken and not yet sent. */
  readonly bufferedAmount: () => number;
  /** `closed` follows. */
  readonly close: (code?: number) => void;
}

export interface Sockets {
  /** Events come later, never before this returns. */
  readonly open: (
    url: string,
    options: { readonly subprotocol: string; readonly listen: (event: SocketEvent) => void },
  ) => Socket;
}
