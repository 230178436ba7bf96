/** Knocks in a simulated world that somebody says again: they show nobody that their node is there. */

import { relayOps } from "@skein/protocol/relay-frame";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

test("A10: a knock that Rita replays calls its node back in vain, and does not move when it was last seen", async () => {
  const { world, alice, phone } = await haveTwo();
  await using _ = world;
  await isGone(world, { alice, phone });
  const before = phoneAt(alice);
  expect(before?.lastSeen).toBeDefined();
  const knocks = knocksOfPhone(world);
  expect(await saidByAliceWhile(world, knocks)).toBeGreaterThan(0);
  expect(phoneAt(alice)).toEqual(before);
  // Nor does anything else that the phone ever said.
  await saidByAliceWhile(world, publishedBy(world, "phone"));
  expect(phoneAt(alice)).toEqual(before);
  expect(alice.views.requests).toEqual([]);
  expect(alice.bugs).toEqual([]);
});

test("A10: a knock for a key that was revoked is not answered", async () => {
  const { world, alice, phone } = await haveTwo();
  await using _ = world;
  await approve(world, alice, phone);
  await isGone(world, { alice, phone });
  const node = phoneAt(alice)?.node ?? "";
  await alice.ask("revoke-node", { node, words: "", andApproved: false });
  await world.pass(5 * minuteMillis);
  const before = phoneAt(alice);
  expect(before?.revoked).toBeDefined();
  expect(await saidByAliceWhile(world, knocksOfPhone(world))).toBe(0);
  expect(phoneAt(alice)).toEqual(before);
  expect(alice.bugs).toEqual([]);
});

const minuteMillis = 60_000;

interface Two {
  readonly alice: SimulatedNode;
  readonly phone: SimulatedNode;
}

async function haveTwo(): Promise<Two & { readonly world: World }> {
  const world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const [alice, phone] = [world.node("alice"), world.node("phone")];
  const words = await haveAccount(world, alice);
  await signIn(world, phone, words);
  await world.until("knowing the phone", () => phoneAt(alice) !== undefined);
  return { world, alice, phone };
}

async function isGone(world: World, { alice, phone }: Two): Promise<void> {
  await phone.kill();
  await world.until("the phone is missed", () => !phoneAt(alice)?.connected, 5 * minuteMillis);
  await world.pass(2 * minuteMillis);
}

function phoneAt(alice: SimulatedNode): SimulatedNode["views"]["devices"][number] | undefined {
  return alice.views.devices.find(({ name }) => name === "phone");
}

/** What the phone said to Alice before she said anything to it. */
function knocksOfPhone(world: World): ReadonlyArray<Buffer> {
  const [first] = saidToOthers(world, "alice");
  const answered = world.relay.heard.findIndex(({ frame }) => frame === first);
  const before = new Set(world.relay.heard.slice(0, answered).map(({ frame }) => frame));
  const hears = hearingOf(world, "alice");
  const knocks = publishedBy(world, "phone").filter((frame) => before.has(frame) && hears(frame));
  expect(knocks.length).toBeGreaterThan(0);
  return knocks;
}

function publishedBy(world: World, name: string): ReadonlyArray<Buffer> {
  const said = world.relay.heard.filter(({ from }) => from === name);
  return said.map(({ frame }) => frame).filter((frame) => frame[0] === relayOps.publish);
}

/** What a node says by its own inbox is the question whether it has a twin. */
function saidToOthers(world: World, name: string): ReadonlyArray<Buffer> {
  const hears = hearingOf(world, name);
  return publishedBy(world, name).filter((frame) => !hears(frame));
}

/** Whether a node has ever listened under the tag of what was published. */
function hearingOf(world: World, name: string): (published: Buffer) => boolean {
  const said = world.relay.heard.filter(({ from }) => from === name).map(({ frame }) => frame);
  const heard = said.filter((frame) => frame[0] === relayOps.subscribe);
  return (published) => heard.some((tags) => tags.includes(tagOf(published)));
}

function tagOf(frame: Buffer): Buffer {
  return frame.subarray(1, 17);
}

/** How much Alice says while Rita says these again, for three minutes, whenever she says anything. */
async function saidByAliceWhile(world: World, again: ReadonlyArray<Buffer>): Promise<number> {
  const before = saidToOthers(world, "alice").length;
  let times = 0;
  world.relay.lie({
    passOn: (bytes) => {
      times++;
      return [bytes, ...again.map((frame) => Uint8Array.from(frame))];
    },
  });
  await world.pass(3 * minuteMillis);
  world.relay.lie({});
  expect(times).toBeGreaterThan(0);
  return saidToOthers(world, "alice").length - before;
}
