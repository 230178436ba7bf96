/** What is said at the start. */

import { expect, test } from "vitest";

import { greet } from "./greeting.ts";

const situation = {
  host: "localhost",
  port: 7534,
  servesApp: true,
  isAppBuilt: true,
  hasDoctor: true,
  lanAddresses: ["192.168.1.7"],
  publicName: "",
  isBehindProxy: false,
  warnings: [],
};

test("on loopback: one address, how to stop, and no picture", () => {
  expect(greet(situation)).toBe("Skein is at http://localhost:7534\nStop it with Ctrl+C.\n");
});

test("beyond loopback: the address on the network too, and a picture of it", () => {
  const text = greet({ ...situation, host: "0.0.0.0" });
  expect(text).toContain("http://192.168.1.7:7534");
  expect(text).toMatch(/[█▀▄]{10}/u);
  expect(greet({ ...situation, host: "fd00::7" })).toContain("http://[fd00::7]:7534");
});

test("whoever serves others is told of the doctor, where there is one", () => {
  const open = { ...situation, host: "0.0.0.0" };
  expect(greet(open)).toContain("http://192.168.1.7:7534/doctor looks at it");
  expect(greet({ ...open, hasDoctor: false })).not.toContain("doctor");
});

test("whoever serves the app to others is told that they trust it, on loopback behind a proxy too", () => {
  const trust = /trust whoever runs this relay.*\/doctor/u;
  expect(greet({ ...situation, isBehindProxy: true })).toMatch(trust);
  expect(greet({ ...situation, publicName: "relay.example.org" })).toMatch(trust);
  const silent = { ...situation, isBehindProxy: true, hasDoctor: false };
  expect(greet(silent)).toContain("docs/self-hosting.md says more");
  expect(greet({ ...situation, isBehindProxy: true, servesApp: false })).not.toContain("trust");
  expect(greet({ ...situation, publicName: "localhost" })).not.toContain("trust");
});

test("an app that is not built is said plainly", () => {
  expect(greet({ ...situation, isAppBuilt: false })).toContain("not built");
  expect(greet({ ...situation, isAppBuilt: false, servesApp: false })).not.toContain("not built");
});
