/**
 * Words for TURN that hold for a while, made of a secret shared with coturn (`use-auth-secret`), so that nobody needs an account there.
 *
 * Form: draft-uberti-behave-turn-rest-00. The name is `expiry:chance`; nothing of a node or a person goes into it.
 */

import { createHmac, randomBytes } from "node:crypto";

import type { IceServer } from "@skein/protocol/relay-frames/hello";

export interface TurnRules {
  readonly urls: ReadonlyArray<string>;
  readonly secret: string | undefined;
  readonly seconds: number;
}

/** The servers a hello names. A TURN address without a secret is left out: no node could use it. */
export function mintIceServers(
  { urls, secret, seconds }: TurnRules,
  wallMillis: number,
): ReadonlyArray<IceServer> {
  if (urls.length === 0) return [];
  const words = secret === undefined ? undefined : mintWords(secret, { seconds, wallMillis });
  return urls.flatMap((url): ReadonlyArray<IceServer> => {
    if (!isTurn(url)) return [{ url, username: "", credential: "" }];
    return words === undefined ? [] : [{ url, ...words }];
  });
}

export function isTurn(url: string): boolean {
  return url.startsWith("turn");
}

function mintWords(
  secret: string,
  { seconds, wallMillis }: { readonly seconds: number; readonly wallMillis: number },
): { readonly username: string; readonly credential: string } {
  const expiry = Math.floor(wallMillis / 1000) + Math.ceil(seconds);
  const username = `${expiry}:${randomBytes(6).toString("hex")}`;
  const credential = createHmac("sha1", secret).update(username).digest("base64");
  return { username, credential };
}

/** A coturn configuration that goes with these words, for a server of this name. */
export function turnserverConfig({
  name,
  secret,
}: {
  readonly name: string;
  readonly secret: string;
}): string {
  return `# coturn beside a Skein relay. Start: turnserver -c turnserver.conf
listening-port=3478
fingerprint
use-auth-secret
static-auth-secret=${secret}
realm=${name}
# Nobody relays into the networks behind this machine, or to its loopback. Its public addresses stay open, as those of all others:
# name them in further lines if something listens there that trusts its neighbours.
no-multicast-peers
no-cli
no-tlsv1
no-tlsv1_1
denied-peer-ip=0.0.0.0-0.255.255.255
denied-peer-ip=10.0.0.0-10.255.255.255
denied-peer-ip=100.64.0.0-100.127.255.255
denied-peer-ip=127.0.0.0-127.255.255.255
denied-peer-ip=169.254.0.0-169.254.255.255
denied-peer-ip=172.16.0.0-172.31.255.255
denied-peer-ip=192.0.0.0-192.0.0.255
denied-peer-ip=192.168.0.0-192.168.255.255
denied-peer-ip=198.18.0.0-198.19.255.255
denied-peer-ip=::1
denied-peer-ip=fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
denied-peer-ip=fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff
# Bounds: per name, in all, and in bytes a second.
user-quota=12
total-quota=1200
max-bps=1000000
stale-nonce=600
# Nothing is written down.
log-file=/dev/null
simple-log
`;
}
