/** A log with an entry of every type, byte for byte: another implementation that reads it as we do can join. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { changePassphrase, recoverAccount, revokeNodes } from "@skein/auth/membership-changes";
import { parseEntry } from "@skein/auth/membership-entry";
import { proposeRename } from "@skein/auth/membership-proposals";
import { openLog, type MembershipLog } from "@skein/auth/membership";
import { formatRecoveryWords } from "@skein/auth/recovery-key";
import { makeUpAccount } from "@skein/auth/testing/account";
import { formatHex, parseHex } from "@skein/protocol/bytes";
import { instant, parseRecordHash, parseRepoId } from "@skein/protocol/ids";
import { expect, test } from "vitest";

interface Vectors {
  readonly account: string;
  readonly recoveryWords: string;
  readonly entries: ReadonlyArray<{
    readonly type: string;
    readonly id: string;
    readonly hex: string;
  }>;
  readonly state: ReturnType<typeof stateOf>;
}

const crypto = await openCrypto();
const file = new URL("membership.json", import.meta.url);
const made = tell();
// When the form of entries changes on purpose, remove the file: it is written anew.
if (!existsSync(file)) writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`);
const vectors: Vectors = JSON.parse(readFileSync(file, "utf8"));

test("a log with an entry of every type is made of these bytes", () => {
  expect(made).toEqual(vectors);
  expect(new Set(made.entries.map(({ type }) => type)).size).toBe(6);
});

test("read in any order, these bytes come to this state", () => {
  const [genesis, ...entries] = vectors.entries.map(({ hex }) => parseHex(hex) ?? new Uint8Array());
  const log = genesis && openLog({ crypto, genesis });
  if (log === undefined) throw new Error("the genesis opens");
  for (const entry of entries.toReversed()) log.add(entry);
  expect(log.account).toBe(vectors.account);
  expect(stateOf(log)).toEqual(vectors.state);
});

function tell(): Vectors {
  const world = makeUpAccount(crypto, 7);
  const { first, door, change, add, mint, newDoor, random, recovery } = world;
  const log = world.open();
  const say = (...entries: ReadonlyArray<Uint8Array>): void => {
    for (const entry of entries) expect(log.add(entry).kind).toBe("accepted");
  };
  const [phone, tablet, found] = [mint(), mint(), mint()];
  say(add(log, first, phone));
  say(add(log, phone, tablet));
  say(proposeRename({ ...change(log, phone), name: "Téléphone" }));
  const repo = parseRepoId("ab".repeat(32));
  const hash = parseRecordHash("cd".repeat(32));
  if (repo === undefined || hash === undefined) throw new Error("they are ids");
  const frontierOf = () => [{ repo, seq: 12, hash }];
  const removal = { targets: [phone.id], reason: "lost", door, frontierOf } as const;
  say(...revokeNodes({ ...change(log, first), ...removal }).entries);
  say(...changePassphrase({ ...change(log, first), oldDoor: door, newDoor: newDoor() }).entries);
  using key = recovery();
  const node = { keys: found, name: "Found", platform: "Linux" };
  const at = instant(1_800_000_000_000);
  const last = { crypto, random, log, recovery: key, door: newDoor(), ...node, at };
  say(...recoverAccount({ ...last, remove: [first.id] }).entries);
  return {
    account: log.account,
    recoveryWords: formatRecoveryWords(crypto, world.recoverySecret()).join(" "),
    entries: log.all().map((bytes, index) => ({
      type: parseEntry(bytes)?.body.type ?? "none",
      id: log.told()[index]?.id ?? "none",
      hex: formatHex(bytes),
    })),
    state: stateOf(log),
  };
}

function stateOf(log: MembershipLog) {
  const state = log.state();
  return {
    heads: log.heads(),
    nodes: [...state.nodes.values()].map(({ node, name, addedBy }) => ({ node, name, addedBy })),
    revoked: [...state.revoked],
    door: formatHex(state.door.sign),
    epoch: state.epoch,
    readKeyCommitment: formatHex(state.readKeyCommitment),
    keyHolders: [...state.keyHolders],
  };
}
