/** All that a page's origin keeps in IndexedDB, and what an older version of the app would have put there. */

import { openCrypto, type Crypto } from "@skein/auth/crypto/sodium";
import { SecretKey } from "@skein/auth/crypto/secret";
import { openDoor, type DoorSeeds } from "@skein/auth/door";
import { mintNodeKeys } from "@skein/auth/identity";
import { createAccount } from "@skein/auth/membership-proposals";
import { parsePassphrase } from "@skein/auth/passphrase";
import { openUnlock } from "@skein/auth/unlock";
import { StoredNode } from "@skein/peer/home-vault";
import { equal, type Bytes } from "@skein/protocol/bytes";
import { encode } from "@skein/protocol/codec";
import { instant } from "@skein/protocol/ids";
import type { Page } from "playwright-core";

/** Every run of bytes in every store of every database, wherever it lies in a value. Keys that are objects are said to be. */
export async function storedBytes(page: Page): Promise<ReadonlyArray<Buffer>> {
  const texts = await page.evaluate(async () => {
    const found: string[] = [];
    const look = (value: unknown): void => {
      if (value instanceof ArrayBuffer) look(new Uint8Array(value));
      else if (value instanceof Uint8Array) found.push(btoa(String.fromCharCode(...value)));
      else if (value instanceof CryptoKey) {
        if (value.extractable) found.push(btoa("a key that can be read"));
      } else if (typeof value === "object" && value !== null) Object.values(value).forEach(look);
    };
    for (const { name = "" } of await indexedDB.databases()) {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const asked = indexedDB.open(name);
        asked.addEventListener("success", () => resolve(asked.result));
        asked.addEventListener("error", () => reject(new Error(name)));
      });
      for (const store of database.objectStoreNames) {
        const values = await new Promise<unknown[]>((resolve, reject) => {
          const asked = database.transaction(store).objectStore(store).getAll();
          asked.addEventListener("success", () => resolve(asked.result));
          asked.addEventListener("error", () => reject(new Error(store)));
        });
        values.forEach(look);
      }
      database.close();
    }
    return found;
  });
  return texts.map((text) => Buffer.from(text, "base64"));
}

/** Any 32 bytes in a row from which one of these public keys follows. */
export async function seedsOf(
  among: ReadonlyArray<Buffer>,
  publics: ReadonlyArray<Uint8Array>,
): Promise<number> {
  const crypto = await openCrypto();
  return among
    .flatMap((bytes) => windows(bytes))
    .filter((seed) => publicsOf(crypto, seed).some((one) => publics.some((key) => equal(one, key))))
    .length;
}

function windows(bytes: Buffer): ReadonlyArray<Bytes> {
  return Array.from({ length: Math.max(0, bytes.length - 31) }, (_, at) =>
    Uint8Array.from(bytes.subarray(at, at + 32)),
  );
}

function publicsOf(crypto: Crypto, seed: Bytes): ReadonlyArray<Bytes> {
  using secret = new SecretKey(seed);
  using sign = crypto.signKeypair(secret);
  using box = crypto.boxKeypair(secret);
  return [sign.publicKey, box.publicKey];
}

/** A home as the first version stored it: what is in it is in it as it is. */
export interface UnwrappedHome {
  readonly secrets: ReadonlyArray<Buffer>;
  /** Puts it into the origin's database, before the app is opened. */
  readonly put: (page: Page) => Promise<void>;
}

/** With `words`, whoever types them signs in to this account, and anybody can see what its secrets are. */
export async function unwrappedHome(words?: ReadonlyArray<string>): Promise<UnwrappedHome> {
  const crypto = await openCrypto();
  const random = {
    bytes: (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  };
  const secret = (): SecretKey => new SecretKey(random.bytes(32));
  const seeds =
    words === undefined
      ? { sign: secret(), box: secret(), meeting: secret() }
      : await seedsFrom(words);
  const lent = (key: SecretKey): Bytes => key.reveal((bytes) => bytes.slice());
  const doorSecrets = words === undefined ? [] : [lent(seeds.sign), lent(seeds.box)];
  using door = openDoor(crypto, seeds);
  using keys = mintNodeKeys(crypto, random);
  const names = { name: "Old laptop", platform: "Chrome on Linux" };
  const at = instant(1_790_000_000_000);
  const { genesis, readKey } = createAccount({ crypto, random, door, keys, ...names, at });
  const { signSeed, boxSeed } = keys.exportSeeds();
  const node = {
    version: 1,
    signSeed: lent(signSeed),
    boxSeed: lent(boxSeed),
    meeting: lent(door.meeting),
    readKey: lent(readKey),
    genesis,
    pass: undefined,
    nodeName: names.name,
    platform: names.platform,
    authorName: names.name,
    authorEmail: "skein@localhost",
  };
  const files = [
    ["node", [...encode(StoredNode, node)]],
    ["entries/000000", [...genesis]],
  ] as const;
  return {
    secrets: [node.signSeed, node.boxSeed, node.meeting, node.readKey, ...doorSecrets].map((one) =>
      Buffer.from(one),
    ),
    put: (page) =>
      page.evaluate(
        (kept) =>
          new Promise<void>((resolve, reject) => {
            const asked = indexedDB.open("skein", 1);
            asked.addEventListener("upgradeneeded", () => {
              asked.result.createObjectStore("entries");
              asked.result.createObjectStore("contents");
            });
            asked.addEventListener("error", () => reject(new Error("not opened")));
            asked.addEventListener("success", () => {
              const putting = asked.result.transaction(["entries", "contents"], "readwrite");
              for (const [path, bytes] of kept) {
                putting.objectStore("entries").put({ size: bytes.length }, path);
                putting.objectStore("contents").put(Uint8Array.from(bytes), path);
              }
              putting.addEventListener("complete", () => {
                asked.result.close();
                resolve();
              });
            });
          }),
        files,
      ),
  };
}

/** A passphrase that nobody has. */
export async function mintWords(): Promise<ReadonlyArray<string>> {
  const unlock = await openUnlock();
  return unlock.mint({
    bytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  });
}

async function seedsFrom(words: ReadonlyArray<string>): Promise<DoorSeeds> {
  const passphrase = parsePassphrase(words.join(" "));
  if (!passphrase.ok) throw new Error("these are no words of a passphrase");
  return (await openUnlock()).derive(passphrase);
}
