/** Asks a git host over https, at an address that was looked at: never one of this machine or its networks. */

import type { IncomingMessage } from "node:http";
import { lookup } from "node:dns/promises";
import { request } from "node:https";

import { addressOf, parseMoved, type GitTarget } from "./git-target.ts";
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
  /** Without a byte for so long, a host is given up. */
  readonly stallMillisMax: number;
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
  for (let hop = 0; hop <= hopsMax; hop++) {
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

async function askOnce(question: GitQuestion, reach: GitReach): Promise<IncomingMessage> {
  const { target, protocol, body, signal, stallMillisMax } = question;
  const { hostname, port, pathname, search, host } = new URL(addressOf(target));
  const addresses = await reach.resolve(hostname);
  const [address] = addresses;
  if (address === undefined || !addresses.every(reach.isAllowed))
    throw new HostRefusedError("The host's name leads to an address that this relay does not ask.");
  return await new Promise<IncomingMessage>((resolve, reject) => {
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
    asking.setTimeout(stallMillisMax, () => asking.destroy(new Error("The host says nothing.")));
    asking.on("response", resolve);
    asking.on("error", reject);
    asking.end(body);
  });
}

function headersOf(body: Uint8Array): Readonly<Record<string, string>> {
  return {
    "content-type": "application/x-git-upload-pack-request",
    "content-length": String(body.length),
  };
}

const hopsMax = 3;
const redirections: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
