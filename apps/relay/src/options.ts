/** Every option, declared once: a flag, an environment variable and a line of the config file share its name. */

import {
  relayPayloadBytesMax,
  relayPingMillisMax,
  tagsPerConnectionMax,
} from "@skein/protocol/limits";

import { limitWords } from "./limit-words.ts";
import { defaultLimits, type Limits } from "./limits.ts";

export interface Option {
  /** `connections-max`: the flag is `--connections-max`, the line `connections-max = 1`. */
  readonly name: string;
  readonly kind: "text" | "number" | "switch" | "list";
  readonly fallback: string;
  readonly words: string;
  /** An older name of the environment variable, such as PORT, which hosts set. */
  readonly alias?: string;
  /** Never printed. */
  readonly isSecret?: boolean;
}

/** Where a value came from. */
export type Source = "flag" | "environment" | "file" | "default";

export interface Value {
  readonly option: Option;
  readonly texts: ReadonlyArray<string>;
  readonly source: Source;
  /** The variable or the file that said so. */
  readonly place: string;
}

/** `SKEIN_CONNECTIONS_MAX` for `connections-max`. */
export function variableOf({ name }: Option): string {
  return `SKEIN_${name.replaceAll("-", "_").toUpperCase()}`;
}

/** `connections-max` for `connectionsMax`. */
export function nameOfLimit(key: string): string {
  return key.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}

/** Limits that the specification sets: an operator may only stay below. */
export const ceilings: Readonly<Partial<Record<keyof Limits, number>>> = {
  payloadBytesMax: relayPayloadBytesMax,
  tagsPerConnectionMax,
  // What the fields of a hello hold.
  publishesPerSecond: 0xffff_ffff,
  bulkBytesPerSecond: 0xffff_ffff,
  pingMillis: relayPingMillisMax,
  announceSecondsMax: 0xffff,
  keepSecondsMax: 7 * 86_400,
  backplaneBuckets: 65_536,
};

/** Limits that may be 0, which switches them off. */
export const switchable: ReadonlySet<keyof Limits> = new Set<keyof Limits>([
  "bytesPerSecond",
  "bytesPerMonth",
  "keepSecondsMax",
  "drainMillisPerConnection",
  "backplaneLingerMillis",
  "pingsMissedMax",
  "gitRedirectsMax",
]);

export const limitNames: ReadonlyArray<keyof Limits> = keysOf(defaultLimits);

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): ReadonlyArray<Key> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own constant, whose keys are its type's.
  return Object.keys(record) as Key[];
}

const places: ReadonlyArray<Option> = [
  option("host", "text", "localhost", "where to listen; 0.0.0.0 is every network", "HOST"),
  option("port", "number", "7534", "at which port", "PORT"),
  option("public-name", "text", "", "the name people reach it by, as in `serve relay.example.org`"),
  option("no-app", "switch", "off", "serve only the relay"),
  option("app", "text", "", "the folder of the built app; apps/web/dist of a clone if empty"),
  option("origin", "list", "", "a page served elsewhere that may use this relay; may repeat"),
  option("behind-proxy", "switch", "off", "take addresses from X-Forwarded-For"),
  option("proxy", "list", "", "a proxy's address to believe, besides private ones; may repeat"),
  option(
    "tls-cert",
    "text",
    "",
    "a certificate chain (PEM) to serve https with; SIGHUP reads it again",
  ),
  option("tls-key", "text", "", "its key (PEM)"),
  option("ca", "text", "", "for `doctor`: certificates (PEM) to trust besides the usual ones"),
];

const neighbours: ReadonlyArray<Option> = [
  option("ice", "list", "", "a STUN or TURN server told to every node; may repeat, 8 at most"),
  {
    ...option(
      "turn-secret",
      "text",
      "",
      "coturn's static-auth-secret: words for TURN are made of it",
    ),
    isSecret: true,
  },
  option(
    "git-host",
    "list",
    "",
    "a git host, such as github.com, that the app may clone from through this relay; may repeat; none is off",
  ),
  option("nats", "list", "", "a NATS server that joins this relay to others; may repeat"),
  option("nats-credentials", "text", "", "a NATS credentials file"),
  option("nats-subject", "text", "skein", "in front of every subject"),
];

const watching: ReadonlyArray<Option> = [
  option("metrics-port", "number", "0", "a port of its own for /metrics; 0 is none"),
  option("metrics-host", "text", "localhost", "where that port listens"),
  {
    ...option("metrics-token", "text", "", "a bearer token that opens /metrics on the main port"),
    isSecret: true,
  },
  option("log", "text", "off", "`json` writes one line of JSON for each event"),
  option("transparency", "switch", "off", "print every minute what is held and was passed on"),
  option("no-doctor", "switch", "off", "serve no /doctor page"),
  option("config", "text", "", "a file of lines like `port = 7534`"),
];

export const options: ReadonlyArray<Option> = [
  ...places,
  ...neighbours,
  ...watching,
  ...limitNames.map((key) =>
    option(nameOfLimit(key), "number", String(defaultLimits[key]), limitWords[key]),
  ),
];

function option(
  name: string,
  kind: Option["kind"],
  fallback: string,
  ...[words, alias]: readonly [words: string, alias?: string]
): Option {
  return { name, kind, fallback, words, ...(alias === undefined ? {} : { alias }) };
}
