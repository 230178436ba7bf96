/** What one address may have. */

import { expect, test } from "vitest";

import {
  addressKey,
  forwardedAddress,
  mayBeProxy,
  openAddresses,
  type Addresses,
  type Visitor,
} from "./addresses.ts";
import { defaultLimits } from "./limits.ts";

const limits = {
  ...defaultLimits,
  connectionsPerAddressMax: 2,
  connectionsPerSiteMax: 3,
  upgradesPerAddressBurst: 3,
  upgradesPerAddressPerSecond: 1,
  addressesMax: 2,
  bytesPerAddressPerSecond: 1_000,
  bytesPerAddressBurst: 2_000,
  bulkBytesPerAddressPerDay: 5_000,
  keepsPerAddressPerMinute: 2,
};

/** The visitor, or the milliseconds to wait. */
function enter(addresses: Addresses, address: string, nowMillis = 0): Visitor | number | undefined {
  const entered = addresses.enter(address, nowMillis);
  return entered.kind === "entered" ? entered.visitor : entered.waitMillis;
}

function come(addresses: Addresses, address: string, nowMillis = 0): Visitor {
  const visitor = enter(addresses, address, nowMillis);
  if (typeof visitor !== "object") throw new Error(`${address} may not come`);
  return visitor;
}

test("an address has so many connections, and gets one back when one ends", () => {
  const addresses = openAddresses(limits);
  const visitor = come(addresses, "192.0.2.1");
  come(addresses, "192.0.2.1");
  expect(enter(addresses, "192.0.2.1")).toBe(30_000);
  come(addresses, "192.0.2.2");
  addresses.leave(visitor);
  expect(come(addresses, "192.0.2.1")).toBe(visitor);
});

test("a provider's whole prefix has so many connections, however its addresses are spread", () => {
  const addresses = openAddresses({ ...limits, addressesMax: 100 });
  for (const subnet of [1, 2, 3]) come(addresses, `2001:db8:7:${subnet}::1`);
  expect(enter(addresses, "2001:db8:7:4::1")).toBe(30_000);
  come(addresses, "2001:db8:8:4::1");
});

test("whoever comes and goes too fast is told when to come back", () => {
  const addresses = openAddresses(limits);
  for (let index = 0; index < 3; index++) addresses.leave(come(addresses, "192.0.2.1"));
  expect(enter(addresses, "192.0.2.1")).toBe(1_000);
  come(addresses, "192.0.2.1", 1_000);
});

test("whoever broke the rules stays out for a minute, then two, and is forgiven in time", () => {
  const addresses = openAddresses(limits);
  const mallory = come(addresses, "192.0.2.1");
  mallory.blame(0);
  addresses.leave(mallory);
  expect(enter(addresses, "192.0.2.1", 20_000)).toBe(40_000);
  addresses.leave(come(addresses, "192.0.2.1", 60_000));
  mallory.blame(60_000);
  expect(enter(addresses, "192.0.2.1", 60_000)).toBe(120_000);
  addresses.sweep(1_000_000);
  expect(addresses.size()).toBe(1);
  addresses.sweep(60_000 + 120_000 + limits.banMillisMax);
  expect(addresses.size()).toBe(0);
});

test("an address pays for what is passed on, and its day's bulk is bounded", () => {
  const visitor = come(openAddresses(limits), "192.0.2.1");
  expect(visitor.spend(2_500, true, 0)).toBe(0);
  expect(visitor.spend(1, false, 0)).toBeGreaterThan(0);
  expect(visitor.spend(2_600, true, 5_000)).toBe(0);
  expect(visitor.spend(1, true, 10_000)).toBeGreaterThan(1_000);
  expect(visitor.spend(1, false, 10_000)).toBe(0);
  expect([visitor.spendKeep(0), visitor.spendKeep(0), visitor.spendKeep(0)]).toEqual([
    0, 0, 30_000,
  ]);
});

test("the memory of addresses is bounded, and whoever is longest gone makes room", () => {
  const addresses = openAddresses(limits);
  const first = come(addresses, "192.0.2.1");
  come(addresses, "192.0.2.2");
  expect(enter(addresses, "192.0.2.3")).toBe(30_000);
  addresses.leave(first);
  come(addresses, "192.0.2.3");
  expect(addresses.size()).toBe(2);
});

test("Mallory's rule breakers from 20,000 IPv4 addresses keep nobody out, and the latest of them stay out", () => {
  const addresses = openAddresses({ ...limits, addressesMax: defaultLimits.addressesMax });
  const alice = come(addresses, "198.51.100.1");
  const mallorys = (index: number): string => `10.0.${index >> 8}.${index & 255}`;
  for (let index = 0; index < 21_000; index++) {
    const mallory = come(addresses, mallorys(index));
    mallory.blame(0);
    addresses.leave(mallory);
  }
  expect(addresses.size()).toBe(defaultLimits.addressesMax);
  const bob = come(addresses, "198.51.100.2");
  expect(come(addresses, "198.51.100.1")).toBe(alice);
  expect(enter(addresses, mallorys(20_999))).toBe(limits.banMillis);
  addresses.leave(bob);
  // Who did nothing wrong is forgotten first: nothing much stands against him.
  come(addresses, "198.51.100.3");
  expect(enter(addresses, mallorys(20_998))).toBe(limits.banMillis);
  expect(come(addresses, "198.51.100.2")).not.toBe(bob);
});

test("an address may ask so much over HTTP, and no ban keeps its pages from it", () => {
  const addresses = openAddresses({
    ...limits,
    httpRequestsPerAddressBurst: 2,
    httpRequestsPerAddressPerSecond: 1,
  });
  const ask = (nowMillis = 0) => addresses.ask("192.0.2.1", nowMillis);
  come(addresses, "192.0.2.1").blame(0);
  expect([ask().kind, ask().kind, ask()]).toEqual([
    "entered",
    "entered",
    { kind: "refused", waitMillis: 1_000 },
  ]);
  expect(ask(1_000).kind).toBe("entered");
  expect(addresses.ask("127.0.0.1", 0)).toEqual({ kind: "entered", visitor: undefined });
});

test("Mallory's rule breakers from a whole /48 take a small part of the memory, and nobody else's place", () => {
  const addresses = openAddresses({ ...limits, addressesMax: 20, addressesPerSiteMax: 5 });
  for (let net = 1; net <= 200; net++) {
    const mallory = come(addresses, `2001:db8:7:${net.toString(16)}::1`);
    mallory.blame(0);
    addresses.leave(mallory);
  }
  expect(addresses.size()).toBe(5);
  come(addresses, "192.0.2.1");
});

test("a /48 that was empty for a moment is still one", () => {
  const addresses = openAddresses({ ...limits, addressesMax: 100 });
  const visitors = [1, 2, 3].map((net) => come(addresses, `2001:db8:7:${net}::1`));
  for (const visitor of visitors) addresses.leave(visitor);
  addresses.sweep(1);
  for (const net of [1, 2, 3]) come(addresses, `2001:db8:7:${net}::1`, 500);
  expect(enter(addresses, "2001:db8:7:4::1", 500)).toBe(30_000);
});

test("loopback has no limit", () => {
  const addresses = openAddresses(limits);
  for (let index = 0; index < 50; index++)
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
      expect(enter(addresses, address)).toBeUndefined();
  expect(addresses.size()).toBe(0);
});

test("an IPv6 household is one address, however it is written", () => {
  const home = addressKey("2001:db8:1:2::5");
  expect(addressKey("2001:0db8:0001:0002:aaaa:bbbb:cccc:dddd")).toBe(home);
  expect(addressKey("2001:DB8:1:2::")).toBe(home);
  expect(addressKey("2001:db8:1:3::5")).not.toBe(home);
  expect(addressKey("fe80::1%eth0")).toBe(addressKey("fe80::2"));
  expect(addressKey("::ffff:192.0.2.1")).toBe("192.0.2.1");
});

test("behind a proxy only what the proxy wrote last is believed", () => {
  expect(forwardedAddress("10.0.0.1", "6.6.6.6, 192.0.2.9")).toBe("192.0.2.9");
  expect(forwardedAddress("10.0.0.1", undefined)).toBe("10.0.0.1");
  expect(forwardedAddress("10.0.0.1", " ")).toBe("10.0.0.1");
});

test("a port that a proxy writes behind an address makes no other address of it", () => {
  expect(forwardedAddress("10.0.0.1", "6.6.6.6, 192.0.2.9:4711")).toBe("192.0.2.9");
  expect(forwardedAddress("10.0.0.1", "[2001:db8::9]:4711")).toBe("2001:db8::9");
  expect(forwardedAddress("10.0.0.1", "[2001:db8::9]")).toBe("2001:db8::9");
  expect(forwardedAddress("10.0.0.1", "2001:db8::9")).toBe("2001:db8::9");
});

test("only this machine, a private network or a named address may be a proxy", () => {
  const named = ["203.0.113.7"];
  for (const address of [
    "127.0.0.1",
    "::1",
    "10.1.2.3",
    "::ffff:172.20.0.5",
    "fd00::1",
    "203.0.113.7",
  ])
    expect(mayBeProxy(address, named)).toBe(true);
  for (const address of ["203.0.113.8", "172.32.0.1", "2001:db8::1", "100.64.0.1"])
    expect(mayBeProxy(address, named)).toBe(false);
});
