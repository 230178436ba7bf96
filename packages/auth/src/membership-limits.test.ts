import { expect, test } from "vitest";
import { openCrypto } from "./crypto/sodium.ts";
import { recoverAccount } from "./membership-changes.ts";
import { place, proposeRename, proposeRevoke, sign } from "./membership-proposals.ts";
import { waitingEntriesPerSenderMax, WaitingRoom } from "./membership-waiting.ts";
import { parseEntry } from "./membership-entry.ts";
import { makeUpAccount } from "./testing/account.ts";
import { instant, later, parseEntryId } from "@skein/protocol/ids";
import {
  membershipEntriesForRecovery,
  membershipEntriesMax,
  membershipEntriesPerAuthor,
} from "@skein/protocol/limits";

const crypto = await openCrypto();
const at = instant(1_700_000_000_000);
const dayMillis = 24 * 60 * 60_000;

test("A5: a node says so much without the passphrase and no more, whatever days it names, and with it whatever it needs", () => {
  const world = makeUpAccount(crypto, 61);
  const log = world.open();
  const phone = world.mint();
  log.add(world.add(log, world.first, phone));
  const say = (name: string, day: number) =>
    log.add(proposeRename({ log, keys: phone, at: later(at, day * dayMillis), name })).kind;
  for (let count = 0; count < membershipEntriesPerAuthor; count++)
    expect(say(`Name ${count}`, count)).toBe("accepted");
  const over = proposeRename({ log, keys: phone, at, name: "One more" });
  expect(log.add(over)).toEqual({ kind: "rejected", reason: "over-quota" });
  expect(world.open([...log.all()].toReversed()).add(over).kind).not.toBe("accepted");
  const target = world.first.id;
  const { door } = world;
  expect(
    log.fork().add(proposeRevoke({ log, keys: phone, at, target, reason: "lost", door })).kind,
  ).toBe("accepted");
});

test("A4, A5: a thief who fills the log with laptop and words still loses to the recovery kit, whether or not the kit has seen it", () => {
  const world = makeUpAccount(crypto, 64);
  const { door, first, mint, newDoor, random } = world;
  const before = world.open();
  const phone = mint();
  before.add(world.add(before, first, phone));
  const flooded = before.fork();
  const flood = () => {
    const said = place({ log: flooded, keys: first, at });
    return flooded.add(
      sign({ log: flooded, keys: first, at }, { type: "node.rename", ...said, name: "x" }, door),
    );
  };
  let last = flood();
  while (last.kind === "accepted") last = flood();
  expect(last).toEqual({ kind: "rejected", reason: "log-full" });
  expect(flooded.size()).toBe(membershipEntriesMax - membershipEntriesForRecovery);
  for (const log of [before, flooded]) {
    const [found, renewed] = [mint(), newDoor()];
    using recovery = world.recovery();
    const who = { keys: found, name: "New laptop", platform: "Linux" };
    const change = { crypto, random, log, recovery, door: renewed, at, remove: [first.id] };
    const saved = recoverAccount({ ...change, ...who });
    expect(saved.refused).toEqual([]);
    const whole = flooded.fork();
    for (const entry of saved.entries) expect(whole.add(entry).kind).toBe("accepted");
    const { nodes, revoked, door: now } = whole.state();
    expect([...nodes.keys()].toSorted()).toEqual([found.id, phone.id].toSorted());
    expect(revoked.has(first.id)).toBe(true);
    expect(now.sign).toEqual(renewed.signPublic);
  }
});

test("A5: a flood of entries without parents drives out its own sender's, and nobody else's", () => {
  const world = makeUpAccount(crypto, 62);
  const log = world.open();
  const entry = parseEntry(proposeRename({ log, keys: world.first, at, name: "x" }));
  if (entry?.body.type !== "node.rename") throw new Error("it is a name");
  const { body } = entry;
  const idOf = (number: number) => {
    const id = parseEntryId(number.toString(16).padStart(64, "0"));
    if (id === undefined) throw new Error("it is an id");
    return id;
  };
  const room = new WaitingRoom();
  room.add({ entry, body, id: idOf(1), sender: "alice" });
  for (let count = 0; count < waitingEntriesPerSenderMax + 500; count++)
    room.add({ entry, body, id: idOf(count + 2), sender: "mallory" });
  expect(room.size).toBe(1 + waitingEntriesPerSenderMax);
  const [parent] = body.parents;
  if (parent === undefined) throw new Error("it has a parent");
  const ready = room.take(parent, () => true);
  expect(ready.some(({ sender }) => sender === "alice")).toBe(true);
  expect(room.size).toBe(0);
});

test("adding an entry at the tip of a log gives the same as taking all of it in anew", () => {
  const world = makeUpAccount(crypto, 63);
  const log = world.open();
  const members = [world.first];
  for (let count = 0; count < 60; count++) {
    const author = members[count % members.length] ?? world.first;
    if (count % 3 === 0) {
      const joined = world.mint();
      log.add(world.add(log, author, joined));
      members.push(joined);
    } else if (count % 5 === 0 && members.length > 3) {
      const [gone] = members.splice(1 + (count % (members.length - 1)), 1);
      const change = world.change(log, world.first);
      if (gone !== undefined)
        log.add(proposeRevoke({ ...change, target: gone.id, reason: "lost", door: world.door }));
    } else log.add(proposeRename({ ...world.change(log, author), name: `${count}` }));
    const { nodes, revoked, keyHolders, epoch } = log.state();
    const anew = log.fork().state();
    expect([...anew.nodes]).toEqual([...nodes]);
    expect([...anew.revoked]).toEqual([...revoked]);
    expect([...anew.keyHolders]).toEqual([...keyHolders]);
    expect(anew.epoch).toBe(epoch);
  }
});
