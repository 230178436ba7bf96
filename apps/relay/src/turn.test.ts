/** Words for TURN, as coturn checks them. */

import { createHmac } from "node:crypto";

import { expect, test } from "vitest";

import { mintIceServers, turnserverConfig } from "./turn.ts";

const urls = ["stun:a:3478", "turn:a:3478?transport=udp", "turns:a:5349"];

test("a TURN address goes with a name that says when it ends and a word that only the secret makes", () => {
  const [stun, turn, turns] = mintIceServers({ urls, secret: "s3", seconds: 600 }, 5_000_900);
  expect(stun).toEqual({ url: "stun:a:3478", username: "", credential: "" });
  expect(turn?.username).toMatch(/^5600:[0-9a-f]{12}$/u);
  const word = createHmac("sha1", "s3")
    .update(turn?.username ?? "")
    .digest("base64");
  expect(turn?.credential).toBe(word);
  expect(turns?.url).toBe("turns:a:5349");
});

test("two nodes never get the same name, so that nobody can tell who asked twice", () => {
  const names = new Set(
    Array.from(
      { length: 50 },
      () => mintIceServers({ urls, secret: "s", seconds: 600 }, 0)[1]?.username,
    ),
  );
  expect(names.size).toBe(50);
});

test("without a secret there is only STUN", () => {
  const offered = mintIceServers({ urls, secret: undefined, seconds: 600 }, 0);
  expect(offered.map(({ url }) => url)).toEqual(["stun:a:3478"]);
});

test("the configuration for coturn has the secret, and lets nobody into private networks", () => {
  const text = turnserverConfig({ name: "relay.example.org", secret: "s3" });
  expect(text).toContain("static-auth-secret=s3\nrealm=relay.example.org");
  for (const network of ["10.0.0.0", "127.0.0.0", "169.254.0.0", "172.16.0.0", "192.168.0.0"])
    expect(text).toContain(`denied-peer-ip=${network}`);
  for (const span of ["192.0.0.0-192.0.0.255", "198.18.0.0-198.19.255.255"])
    expect(text).toContain(`denied-peer-ip=${span}`);
});
