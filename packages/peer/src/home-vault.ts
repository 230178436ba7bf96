/** The secrets of this node on disk: sealed under one key, which rests in a vault that only this browser opens. */

import { SecretKey } from "@skein/auth/crypto/secret";
import type { Random } from "@skein/auth/crypto/random";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { bytesOf, openNodeKeys } from "@skein/auth/identity";
import type { KeyStore } from "@skein/auth/key-store";
import { accountIdOf } from "@skein/auth/membership";
import {
  closeVault,
  lockOf,
  lockVault,
  openVault,
  rewordVault,
  saltOf,
  type LockWith,
  type UnlockWith,
  type VaultPlace,
} from "@skein/auth/vault";
import type { Files } from "@skein/git/files";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import {
  bytes,
  decode,
  encode,
  fixed,
  optional,
  struct,
  text,
  tryDecode,
  u48,
  u8,
  type Codec,
  type Decoded,
} from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import { nodeId } from "@skein/protocol/fields";
import type { AccountId, NodeId } from "@skein/protocol/ids";
import { membershipEntryBytesMax } from "@skein/protocol/limits";
import { Pass } from "@skein/protocol/topic-messages/pass";
import { openTurns } from "./turns.ts";

/** This node: its secrets and what its person calls it. The genesis of its account is the first of `entries`. */
export type StoredNode = Decoded<typeof StoredNode>;
export const StoredNode = struct({
  version: u8,
  signSeed: fixed(32),
  boxSeed: fixed(32),
  meeting: fixed(32),
  readKey: fixed(32),
  genesis: bytes(membershipEntryBytesMax),
  pass: optional(Pass),
  nodeName: text(256),
  platform: text(256),
  authorName: text(256),
  authorEmail: text(256),
});

/** What is kept against losing the account: the sealed recovery secret until it was written down, and where nodes met before. */
export type StoredSafety = Decoded<typeof StoredSafety>;
const sealedKit = bytes(512);
const oldSafety = {
  sealedKit: optional(sealedKit),
  kitWritten: u8,
  reminded: optional(u48),
  /** The door before; the read key of then is for versions of this program that met there by it. */
  former: optional(struct({ meeting: fixed(32), readKey: fixed(32) })),
};
/** As versions stored it that did not say under which words the kit is. */
const OldSafety = struct(oldSafety);
const StoredSafety = struct({
  ...oldSafety,
  /** The public key of the words that open the sealed kit. */
  kitDoor: optional(fixed(32)),
  /** The same kit under words that are about to be in force. */
  nextKit: optional(struct({ door: fixed(32), sealed: sealedKit })),
});

/** How the secrets are found when the program begins. */
export type Resting =
  | { readonly kind: "none" | "open" }
  | {
      readonly kind: "locked";
      readonly account: AccountId;
      readonly passkey: { readonly id: Bytes; readonly salt: Bytes } | undefined;
    }
  /** The key of this browser that wrapped them is gone, or they were changed. */
  | { readonly kind: "lost" };

interface VaultPorts {
  readonly files: Files;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly keyStore: KeyStore;
}

/** What lies open: enough to ask for the key. */
type Home = Decoded<typeof Home>;
const sealedBytesMax = 64 * 1024;
const Home = struct({
  version: u8,
  genesis: bytes(membershipEntryBytesMax),
  node: nodeId,
  vault: bytes(2 * sealedBytesMax),
  patience: optional(u48),
  sealed: bytes(sealedBytesMax),
});

export class HomeVault {
  readonly #ports: VaultPorts;
  readonly #turns = openTurns();
  #home: Home | undefined;
  #key: SecretKey | undefined;

  constructor(ports: VaultPorts) {
    this.#ports = ports;
  }

  get kind(): KeyStore["kind"] {
    return this.#ports.keyStore.kind;
  }

  /** Opens the secrets if nothing locks them. What an older version left unwrapped is wrapped first. */
  async open(): Promise<Resting> {
    const file = await this.#ports.files.read(nodePath);
    if (file === undefined) return { kind: "none" };
    if (file[0] === unwrappedVersion) {
      await this.#wrap(decode(StoredNode, file));
      return { kind: "open" };
    }
    const home = decode(Home, file);
    this.#home = home;
    const lock = lockOf(home.vault);
    if (lock !== undefined)
      return { kind: "locked", account: this.#placeOf(home).account, ...lock };
    return { kind: (await this.unlock()) ? "open" : "lost" };
  }

  /** Whether the key is in memory now. */
  async unlock(by?: UnlockWith): Promise<boolean> {
    const home = this.#kept();
    const key = await openVault(this.#placeOf(home), home.vault, by);
    this.#hold(key);
    return key !== undefined && this.#open(nodePath, home.sealed) !== undefined;
  }

  /** From now on nothing here opens any more. */
  forget(): void {
    this.#hold(undefined);
  }

  /** The account that is stored here, open or not. */
  account(): AccountId | undefined {
    return this.#home && this.#placeOf(this.#home).account;
  }

  // --- What is sealed. ---

  /** Stores a node that was not here before, under a key of its own, as one change. It is not locked. */
  async found(
    node: NodeId,
    stored: Omit<StoredNode, "version">,
    safety: StoredSafety,
  ): Promise<void> {
    const { random, files } = this.#ports;
    const { genesis } = stored;
    const key = new SecretKey(random.bytes(32));
    const place = this.#placeOf({ genesis, node });
    const seal = (path: string, plain: Bytes): Bytes => sealAt({ place, path, key, random }, plain);
    const home = {
      version: wrappedVersion,
      genesis,
      node,
      vault: await closeVault(place, key),
      patience: undefined,
      sealed: seal(nodePath, encode(StoredNode, { version: unwrappedVersion, ...stored })),
    };
    await files.commit(
      {
        put: [
          [nodePath, encode(Home, home)],
          [safetyPath, seal(safetyPath, encode(StoredSafety, safety))],
        ],
        delete: [],
      },
      { durability: "strict" },
    );
    this.#home = home;
    this.#hold(key);
  }

  readNode(): StoredNode {
    const { sealed } = this.#kept();
    return decodeSealed(StoredNode, this.#open(nodePath, sealed));
  }

  writeNode(node: Omit<StoredNode, "version">): Promise<void> {
    return this.#change(async (home) => ({
      ...home,
      sealed: this.#seal(nodePath, encode(StoredNode, { version: unwrappedVersion, ...node })),
    }));
  }

  async readSafety(): Promise<StoredSafety> {
    const sealed = await this.#ports.files.read(safetyPath);
    if (sealed === undefined) return noSafety;
    const plain = this.#open(safetyPath, sealed);
    assert(plain !== undefined, "what was sealed here opens here");
    return readSafety(plain);
  }

  writeSafety(safety: StoredSafety): Promise<void> {
    const sealed = this.#seal(safetyPath, encode(StoredSafety, safety));
    return this.#put([safetyPath, sealed]);
  }

  // --- The lock. ---

  lock(): { readonly passkey: boolean; readonly patience: number | undefined } | undefined {
    const home = this.#kept();
    const lock = lockOf(home.vault);
    return lock && { passkey: lock.passkey !== undefined, patience: home.patience };
  }

  patience(): number | undefined {
    return this.#home?.patience;
  }

  /** What a passkey of this node is asked to derive from. */
  salt(): Bytes {
    return saltOf(this.#placeOf(this.#kept()));
  }

  setLock(lock: Omit<LockWith, "random"> | undefined): Promise<void> {
    const { random } = this.#ports;
    return this.#change(async (home) => {
      const place = this.#placeOf(home);
      const vault =
        lock === undefined
          ? await closeVault(place, this.#held())
          : await lockVault({ ...place, ...lock, random }, this.#held());
      return { ...home, vault, patience: lock === undefined ? undefined : home.patience };
    });
  }

  /** The passphrase was changed: the new words open what is locked. */
  reword(door: Uint8Array): Promise<void> {
    const { random } = this.#ports;
    return this.#change(async (home) => {
      const place = { ...this.#placeOf(home), door, random };
      const vault = await rewordVault(place, home.vault, this.#held());
      return vault === undefined ? home : { ...home, vault };
    });
  }

  setPatience(patience: number | undefined): Promise<void> {
    return this.#change(async (home) => ({ ...home, patience }));
  }

  // --- Bytes. ---

  /** One transaction: whoever is stopped in the middle finds all of it as it was. */
  async #wrap(stored: StoredNode): Promise<void> {
    const { crypto, files } = this.#ports;
    using keys = openNodeKeys(crypto, {
      signSeed: new SecretKey(stored.signSeed.slice()),
      boxSeed: new SecretKey(stored.boxSeed.slice()),
    });
    const safety = await files.read(safetyPath);
    const kept = safety === undefined ? noSafety : readSafety(safety);
    await this.found(keys.id, stored, kept);
  }

  #change(next: (home: Home) => Promise<Home>): Promise<void> {
    return this.#turns.take(async () => {
      const home = await next(this.#kept());
      await this.#put([nodePath, encode(Home, home)]);
      this.#home = home;
    });
  }

  #put(...put: ReadonlyArray<readonly [path: string, contents: Bytes]>): Promise<void> {
    return this.#ports.files.commit({ put, delete: [] }, { durability: "strict" });
  }

  #seal(path: string, plain: Bytes): Bytes {
    const place = this.#placeOf(this.#kept());
    return sealAt({ place, path, key: this.#held(), random: this.#ports.random }, plain);
  }

  #open(path: string, sealed: Uint8Array): Bytes | undefined {
    const place = this.#placeOf(this.#kept());
    return this.#ports.crypto.open(this.#held(), contextOf(place, path), sealed);
  }

  #placeOf({ genesis, node }: Pick<Home, "genesis" | "node">): VaultPlace {
    const { crypto, keyStore } = this.#ports;
    return { crypto, store: keyStore, account: accountIdOf(crypto, genesis), node };
  }

  #kept(): Home {
    assert(this.#home !== undefined, "a home was found here");
    return this.#home;
  }

  #held(): SecretKey {
    assert(this.#key !== undefined, "the vault is open");
    return this.#key;
  }

  #hold(key: SecretKey | undefined): void {
    this.#key?.[Symbol.dispose]();
    this.#key = key;
  }
}

function sealAt(
  {
    place,
    path,
    key,
    random,
  }: {
    readonly place: VaultPlace;
    readonly path: string;
    readonly key: SecretKey;
    readonly random: Random;
  },
  plain: Bytes,
): Bytes {
  const sealed = place.crypto.seal(key, contextOf(place, path), plain, random);
  plain.fill(0);
  return sealed;
}

/** What is sealed in one place does not open in another. */
function contextOf({ crypto, account, node }: VaultPlace, path: string): Bytes {
  return crypto.hash("home secrets", formatUtf8(path), bytesOf(account), bytesOf(node));
}

function decodeSealed<T>(codec: Codec<T>, plain: Bytes | undefined): T {
  assert(plain !== undefined, "what was sealed here opens here");
  return decode(codec, plain);
}

function readSafety(plain: Bytes): StoredSafety {
  return (
    tryDecode(StoredSafety, plain) ?? {
      ...decode(OldSafety, plain),
      kitDoor: undefined,
      nextKit: undefined,
    }
  );
}

const nodePath = "node";
const safetyPath = "safety";
const unwrappedVersion = 1;
const wrappedVersion = 2;
const noSafety: StoredSafety = {
  sealedKit: undefined,
  kitWritten: 0,
  reminded: undefined,
  former: undefined,
  kitDoor: undefined,
  nextKit: undefined,
};
