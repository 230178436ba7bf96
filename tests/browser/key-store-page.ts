/** What a page does with the adapters that keep keys, for `key-store.test.ts` to call. */

import { SecretKey } from "@skein/auth/crypto/secret";
import { openIdbWrappingKeys } from "@skein/auth/idb-wrapping-keys";
import type { KeyStore } from "@skein/auth/key-store";
import { openWebCryptoKeyStore } from "@skein/auth/webcrypto-key-store";
import { webAuthnPasskeys } from "@skein/auth/webauthn-passkeys";

const openStore = (): Promise<KeyStore> => openWebCryptoKeyStore(openIdbWrappingKeys("keys"));
const bytesOf = (secret: SecretKey | undefined): number[] | undefined =>
  secret?.reveal((bytes) => [...bytes]);
const filled = (fill: number): Uint8Array<ArrayBuffer> => new Uint8Array(32).fill(fill);

export interface KeyStorePage {
  readonly wrap: (purpose: string) => Promise<number[]>;
  readonly unwrap: (
    purpose: string,
    wrapped: ReadonlyArray<number>,
  ) => Promise<number[] | undefined>;
  readonly wipe: () => Promise<void>;
  /** Whether the key that is kept can be read, and what comes of trying. */
  readonly readKey: () => Promise<{ readonly extractable: boolean; readonly raw: string }>;
  readonly mayUsePasskeys: () => Promise<boolean>;
  readonly makePasskey: () => Promise<{ id: number[]; derived: number[] | undefined } | undefined>;
  readonly derive: (id: ReadonlyArray<number>, salt: number) => Promise<number[] | undefined>;
}

const page: KeyStorePage = {
  wrap: async (purpose) => [
    ...(await (await openStore()).wrap(purpose, new SecretKey(Uint8Array.of(1, 2, 3)))),
  ],
  unwrap: async (purpose, wrapped) =>
    bytesOf(await (await openStore()).unwrap(purpose, Uint8Array.from(wrapped))),
  wipe: async () => (await openStore()).wipe(),
  readKey: async () => {
    const key = await openIdbWrappingKeys("keys").read();
    if (key === undefined) throw new Error("a key is kept");
    const raw = await crypto.subtle.exportKey("raw", key).then(
      () => "read",
      (error: unknown) => (error instanceof DOMException ? error.name : "failed"),
    );
    return { extractable: key.extractable, raw };
  },
  mayUsePasskeys: () => webAuthnPasskeys().mayWork(),
  makePasskey: async () => {
    const asked = { name: "Skein", user: filled(1), salt: filled(2) };
    const made = await webAuthnPasskeys().create(asked);
    return made && { id: [...made.id], derived: bytesOf(made.secret) };
  },
  derive: async (id, salt) =>
    bytesOf(await webAuthnPasskeys().derive(Uint8Array.from(id), filled(salt))),
};

Object.assign(globalThis, { keyStorePage: page });
