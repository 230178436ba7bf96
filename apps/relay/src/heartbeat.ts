/** Asks each connection every while whether it is there, spread by a wheel, and cuts those that do not answer. */

import type { Connection } from "./connection.ts";
import { fixedLimits } from "./fixed-limits.ts";
import type { Hub } from "./hub.ts";
import type { Limits } from "./limits.ts";
import { openWheel } from "./wheel.ts";

export interface Heartbeat {
  readonly add: (connection: Connection) => void;
  readonly remove: (connection: Connection) => void;
  /** To be called every `tickMillis`. */
  readonly tick: (nowMillis: number) => void;
  readonly tickMillis: number;
}

export interface HeartbeatSetup {
  readonly hub: Hub;
  readonly limits: Limits;
  /** Milliseconds since the epoch. */
  readonly wallMillis: () => number;
  /** From 0 up to 1. */
  readonly chance: () => number;
}

export function openHeartbeat({ hub, limits, wallMillis, chance }: HeartbeatSetup): Heartbeat {
  const tickMillis = Math.min(fixedLimits.tickMillisMax, limits.pingMillis / ticksPerPing);
  const ticksToFirstFrame = Math.ceil(limits.firstFrameMillisMax / tickMillis);
  const slots = Math.ceil(Math.max(limits.pingMillis / tickMillis, ticksToFirstFrame) * 1.3) + 2;
  // Whoever spoke once and then waits for the first question was never asked, however long that took.
  const silenceMillisMax = Math.max(
    limits.pingMillis * (limits.pingsMissedMax + 0.5),
    limits.firstFrameMillisMax + limits.pingMillis,
  );
  const wheel = openWheel<Connection>(slots);
  const watched = new Set<Connection>();
  let nonce = 0;

  function beat(connection: Connection, nowMillis: number): void {
    const { member } = connection;
    const silentMillis = nowMillis - member.heardMillis;
    if (!member.hasSpoken || silentMillis > silenceMillisMax) {
      connection.cut();
      return;
    }
    if (nowMillis > connection.endsMillis) {
      connection.close(1001);
      return;
    }
    member.rest(nowMillis);
    if (hub.isGreetingOld(member, nowMillis))
      hub.greet(member, { monotonicMillis: nowMillis, wallMillis: wallMillis() });
    nonce = (nonce + 1) % 0x1_0000_0000;
    hub.ping(member, nonce);
    wheel.place(connection, (limits.pingMillis / tickMillis) * (0.8 + 0.4 * chance()));
  }

  return {
    add: (connection) => {
      watched.add(connection);
      wheel.place(connection, ticksToFirstFrame);
    },
    remove: (connection) => {
      watched.delete(connection);
      wheel.remove(connection);
    },
    tick: (nowMillis) => {
      for (const connection of wheel.turn()) beat(connection, nowMillis);
      for (const connection of watched) connection.watch(nowMillis);
      hub.sweep(nowMillis);
    },
    tickMillis,
  };
}

const ticksPerPing = 25;
