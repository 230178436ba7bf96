/** What becomes of the ICE servers a relay names. */

import { expect, test } from "vitest";
import { usableServers } from "./webrtc-ice.ts";

const somebody = { username: "1795226400:3f9c", credential: "c2VjcmV0" };

test("STUN needs no word, and TURN goes with the word that the relay gave", () => {
  expect(
    usableServers([
      { url: "stun:relay.example:3478", ...somebody },
      { url: "turn:relay.example:3478?transport=tcp", ...somebody },
      { url: "turns:[2001:db8::1]:5349", ...somebody },
    ]),
  ).toEqual([
    { urls: "stun:relay.example:3478" },
    { urls: "turn:relay.example:3478?transport=tcp", ...somebody },
    { urls: "turns:[2001:db8::1]:5349", ...somebody },
  ]);
});

test("a relay that names nonsense does not keep nodes from connecting", () => {
  const nonsense = [
    "turn:relay.example",
    "http://relay.example",
    "stun:",
    "stun:a b",
    "turn:a:1?x",
  ];
  expect(usableServers(nonsense.map((url) => ({ url, username: "", credential: "" })))).toEqual([]);
  expect(usableServers([{ url: "stun:a?transport=udp", ...somebody }])).toEqual([]);
});
