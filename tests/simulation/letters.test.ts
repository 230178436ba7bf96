/** What a relay holds for a node that is away: a wish, its answer, and word of commits. They are never there at the same time. */

import { relayOps } from "@skein/protocol/relay-frame";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, digitsAt, haveAccount, requestOf, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

function found(keepSecondsMax: number, relays: ReadonlyArray<string> = ["rita"]): Promise<World> {
  return foundWorld({ seed: 1, weather: calm, direct: false, relays, limits: { keepSecondsMax } });
}

const day = 24 * 60 * 60;

/** Alice's laptop, and a phone that signed in. */
async function haveTwo(
  world: World,
): Promise<{ readonly alice: SimulatedNode; readonly phone: SimulatedNode }> {
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"));
  return { alice, phone };
}

function aliceAt(phone: SimulatedNode): SimulatedNode["views"]["network"]["nodes"][number] {
  const row = phone.views.network.nodes.find(({ name }) => name === "alice");
  if (row === undefined) throw new Error("the phone does not know alice");
  return row;
}

function kept(world: World): ReadonlyArray<Buffer> {
  return world.relay.transcript.filter((frame) => frame[0] === relayOps.keep);
}

test("what Alice committed while the phone was away the phone knows of when she is away, and has when she is back", async () => {
  await using world = await found(day, ["rita", "ruth"]);
  const { alice, phone } = await haveTwo(world);
  await approve(world, alice, phone);
  await phone.kill();
  await alice.commit("notes", "one.txt", "one");
  await world.until("the phone is missed", () => !isConnected(alice), 300_000);
  const last = await alice.commit("notes", "two.txt", "two");
  await world.pass(10_000);
  await alice.kill();
  await phone.start();
  const id = phone.repository("notes")?.id;
  const lacking = (): number | undefined =>
    aliceAt(phone).lacking.find(({ repository }) => repository === id)?.records;
  await world.until("both letters", () => lacking() === 2, 10_000);
  expect(aliceAt(phone).path.kind).toBe("none");
  await alice.start();
  await world.until("the commits", () => phone.tip("notes") === last);
  await world.until("nothing is lacking", () => lacking() === undefined);
  expect([...alice.bugs, ...phone.bugs]).toEqual([]);
});

test("a phone that asks while nobody is there is told of when somebody is", async () => {
  await using world = await found(day);
  const { alice, phone } = await haveTwo(world);
  await alice.kill();
  await phone.kill();
  await phone.start();
  await world.pass(30_000);
  await phone.kill();
  await alice.start();
  const told = (): ReadonlyArray<string> =>
    alice.views.notices.map(({ what }) => what).filter((what) => what.includes("while"));
  await world.until("the letter", () => told().length > 0, 10_000);
  expect(told()).toEqual(["“phone” asked to be authorised while this device was away."]);
  expect(alice.views.requests).toEqual([]);
  await phone.start();
  await world.until("the request itself", () => alice.views.requests.length > 0);
});

test("a phone that left before it was authorised is a writer when it comes back, whoever is there", async () => {
  await using world = await found(day);
  const { alice, phone } = await haveTwo(world);
  await world.until("a request", () => requestOf(alice, phone) !== undefined);
  const { id = "" } = requestOf(alice, phone) ?? {};
  await alice.ask("open-request", { id });
  await world.until("digits", () => digitsAt(phone, alice) !== undefined);
  const digits = digitsAt(phone, alice) ?? "";
  await world.pass(1_000);
  await phone.kill();
  await alice.ask("authorise", { id, digits });
  await world.pass(1_000);
  await alice.kill();
  await phone.start();
  await world.until("the answer", () => roleOf(phone) === "writer", 10_000);
  expect(aliceAt(phone).path.kind).toBe("none");
  await phone.commit("notes", "mine.txt", "mine");
});

test("what is left is sealed, of few sizes, and left only where it is kept", async () => {
  for (const [seconds, isLeft] of [
    [day, true],
    [0, false],
  ] as const) {
    await using world = await found(seconds);
    const { alice, phone } = await haveTwo(world);
    await phone.kill();
    await alice.commit("notes", "one.txt", "one");
    await world.until("the phone is missed", () => !isConnected(alice), 300_000);
    await world.pass(1_000);
    expect(kept(world).length > 0).toBe(isLeft);
    // The op, the tag, the seconds, and a seal of 56 bytes.
    const sizes = kept(world).map(({ length }) => length - 1 - 16 - 4 - 56);
    expect(sizes.filter((size) => size % 512 !== 0)).toEqual([]);
    expect(Buffer.concat(world.relay.transcript).includes("notes")).toBe(false);
  }
});

function isConnected(node: SimulatedNode): boolean {
  return node.views.network.nodes.some(
    ({ whose, path }) => whose === "mine" && path.kind !== "none",
  );
}

function roleOf({ views }: SimulatedNode): string {
  return views.account.phase === "open" ? views.account.role : views.account.phase;
}
