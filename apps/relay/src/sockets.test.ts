/** How many sockets one address may have open. */

import { EventEmitter } from "node:events";

import { expect, test } from "vitest";

import { openSocketGuard } from "./sockets.ts";

const limits = {
  connectionsPerAddressMax: 1,
  connectionsPerSiteMax: 1,
  socketsPerAddressMax: 2,
  socketsPerSiteMax: 3,
};

class Accepted extends EventEmitter {
  readonly remoteAddress: string;
  isOpen = true;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): this {
    this.isOpen = false;
    this.emit("close");
    return this;
  }
}

function openScene({ isBehindProxy = false, proxies = [] as ReadonlyArray<string> } = {}) {
  const guard = openSocketGuard({ limits, isBehindProxy, proxies });
  return (address: string, count = 1): ReadonlyArray<Accepted> =>
    Array.from({ length: count }, () => {
      const socket = new Accepted(address);
      guard(socket);
      return socket;
    });
}

function open(sockets: ReadonlyArray<Accepted>): number {
  return sockets.filter(({ isOpen }) => isOpen).length;
}

test("Mallory's sockets that say nothing take only her own address's, and one that closes makes room", () => {
  const accept = openScene();
  const sockets = accept("192.0.2.1", 5);
  expect(open(sockets)).toBe(2);
  expect(open(accept("::ffff:192.0.2.1"))).toBe(0);
  expect(open(accept("192.0.2.2"))).toBe(1);
  sockets[0]?.destroy();
  expect(open(accept("192.0.2.1", 2))).toBe(1);
});

test("a provider's whole prefix has so many sockets, however its addresses are spread", () => {
  const accept = openScene();
  expect(open([1, 2, 3, 4].flatMap((net) => accept(`2001:db8:7:${net}::1`)))).toBe(3);
  expect(open(accept("2001:db8:8:1::1"))).toBe(1);
});

test("a proxy in front and this machine are not counted, and who only could be a proxy is", () => {
  const named = openScene({ isBehindProxy: true, proxies: ["203.0.113.7"] });
  for (const address of ["203.0.113.7", "10.0.0.1", "127.0.0.1", "::1"])
    expect(open(named(address, 9))).toBe(9);
  expect(open(named("203.0.113.8", 9))).toBe(2);
  expect(open(openScene()("10.0.0.1", 9))).toBe(2);
});
