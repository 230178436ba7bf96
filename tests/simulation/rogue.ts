/** A replica whose software was patched: it believes that it is a writer, and signs. */

import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { mintNodeKeys } from "@skein/auth/identity";
import { openLog } from "@skein/auth/membership";
import { proposeNodeAdd } from "@skein/auth/membership-proposals";
import { plainKeyStore } from "@skein/auth/plain-key-store";
import { HomeVault } from "@skein/peer/home-vault";
import { Ledger } from "@skein/peer/ledger";
import { instant } from "@skein/protocol/ids";
import type { SimulatedNode } from "./peer-world.ts";

/** Starts it again with software that believes every signature, and an entry that lets it in, which nobody signed. */
export async function turnRogue(node: SimulatedNode): Promise<void> {
  await node.kill();
  node.patch({ crypto: { verify: () => true } });
  await forgeMembership(node);
  await node.start();
}

/** Writes an entry into the node's own log by which the account's first node would let it in, had it signed it. */
async function forgeMembership(node: SimulatedNode): Promise<void> {
  const crypto = await openCrypto();
  const random = { bytes: (length: number) => new Uint8Array(length) };
  const files = node.disk("ledger");
  const ledger = new Ledger(files);
  const vault = new HomeVault({ files, crypto, random, keyStore: plainKeyStore() });
  await vault.open();
  const stored = vault.readNode();
  const log = openLog({ crypto, genesis: stored.genesis });
  for (const entry of await ledger.readEntries()) log?.add(entry);
  const [founder] = log?.state().nodes.values() ?? [];
  if (stored.pass === undefined || log === undefined || founder === undefined)
    throw new Error("the node is not a replica");
  using own = mintNodeKeys(crypto, random);
  const entry = proposeNodeAdd({
    crypto,
    random,
    log,
    keys: { ...own, id: founder.node },
    readKey: new SecretKey(stored.readKey),
    pass: stored.pass,
    requestHash: new Uint8Array(32),
    at: instant(stored.pass.at),
  });
  if (entry === undefined) throw new Error("the entry could not be forged");
  await ledger.writeEntries([...log.all(), entry]);
}
