/** Writes hellos, and says when one has grown old: the words for TURN in it do not hold for ever. */

import * as write from "./frame-writer.ts";
import type { Limits } from "./limits.ts";
import { isTurn, mintIceServers } from "./turn.ts";

export interface Greeter {
  readonly hello: (wallMillis: number) => Uint8Array;
  readonly isOld: (saidMillis: number, nowMillis: number) => boolean;
}

export interface GreeterRules {
  readonly limits: Limits;
  readonly iceServers: ReadonlyArray<string>;
  /** Shared with coturn: words for TURN are made of it. */
  readonly turnSecret?: string | undefined;
}

export function openGreeter({
  limits,
  iceServers: urls,
  turnSecret: secret,
}: GreeterRules): Greeter {
  const seconds = limits.turnSeconds;
  const hasWords = secret !== undefined && urls.some(isTurn);
  return {
    hello: (wallMillis) => {
      const iceServers = mintIceServers({ urls, secret, seconds }, wallMillis);
      return write.writeHello({ limits, iceServers, wallMillis });
    },
    // At half of their time, so that nobody has words that run out while they are used.
    isOld: (saidMillis, nowMillis) => hasWords && nowMillis - saidMillis > seconds * 500,
  };
}
