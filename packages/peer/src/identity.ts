/** Who this node is: its keys, its account's secrets and log, and how all that is kept. */

import { openNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { openLog, type MembershipLog } from "@skein/auth/membership";
import { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { HomeVault, StoredNode, StoredSafety } from "./home-vault.ts";
import type { Ledger } from "./ledger.ts";

export interface Identity {
  readonly keys: NodeKeys;
  /** Replaced when the passphrase is changed. */
  meeting: SecretKey;
  /** Replaced when the account's key is rotated. */
  readKey: SecretKey;
  readonly log: MembershipLog;
  /** Shown to nodes that do not know yet that this one is a member. The account's first node has none. */
  readonly pass: Pass | undefined;
  readonly nodeName: string;
  readonly platform: string;
  readonly author: Author;
}

/** Whose name this node's commits bear. */
export interface Author {
  readonly name: string;
  readonly email: string;
}

/** Until the person sets one: git wants an address, and this is nobody's. */
export function firstAuthor(nodeName: string): Author {
  return { name: nodeName, email: "skein@localhost" };
}

export function isWriter({ log, keys }: Pick<Identity, "log" | "keys">): boolean {
  return log.state().nodes.has(keys.id);
}

/** Where an identity is kept. */
interface Kept {
  readonly ledger: Ledger;
  readonly vault: HomeVault;
}

/** Stores who this node is. Everything else can be fetched again; this cannot. */
export async function storeIdentity({ ledger, vault }: Kept, identity: Identity): Promise<void> {
  await ledger.writeEntries(identity.log.all());
  await vault.writeNode(storedNode(identity));
}

/** The same for a node that was not here before. */
export async function foundIdentity(
  { ledger, vault }: Kept,
  identity: Identity,
  safety: Pick<StoredSafety, "sealedKit" | "kitWritten">,
): Promise<void> {
  await ledger.writeEntries(identity.log.all());
  await ledger.forgetSecondAccount();
  await vault.found(identity.keys.id, storedNode(identity), {
    ...safety,
    reminded: undefined,
    former: undefined,
    kitDoor: safety.sealedKit && identity.log.state().door.sign,
    nextKit: undefined,
  });
}

/** Who this node is, once its vault is open. */
export async function readIdentity(crypto: Crypto, { ledger, vault }: Kept): Promise<Identity> {
  const stored = vault.readNode();
  const log = readLog(crypto, [stored.genesis, ...(await ledger.readEntries())]);
  assert(log !== undefined, "the genesis that was stored is a genesis");
  return {
    keys: openNodeKeys(crypto, {
      signSeed: new SecretKey(stored.signSeed),
      boxSeed: new SecretKey(stored.boxSeed),
    }),
    meeting: new SecretKey(stored.meeting),
    readKey: new SecretKey(stored.readKey),
    log,
    pass: stored.pass,
    nodeName: stored.nodeName,
    platform: stored.platform,
    author: { name: stored.authorName, email: stored.authorEmail },
  };
}

/** The log that begins with the first of these entries, with all others that fit. */
export function readLog(crypto: Crypto, entries: ReadonlyArray<Bytes>): MembershipLog | undefined {
  const [genesis, ...rest] = entries;
  const log = genesis && openLog({ crypto, genesis });
  for (const entry of rest) log?.add(entry);
  return log;
}

function storedNode(identity: Identity): Omit<StoredNode, "version"> {
  const { keys, meeting, readKey, log, pass, nodeName, platform, author } = identity;
  const seeds = keys.exportSeeds();
  using signSeed = seeds.signSeed;
  using boxSeed = seeds.boxSeed;
  return {
    signSeed: copyOf(signSeed),
    boxSeed: copyOf(boxSeed),
    meeting: copyOf(meeting),
    readKey: copyOf(readKey),
    genesis: log.genesis,
    pass,
    nodeName,
    platform,
    authorName: author.name,
    authorEmail: author.email,
  };
}

function copyOf(secret: SecretKey): Bytes {
  return secret.reveal((bytes) => bytes.slice());
}
