/** As much of `ws` as a node in Node.js uses. Its own types would bring Node's into code that must not know Node. */

declare module "ws" {
  /** Speaks as the platform's WebSocket does. */
  export class WebSocket {
    constructor(
      url: string,
      subprotocol: string,
      options: { readonly perMessageDeflate: false; readonly maxPayload: number },
    );
    binaryType: string;
    readonly readyState: number;
    readonly bufferedAmount: number;
    addEventListener(type: "open" | "error", listen: () => void): void;
    addEventListener(type: "message", listen: (event: { readonly data: unknown }) => void): void;
    addEventListener(type: "close", listen: (event: { readonly code: number }) => void): void;
    send(bytes: Uint8Array<ArrayBuffer>): void;
    close(code?: number): void;
  }
}
