/** Every entry of a membership log with every one of its bits turned. */

import { expect, test } from "vitest";
import { openCrypto } from "./crypto/sodium.ts";
import { changePassphrase, proposeRotation, revokeNodes } from "./membership-changes.ts";
import { parseEntry } from "./membership-entry.ts";
import { proposeRename } from "./membership-proposals.ts";
import { openLog, type MembershipLog } from "./membership.ts";
import { makeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();

test("A1: an entry of any kind with any bit turned, in what it says or in a signature, is refused", () => {
  const { entries, log } = oneOfEachKind();
  const kinds = entries.map((entry) => parseEntry(entry)?.body.type);
  expect(new Set(kinds)).toEqual(
    new Set(["door.set", "key.rotate", "node.add", "node.rename", "node.revoke"]),
  );
  const whole = log.all();
  const taken = new Set<string>();
  for (const [index, entry] of entries.entries())
    for (const [bit, bent] of bends(entry))
      if (!["rejected", "parked"].includes(log.add(bent, "Mallory").kind))
        taken.add(`${kinds[index]} with bit ${bit} turned`);
  expect([...taken]).toEqual([]);
  expect(log.all()).toEqual(whole);
}, 60_000);

test("A1: a genesis with any bit turned begins no account, or another one", () => {
  const { log } = oneOfEachKind();
  for (const [, bent] of bends(log.genesis)) {
    const opened = openLog({ crypto, genesis: bent });
    expect(opened?.account).not.toBe(log.account);
  }
}, 60_000);

/** Each kind of entry, and a log in which each of them would be the next. */
function oneOfEachKind(): {
  readonly entries: ReadonlyArray<Uint8Array>;
  readonly log: MembershipLog;
} {
  const world = makeUpAccount(crypto, 7);
  const { first, door, change, add, mint, newDoor } = world;
  const log = world.open();
  log.add(add(log, first, mint()));
  const phone = mint();
  const addition = add(log, first, phone);
  const [revocation] = revokeNodes({
    ...change(log, first),
    targets: [first.id],
    reason: "compromised",
    door,
  }).entries;
  const changed = changePassphrase({ ...change(log, first), oldDoor: door, newDoor: newDoor() });
  const rename = proposeRename({ ...change(log, first), name: "Desk" });
  const { entry: rotation } = proposeRotation(change(log, first));
  const entries = [addition, revocation, changed.entries[0], rename, rotation];
  return { entries: entries.filter((entry) => entry !== undefined), log };
}

function* bends(whole: Uint8Array): Generator<readonly [bit: number, bent: Uint8Array]> {
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bent = Uint8Array.from(whole);
    bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield [bit, bent];
  }
}
