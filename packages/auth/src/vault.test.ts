import { indexedDB } from "fake-indexeddb";
import { expect, test } from "vitest";
import { step } from "@skein/protocol/machine";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { openIdbWrappingKeys } from "./idb-wrapping-keys.ts";
import type { KeyStore, Passkey } from "./key-store.ts";
import { lockMachine, type Effect, type Event } from "./lock.ts";
import { plainKeyStore } from "./plain-key-store.ts";
import { makeUpAccount } from "./testing/account.ts";
import { closeVault, lockOf, lockVault, openVault, rewordVault, saltOf } from "./vault.ts";
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
  expect(lockOf(vault)).toBeUndefined();
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

test("a locked vault names its passkey and opens with nothing but that and the words", async () => {
  const store = await openWebCryptoKeyStore(inMemory());
  const { door } = world;
  const at = { ...place(store), random: world.random, door: door.boxPublic, passkey: passkey() };
  const vault = await lockVault(at, secrets());
  expect(lockOf(vault)).toEqual({ passkey: { id: passkey().id, salt: saltOf(at) } });
  expect(await openVault(at, vault)).toBeUndefined();
  const wrong = new SecretKey(new Uint8Array(32).fill(8));
  expect(await openVault(at, vault, { derived: wrong })).toBeUndefined();
  expect(await openVault(at, vault, { door: world.newDoor() })).toBeUndefined();
  expect(read(await openVault(at, vault, { derived: passkey().secret }))).toEqual(plain);
  expect(read(await openVault(at, vault, { door }))).toEqual(plain);
});

test("a vault may be locked by the words alone, and after new words the old ones open it no more", async () => {
  const at = place(plainKeyStore());
  const { door, random } = world;
  const vault = await lockVault({ ...at, random, door: door.boxPublic }, secrets());
  expect(lockOf(vault)).toEqual({ passkey: undefined });
  expect(await openVault(at, vault, { derived: passkey().secret })).toBeUndefined();
  expect(read(await openVault(at, vault, { door }))).toEqual(plain);
  const newDoor = world.newDoor();
  const later = await rewordVault({ ...at, random, door: newDoor.boxPublic }, vault, secrets());
  if (later === undefined) throw new Error("it was locked");
  expect(await openVault(at, later, { door })).toBeUndefined();
  expect(read(await openVault(at, later, { door: newDoor }))).toEqual(plain);
  const elsewhere = { ...at, node: world.mint().id };
  expect(await openVault(elsewhere, later, { door: newDoor })).toBeUndefined();
  expect(
    await rewordVault(
      { ...at, random, door: door.boxPublic },
      await closeVault(at, secrets()),
      secrets(),
    ),
  ).toBeUndefined();
});

test("a locked vault opens for no other node, even where the key store does not mind", async () => {
  const plainly = plainKeyStore();
  const store: KeyStore = {
    ...plainly,
    wrap: (_, secret) => plainly.wrap("anything", secret),
    unwrap: (_, wrapped) => plainly.unwrap("anything", wrapped),
  };
  const { door, random } = world;
  const lock = { random, door: door.boxPublic, passkey: passkey() };
  const vault = await lockVault({ ...place(store), ...lock }, secrets());
  const elsewhere = { ...place(store), node: world.mint().id };
  expect(await openVault(elsewhere, vault, { door })).toBeUndefined();
  expect(await openVault(elsewhere, vault, { derived: passkey().secret })).toBeUndefined();
  expect(read(await openVault(place(store), vault, { door }))).toEqual(plain);
});

test("without WebCrypto nothing is hidden, and still nothing opens as what it is not", async () => {
  const store = plainKeyStore();
  const wrapped = await store.wrap("one thing", secrets());
  expect(wrapped.join()).toContain(plain.join());
  expect(read(await store.unwrap("one thing", wrapped))).toEqual(plain);
  expect(await store.unwrap("another thing", wrapped)).toBeUndefined();
  expect(await store.unwrap("one thing", wrapped.subarray(1))).toBeUndefined();
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

const set: Event = { type: "lock-set", patience: 60_000, at: 0 };
const passed = (at: number): Event => ({ type: "time-passed", at });
const asked: Event = { type: "lock-asked" };

test("a node locks when asked, or when nobody touched it for long enough, and not before", () => {
  const touched: Event = { type: "person-acted", at: 30_000 };
  const never: Event = { type: "patience-set", patience: undefined, at: 0 };
  expect(play(set)).toEqual([{ type: "wake-at", at: 60_000 }]);
  expect(play(set, asked)).toEqual([{ type: "wipe-keys" }]);
  expect(play(set, passed(60_000))).toEqual([{ type: "wipe-keys" }]);
  expect(play(set, touched, passed(60_000))).toEqual([{ type: "wake-at", at: 90_000 }]);
  expect(play(set, touched, passed(5_000_000))).toEqual([{ type: "wipe-keys" }]);
  expect(play(set, never, passed(1e12))).toEqual([]);
  expect(play(set, never, asked)).toEqual([{ type: "wipe-keys" }]);
});

test("a node without a lock never locks, and one whose lock was taken off does no more", () => {
  expect(play(asked)).toEqual([]);
  expect(play(passed(1e12))).toEqual([]);
  expect(play(set, { type: "lock-removed" }, asked)).toEqual([]);
});

test("a laptop that slept longer than its patience locks at the first sign of a person, before its late timer", () => {
  const touched = (at: number): Event => ({ type: "person-acted", at });
  const impatient: Event = { type: "patience-set", patience: undefined, at: 5_000_000 };
  expect(play(set, touched(59_999))).toEqual([]);
  for (const woken of [touched(60_000), touched(5_000_000), impatient, { ...set, at: 5_000_000 }])
    expect(play(set, woken)).toEqual([{ type: "wipe-keys" }]);
});

test("work holds the lock open while it goes on, and not over a sleep", () => {
  const worked = (at: number): Event => ({ type: "work-went-on", at });
  expect(play(set, worked(60_000), passed(60_000))).toEqual([{ type: "wake-at", at: 120_000 }]);
  expect(play(set, worked(60_000), worked(121_000), passed(121_000))).toEqual([
    { type: "wake-at", at: 181_000 },
  ]);
  expect(play(set, worked(5_000_000))).toEqual([{ type: "wipe-keys" }]);
});

test("a clock that was set back a little begins the wait anew, and one that was set back by more locks", () => {
  const touched = (at: number): Event => ({ type: "person-acted", at });
  const later = { ...set, at: 1e12 } as const;
  expect(play(later, passed(1e12 - 1_000))).toEqual([{ type: "wake-at", at: 1e12 + 59_000 }]);
  expect(play(later, touched(1e12 - 1_000), passed(1e12 + 59_000))).toEqual([
    { type: "wipe-keys" },
  ]);
  expect(play(later, passed(1_000))).toEqual([{ type: "wipe-keys" }]);
  expect(play(later, touched(1_000))).toEqual([{ type: "wipe-keys" }]);
});

test("a locked node opens when its vault does, one try at a time, and a wrong one leaves it locked", () => {
  const found: Event = { type: "found-locked", patience: 60_000 };
  const tried: Event = { type: "unlock-tried" };
  const answered = (fits: boolean): Event => ({ type: "vault-answered", fits, at: 7 });
  expect(phase(found)).toBe("locked");
  expect(phase(found, tried)).toBe("trying");
  expect(phase(found, tried, tried)).toBe("trying");
  expect(phase(found, tried, answered(false))).toBe("locked");
  expect(phase(found, tried, answered(true))).toBe("open");
  expect(play(found, tried, answered(true))).toEqual([{ type: "wake-at", at: 60_007 }]);
  expect(phase(found, answered(true))).toBe("locked");
  expect(phase(found, { type: "person-acted", at: 9 })).toBe("locked");
});

function phase(...events: ReadonlyArray<Event>): string {
  let state = lockMachine.initial;
  for (const event of events) [state] = step(lockMachine, state, event);
  return state.phase;
}
