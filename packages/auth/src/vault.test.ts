import { indexedDB } from "fake-indexeddb";
import { expect, test } from "vitest";
import { step } from "@skein/protocol/machine";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { openIdbWrappingKeys } from "./idb-wrapping-keys.ts";
import type { KeyStore, Passkey } from "./key-store.ts";
import { lockMachine, type Effect, type Event } from "./lock.ts";
import { makeUpAccount } from "./testing/account.ts";
import { closeVault, lockVault, openVault, passkeyOf, saltOf } from "./vault.ts";
import { openWebCryptoKeyStore, type WrappingKeys } from "./webcrypto-key-store.ts";
import { webAuthnPasskeys } from "./webauthn-passkeys.ts";

globalThis.indexedDB = indexedDB;
const crypto = await openCrypto();
const world = makeUpAccount(crypto, 21);
const { account } = world.open();
const plain = Uint8Array.from({ length: 128 }, (_, index) => index + 1);
const secrets = (): SecretKey => new SecretKey(plain.slice());
const read = (key: SecretKey | undefined) => key?.reveal((bytes) => bytes.slice());
const place = (store: KeyStore) => ({ crypto, store, account, node: world.first.id });
const passkey = (): Passkey => ({
  id: Uint8Array.of(1, 2, 3),
  secret: new SecretKey(new Uint8Array(32).fill(9)),
});

function inMemory(): WrappingKeys & { readonly kept: () => CryptoKey | undefined } {
  let kept: CryptoKey | undefined;
  return {
    read: async () => kept,
    keep: async (key) => (kept ??= key),
    wipe: async () => {
      kept = undefined;
    },
    kept: () => kept,
  };
}

test("what a node stores shows nothing of its secrets, and opens where it was stored", async () => {
  const store = await openWebCryptoKeyStore(inMemory());
  const vault = await closeVault(place(store), secrets());
  expect(vault.join()).not.toContain(plain.subarray(0, 8).join());
  expect(read(await openVault(place(store), vault))).toEqual(plain);
  expect(passkeyOf(vault)).toBeUndefined();
});

test("a vault copied to another browser, another node or another account stays shut, and so does one that was bent", async () => {
  const store = await openWebCryptoKeyStore(inMemory());
  const vault = await closeVault(place(store), secrets());
  const elsewhere = await openWebCryptoKeyStore(inMemory());
  expect(await openVault(place(elsewhere), vault)).toBeUndefined();
  expect(await openVault({ ...place(store), node: world.mint().id }, vault)).toBeUndefined();
  for (let index = 0; index < vault.length; index++) {
    const bent = vault.map((byte, at) => (at === index ? byte ^ 1 : byte));
    expect(await openVault(place(store), bent), `byte ${index}`).toBeUndefined();
  }
  expect(await openVault(place(store), vault.subarray(0, 10))).toBeUndefined();
});

test("the key that wraps cannot be read, and once it is wiped nothing opens any more", async () => {
  const keys = inMemory();
  const store = await openWebCryptoKeyStore(keys);
  const key = keys.kept();
  if (key === undefined) throw new Error("a key was kept");
  expect(key.extractable).toBe(false);
  await expect(globalThis.crypto.subtle.exportKey("raw", key)).rejects.toThrow("extractable");
  const vault = await closeVault(place(store), secrets());
  await store.wipe();
  expect(await openVault(place(store), vault)).toBeUndefined();
  await expect(closeVault(place(store), secrets())).rejects.toThrow("wiped");
});

test("the key outlives the program, and two tabs that begin at once use one", async () => {
  const keys = openIdbWrappingKeys("keys of one profile");
  const [one, two] = await Promise.all([openWebCryptoKeyStore(keys), openWebCryptoKeyStore(keys)]);
  const vault = await closeVault(place(one), secrets());
  expect(read(await openVault(place(two), vault))).toEqual(plain);
  const later = await openWebCryptoKeyStore(openIdbWrappingKeys("keys of one profile"));
  expect(read(await openVault(place(later), vault))).toEqual(plain);
  await later.wipe();
  const after = await openWebCryptoKeyStore(openIdbWrappingKeys("keys of one profile"));
  expect(await openVault(place(after), vault)).toBeUndefined();
});

test("a locked vault names its passkey and opens with nothing else", async () => {
  const store = await openWebCryptoKeyStore(inMemory());
  const at = { ...place(store), random: world.random, passkey: passkey() };
  const vault = await lockVault(at, secrets());
  expect(passkeyOf(vault)).toEqual({ id: passkey().id, salt: saltOf(at) });
  expect(await openVault(at, vault)).toBeUndefined();
  const wrong = new SecretKey(new Uint8Array(32).fill(8));
  expect(await openVault(at, vault, wrong)).toBeUndefined();
  expect(read(await openVault(at, vault, passkey().secret))).toEqual(plain);
});

test("where there are no passkeys, none are offered", async () => {
  expect(await webAuthnPasskeys().mayWork()).toBe(false);
});

function play(...events: ReadonlyArray<Event>): ReadonlyArray<Effect> {
  let state = lockMachine.initial;
  let last: ReadonlyArray<Effect> = [];
  for (const event of events) [state, last] = step(lockMachine, state, event);
  return last;
}

test("a node locks when asked, or when nobody touched it for long enough, and not before", () => {
  const patience: Event = { type: "patience-set", patience: 60_000, at: 0 };
  const touched: Event = { type: "person-acted", at: 30_000 };
  const passed = (at: number): Event => ({ type: "time-passed", at });
  expect(play({ type: "lock-asked" })).toEqual([{ type: "wipe-keys" }]);
  expect(play(passed(1e12))).toEqual([]);
  expect(play(patience, passed(60_000))).toEqual([{ type: "wipe-keys" }]);
  expect(play(patience, touched, passed(60_000))).toEqual([{ type: "wake-at", at: 90_000 }]);
  expect(play(patience, touched, passed(5_000_000))).toEqual([{ type: "wipe-keys" }]);
});

test("a locked node opens by its passkey only, and a declined dialogue leaves it locked", () => {
  const locked: Event = { type: "lock-asked" };
  const asked: Event = { type: "unlock-asked" };
  const answered = (fits: boolean): Event => ({ type: "passkey-answered", fits, at: 7 });
  expect(play(locked, asked)).toEqual([{ type: "ask-passkey" }]);
  expect(play(locked, asked, answered(true))).toEqual([{ type: "open-vault" }]);
  expect(play(locked, asked, answered(false))).toEqual([{ type: "say-declined" }]);
  expect(play(locked, answered(true))).toEqual([]);
  expect(play(locked, { type: "person-acted", at: 9 })).toEqual([]);
});
