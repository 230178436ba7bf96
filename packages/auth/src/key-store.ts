/** Where a node's secrets rest: wrapped by a key that does not leave its store, and, if a person wants, by a passkey too. */

import type { Bytes } from "@skein/protocol/bytes";
import type { SecretKey } from "./crypto/secret.ts";

/** A key that can be used and not be read: the browser's, or that of an operating system's keychain. */
export interface KeyStore {
  /** `plain`: this browser has no such key, and what it wraps lies open. */
  readonly kind: "wrapped" | "plain";
  /** Encrypts for storage. `purpose` is bound: what was wrapped for one thing is not unwrapped as another. */
  readonly wrap: (purpose: string, secret: SecretKey) => Promise<Bytes>;
  /** `undefined` if it was not wrapped here, or for this, or was changed. */
  readonly unwrap: (purpose: string, wrapped: Uint8Array) => Promise<SecretKey | undefined>;
  /** Destroys the key: whatever it wrapped is gone. */
  readonly wipe: () => Promise<void>;
}

/** A passkey that derives secrets (the PRF extension). Asking for one shows the browser's own dialogue. */
export interface Passkeys {
  /** Whether it is worth offering. Only making one tells for certain. */
  readonly mayWork: () => Promise<boolean>;
  /** `undefined` if the person declined, or this authenticator does not derive secrets. */
  readonly create: (asked: PasskeyRequest) => Promise<Passkey | undefined>;
  /** `undefined` if the person declined or the passkey is gone. */
  readonly derive: (id: Uint8Array, salt: Uint8Array) => Promise<SecretKey | undefined>;
}

export interface PasskeyRequest {
  /** What the dialogue calls it. */
  readonly name: string;
  /** Names this node to the authenticator. */
  readonly user: Uint8Array;
  readonly salt: Uint8Array;
}

export interface Passkey {
  readonly id: Bytes;
  readonly secret: SecretKey;
}
