/** Blobs kept for whoever asks, under virtual time. */

import { expect, test } from "vitest";

import { openDiscovery, type Discovery } from "./discovery.ts";

const limits = { announcementsPerConnectionMax: 2, announcementsPerTagMax: 3 };
const alice = { name: "Alice" };
const bob = { name: "Bob" };
const carol = { name: "Carol" };
const mallory = { name: "Mallory" };

function open(): Discovery<object> {
  return openDiscovery(limits);
}

function announce(discovery: Discovery<object>, owner: object, blob: number, tag = "t") {
  return discovery.announce({ tag, owner, blob: Uint8Array.of(blob), expiresMillis: 1_000 });
}

function found(discovery: Discovery<object>, asker: object, { want = 9, now = 0, tag = "t" } = {}) {
  return discovery.lookup({ tag, asker, want, nowMillis: now }).map((blob) => blob[0]);
}

test("Bob finds what Alice announced, and Alice does not find herself", () => {
  const discovery = open();
  expect(announce(discovery, alice, 1)).toBe("announced");
  expect(found(discovery, bob)).toEqual([1]);
  expect(found(discovery, alice)).toEqual([]);
  expect(found(discovery, bob, { tag: "u" })).toEqual([]);
});

test("an announcement ends with its time, swept or not", () => {
  const discovery = open();
  announce(discovery, alice, 1);
  expect(found(discovery, bob, { now: 999 })).toEqual([1]);
  expect(found(discovery, bob, { now: 1_000 })).toEqual([]);
  expect(discovery.size()).toBe(1);
  discovery.sweep(1_000);
  expect(discovery.size()).toBe(0);
});

test("announcing again replaces, withdrawing forgets, leaving forgets all", () => {
  const discovery = open();
  announce(discovery, alice, 1);
  announce(discovery, alice, 2);
  announce(discovery, alice, 3, "u");
  expect(found(discovery, bob)).toEqual([2]);
  discovery.withdraw("t", bob);
  expect(found(discovery, bob)).toEqual([2]);
  discovery.withdraw("t", alice);
  expect(found(discovery, bob)).toEqual([]);
  expect(found(discovery, bob, { tag: "u" })).toEqual([3]);
  announce(discovery, alice, 4);
  discovery.withdrawAll(alice);
  expect(discovery.size()).toBe(0);
});

test("the most recently announced come first, as many as are wanted", () => {
  const discovery = open();
  announce(discovery, alice, 1);
  announce(discovery, bob, 2);
  announce(discovery, carol, 3);
  announce(discovery, alice, 4);
  expect(found(discovery, mallory, { want: 2 })).toEqual([4, 3]);
  expect(found(discovery, mallory, { want: 0 })).toEqual([]);
});

test("a crowded tag loses whoever has not renewed for longest, and a connection has only so many tags", () => {
  const discovery = open();
  for (const [index, owner] of [alice, bob, carol, mallory].entries())
    announce(discovery, owner, index);
  expect(found(discovery, {})).toEqual([3, 2, 1]);
  announce(discovery, mallory, 9, "u");
  expect(announce(discovery, mallory, 9, "v")).toBe("full");
  expect(announce(discovery, mallory, 8, "u")).toBe("announced");
  expect(discovery.size()).toBe(4);
});
