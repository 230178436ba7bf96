/** Who may open a connection. */

import { expect, test } from "vitest";

import { judgeUpgrade, type UpgradeRequest } from "./upgrade.ts";

const sound: UpgradeRequest = {
  path: "/relay",
  host: "skein.example:7534",
  origin: "https://skein.example:7534",
  subprotocols: "skein.relay.1",
};

function status(change: Partial<UpgradeRequest>, origins: ReadonlyArray<string> = []) {
  const verdict = judgeUpgrade({ ...sound, ...change }, { origins });
  return verdict.verdict === "accepted" ? 101 : verdict.status;
}

test("the relay's own page, a listed page and a program may connect; a foreign page may not", () => {
  expect(status({})).toBe(101);
  expect(status({ origin: "http://skein.example:7534" })).toBe(101);
  expect(status({ origin: undefined })).toBe(101);
  expect(status({ origin: "https://app.example" })).toBe(403);
  expect(status({ origin: "https://app.example" }, ["https://app.example"])).toBe(101);
  expect(status({ origin: "null" })).toBe(403);
  expect(status({ origin: "https://skein.example:7534.evil.example" })).toBe(403);
  expect(status({ origin: "https://", host: "" })).toBe(101);
});

test("another path or another protocol is turned away", () => {
  expect(status({ path: "/" })).toBe(404);
  expect(status({ path: "/relay/" })).toBe(404);
  expect(status({ subprotocols: undefined })).toBe(400);
  expect(status({ subprotocols: "skein.relay.2" })).toBe(400);
  expect(status({ subprotocols: "skein.relay.2, skein.relay.1" })).toBe(101);
});
