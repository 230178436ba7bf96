/** How a relay fares, as its links tell. */

import type { Instant } from "@skein/protocol/ids";
import type { RefusedReason } from "@skein/protocol/relay-frames/refused";

export type RelayStatus =
  | { readonly phase: "connected"; readonly since: Instant }
  | {
      readonly phase: "connecting" | "away";
      readonly since: Instant;
      readonly retryAt: Instant | undefined;
      /** How the last connection ended (docs/protocol/1-relay.md, 1.8). */
      readonly code: number | undefined;
    };

export interface RelaySlowness {
  readonly reason: RefusedReason;
  readonly until: Instant;
}

/** One of the relays in use. */
export interface RelayReport {
  readonly url: string;
  readonly status: RelayStatus;
  readonly slow: RelaySlowness | undefined;
  /** How long it holds messages for nodes that are away; 0: not at all. */
  readonly keepSecondsMax: number;
  /** STUN and TURN servers that it offers. */
  readonly iceServers: number;
}

/** What a closing code says to a person (docs/protocol/1-relay.md, 1.8). */
export function whyAway(
  code: number | undefined,
): "unreachable" | "silent" | "busy" | "restarting" {
  if (code === 1012) return "restarting";
  if (code === 1013) return "busy";
  return code === undefined || code === 1006 ? "unreachable" : "silent";
}

/** All of them as one: connected while one is, and tried again when the first of them is. `reports` is never empty. */
export function together(
  reports: ReadonlyArray<RelayReport>,
  now: Instant,
): { readonly url: string; readonly status: RelayStatus } {
  const [best] = reports.toSorted(
    (a, b) =>
      phases.indexOf(a.status.phase) - phases.indexOf(b.status.phase) ||
      a.status.since - b.status.since,
  );
  const { url, status } = best ?? {
    url: "",
    status: { phase: "connecting", since: now, retryAt: undefined, code: undefined } as const,
  };
  if (status.phase === "connected") return { url, status };
  const tries = reports.flatMap(({ status: one }) =>
    one.phase === "connected" ? [] : (one.retryAt ?? []),
  );
  const [soonest] = tries.toSorted((a, b) => a - b);
  return { url, status: { ...status, retryAt: soonest } };
}

/** The best first. */
const phases: ReadonlyArray<RelayStatus["phase"]> = ["connected", "connecting", "away"];
