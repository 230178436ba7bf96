/** Flags, environment and file. */

import { expect, test } from "vitest";

import { printConfig, sampleConfig } from "./config-text.ts";
import { limitWords } from "./limit-words.ts";
import { defaultLimits } from "./limits.ts";
import { limitNames, nameOfLimit, options, variableOf } from "./options.ts";
import { findBareName, helpText, readSettings, type Environment } from "./settings.ts";

function read(args: ReadonlyArray<string>, environment: Environment = {}, file?: string) {
  return readSettings({
    args,
    environment,
    readFile: (path) => (path === "/etc/skein.conf" ? file : undefined),
  });
}

function settings(args: ReadonlyArray<string>, environment: Environment = {}, file?: string) {
  const outcome = read(args, environment, file);
  return outcome.kind === "settings" ? outcome.settings : outcome;
}

test("without a word it is localhost:7534 with the app and every limit as it is written down", () => {
  expect(settings([])).toMatchObject({
    host: "localhost",
    port: 7534,
    servesApp: true,
    app: undefined,
    origins: [],
    iceServers: [],
    isBehindProxy: false,
    nats: undefined,
    limits: defaultLimits,
  });
});

test("a flag wins over the environment, and that over the file", () => {
  const file = "# Rita's\nport = 1\nconnections-max = 5\nice = stun:a\nice = stun:b\nno-app = on\n";
  const args = ["--config", "/etc/skein.conf"];
  expect(settings(args, {}, file)).toMatchObject({
    port: 1,
    servesApp: false,
    iceServers: ["stun:a", "stun:b"],
    limits: { connectionsMax: 5 },
  });
  const environment = {
    SKEIN_CONFIG: "/etc/skein.conf",
    SKEIN_PORT: "2",
    SKEIN_ICE: "stun:c, stun:d",
  };
  expect(settings([], environment, file)).toMatchObject({
    port: 2,
    iceServers: ["stun:c", "stun:d"],
  });
  expect(
    settings(["--port", "3", "--ice", "stun:e?transport=tcp"], environment, file),
  ).toMatchObject({ port: 3, iceServers: ["stun:e?transport=tcp"] });
  expect(settings([], { HOST: "0.0.0.0", PORT: "8000" })).toMatchObject({
    host: "0.0.0.0",
    port: 8_000,
  });
});

test("every setting has one name: a flag, a variable and a line say the same", () => {
  for (const option of options) {
    const isSwitch = option.kind === "switch";
    if ((option.kind !== "number" && !isSwitch) || option.name === "port") continue;
    const value = isSwitch ? "on" : "7";
    const byFlag = settings(isSwitch ? [`--${option.name}`] : [`--${option.name}`, value]);
    expect(byFlag).toEqual(settings([], { [variableOf(option)]: value }));
    const line = settings(["--config", "/etc/skein.conf"], {}, `${option.name} = ${value}`);
    expect(line).toEqual(byFlag);
    expect(byFlag).not.toEqual(settings([]));
  }
  expect(Object.keys(limitWords).toSorted()).toEqual([...limitNames].toSorted());
});

test("`config print` says where each value came from, keeps secrets, and can be read again", () => {
  const outcome = read(
    ["config", "print", "--port", "9", "--turn-secret", "canary", "--config", "/etc/skein.conf"],
    { SKEIN_TAGS_MAX: "10" },
    "ping-millis = 1000",
  );
  if (outcome.kind !== "settings") throw new Error("it should have been read");
  const text = printConfig(outcome.values);
  expect(outcome.command).toBe("config print");
  expect(text).toMatch(/^port = 9 +# flag --port$/mu);
  expect(text).toMatch(/^tags-max = 10 +# environment SKEIN_TAGS_MAX$/mu);
  expect(text).toMatch(/^ping-millis = 1000 +# file \/etc\/skein\.conf$/mu);
  expect(text).toMatch(/^connections-max = 10000 +# default$/mu);
  expect(text).not.toContain("canary");
  expect(settings(["--config", "/etc/skein.conf"], {}, sampleConfig())).toEqual(settings([]));
});

test("sizes may be written short", () => {
  expect(settings(["--bytes-per-month", "2T", "--backlog-bytes-max", "64k"])).toMatchObject({
    limits: { bytesPerMonth: 2 * 1024 ** 4, backlogBytesMax: 65_536 },
  });
});

test("what cannot be meant is answered with a sentence, not with a guess", () => {
  const wrong = { kind: "wrong" };
  for (const port of ["65536", "-1", "80a", "", "1e3"])
    expect(settings([], { PORT: port })).toMatchObject(wrong);
  for (const args of [
    ["--origin", "app.example"],
    ["--origin", "https://app.example/"],
    ["--ice", "http://a"],
    ["--colour"],
    ["--log", "loud"],
    ["--tls-cert", "a.pem"],
    ["--tags-per-connection-max", "257"],
    ["--payload-bytes-max", "65537"],
    ["--connections-max", "0"],
    ["--bulk-bytes-per-second", "1T"],
    ["--ping-millis", "soon"],
    ["--config", "/gone"],
    ["dance"],
    ["serve", "a", "b"],
    ["serve", "relay example"],
  ])
    expect(settings(args)).toMatchObject(wrong);
  for (const file of ["port 7", "colour = red", "= 7", "config = /etc/other"])
    expect(settings(["--config", "/etc/skein.conf"], {}, file)).toMatchObject(wrong);
});

test("a TURN server without the secret it shares is a fault, and not left out in silence", () => {
  const args = ["--ice", "stun:a:3478", "--ice", "turns:b:5349"];
  expect(settings(args)).toMatchObject({
    kind: "wrong",
    why: expect.stringMatching(/turns:b:5349 .*--turn-secret/u),
  });
  expect(settings(args, { SKEIN_TURN_SECRET: "s" })).toMatchObject({ turnSecret: "s" });
  expect(settings(["--ice", "stun:a:3478"])).toMatchObject({ turnSecret: undefined });
});

test("a public relay without a certificate is told so before anyone comes", () => {
  const outcome = settings(["serve", "relay.example.org"]);
  expect("publicName" in outcome && findBareName(outcome)).toContain("--behind-proxy");
  const behind = settings(["serve", "relay.example.org", "--behind-proxy"]);
  expect("publicName" in behind && findBareName(behind)).toBeUndefined();
});

test("help is short, and long when asked", () => {
  expect(read(["--help"])).toEqual({ kind: "help", isLong: false });
  expect(read(["--help", "--all"])).toEqual({ kind: "help", isLong: true });
  expect(helpText(false)).not.toContain(nameOfLimit("tagsMax"));
  for (const { name } of options) expect(helpText(true)).toContain(`--${name} `);
  expect(options.every(({ words }) => words.length > 5)).toBe(true);
});

test("half a connection, a switch that is neither on nor off, and a folder for a file are refused in words", () => {
  const said = (args: ReadonlyArray<string>, environment: Environment = {}) => {
    const outcome = read(args, environment);
    return outcome.kind === "wrong" ? outcome.why : outcome.kind;
  };
  expect(said(["--connections-max", "0.5"])).toContain("without a fraction");
  expect(said(["--upgrades-per-address-per-second", "0.5"])).toBe("settings");
  expect(said([], { SKEIN_NO_APP: "maybe" })).toBe('no-app is `on` or `off`, not "maybe".');
  expect(said(["--config", "/etc"])).toBe("There is no file /etc that can be read.");
});

test("`config print` keeps the password in an address of NATS", () => {
  const outcome = read(["config", "print", "--nats", "nats://rita:canary@nats.example.org"]);
  if (outcome.kind !== "settings") throw new Error("it should have been read");
  expect(printConfig(outcome.values)).toContain("nats = nats://(secret)@nats.example.org");
});
