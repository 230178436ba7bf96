import { expect, test } from "vitest";
import { parseRelayAddress } from "./relay-address.ts";

test.each([
  ["relay.example.org", "wss://relay.example.org/relay"],
  [" Relay.Example.org/ ", "wss://relay.example.org/relay"],
  ["https://relay.example.org:8443", "wss://relay.example.org:8443/relay"],
  ["wss://relay.example.org/r/1", "wss://relay.example.org/r/1"],
  ["http://192.168.1.7:7534", "ws://192.168.1.7:7534/relay"],
  ["localhost:7534", "ws://localhost:7534/relay"],
  ["[::1]:7534", "ws://[::1]:7534/relay"],
  ["[2001:db8::1]", "wss://[2001:db8::1]/relay"],
])("%s is the relay at %s", (typed, url) => {
  expect(parseRelayAddress(typed)).toBe(url);
  expect(parseRelayAddress(url)).toBe(url);
});

test.each([
  "",
  "relay example",
  "ftp://relay.example.org",
  "javascript:alert(1)",
  "wss://rita:secret@relay.example.org",
  "relay.example.org?key=1",
  "relay.example.org#part",
  "relay.example.org:99999",
  `${"a".repeat(300)}.example.org`,
])("%j is no address of a relay", (typed) => {
  expect(parseRelayAddress(typed)).toBeUndefined();
});
