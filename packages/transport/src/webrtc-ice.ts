/** The ICE servers a relay offers, in the platform's own form. */

import type { IceServer } from "@skein/protocol/relay-frames/hello";

export interface PlatformIceServer {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** A TURN address without a name and a word, or one that is none, would make the platform refuse all of them: it is left out. */
export function usableServers(offered: ReadonlyArray<IceServer>): ReadonlyArray<PlatformIceServer> {
  return offered.flatMap(({ url, username, credential }): ReadonlyArray<PlatformIceServer> => {
    if (stun.test(url)) return [{ urls: url }];
    if (!turn.test(url) || username === "" || credential === "") return [];
    return [{ urls: url, username, credential }];
  });
}

/** RFC 7064 and RFC 7065. */
const stun = /^stuns?:(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/iu;
const turn = /^turns?:(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?$/iu;
