import { inspect } from "node:util";
import { expect, test } from "vitest";
import { formatHex, formatUtf8 } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import { parseAccountId, parseNodeId } from "@skein/protocol/ids";
import type { Random } from "./crypto/random.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { accountMark, fingerprint, mintNodeKeys, nodeIdOf, openNodeKeys } from "./identity.ts";

const crypto = await openCrypto();
const hello = formatUtf8("hello");

test("Alice's node is the same after its keys were stored and opened again", () => {
  const alice = mintNodeKeys(crypto, counting(0));
  const again = openNodeKeys(crypto, alice.exportSeeds());
  expect(again.id).toBe(alice.id);
  expect(nodeIdOf(crypto, alice.signPublic, alice.boxPublic)).toBe(alice.id);
  expect(again.sign("ref record", hello)).toEqual(alice.sign("ref record", hello));
  const box = crypto.boxSeal(alice.boxPublic, hello, counting(7));
  expect(again.openBox(box ?? hello)).toEqual(hello);
});

test("a node is named by both of its keys", () => {
  const alice = mintNodeKeys(crypto, counting(0));
  const bob = mintNodeKeys(crypto, counting(100));
  expect(nodeIdOf(crypto, alice.signPublic, bob.boxPublic)).not.toBe(alice.id);
  expect(nodeIdOf(crypto, bob.signPublic, alice.boxPublic)).not.toBe(alice.id);
});

test("what was signed under one label does not verify under another", () => {
  const alice = mintNodeKeys(crypto, counting(0));
  const signature = alice.sign("ref record", hello);
  const judged = (digest: Uint8Array): boolean =>
    crypto.verify(alice.signPublic, digest, signature);
  expect(judged(crypto.hash("ref record", hello))).toBe(true);
  expect(judged(crypto.hash("repository genesis", hello))).toBe(false);
});

test("A28: a node's keys do not print, and are gone when it is closed", () => {
  const seeds = counting(0).bytes(64);
  const alice = mintNodeKeys(crypto, counting(0));
  const printed = inspect(alice, { depth: 9, showHidden: true }) + JSON.stringify(alice);
  expect(printed).not.toContain(formatHex(seeds.subarray(0, 8)));
  alice[Symbol.dispose]();
  expect(() => alice.sign("ref record", hello)).toThrow(Bug);
  expect(() => alice.exportSeeds()).toThrow(Bug);
  expect(() => alice.dh(alice.boxPublic)).toThrow(Bug);
});

test("short names have a shape for nodes and another for accounts", () => {
  const node = parseNodeId("ab".repeat(32));
  const account = parseAccountId("f7".repeat(32));
  if (node === undefined || account === undefined) throw new Error("expected ids");
  expect(fingerprint(crypto, node)).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/u);
  expect(accountMark(account)).toBe("YZV-ZFX");
});

function counting(from: number): Random {
  let next = from;
  return { bytes: (length) => Uint8Array.from({ length }, () => next++) };
}
