/** Asks a git host over https, at an address that was looked at: never one of this machine or its networks. */

import type { IncomingMessage } from "node:http";
import { lookup } from "node:dns/promises";
import { request } from "node:https";

import { addressOf, parseMoved, type GitTarget } from "./git-target.ts";
import type { Limits } from "./limits.ts";
import { isPublicAddress } from "./public-address.ts";

/** How names become addresses, and which of those may be asked. */
export interface GitReach {
  readonly resolve: (name: string) => Promise<ReadonlyArray<string>>;
  readonly isAllowed: (address: string) => boolean;
  /** Certificates to trust besides the usual ones (PEM). */
  readonly ca?: string;
}

export const openInternet: GitReach = {
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  isAllowed: isPublicAddress,
};

export interface GitQuestion {
  readonly target: GitTarget;
  readonly protocol: string | undefined;
  /** For a pack: what is wanted. */
  readonly body: Uint8Array | undefined;
  readonly signal: AbortSignal;
  readonly limits: Pick<
    Limits,
    "gitStallMillisMax" | "gitRedirectsMax" | "gitAddressesMax" | "gitConnectMillisMax"
  >;
}

/** The answer of the host that gave one, and which that was. */
export interface GitAnswer {
  readonly from: GitTarget;
  readonly message: IncomingMessage;
}

/** Why a host is not asked. */
export class HostRefusedError extends Error {
  override readonly name = "HostRefusedError";
}

/** Follows a few redirections, as far as `isListed` allows. */
export async function askHost(
  question: GitQuestion,
  { reach, isListed }: { readonly reach: GitReach; readonly isListed: (host: string) => boolean },
): Promise<GitAnswer> {
  let from = question.target;
  for (let hop = 0; hop <= question.limits.gitRedirectsMax; hop++) {
    // oxlint-disable-next-line no-await-in-loop -- where to ask next stands in the answer.
    const message = await askOnce({ ...question, target: from }, reach);
    const { location } = message.headers;
    if (!redirections.has(message.statusCode ?? 0) || location === undefined)
      return { from, message };
    message.destroy();
    // What was wanted has been sent by then, and is not sent again elsewhere.
    const moved = from.ask === "refs" ? parseMoved(location, addressOf(from)) : undefined;
    if (moved === undefined || !isListed(moved.host))
      throw new HostRefusedError(
        "The repository has moved to a host that this relay does not ask.",
      );
    from = moved;
  }
  throw new HostRefusedError("The host sends in circles.");
}

/** Tries one address after the other until a connection is made. What was sent over one is never sent over another. */
async function askOnce(question: GitQuestion, reach: GitReach): Promise<IncomingMessage> {
  const addresses = [...new Set(await reach.resolve(new URL(addressOf(question.target)).hostname))];
  if (addresses.length === 0 || !addresses.every(reach.isAllowed))
    throw new HostRefusedError("The host's name leads to an address that this relay does not ask.");
  const tried = addresses.slice(0, question.limits.gitAddressesMax);
  let failure: unknown;
  for (const [index, address] of tried.entries()) {
    const at = { address, isLast: index === tried.length - 1 };
    // oxlint-disable-next-line no-await-in-loop -- the next one is asked where nobody is at this one.
    const asked = await askAt(question, reach, at);
    if (asked.kind === "answered") return asked.message;
    failure = asked.failure;
    if (asked.kind === "broken" || question.signal.aborted) break;
  }
  throw failure;
}

type Asked =
  | { readonly kind: "answered"; readonly message: IncomingMessage }
  /** `nobody`: no connection was made. */
  | { readonly kind: "nobody" | "broken"; readonly failure: unknown };

function askAt(
  { target, protocol, body, signal, limits }: GitQuestion,
  reach: GitReach,
  { address, isLast }: { readonly address: string; readonly isLast: boolean },
): Promise<Asked> {
  const { gitStallMillisMax: stallMillisMax, gitConnectMillisMax } = limits;
  const { hostname, port, pathname, search, host } = new URL(addressOf(target));
  return new Promise((resolve) => {
    let kind: "nobody" | "broken" = "nobody";
    const asking = request({
      // The address that was looked at, whatever the name would lead to a moment later.
      host: address,
      port: port === "" ? 443 : Number(port),
      servername: hostname,
      method: target.ask === "refs" ? "GET" : "POST",
      path: pathname + search,
      headers: {
        host,
        // Hosts answer git itself where they would show others a page.
        "user-agent": "git/2.0 (skein-relay)",
        accept: `application/x-git-upload-pack-${target.ask === "refs" ? "advertisement" : "result"}`,
        ...(protocol === undefined ? {} : { "git-protocol": protocol }),
        ...(body === undefined ? {} : headersOf(body)),
      },
      agent: false,
      signal,
      ...(reach.ca === undefined ? {} : { ca: reach.ca }),
    });
    const giveUp = (): void => void asking.destroy(new Error("The host says nothing."));
    asking.setTimeout(
      isLast ? stallMillisMax : Math.min(stallMillisMax, gitConnectMillisMax),
      giveUp,
    );
    asking.on("socket", (socket) =>
      socket.once("connect", () => {
        kind = "broken";
        socket.setTimeout(stallMillisMax);
      }),
    );
    asking.on("response", (message) => resolve({ kind: "answered", message }));
    asking.on("error", (failure) => resolve({ kind, failure }));
    asking.end(body);
  });
}

function headersOf(body: Uint8Array): Readonly<Record<string, string>> {
  return {
    "content-type": "application/x-git-upload-pack-request",
    "content-length": String(body.length),
  };
}

const redirections: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
