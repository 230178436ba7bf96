/** What a peer needs from the world. Programs bring these; machines never see them. */

import type { Random } from "@skein/auth/crypto/random";
import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import type { KeyStore } from "@skein/auth/key-store";
import type { Files } from "@skein/git/files";
import type { GitHost } from "@skein/git/git-host";
import type { Alarm } from "@skein/transport/alarm";
import type { Channels } from "@skein/transport/channels";
import type { Sockets } from "@skein/transport/socket";

/** Time: what hour it is, and being woken. */
export type Clock = Alarm;

/** The only part that ever holds a passphrase; it runs where it can be thrown away afterwards. */
export interface Unlocker {
  readonly mint: () => Promise<ReadonlyArray<string>>;
  readonly checksumFits: (words: ReadonlyArray<string>) => Promise<boolean>;
  /** Argon2id: takes about a second. `onShare` hears from 0 to 1. */
  readonly derive: (
    words: ReadonlyArray<string>,
    onShare: (share: number) => void,
  ) => Promise<DoorSecrets>;
}

export interface DoorSecrets {
  readonly sign: SecretKey;
  readonly box: SecretKey;
  readonly meeting: SecretKey;
}

export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly unlocker: Unlocker;
  /** Wraps what is secret in the ledger. */
  readonly keyStore: KeyStore;
  /** Ends this program, with all that it has in memory, and begins it anew. Asked for when it is locked. */
  readonly restart: () => void;
  /** The one database for keys, the membership log, ref records and settings. */
  readonly ledger: Files;
  /** One database a repository, named by its id. */
  readonly openFiles: (repository: string) => Promise<Files>;
  /** Repositories that have a database here, whether they ever became one or not. */
  readonly storedRepositories: () => Promise<ReadonlyArray<string>>;
  readonly removeFiles: (repository: string) => Promise<void>;
  /** Absent where it cannot be known. */
  readonly measureStorage?: () => Promise<{
    readonly usedBytes: number | undefined;
    readonly quotaBytes: number | undefined;
  }>;
  /** The browser said that it dropped all that was stored here, because it was damaged. */
  readonly storageLost?: boolean;
  readonly sockets: Sockets;
  /** The relays that whoever serves the program names. At least one, and no more than a node may use. */
  readonly relayUrls: ReadonlyArray<string>;
  readonly channels: Channels;
  /** Ordinary git hosts through a relay. Absent where none can be asked. */
  readonly gitHosts?: {
    readonly names: (relayUrl: string, signal: AbortSignal) => Promise<ReadonlyArray<string>>;
    readonly open: (relayUrl: string, signal: AbortSignal) => GitHost;
    /** The host of an address, as `names` gives them; `undefined` for what cannot be cloned. */
    readonly hostOf: (address: string) => string | undefined;
  };
  /** How much of a history is asked for at a time, where little memory asks for less than `packSliceBytesMax`. */
  readonly sliceBytesMax?: number | undefined;
  /** Lets other things run during long work. */
  readonly breathe: () => Promise<void>;
  /** Minutes that this place is ahead of UTC: written into commits, as git does. */
  readonly offsetMinutes: () => number;
  /** Where a bug of ours is reported. Never told a secret. */
  readonly report: (cause: unknown) => void;
}

/** A random number of 32 bits, for seeds and nonces that only have to differ. */
export function randomU32(random: Random): number {
  return random.bytes(4).reduce((value, byte) => value * 256 + byte, 0);
}
