/**
 * How many sockets one address may have open, connections or not, so that nobody can take all there are.
 *
 * An address is known here no longer than its own sockets, which know it as well.
 */

import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";

import { addressKey, mayBeProxy, siteKey } from "./addresses.ts";
import type { Limits } from "./limits.ts";

export interface SocketRules {
  readonly limits: Pick<
    Limits,
    | "connectionsPerAddressMax"
    | "connectionsPerSiteMax"
    | "socketsPerAddressMax"
    | "socketsPerSiteMax"
  >;
  readonly isBehindProxy: boolean;
  readonly proxies: ReadonlyArray<string>;
}

type Accepted = Pick<Socket, "remoteAddress"> &
  Pick<EventEmitter, "once"> & { readonly destroy: () => void };

export type SocketGuard = (socket: Accepted) => void;

/** Closes what a server accepts beyond it. Loopback is not counted, nor is a proxy, which is many. */
export function openSocketGuard(rules: SocketRules): SocketGuard {
  const { limits } = rules;
  const addressMax = Math.max(limits.socketsPerAddressMax, limits.connectionsPerAddressMax);
  const siteMax = Math.max(limits.socketsPerSiteMax, limits.connectionsPerSiteMax);
  const addresses = new Map<string, number>();
  const sites = new Map<string, number>();

  return (socket) => {
    const remote = socket.remoteAddress ?? "";
    const key = addressKey(remote);
    if (remote === "" || key === undefined || isProxy(remote, rules)) return;
    const site = siteKey(key);
    const isFull = site !== undefined && (sites.get(site) ?? 0) >= siteMax;
    if (isFull || (addresses.get(key) ?? 0) >= addressMax) {
      socket.destroy();
      return;
    }
    add(addresses, key, 1);
    if (site !== undefined) add(sites, site, 1);
    socket.once("close", () => {
      add(addresses, key, -1);
      if (site !== undefined) add(sites, site, -1);
    });
  };
}

function isProxy(remote: string, { isBehindProxy, proxies }: SocketRules): boolean {
  return isBehindProxy && mayBeProxy(remote, proxies);
}

function add(counts: Map<string, number>, key: string, more: number): void {
  const count = (counts.get(key) ?? 0) + more;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
