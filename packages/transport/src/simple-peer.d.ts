/** As much of simple-peer 9.11.1 as we use. Its own types would bring Node's into the page; the package is frozen, so private names are stable. */

declare module "simple-peer/simplepeer.min.js" {
  export type PeerSignal =
    | { readonly type: "offer" | "answer"; readonly sdp: string }
    | { readonly type: "candidate"; readonly candidate: unknown }
    | { readonly type: "renegotiate"; readonly renegotiate: true };

  export interface PeerOptions {
    readonly initiator: boolean;
    readonly trickle: true;
    readonly channelName: string;
    readonly config: {
      readonly iceServers: ReadonlyArray<{
        readonly urls: string;
        readonly username?: string;
        readonly credential?: string;
      }>;
      readonly iceTransportPolicy: "all";
    };
  }

  export default class SimplePeer {
    static readonly WEBRTC_SUPPORT: boolean;
    constructor(options: PeerOptions);
    readonly destroyed: boolean;
    readonly initiator: boolean;
    readonly _pc: {
      readonly connectionState: string;
      readonly iceConnectionState: string;
      restartIce?(): void;
    } | null;
    readonly _channel: {
      readonly bufferedAmount: number;
      bufferedAmountLowThreshold: number;
      addEventListener(type: "bufferedamountlow", listener: () => void): void;
    } | null;
    _onConnectionStateChange(): void;
    _onIceStateChange(): void;
    signal(signal: PeerSignal): void;
    send(bytes: Uint8Array<ArrayBuffer>): void;
    negotiate(): void;
    destroy(): void;
    on(event: "signal", listener: (signal: PeerSignal) => void): this;
    on(event: "connect" | "close", listener: () => void): this;
    on(event: "data", listener: (bytes: Uint8Array<ArrayBuffer>) => void): this;
    on(event: "error", listener: (error: { readonly code?: string }) => void): this;
    on(event: "iceStateChange", listener: (state: string) => void): this;
  }
}
