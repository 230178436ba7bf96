/** Ordinary git hosts, reached through a relay whose operator named them (docs/self-hosting.md). */

import { openFetchHost } from "@skein/git/fetch-host";
import type { GitHost } from "@skein/git/git-host";
import { parseAddress } from "@skein/git/remote-clone";
import { RemoteRefusedError } from "@skein/git/remote-protocol";

/** Names, with a port where it is not 443. None where the relay does not answer or has none. */
export async function readRelayHosts(
  relayUrl: string,
  signal: AbortSignal,
): Promise<ReadonlyArray<string>> {
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(answerMillisMax)]);
    const answer = await fetch(proxyOf(relayUrl), { ...plainly, signal: soon });
    const said: unknown = answer.ok ? await answer.json() : undefined;
    const hosts = typeof said === "object" && said !== null && "hosts" in said ? said.hosts : [];
    return Array.isArray(hosts) ? hosts.filter((host) => typeof host === "string") : [];
  } catch {
    // Away, an older relay, or another program: whoever waits is told that nothing goes through it.
    return [];
  }
}

export function openRelayHost(relayUrl: string, signal: AbortSignal): GitHost {
  const proxied = (url: string): string =>
    `${proxyOf(relayUrl)}/${url.replace(/^https:\/\//u, "")}`;
  const host = openFetchHost({ proxied, signal });
  return {
    ask: async (request) => {
      try {
        return await host.ask(request);
      } catch (cause) {
        signal.throwIfAborted();
        throw new RemoteRefusedError("unreachable", "The relay could not be reached", { cause });
      }
    },
  };
}

/** The host that an address leads to, as relays list it; `undefined` for what cannot be cloned. */
export function hostOf(address: string): string | undefined {
  const url = parseAddress(address);
  return url === undefined ? undefined : new URL(url).host;
}

/** `wss://relay.example.org/relay` has its hosts at `https://relay.example.org/git`. */
function proxyOf(relayUrl: string): string {
  return relayUrl.replace(/^ws/u, "http").replace(/\/relay$/u, "/git");
}

/** A person waits for it, and a relay has it at hand. */
const answerMillisMax = 5_000;
const plainly = { cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" } as const;
