/** Wrapping by an AES-GCM key of WebCrypto that is not extractable: it can be used in this browser profile, and not be read. */

import { concat, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { SecretKey } from "./crypto/secret.ts";
import type { KeyStore } from "./key-store.ts";

/** Keeps the key itself, as an object: its bytes are never seen. */
export interface WrappingKeys {
  readonly read: () => Promise<CryptoKey | undefined>;
  /** Keeps this one unless there is one already, and answers with the one that is kept. */
  readonly keep: (key: CryptoKey) => Promise<CryptoKey>;
  readonly wipe: () => Promise<void>;
}

export async function openWebCryptoKeyStore(
  keys: WrappingKeys,
  platform: Pick<Crypto, "subtle" | "getRandomValues"> = globalThis.crypto,
): Promise<KeyStore> {
  const { subtle } = platform;
  let key: CryptoKey | undefined = (await keys.read()) ?? (await keys.keep(await mint(subtle)));
  return {
    kind: "wrapped",
    wrap: async (purpose, secret) => {
      if (key === undefined) throw new KeyStoreWipedError();
      const iv = platform.getRandomValues(new Uint8Array(ivBytes));
      // A copy: WebCrypto reads it while others may already be wiping the secret.
      const plain = secret.reveal((bytes) => bytes.slice());
      const sealed = await subtle.encrypt(parameters(iv, purpose), key, plain);
      plain.fill(0);
      return concat(Uint8Array.of(version), iv, new Uint8Array(sealed));
    },
    unwrap: async (purpose, wrapped) => {
      if (key === undefined || wrapped[0] !== version || wrapped.length <= 1 + ivBytes)
        return undefined;
      const iv = wrapped.slice(1, 1 + ivBytes);
      try {
        const plain = await subtle.decrypt(
          parameters(iv, purpose),
          key,
          wrapped.slice(1 + ivBytes),
        );
        return new SecretKey(new Uint8Array(plain));
      } catch (error) {
        // Not ours, or changed. Anything else is a fault of the platform.
        if (error instanceof DOMException && error.name === "OperationError") return undefined;
        throw error;
      }
    },
    wipe: async () => {
      key = undefined;
      await keys.wipe();
    },
  };
}

/** Somebody wiped the key while this program was still using it. */
export class KeyStoreWipedError extends Error {
  override readonly name = "KeyStoreWipedError";
  constructor() {
    super("The key that wraps secrets was wiped.");
  }
}

async function mint(subtle: SubtleCrypto): Promise<CryptoKey> {
  return subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function parameters(iv: Bytes, purpose: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: formatUtf8(`skein key store 1 ${purpose}`) };
}

const version = 1;
const ivBytes = 12;
