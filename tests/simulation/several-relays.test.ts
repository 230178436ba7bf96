/** Several relays at once, of which one dies, lies, or sends everybody away: the main job goes on, and people notice nothing. */

import { encode, tryDecode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { calm } from "@skein/testkit/weather";
import { describe, expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";
import type { Lies, SimulatedRelay } from "./simulated-relay.ts";

type Frame = Uint8Array<ArrayBuffer>;

function found(seed: number): Promise<World> {
  return foundWorld({ seed, weather: calm, direct: false, relays: ["rita", "ruth"] });
}

function relayOf(world: World, name: string): SimulatedRelay {
  const relay = world.relays.get(name);
  if (relay === undefined) throw new Error(`there is no ${name}`);
  return relay;
}

/** Sign-in, copy, approval and a commit each way. */
async function mainJob(world: World, between: () => void = () => undefined): Promise<void> {
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  between();
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"), 10_000);
  await approve(world, alice, phone);
  await passOn(world, phone, alice);
  await passOn(world, alice, phone);
}

async function passOn(world: World, from: SimulatedNode, to: SimulatedNode): Promise<void> {
  const oid = await from.commit("notes", `${from.name}.txt`, `at ${world.simulation.now()}`);
  await world.until(`${to.name} has it`, () => to.tip("notes") === oid, 10_000);
}

/** What a person would see of it. */
function troubles(world: World): ReadonlyArray<unknown> {
  return ["alice", "phone"].flatMap((name) => {
    const { bugs, views } = world.node(name);
    const { phase } = views.network.relay;
    const warnings = views.notices.filter(({ tone }) => tone !== "info").map(({ what }) => what);
    return bugs.concat(warnings, phase === "connected" ? [] : [`${name} is ${phase}`]);
  });
}

function phases(node: SimulatedNode): ReadonlyArray<string> {
  return node.views.network.relays.map(({ state }) => state.phase);
}

describe("two relays that know nothing of each other", () => {
  test("one dies before the phone comes, then the other in its place, and everything goes on within seconds", async () => {
    await using world = await found(1);
    const [rita, ruth] = [relayOf(world, "rita"), relayOf(world, "ruth")];
    await mainJob(world, () => rita.stop());
    const [alice, phone] = [world.node("alice"), world.node("phone")];
    expect(phases(alice)).toEqual(["away", "connected"]);
    expect(troubles(world)).toEqual([]);
    rita.start();
    await world.until("Rita is back", () => phases(alice)[0] === "connected", 120_000);
    await world.until("for the phone too", () => phases(phone)[0] === "connected", 120_000);
    ruth.stop();
    await passOn(world, phone, alice);
    await passOn(world, alice, phone);
    expect(troubles(world)).toEqual([]);
    ruth.start();
  });

  test("what both pass on counts once: one request, one writer, one commit", async () => {
    await using world = await found(2);
    await mainJob(world);
    const alice = world.node("alice");
    expect(alice.views.devices.map(({ role }) => role)).toEqual(["writer", "writer"]);
    expect(alice.views.notices.map(({ what }) => what)).toHaveLength(1);
    const { id = "" } = alice.repository("notes") ?? {};
    const { commits } = await alice.ask("history", {
      id,
      commit: alice.tip("notes") ?? "",
      limit: 100,
    });
    expect(commits).toHaveLength(3);
    for (const relay of world.relays.values()) expect(relay.transcript.length).toBeGreaterThan(20);
  });

  const passing = (change: (frame: RelayFrame) => ReadonlyArray<RelayFrame>): Lies => ({
    passOn: (bytes) => {
      const frame = tryDecode(RelayFrame, bytes);
      return frame === undefined
        ? [bytes]
        : change(frame).map((one): Frame => encode(RelayFrame, one));
    },
  });
  const isSaid = (frame: RelayFrame): frame is RelayFrame & { readonly payload: Frame } =>
    frame.type === "publish" || frame.type === "bulk";

  test.each<readonly [what: string, lies: Lies]>([
    ["passes nothing on", passing((frame) => (isSaid(frame) ? [] : [frame]))],
    ["says everything three times", passing((frame) => [frame, frame, frame])],
    [
      "changes a bit of everything",
      passing((frame) =>
        isSaid(frame)
          ? [{ ...frame, payload: frame.payload.map((byte, at) => (at === 30 ? byte ^ 1 : byte)) }]
          : [frame],
      ),
    ],
    [
      "finds nobody",
      passing((frame) => (frame.type === "found" ? [{ ...frame, blobs: [] }] : [frame])),
    ],
    ["says that it is two years ago", { clockErrorMillis: -2 * 365 * 86_400_000 }],
    [
      "passes on only what is said as bulk",
      passing((frame) => (frame.type === "publish" ? [] : [frame])),
    ],
    ["passes on only what is no bulk", passing((frame) => (frame.type === "bulk" ? [] : [frame]))],
  ])("one that %s is as good as none, and the other is enough", async (_what, lies) => {
    for (const [seed, liar] of [
      [3, "rita"],
      [4, "ruth"],
    ] as const) {
      await using world = await found(seed);
      relayOf(world, liar).lie(lies);
      await mainJob(world);
      expect(troubles(world)).toEqual([]);
    }
  });
});

describe("a person chooses relays", () => {
  test("one that is added is used at once, one that is removed is left, and both are remembered", async () => {
    await using world = await found(5);
    const [rita, ruth] = [relayOf(world, "rita"), relayOf(world, "ruth")];
    await mainJob(world);
    const [alice, phone] = [world.node("alice"), world.node("phone")];
    await alice.ask("remove-relay", { url: "ws://rita/relay" });
    await world.until("Rita is left", () => rita.connections === 1);
    await alice.kill();
    await alice.start();
    await world.until("Ruth is enough", () => phases(alice)[0] === "connected");
    expect(alice.views.network.relays.map(({ url }) => url)).toEqual(["ws://ruth/relay"]);
    await passOn(world, alice, phone);
    await phone.ask("remove-relay", { url: "ws://ruth/relay" });
    await world.until("they have no relay in common", () => ruth.connections === 1);
    await alice.ask("add-relay", { address: "ws://rita/relay" });
    await passOn(world, phone, alice);
    expect(alice.views.network.relays.map(({ from }) => from)).toEqual(["app", "app"]);
    await phone.ask("remove-relay", { url: "ws://rita/relay" }).then(
      () => expect.unreachable(),
      (error: unknown) => expect(String(error)).toContain("only_relay"),
    );
  });

  test("a phone whose only relay is gone signs in as soon as it is given another one", async () => {
    await using world = await found(8);
    const alice = world.node("alice");
    const words = await haveAccount(world, alice);
    const phone = world.node("phone");
    await phone.start();
    await phone.ask("remove-relay", { url: "ws://ruth/relay" });
    relayOf(world, "rita").stop();
    await phone.ask("sign-in", { words, nodeName: "phone", platform: "Simulation" });
    await world.pass(20_000);
    expect(phone.views.account).toMatchObject({ phase: "signing-in", step: "reaching-relay" });
    await phone.ask("add-relay", { address: "ws://ruth/relay" });
    await world.until("the account", () => phone.views.account.phase === "open", 10_000);
    expect([...alice.bugs, ...phone.bugs]).toEqual([]);
  });

  test("Rita is asked how she is, and so is somebody who is not there", async () => {
    await using world = await found(6);
    const alice = world.node("alice");
    await haveAccount(world, alice);
    const asked = alice.ask("test-relay", { address: "ws://rita/relay" });
    const nobody = alice.ask("test-relay", { address: "nobody.example" });
    await world.pass(1_000);
    expect(await asked).toMatchObject({
      kind: "answers",
      keepSecondsMax: 0,
      clockErrorMillis: expect.closeTo(0, -2),
    });
    expect(await nobody).toEqual({ kind: "does-not", why: "unreachable" });
    expect(relayOf(world, "rita").connections).toBe(1);
  });

  test.each([
    [1012, "restarting"],
    [1013, "busy"],
    [1006, "unreachable"],
  ])("a relay that ends with %i is said to be %s, and comes back by itself", async (code, why) => {
    await using world = await found(7);
    const alice = world.node("alice");
    await haveAccount(world, alice);
    await world.until("both", () => phases(alice).every((phase) => phase === "connected"));
    relayOf(world, "ruth").sendAway(code);
    // It may be dialled again within milliseconds.
    await world.until("one", () => phases(alice)[1] === "away", 60_000, 1);
    expect(alice.views.network.relays[1]?.state).toMatchObject({ why });
    expect(alice.views.network.relay.phase).toBe("connected");
    await world.until("both again", () => phases(alice)[1] === "connected", 15_000);
  });
});
