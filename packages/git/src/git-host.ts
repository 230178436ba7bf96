/** The port through which an ordinary git host is asked over HTTP. */

import type { Bytes } from "@skein/protocol/bytes";
import type { StopSignal } from "./stop-signal.ts";

/** The way to a git host: straight, or through a relay's proxy. It answers whatever the host's status is. */
export interface GitHost {
  readonly ask: (request: HostRequest) => Promise<HostAnswer>;
}

export interface HostRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Bytes | undefined;
  readonly signal: StopSignal;
}

export interface HostAnswer {
  readonly status: number;
  /** Where the answer came from in the end, after redirections. */
  readonly url: string;
  /** Of the body, without parameters. */
  readonly type: string;
  /** Leaving it early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}
