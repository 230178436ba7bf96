/** Finding each other in a simulated world: after weeks, with wrong clocks, after a relay that forgot, and past an impostor. */

import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

const dayMillis = 24 * 60 * 60_000;

test("after twenty days a device that comes back finds one that never left", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const { phone } = await haveTwo(world);
  await phone.kill();
  await world.pass(20 * dayMillis);
  await phone.start();
  await world.until("meeting", () => isConnected(phone), 60_000);
});

test.for([-400, -2, 2, 4_000])("a clock that is off by %i days keeps nobody away", async (days) => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  const phone = world.node("phone");
  phone.setClockWrong(days * dayMillis);
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"));
  const oid = await phone.commit("notes", "late.txt", "what day is it?");
  await world.until("the commit", () => alice.tip("notes") === oid);
});

test("all programs and the relay are started again, each at its own time, and meet again", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, phone } = await haveTwo(world);
  for (const step of [
    () => phone.kill(),
    () => Promise.resolve(world.relay.stop()),
    () => alice.kill(),
    () => phone.start(),
    () => Promise.resolve(world.relay.start()),
    () => alice.start(),
  ]) {
    await step();
    await world.pass(7_000);
  }
  await world.until("meeting", () => isConnected(phone) && isConnected(alice), 60_000);
});

test("A6 two accounts that answer to one passphrase stop the sign-in, and say so", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  const mallory = world.node("mallory");
  mallory.patch({ words });
  await haveAccount(world, mallory);
  const phone = world.node("phone");
  await phone.start();
  await phone.ask("sign-in", { words, nodeName: "phone", platform: "Simulation" });
  await world.until("an end", () => phone.views.account.phase === "stopped", 60_000);
  expect(phone.views.account).toMatchObject({
    what: expect.stringContaining("Two different accounts"),
  });
  expect(phone.views.repositories).toEqual([]);
});

test.for([
  { first: "alice", second: "mallory" },
  { first: "mallory", second: "alice" },
])(
  "A6 where $first answers a new device and $second only later, it stops then, says so, and keeps what it has",
  async ({ first, second }) => {
    await using world = await foundWorld({ seed: 2, weather: calm, direct: false });
    const words = await haveAccount(world, world.node("alice"));
    world.node("mallory").patch({ words });
    await haveAccount(world, world.node("mallory"));
    const [early, late] = [world.node(first), world.node(second)];
    await early.ask("new-repository", { name: "notes", files: [] });
    await late.kill();
    const phone = world.node("phone");
    await signIn(world, phone, words);
    await world.until("the copy", () => phone.tip("notes") === early.tip("notes"));
    await world.pass(60 * 60_000);
    expect(phone.views.account.phase).toBe("open");

    await late.start();
    await world.until("the stop", () => phone.views.account.phase === "stopped", 6 * 60_000);
    const marks = [early, late].map(markOf);
    for (const mark of marks)
      expect(phone.views.account).toMatchObject({ what: expect.stringContaining(mark) });
    expect(phone.stored()).toHaveLength(1);
    expect(early.views.account).toMatchObject({ phase: "open", role: "writer" });
    // Also when nobody is there to show it again.
    await phone.kill();
    await late.kill();
    await phone.start();
    expect(phone.views.account).toMatchObject({ phase: "stopped", signIn: true });
    // Whoever signs in again begins anew.
    await phone.ask("sign-in", { words, nodeName: "phone", platform: "Simulation" });
    await world.until("an open account", () => phone.views.account.phase === "open");
    expect(phone.tip("notes")).toBe(early.tip("notes"));
  },
);

test("A6 once its number was typed on a device of its person's, no second account stops a device", async () => {
  await using world = await foundWorld({ seed: 3, weather: calm, direct: false });
  const [alice, mallory, phone] = [world.node("alice"), world.node("mallory"), world.node("phone")];
  const words = await haveAccount(world, alice);
  mallory.patch({ words });
  await haveAccount(world, mallory);
  await mallory.kill();
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  await mallory.start();
  await world.pass(10 * 60_000);
  expect(phone.views.account).toMatchObject({ phase: "open", role: "writer" });
});

function markOf({ views }: SimulatedNode): string {
  return views.account.phase === "open" ? views.account.mark : "";
}

async function haveTwo(
  world: World,
): Promise<{ readonly alice: SimulatedNode; readonly phone: SimulatedNode }> {
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  return { alice, phone };
}

function isConnected(node: SimulatedNode): boolean {
  return node.views.network.nodes.some(
    ({ whose, path }) => whose === "mine" && path.kind !== "none",
  );
}
