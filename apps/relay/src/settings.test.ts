/** Flags and environment. */

import { expect, test } from "vitest";

import { readSettings } from "./settings.ts";

function settings(args: ReadonlyArray<string>, environment: Record<string, string> = {}) {
  const read = readSettings(args, environment);
  return read.kind === "settings" ? read.settings : read;
}

test("without a word it is localhost:7534 with the app", () => {
  expect(settings([])).toEqual({
    host: "localhost",
    port: 7534,
    servesApp: true,
    app: undefined,
    origins: [],
    iceServers: [],
    isBehindProxy: false,
  });
});

test("a flag wins over the environment", () => {
  const environment = { HOST: "0.0.0.0", PORT: "8000", SKEIN_ICE: "stun:a stun:b" };
  expect(settings([], environment)).toMatchObject({ host: "0.0.0.0", port: 8_000 });
  expect(settings([], environment)).toMatchObject({ iceServers: ["stun:a", "stun:b"] });
  const args = ["--host", "::1", "--port", "9000", "--no-app", "--ice", "turn:c?transport=tcp"];
  expect(settings(args, environment)).toMatchObject({
    host: "::1",
    port: 9_000,
    servesApp: false,
    iceServers: ["turn:c?transport=tcp"],
  });
});

test("what cannot be meant is answered with a sentence, not with a guess", () => {
  for (const port of ["65536", "-1", "80a", "", "1e3"])
    expect(settings([], { PORT: port })).toMatchObject({ kind: "wrong" });
  expect(settings(["--origin", "app.example"])).toMatchObject({ kind: "wrong" });
  expect(settings(["--origin", "https://app.example/"])).toMatchObject({ kind: "wrong" });
  expect(settings(["--ice", "http://a"])).toMatchObject({ kind: "wrong" });
  expect(settings(["--colour"])).toMatchObject({ kind: "wrong" });
  expect(settings(["--help"])).toEqual({ kind: "help" });
});
