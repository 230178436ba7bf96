/** Whether a request may become a connection, decided before the handshake costs anything. */

import { relaySubprotocol } from "@skein/protocol/version";

export type UpgradeVerdict = { readonly verdict: "accepted" } | UpgradeRefused;

export interface UpgradeRefused {
  readonly verdict: "refused";
  readonly status: 400 | 403 | 404 | 429 | 503;
  /** Says to a person with a console what is wrong. */
  readonly why: string;
  readonly retrySeconds?: number;
}

export interface UpgradeRequest {
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly subprotocols: string | undefined;
}

export interface UpgradeRules {
  /** Origins besides the relay's own, such as `https://app.example.org`. */
  readonly origins: ReadonlyArray<string>;
}

export const relayPath = "/relay";

export function judgeUpgrade(request: UpgradeRequest, { origins }: UpgradeRules): UpgradeVerdict {
  const { path, host, origin, subprotocols } = request;
  if (path !== relayPath) return refuse(404, `The relay is at ${relayPath}.`);
  if (!isOwnOrListed(origin, host, origins))
    return refuse(
      403,
      "This page may not use this relay. Its operator can allow it with --origin.",
    );
  const offered = (subprotocols ?? "").split(",").map((name) => name.trim());
  if (!offered.includes(relaySubprotocol))
    return refuse(400, `This relay speaks ${relaySubprotocol}.`);
  return { verdict: "accepted" };
}

/** Browsers always send the page's origin, programs none: the rule keeps foreign pages out, not programs. */
export function isOwnOrListed(
  origin: string | undefined,
  host: string | undefined,
  origins: ReadonlyArray<string>,
): boolean {
  if (origin === undefined || origins.includes(origin)) return true;
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

function refuse(status: 400 | 403 | 404, why: string): UpgradeVerdict {
  return { verdict: "refused", status, why };
}
