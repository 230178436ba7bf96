/** What an operator set: by flag, by environment, or in the config file, in that order. */

import { parseArgs } from "node:util";

import { readConfigText } from "./config-text.ts";
import { isHostName } from "./git-target.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import {
  ceilings,
  limitNames,
  nameOfLimit,
  options,
  switchable,
  variableOf,
  type Option,
  type Value,
} from "./options.ts";
import { isTurn } from "./turn.ts";

export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly publicName: string;
  readonly servesApp: boolean;
  /** Where the built app is, when not beside the relay. */
  readonly app: string | undefined;
  readonly origins: ReadonlyArray<string>;
  readonly isBehindProxy: boolean;
  readonly proxies: ReadonlyArray<string>;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** A file of certificates that the doctor trusts besides the usual ones. */
  readonly ca: string | undefined;
  readonly iceServers: ReadonlyArray<string>;
  readonly turnSecret: string | undefined;
  readonly gitHosts: ReadonlyArray<string>;
  readonly nats:
    | {
        readonly servers: ReadonlyArray<string>;
        readonly credentials: string | undefined;
        readonly subject: string;
      }
    | undefined;
  readonly metrics: {
    readonly port: number;
    readonly host: string;
    readonly token: string | undefined;
  };
  readonly log: "off" | "json";
  readonly isTransparent: boolean;
  readonly hasDoctor: boolean;
  readonly limits: Limits;
}

export type Command = "serve" | "config print" | "config sample" | "doctor" | "turnserver";

export type Read =
  | {
      readonly kind: "settings";
      readonly command: Command;
      readonly settings: Settings;
      readonly values: ReadonlyArray<Value>;
    }
  | { readonly kind: "help"; readonly isLong: boolean }
  | { readonly kind: "wrong"; readonly why: string };

export type Environment = Readonly<Record<string, string | undefined>>;

/** `readFile` answers `undefined` for what is not there, or is no file that can be read. */
export interface Sources {
  readonly args: ReadonlyArray<string>;
  readonly environment: Environment;
  readonly readFile: (path: string) => string | undefined;
}

export const defaultPort = 7534;

export function readSettings({ args, environment, readFile }: Sources): Read {
  const parsed = readFlags(args);
  if (typeof parsed === "string") return wrong(parsed);
  const { flags, words } = parsed;
  if (flags.has("help")) return { kind: "help", isLong: flags.has("all") };
  const command = readCommand(words);
  if (command === undefined) return wrong(`There is no command "${words.join(" ")}".`);
  if (command.name !== "") flags.set("public-name", [command.name]);
  const path = flags.get("config")?.[0] ?? environment["SKEIN_CONFIG"];
  const file = readLines(path, readFile);
  if (typeof file === "string") return wrong(file);
  const values = options.map((option) => choose(option, { flags, environment, file, path }));
  const settings =
    findOddSwitch(values) ??
    settle(new Map(values.map((value) => [value.option.name, value.texts])));
  return typeof settings === "string"
    ? wrong(settings)
    : { kind: "settings", command: command.command, settings, values };
}

function wrong(why: string): Read {
  return { kind: "wrong", why };
}

type Texts = ReadonlyMap<string, ReadonlyArray<string>>;

function readFlags(args: ReadonlyArray<string>) {
  const declared = options.map(
    ({ name, kind }) =>
      [
        name,
        kind === "switch"
          ? ({ type: "boolean" } as const)
          : ({ type: "string", multiple: true } as const),
      ] as const,
  );
  const help = { help: { type: "boolean", short: "h" }, all: { type: "boolean" } } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(declared), ...help },
      strict: true,
      allowPositionals: true,
    });
    const flags = new Map<string, ReadonlyArray<string>>();
    for (const [name, value] of Object.entries(values))
      flags.set(
        name,
        Array.isArray(value) ? value.map(String) : [typeof value === "boolean" ? "on" : value],
      );
    return { flags, words: positionals };
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}

function readCommand(
  words: ReadonlyArray<string>,
): { readonly command: Command; readonly name: string } | undefined {
  const [first = "serve", second = "", ...more] = words;
  if (more.length > 0) return undefined;
  if (first === "serve" || first === "doctor") return { command: first, name: second };
  if (first === "turnserver") return { command: first, name: second };
  if (first === "config" && second === "print") return { command: "config print", name: "" };
  if (first === "config" && second === "sample") return { command: "config sample", name: "" };
  return undefined;
}

/** By name; a name that stands twice has two texts. */
function readLines(
  path: string | undefined,
  readFile: Sources["readFile"],
): ReadonlyMap<string, ReadonlyArray<string>> | string {
  if (path === undefined || path === "") return new Map();
  const text = readFile(path);
  if (text === undefined) return `There is no file ${path} that can be read.`;
  const read = readConfigText(text, path);
  if (read.kind === "wrong") return read.why;
  const file = new Map<string, ReadonlyArray<string>>();
  for (const { name, text: value } of read.lines)
    file.set(name, [...(file.get(name) ?? []), value]);
  return file;
}

function choose(
  option: Option,
  from: {
    readonly flags: Texts;
    readonly environment: Environment;
    readonly file: Texts;
    readonly path: string | undefined;
  },
): Value {
  const flag = from.flags.get(option.name);
  if (flag !== undefined) return { option, texts: flag, source: "flag", place: `--${option.name}` };
  for (const variable of [variableOf(option), option.alias]) {
    const said = variable === undefined ? undefined : from.environment[variable];
    if (said === undefined || variable === undefined) continue;
    const texts = option.kind === "list" ? words(said) : [said];
    return { option, texts, source: "environment", place: variable };
  }
  const line = from.file.get(option.name);
  if (line !== undefined) return { option, texts: line, source: "file", place: from.path ?? "" };
  const texts = option.fallback === "" ? [] : [option.fallback];
  return { option, texts, source: "default", place: "" };
}

function findOddSwitch(values: ReadonlyArray<Value>): string | undefined {
  for (const { option, texts } of values) {
    const said = texts.at(-1) ?? "";
    const word = said.toLowerCase();
    if (option.kind === "switch" && !onWords.has(word) && !offWords.has(word))
      return `${option.name} is \`on\` or \`off\`, not "${said}".`;
  }
  return undefined;
}

function words(text: string): ReadonlyArray<string> {
  return text.split(/[\s,]+/u).filter((word) => word !== "");
}

function settle(texts: Texts): Settings | string {
  const text = (name: string): string => texts.get(name)?.at(-1) ?? "";
  const list = (name: string): ReadonlyArray<string> => texts.get(name) ?? [];
  const maybe = (name: string): string | undefined => (text(name) === "" ? undefined : text(name));
  const isOn = (name: string): boolean => onWords.has(text(name).toLowerCase());
  const limits = settleLimits(text);
  if (typeof limits === "string") return limits;
  const [cert, key] = [text("tls-cert"), text("tls-key")];
  const settings: Settings = {
    host: text("host"),
    port: parsePort(text("port")),
    publicName: text("public-name"),
    servesApp: !isOn("no-app"),
    app: maybe("app"),
    origins: list("origin"),
    isBehindProxy: isOn("behind-proxy"),
    proxies: list("proxy"),
    tls: cert === "" && key === "" ? undefined : { cert, key },
    ca: maybe("ca"),
    iceServers: list("ice"),
    turnSecret: maybe("turn-secret"),
    gitHosts: list("git-host").map((host) => host.toLowerCase()),
    nats:
      list("nats").length === 0
        ? undefined
        : {
            servers: list("nats"),
            credentials: maybe("nats-credentials"),
            subject: text("nats-subject"),
          },
    metrics: {
      port: parsePort(text("metrics-port")),
      host: text("metrics-host"),
      token: maybe("metrics-token"),
    },
    log: text("log") === "json" ? "json" : "off",
    isTransparent: isOn("transparency"),
    hasDoctor: !isOn("no-doctor"),
    limits,
  };
  return findFault(settings, text("log")) ?? settings;
}

/** Numbers as they are written: 65536, 0.5, 64k, 1M, 50G. */
function settleLimits(text: (name: string) => string): Limits | string {
  const limits: { -readonly [Key in keyof Limits]: number } = { ...defaultLimits };
  for (const key of limitNames) {
    const name = nameOfLimit(key);
    const said = text(name);
    const number = readNumber(said);
    const isWhole = Number.isInteger(number) || mayBeFraction(key);
    const least = switchable.has(key) ? 0 : Number.MIN_VALUE;
    const most = ceilings[key] ?? Number.MAX_SAFE_INTEGER;
    if (!(isWhole && number >= least && number <= most))
      return `${name} is ${numberWords(key)}, not "${said}".`;
    limits[key] = number;
  }
  return limits;
}

function readNumber(said: string): number {
  const match = /^(\d+(?:\.\d+)?)([kMGT]?)$/u.exec(said);
  return match === null ? Number.NaN : Number(match[1]) * (scales[match[2] ?? ""] ?? 1);
}

function numberWords(key: keyof Limits): string {
  const most = ceilings[key];
  const bound = most === undefined ? "" : ` and at most ${most}`;
  return `a number above 0${bound}${mayBeFraction(key) ? "" : ", without a fraction"}`;
}

/** Once in two seconds is a rate, and a millisecond and a half a pause; half a connection is nothing. */
function mayBeFraction(key: string): boolean {
  return /Per(?:Second|Minute|Connection)$/u.test(key);
}

function findFault(settings: Settings, log: string): string | undefined {
  const { host, port, origins, iceServers, metrics } = settings;
  if (host === "") return "The host is a name or an address, such as localhost or 0.0.0.0.";
  if (Number.isNaN(port)) return "The port is a number from 0 to 65535.";
  if (Number.isNaN(metrics.port)) return "The metrics port is a number from 0 to 65535.";
  const origin = origins.find((text) => !isOrigin(text));
  if (origin !== undefined) return `An origin is like https://app.example.org, not "${origin}".`;
  if (iceServers.length > 8 || !iceServers.every((text) => ice.test(text)))
    return "ICE servers are at most 8 addresses like stun:example.org:3478.";
  return findLaterFault(settings, log);
}

/** No node could use a TURN server without the words that the secret makes. */
function findTurnFault({ iceServers, turnSecret }: Settings): string | undefined {
  const turn = turnSecret === undefined ? iceServers.find(isTurn) : undefined;
  if (turn === undefined) return undefined;
  return `${turn} is of no use without the secret that coturn and the relay share: --turn-secret or SKEIN_TURN_SECRET. A good one: openssl rand -hex 32`;
}

function findLaterFault(settings: Settings, log: string): string | undefined {
  const { tls, publicName, nats, gitHosts } = settings;
  const gitHost = gitHosts.find((text) => !isHostName(text));
  if (gitHost !== undefined)
    return `A git host is a name like github.com or git.example.org:8443, not "${gitHost}".`;
  if (tls !== undefined && (tls.cert === "" || tls.key === ""))
    return "Serving https takes both --tls-cert and --tls-key.";
  if (log !== "off" && log !== "json") return `The log is \`off\` or \`json\`, not "${log}".`;
  if (publicName !== "" && !/^[\w.-]+(?::\d{1,5})?$/u.test(publicName))
    return `A name is like relay.example.org or relay.example.org:8443, not "${publicName}".`;
  if (nats !== undefined && !/^[\w-]+(?:\.[\w-]+)*$/u.test(nats.subject))
    return `A subject is like skein or site1.skein, not "${nats.subject}".`;
  return findTurnFault(settings);
}

/** What would leave a public relay without a certificate. */
export function findBareName({ publicName, tls, isBehindProxy }: Settings): string | undefined {
  if (
    publicName === "" ||
    /^localhost(?::|$)/u.test(publicName) ||
    tls !== undefined ||
    isBehindProxy
  )
    return undefined;
  return `Browsers reach ${publicName} over https only: put a proxy with a certificate in front and add --behind-proxy, or give --tls-cert and --tls-key. docs/self-hosting.md shows both.`;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : Number.NaN;
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const ice = /^(?:stun|turns?):\S{1,250}$/u;
const onWords: ReadonlySet<string> = new Set(["1", "true", "yes", "on"]);
const offWords: ReadonlySet<string> = new Set(["", "0", "false", "no", "off"]);
const scales: Readonly<Record<string, number>> = {
  k: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

/** `isLong` lists the limits too. */
export function helpText(isLong: boolean): string {
  const limitFlags = new Set(limitNames.map((key) => nameOfLimit(key)));
  const shown = options.filter(({ name }) => isLong || !limitFlags.has(name));
  const rows = shown.map(
    (option) =>
      `  --${option.name.padEnd(isLong ? 34 : 18)} ${option.words}${option.fallback === "" || option.fallback === "off" ? "" : ` [${option.fallback}]`}`,
  );
  return `The Skein relay. It passes sealed bytes between nodes and serves the web app.

  serve [name]       run; the name is what people reach it by, such as relay.example.org
  doctor [name]      look at a relay from outside: name, certificate, WebSocket, clock, limits
  config print       every setting, and where it came from
  config sample      a commented config file
  turnserver [name]  a turnserver.conf for a coturn beside this relay

Each flag is a variable as well (--no-app is SKEIN_NO_APP=1) and a line of the config file (no-app = on).

${rows.join("\n")}
${isLong ? "" : "\nLimits have flags too: --help --all lists them.\n"}`;
}
