/** The lock in a simulated world: a device that is locked is away, misses nothing, and opens by the words in force when it last heard. */

import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

test("a locked device is away for the others, and catches up once it was opened", async () => {
  const { world, alice, phone, words } = await haveTwo();
  await using _ = world;
  await lock(world, phone, words);
  await world.until("the phone going away", () => pathTo(alice, "phone") === "none", 120_000);
  const oid = await alice.commit("notes", "plan.txt", "while it was locked");
  await world.pass(60_000);
  expect(phone.views.repositories).toEqual([]);
  expect(phone.views.network.nodes).toEqual([]);
  await phone.ask("unlock", { words });
  await world.until("the commit", () => phone.tip("notes") === oid);
  expect(phone.bugs).toEqual([]);
});

test("a device that is locked while it copies loses nothing of what it had", async () => {
  const { world, alice, phone, words } = await haveTwo();
  await using _ = world;
  await phone.ask("set-lock", { words });
  for (let round = 0; round < 5; round++) {
    const oid = await alice.commit("notes", `file ${round}.txt`, "more");
    await world.pass(round * 40);
    await phone.ask("lock-now", {});
    await world.pass(1_000);
    await phone.ask("unlock", { words });
    await world.until("the commit", () => phone.tip("notes") === oid);
  }
  expect(phone.bugs).toEqual([]);
});

test("words that were changed while a device was open open it afterwards, and the old ones do not", async () => {
  const { world, alice, phone, words } = await haveTwo();
  await using _ = world;
  await phone.ask("set-lock", { words });
  const fresh = await changeWords(alice, words);
  await world.until("the news", () =>
    phone.views.notices.some(({ what }) => what.startsWith("The passphrase was changed")),
  );
  await world.pass(1_000);
  await phone.ask("lock-now", {});
  await world.pass(1_000);
  await expect(phone.ask("unlock", { words })).rejects.toThrow("wrong_passphrase");
  await phone.ask("unlock", { words: fresh });
  expect(phone.views.account.phase).toBe("open");
});

test("words that were changed while a device was locked are learned after the old ones opened it", async () => {
  const { world, alice, phone, words } = await haveTwo();
  await using _ = world;
  await lock(world, phone, words);
  const fresh = await changeWords(alice, words);
  await world.pass(5_000);
  await expect(phone.ask("unlock", { words: fresh })).rejects.toThrow("wrong_passphrase");
  await phone.ask("unlock", { words });
  await world.until("the news", () =>
    phone.views.notices.some(({ what }) => what.startsWith("The passphrase was changed")),
  );
  await world.pass(1_000);
  await phone.ask("lock-now", {});
  await world.pass(1_000);
  await phone.ask("unlock", { words: fresh });
  expect(phone.views.account.phase).toBe("open");
});

test("a device that was revoked while it was locked is out as soon as it is opened and hears of it", async () => {
  const { world, alice, phone, words } = await haveTwo();
  await using _ = world;
  await lock(world, phone, words);
  const node = alice.views.devices.find(({ name }) => name === "phone")?.node ?? "";
  await alice.ask("revoke-node", { node, words, andApproved: false });
  await phone.ask("unlock", { words });
  await world.until("being out", () => phone.views.account.phase === "stopped");
});

/** Two devices, of which the one that has a lock was signed out by the other. */
async function havePhoneOut() {
  const two = await haveTwo();
  const { world, alice, phone, words } = two;
  await phone.ask("set-lock", { words });
  await phone.ask("set-patience", { minutes: 5 });
  const node = alice.views.devices.find(({ name }) => name === "phone")?.node ?? "";
  await alice.ask("revoke-node", { node, words, andApproved: false });
  await world.until("being out", () => phone.views.account.phase === "stopped");
  return two;
}

test("a device that was signed out locks as well, and is still signed out when it is opened", async () => {
  const { world, phone, words } = await havePhoneOut();
  await using _ = world;
  await world.pass(4 * 60_000);
  expect(phone.views.account.phase).toBe("stopped");
  await world.pass(2 * 60_000);
  expect(phone.views.account.phase).toBe("locked");
  await phone.ask("unlock", { words });
  await world.until("being out", () => phone.views.account.phase === "stopped");
  expect(phone.views.account).toMatchObject({ takeBackFrom: "alice" });
  expect(phone.bugs).toEqual([]);
});

test("a device that was signed out and signs in anew locks meanwhile", async () => {
  const { world, alice, phone, words } = await havePhoneOut();
  await using _ = world;
  await alice.kill();
  await phone.ask("sign-in", { words, nodeName: "phone", platform: "test" });
  expect(phone.views.account.phase).toBe("signing-in");
  await world.pass(6 * 60_000);
  expect(phone.views.account.phase).toBe("locked");
  await phone.ask("unlock", { words });
  await world.until("being out", () => phone.views.account.phase === "stopped");
  expect(phone.bugs).toEqual([]);
});

async function haveTwo(): Promise<{
  readonly world: World;
  readonly alice: SimulatedNode;
  readonly phone: SimulatedNode;
  readonly words: string;
}> {
  const world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"));
  return { world, alice, phone, words };
}

async function lock(world: World, node: SimulatedNode, words: string): Promise<void> {
  await node.ask("set-lock", { words });
  await node.ask("lock-now", {});
  expect(node.views.account.phase).toBe("locked");
  await world.pass(1_000);
  expect(node.views.account.phase).toBe("locked");
}

function pathTo({ views }: SimulatedNode, name: string): string | undefined {
  return views.network.nodes.find((node) => node.name === name)?.path.kind;
}

async function changeWords(node: SimulatedNode, words: string): Promise<string> {
  await node.ask("change-passphrase", { words });
  const { account } = node.views;
  if (account.phase !== "open" || account.words.phase !== "shown") throw new Error("no new words");
  const { words: fresh, ask } = account.words;
  await node.ask("confirm-new-words", { words: ask.map((at) => fresh[at - 1] ?? "") });
  return fresh.join(" ");
}
