/** What one address may have. */

import { expect, test } from "vitest";

import { addressKey, forwardedAddress, openAddresses } from "./addresses.ts";

const limits = {
  connectionsPerAddressMax: 2,
  upgradesPerAddressBurst: 3,
  upgradesPerAddressPerSecond: 1,
  addressesMax: 2,
};

test("an address has so many connections, and gets one back when one ends", () => {
  const addresses = openAddresses(limits);
  expect(addresses.enter("192.0.2.1", 0)).toBe(0);
  expect(addresses.enter("192.0.2.1", 0)).toBe(0);
  expect(addresses.enter("192.0.2.1", 0)).toBeGreaterThan(0);
  expect(addresses.enter("192.0.2.2", 0)).toBe(0);
  addresses.leave("192.0.2.1");
  expect(addresses.enter("192.0.2.1", 0)).toBe(0);
});

test("whoever comes and goes too fast is told when to come back", () => {
  const addresses = openAddresses(limits);
  for (let index = 0; index < 3; index++) {
    expect(addresses.enter("192.0.2.1", 0)).toBe(0);
    addresses.leave("192.0.2.1");
  }
  expect(addresses.enter("192.0.2.1", 0)).toBe(1_000);
  expect(addresses.enter("192.0.2.1", 1_000)).toBe(0);
});

test("the memory of addresses is bounded, and makes room once they may be forgotten", () => {
  const addresses = openAddresses(limits);
  addresses.enter("192.0.2.1", 0);
  addresses.enter("192.0.2.2", 0);
  expect(addresses.enter("192.0.2.3", 0)).toBeGreaterThan(0);
  addresses.leave("192.0.2.1");
  expect(addresses.enter("192.0.2.3", 0)).toBeGreaterThan(0);
  expect(addresses.enter("192.0.2.3", 10_000)).toBe(0);
  expect(addresses.size()).toBe(2);
});

test("loopback has no limit", () => {
  const addresses = openAddresses(limits);
  for (let index = 0; index < 50; index++) {
    expect(addresses.enter("127.0.0.1", 0)).toBe(0);
    expect(addresses.enter("::1", 0)).toBe(0);
    expect(addresses.enter("::ffff:127.0.0.1", 0)).toBe(0);
  }
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
