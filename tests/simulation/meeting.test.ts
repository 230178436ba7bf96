/** Where nodes meet once somebody was removed, in a simulated world: not where the removed one looks, and whoever was away finds back. */

import { openCrypto } from "@skein/auth/crypto/sodium";
import { openLog } from "@skein/auth/membership";
import { Ledger } from "@skein/peer/ledger";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

const minuteMillis = 60_000;
const dayMillis = 24 * 60 * minuteMillis;

test("A20: a device that was removed while it was away is told so a few times, and learns nothing that came after", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const { alice, phone, tablet, words } = await haveThree(world);
  await phone.kill();
  const copy = phone.snapshot();
  await revoke(alice, "phone", words);
  await world.until("a new key at the tablet", () => tablet.views.devices.some(isRevoked));
  await world.pass(3 * minuteMillis);
  await alice.ask("rename-node", { name: "a name that is new" });
  await signIn(world, world.node("guest"), words);
  await phone.start();
  await world.until("hearing that it is out", () => phone.views.account.phase === "stopped");
  const log = await knownTo(phone);
  expect(log).not.toContain("a name that is new");
  // Whoever stole it copied it first, and does not let it remember that it is out.
  await phone.kill();
  // Three others, three times each.
  for (let again = 1; again <= 8; again++) {
    phone.restore(copy);
    await phone.start();
    await world.pass(3 * minuteMillis);
    await phone.kill();
  }
  phone.restore(copy);
  await phone.start();
  await world.pass(3 * minuteMillis);
  expect(connections(phone)).toBe(0);
  expect(phone.views.account.phase).toBe("open");
  const oid = await alice.commit("notes", "after.txt", "the phone does not read this");
  await world.until("the tablet having it", () => tablet.tip("notes") === oid);
});

test("A20: a member that was away for forty days while another was removed finds the others again", async () => {
  await using world = await foundWorld({ seed: 2, weather: calm, direct: false });
  const { alice, phone, tablet, words } = await haveThree(world);
  await tablet.kill();
  await revoke(alice, "phone", words);
  await world.until("the phone being out", () => phone.views.account.phase === "stopped");
  const oid = await alice.commit("notes", "meanwhile.txt", "you were away");
  await alice.kill();
  await world.pass(40 * dayMillis);
  await alice.start();
  await tablet.start();
  await world.until("the commit", () => tablet.tip("notes") === oid, 2 * minuteMillis);
  // From then on they meet where only they know.
  await tablet.kill();
  await tablet.start();
  const again = await alice.commit("notes", "again.txt", "found at once");
  await world.until("finding each other", () => tablet.tip("notes") === again, 10_000);
});

test("a device that may only read goes on reading after the key was renewed, and after a restart", async () => {
  await using world = await foundWorld({ seed: 3, weather: calm, direct: false });
  const { alice, tablet, words } = await haveThree(world);
  const guest = world.node("guest");
  await signIn(world, guest, words);
  await world.until("the copy", () => guest.tip("notes") === alice.tip("notes"));
  await revoke(alice, "phone", words);
  await world.pass(10 * minuteMillis);
  const oid = await tablet.commit("notes", "after.txt", "for everybody");
  await world.until("the commit", () => guest.tip("notes") === oid, 2 * minuteMillis);
  await guest.kill();
  await guest.start();
  const next = await alice.commit("notes", "next.txt", "after a restart");
  await world.until("the next", () => guest.tip("notes") === next, 2 * minuteMillis);
});

test("A20: the door of the words before is listened at until everybody was met, and nobody who was removed is answered there", async () => {
  await using world = await foundWorld({ seed: 4, weather: calm, direct: false });
  const { alice, phone, tablet, words } = await haveThree(world);
  await tablet.kill();
  await phone.kill();
  const before = tablet.snapshot();
  const copy = phone.snapshot();
  await revoke(alice, "phone", words);
  await changeWords(alice, words);
  await alice.kill();
  await world.pass(5 * dayMillis);
  await alice.start();
  phone.restore(copy);
  await phone.start();
  await world.pass(5 * minuteMillis);
  expect(connections(phone)).toBe(0);
  expect(phone.views.account.phase).toBe("open");
  await phone.kill();
  const oid = await alice.commit("notes", "meanwhile.txt", "you were away");
  await tablet.start();
  await world.until("the commit", () => tablet.tip("notes") === oid, 2 * minuteMillis);
  await world.pass(minuteMillis);
  // Now that everybody knows of the new words, nobody listens there any more.
  await tablet.kill();
  await world.pass(3 * minuteMillis);
  tablet.restore(before);
  await tablet.start();
  await world.pass(3 * minuteMillis);
  expect(connections(tablet)).toBe(0);
});

test("words that were changed by a clock a month behind are told at the door before, as others are", async () => {
  await using world = await foundWorld({ seed: 4, weather: calm, direct: false });
  const { alice, phone, tablet, words } = await haveThree(world);
  await tablet.kill();
  alice.setClockWrong(-40 * dayMillis);
  await changeWords(alice, words);
  alice.setClockWrong(0);
  await world.pass(minuteMillis);
  await phone.kill();
  await phone.start();
  await world.until("meeting", () => connections(phone) > 0);
  await alice.kill();
  await phone.kill();
  await world.pass(minuteMillis);
  await phone.start();
  await tablet.start();
  await world.until("finding the phone", () => connections(tablet) > 0, 3 * minuteMillis);
});

test("A21: members whom another one boxed something else than the new key renew it themselves", async () => {
  await using world = await foundWorld({ seed: 5, weather: calm, direct: false });
  const { alice, phone, words } = await haveThree(world);
  const crypto = await openCrypto();
  await phone.kill();
  phone.patch({
    crypto: {
      boxSeal: (recipient, plain, random) => crypto.boxSeal(recipient, plain.toReversed(), random),
    },
  });
  await phone.start();
  await world.until("meeting", () => connections(phone) > 0);
  await revoke(phone, "tablet", words);
  await world.until("hearing of it", () => alice.views.devices.some(isRevoked));
  await phone.kill();
  await world.pass(minuteMillis);
  expect(await epochAt(alice)).toBe(2);
});

async function haveThree(world: World): Promise<{
  readonly alice: SimulatedNode;
  readonly phone: SimulatedNode;
  readonly tablet: SimulatedNode;
  readonly words: string;
}> {
  const [alice, phone, tablet] = [world.node("alice"), world.node("phone"), world.node("tablet")];
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  for (const node of [phone, tablet]) {
    await signIn(world, node, words);
    await approve(world, alice, node);
    await world.until("the copy", () => node.tip("notes") === alice.tip("notes"));
  }
  await world.pass(5_000);
  return { alice, phone, tablet, words };
}

async function revoke(by: SimulatedNode, name: string, words: string): Promise<void> {
  const node = by.views.devices.find((device) => device.name === name)?.node ?? "";
  await by.ask("revoke-node", { node, words, andApproved: false });
}

async function changeWords(node: SimulatedNode, words: string): Promise<void> {
  await node.ask("change-passphrase", { words });
  const { account } = node.views;
  if (account.phase !== "open" || account.words.phase !== "shown") throw new Error("no new words");
  const { words: fresh, ask } = account.words;
  await node.ask("confirm-new-words", { words: ask.map((at) => fresh[at - 1] ?? "") });
}

function isRevoked({ revoked }: SimulatedNode["views"]["devices"][number]): boolean {
  return revoked !== undefined;
}

function connections({ views }: SimulatedNode): number {
  return views.network.nodes.filter(({ path }) => path.kind !== "none").length;
}

/** All that its storage holds of the account, as text. */
async function knownTo(node: SimulatedNode): Promise<string> {
  const entries = await new Ledger(node.disk("ledger")).readEntries();
  return entries.map((entry) => new TextDecoder().decode(entry)).join("\n");
}

async function epochAt(node: SimulatedNode): Promise<number | undefined> {
  const [genesis, ...rest] = await new Ledger(node.disk("ledger")).readEntries();
  const log = genesis && openLog({ crypto: await openCrypto(), genesis });
  for (const entry of rest) log?.add(entry);
  return log?.state().epoch;
}
