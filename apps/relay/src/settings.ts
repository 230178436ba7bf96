/** What an operator may set: by flag, or by environment, the flag first. */

import { parseArgs } from "node:util";

export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly servesApp: boolean;
  /** Where the built app is, when not beside the relay. */
  readonly app: string | undefined;
  readonly origins: ReadonlyArray<string>;
  readonly iceServers: ReadonlyArray<string>;
  readonly isBehindProxy: boolean;
}

export type Read =
  | { readonly kind: "settings"; readonly settings: Settings }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly why: string };

export type Environment = Readonly<Record<string, string | undefined>>;

export const defaultPort = 7534;

export function readSettings(args: ReadonlyArray<string>, environment: Environment): Read {
  const flags = readFlags(args);
  if (typeof flags === "string") return { kind: "wrong", why: flags };
  if (flags.help === true) return { kind: "help" };
  const isOn = (flag: boolean | undefined, name: string): boolean =>
    flag === true || onWords.has(environment[name] ?? "");
  const settings: Settings = {
    host: flags.host ?? environment["HOST"] ?? "localhost",
    port: parsePort(flags.port ?? environment["PORT"] ?? String(defaultPort)),
    servesApp: !isOn(flags["no-app"], "SKEIN_NO_APP"),
    app: flags.app ?? environment["SKEIN_APP"],
    origins: flags.origin ?? words(environment["SKEIN_ORIGINS"]),
    iceServers: flags.ice ?? words(environment["SKEIN_ICE"]),
    isBehindProxy: isOn(flags["behind-proxy"], "SKEIN_BEHIND_PROXY"),
  };
  const why = findFault(settings);
  return why === undefined ? { kind: "settings", settings } : { kind: "wrong", why };
}

function findFault({ host, port, origins, iceServers }: Settings): string | undefined {
  if (host === "") return "The host is a name or an address, such as localhost or 0.0.0.0.";
  if (Number.isNaN(port)) return "The port is a number from 0 to 65535.";
  const origin = origins.find((text) => !isOrigin(text));
  if (origin !== undefined) return `An origin is like https://app.example.org, not "${origin}".`;
  const isIce = (text: string): boolean => /^(?:stun|turns?):\S{1,250}$/u.test(text);
  return iceServers.length <= 8 && iceServers.every(isIce)
    ? undefined
    : "ICE servers are at most 8 addresses like stun:example.org:3478.";
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : Number.NaN;
}

function readFlags(args: ReadonlyArray<string>) {
  try {
    return parseArgs({ args: [...args], options: flagOptions, strict: true }).values;
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}

function words(text: string | undefined): ReadonlyArray<string> {
  return (text ?? "").split(/[\s,]+/u).filter((word) => word !== "");
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const onWords: ReadonlySet<string> = new Set(["1", "true", "yes"]);

const flagOptions = {
  host: { type: "string" },
  port: { type: "string" },
  app: { type: "string" },
  "no-app": { type: "boolean" },
  origin: { type: "string", multiple: true },
  ice: { type: "string", multiple: true },
  "behind-proxy": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export const helpText = `The Skein relay. It passes sealed bytes between nodes and serves the web app.

  --host <name>      where to listen            HOST                localhost
  --port <number>    at which port              PORT                ${defaultPort}
  --no-app           serve only the relay       SKEIN_NO_APP=1
  --app <folder>     the built app              SKEIN_APP           apps/web/dist
  --origin <origin>  a page served elsewhere    SKEIN_ORIGINS       (may repeat)
  --ice <address>    a STUN or TURN server      SKEIN_ICE           (may repeat)
  --behind-proxy     believe X-Forwarded-For    SKEIN_BEHIND_PROXY=1
`;
