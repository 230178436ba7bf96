/** Sockets over WebSocket: the platform's own where there is one, `ws` in Node. */

import { relayPayloadBytesMax } from "@skein/protocol/limits";
import type { Socket, SocketEvent, Sockets } from "./socket.ts";

/** Loads `ws` only where the platform has no WebSocket. */
export async function openWebSockets(): Promise<Sockets> {
  if (typeof WebSocket !== "undefined") {
    const Platform = WebSocket;
    return socketsOver((url, subprotocol) => new Platform(url, subprotocol));
  }
  const { WebSocket: Ws } = await import("ws");
  const options = { perMessageDeflate: false, maxPayload: relayPayloadBytesMax + 64 } as const;
  return socketsOver((url, subprotocol) => new Ws(url, subprotocol, options));
}

/** What every platform's WebSocket has. */
interface PlatformSocket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  addEventListener: ((type: "open" | "error", listen: () => void) => void) &
    ((type: "message", listen: (event: { readonly data: unknown }) => void) => void) &
    ((type: "close", listen: (event: { readonly code: number }) => void) => void);
  send: (bytes: Uint8Array<ArrayBuffer>) => void;
  close: (code?: number) => void;
}

declare const WebSocket: (new (url: string, subprotocol: string) => PlatformSocket) | undefined;

function socketsOver(dial: (url: string, subprotocol: string) => PlatformSocket): Sockets {
  return {
    open: (url, { subprotocol, listen }) => {
      let inner: PlatformSocket;
      try {
        inner = dial(url, subprotocol);
      } catch {
        // An address that is none, or a page that may not: a connection that never came about.
        void Promise.resolve().then(() => listen({ type: "closed", code: abnormal }));
        return deadSocket;
      }
      return wrap(inner, listen);
    },
  };
}

function wrap(inner: PlatformSocket, listen: (event: SocketEvent) => void): Socket {
  inner.binaryType = "arraybuffer";
  inner.addEventListener("open", () => listen({ type: "open" }));
  inner.addEventListener("message", ({ data }) => {
    // A relay says everything in bytes; text is nobody's.
    if (data instanceof ArrayBuffer) listen({ type: "message", bytes: new Uint8Array(data) });
    else inner.close(unsupported);
  });
  inner.addEventListener("close", ({ code }) => listen({ type: "closed", code }));
  // A close always follows, and says as much.
  inner.addEventListener("error", () => {});
  return {
    send: (bytes) => {
      if (inner.readyState === openState) inner.send(bytes);
    },
    bufferedAmount: () => inner.bufferedAmount,
    close: (code) => inner.close(code),
  };
}

const deadSocket: Socket = { send: () => {}, bufferedAmount: () => 0, close: () => {} };

/** WHATWG WebSockets §3.1. */
const openState = 1;
/** RFC 6455 §7.4.1, as a page may say it: 3000 and above are for programs. */
const unsupported = 4003;
const abnormal = 1006;
