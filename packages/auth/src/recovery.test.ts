import { expect, test } from "vitest";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, later } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";
import { recoverAccount } from "./membership-changes.ts";
import { foremostOf } from "./membership-foremost.ts";
import { proposeRename } from "./membership-proposals.ts";
import type { MembershipLog } from "./membership.ts";
import { formatPassphrase } from "./passphrase.ts";
import {
  isReminderDue,
  recoveryExport,
  type Effect as ExportEffect,
  type Event as ExportEvent,
} from "./recovery-export.ts";
import { formatRecoveryFile, isRecoveryOf, parseRecoveryFile } from "./recovery-file.ts";
import { formatRecoveryWords, openRecoverySecret, parseRecoveryWords } from "./recovery-key.ts";
import { makeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();
const at = instant(1_700_000_000_000);
const world = makeUpAccount(crypto, 4);
const shown = (secret: SecretKey): string => secret.reveal((bytes) => bytes.join());

test("the kit is twelve words, and typing them back proves that they were written down", () => {
  const secret = world.recoverySecret();
  const words = formatRecoveryWords(crypto, secret);
  expect(words).toHaveLength(12);
  const read = parseRecoveryWords(crypto, words.join(" "));
  if (!read.ok) throw new Error("they are words");
  expect(shown(read.secret)).toBe(shown(secret));
  expect(isRecoveryOf(crypto, world.open(), read.secret)).toBe(true);
  expect(isRecoveryOf(crypto, makeUpAccount(crypto, 5).open(), read.secret)).toBe(false);
});

test("A25: a wrong word in the kit, or another passphrase's words, are told apart from it in most cases", () => {
  const secret = world.recoverySecret();
  const words = formatRecoveryWords(crypto, secret);
  const swapped = [words[1], words[0], ...words.slice(2)].join(" ");
  expect(parseRecoveryWords(crypto, `${swapped} more`)).toMatchObject({ ok: false, why: "count" });
  let caught = 0;
  for (let checksum = 0; checksum < 16; checksum++) {
    const other = secret.reveal((bytes) => formatPassphrase(bytes, checksum));
    if (!parseRecoveryWords(crypto, other.join(" ")).ok) caught += 1;
  }
  expect(caught).toBe(15);
});

test("until the kit was written down, its secret opens at the door and nowhere else", () => {
  const { recovery } = world.open().state();
  if (recovery === undefined) throw new Error("an account has a recovery key");
  const open = (door: typeof world.door, sealed = world.sealedRecovery) =>
    openRecoverySecret({ crypto, door, recovery }, sealed);
  expect(open(world.door)).toBeDefined();
  expect(open(world.newDoor())).toBeUndefined();
  const other = makeUpAccount(crypto, 6);
  expect(
    openRecoverySecret({ crypto, door: other.door, recovery }, other.sealedRecovery),
  ).toBeUndefined();
  const bent = world.sealedRecovery.map((byte, index) => (index === 40 ? byte ^ 1 : byte));
  expect(open(world.door, bent)).toBeUndefined();
});

test("a kit in a file brings its log along, and a new node comes in when every other is lost", () => {
  const secret = world.recoverySecret();
  const file = formatRecoveryFile(crypto, { secret, log: world.open(), at });
  const read = parseRecoveryFile(crypto, file);
  if (!read.ok) throw new Error("it is a kit");
  expect(read.file.log.account).toBe(world.open().account);
  expect(shown(read.file.secret)).toBe(shown(secret));
  const found = world.mint();
  using recovery = world.recovery();
  const saved = recoverAccount({
    crypto,
    random: world.random,
    log: read.file.log,
    recovery,
    door: world.newDoor(),
    keys: found,
    name: "Found",
    platform: "Linux",
    at,
    remove: [],
  });
  for (const entry of saved.entries) expect(read.file.log.add(entry).kind).toBe("accepted");
  expect(read.file.log.state().nodes.has(found.id)).toBe(true);
});

test("a kit that was saved after a recovery removes whom that recovery let in; an old file does not, and a new one made once the logs met does", () => {
  const account = makeUpAccount(crypto, 7);
  const save = (log: MembershipLog): Bytes =>
    formatRecoveryFile(crypto, { secret: account.recoverySecret(), log, at });
  const restore = (kit: Bytes): { readonly log: MembershipLog; readonly keys: NodeKeys } => {
    const read = parseRecoveryFile(crypto, kit);
    if (!read.ok) throw new Error("it is a kit");
    const { log } = read.file;
    const keys = account.mint();
    using recovery = account.recovery();
    const { entries } = recoverAccount({
      crypto,
      random: account.random,
      log,
      recovery,
      door: account.newDoor(),
      keys,
      name: "Found",
      platform: "Linux",
      at,
      remove: [...log.state().nodes.keys()],
    });
    for (const entry of entries) log.add(entry);
    return { log, keys };
  };
  const meet = (one: MembershipLog, other: MembershipLog): void => {
    for (const entry of one.all()) other.add(entry);
    for (const entry of other.all()) one.add(entry);
  };
  const old = save(account.open());
  const lost = restore(old);
  const fresh = restore(save(lost.log));
  meet(lost.log, fresh.log);
  expect([...lost.log.state().nodes.keys()]).toEqual([fresh.keys.id]);
  // The old file was never told of the first recovery.
  const again = restore(old);
  meet(again.log, fresh.log);
  expect(again.log.state().nodes.has(fresh.keys.id)).toBe(true);
  const last = restore(save(again.log));
  meet(last.log, fresh.log);
  expect([...fresh.log.state().nodes.keys()]).toEqual([last.keys.id]);
});

test("a kit made of a flooded log has what others said in it, however late that came", () => {
  const account = makeUpAccount(crypto, 8);
  const { first: mallory, mint, change, add } = account;
  const log = account.open();
  const bob = mint();
  log.add(add(log, mallory, bob));
  const before = log.fork();
  for (let count = 0; count < 60; count++)
    log.add(proposeRename({ ...change(before, mallory), name: `${count}` }));
  const said = proposeRename({ ...change(before, bob), name: "Bob" });
  log.add(said);
  const kept = foremostOf(log, { entries: 10, bytes: 100_000 });
  expect(kept.length).toBe(10);
  expect(kept).toContainEqual(said);
  const opened = account.open(kept);
  expect(opened.size()).toBe(10);
  expect(opened.state().nodes.get(bob.id)?.name).toBe("Bob");
  const bytes = account.genesis.length + 4;
  expect(foremostOf(log, { entries: 10, bytes })).toEqual([account.genesis]);
});

test("A5: a kit that is damaged, cut or of somebody else is refused by name, and never throws", () => {
  const secret = world.recoverySecret();
  const file = formatRecoveryFile(crypto, { secret, log: world.open(), at });
  for (let index = 0; index < file.length; index++) {
    const bent = file.map((byte, at_) => (at_ === index ? byte ^ 4 : byte));
    expect(parseRecoveryFile(crypto, bent).ok, `byte ${index}`).toBe(false);
    expect(parseRecoveryFile(crypto, file.subarray(0, index)).ok).toBe(false);
  }
  expect(parseRecoveryFile(crypto, new Uint8Array(1_000))).toEqual({ ok: false, why: "not-a-kit" });
  const foreign = new SecretKey(world.random.bytes(16));
  const other = formatRecoveryFile(crypto, { secret: foreign, log: world.open(), at });
  expect(parseRecoveryFile(crypto, other)).toEqual({ ok: false, why: "foreign" });
});

function exported(...events: ReadonlyArray<ExportEvent>): ReadonlyArray<ExportEffect> {
  let state = recoveryExport.initial;
  let last: ReadonlyArray<ExportEffect> = [];
  for (const event of events) [state, last] = step(recoveryExport, state, event);
  return last;
}

test("the kit is forgotten here only once it came back, and leaving half-way keeps it", () => {
  const opened: ExportEvent = { type: "kit-opened" };
  const away: ExportEvent = { type: "kit-put-away" };
  const returned = (fits: boolean): ExportEvent => ({ type: "kit-returned", fits });
  expect(exported(opened, away, returned(true))).toEqual([{ type: "forget-kit" }]);
  expect(exported(opened, away, returned(false), returned(false))).toEqual([
    { type: "say-wrong", tries: 2 },
  ]);
  expect(exported(opened, away, { type: "left" })).toEqual([{ type: "hide-kit" }]);
  expect(exported(opened, returned(true))).toEqual([]);
});

test("whoever has one node and no kit is reminded after a day, then once a week, and otherwise not", () => {
  const day = 24 * 60 * 60_000;
  const known = {
    nodes: 1,
    isExported: false,
    began: at,
    reminded: undefined,
    now: later(at, day),
  };
  expect(isReminderDue(known)).toBe(true);
  expect(isReminderDue({ ...known, now: later(at, day - 1) })).toBe(false);
  expect(isReminderDue({ ...known, reminded: later(at, day), now: later(at, 7 * day) })).toBe(
    false,
  );
  expect(isReminderDue({ ...known, reminded: later(at, day), now: later(at, 8 * day) })).toBe(true);
  expect(isReminderDue({ ...known, nodes: 2 })).toBe(false);
  expect(isReminderDue({ ...known, isExported: true })).toBe(false);
});
