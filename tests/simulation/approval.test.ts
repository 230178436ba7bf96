/** Becoming a writer in a simulated world: through loss, reloads, floods and lies. */

import { parseHex } from "@skein/protocol/bytes";
import { calm, storm } from "@skein/testkit/weather";
import { describe, expect, test } from "vitest";
import { approve, digitsAt, haveAccount, requestOf, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";
import { turnRogue } from "./rogue.ts";

test.for(Array.from({ length: 12 }, (_, index) => index + 1))(
  "seed %i: an approval comes through although a third of all messages is lost",
  async (seed) => {
    const { world, alice, phone } = await haveReplica(seed);
    await using _ = world;
    world.simulation.changeWeather(storm);
    await approve(world, alice, phone, { millis: 240_000 });
    expect(phone.views.account).toMatchObject({ role: "writer" });
  },
);

test("an approver whose tab is reloaded while the number shows is asked again", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await world.until("a request", () => requestOf(alice, phone) !== undefined);
  await alice.ask("open-request", { id: requestOf(alice, phone)?.id ?? "" });
  await world.pass(5_000);
  await alice.kill();
  await alice.start();
  await approve(world, alice, phone);
});

test("a request that nobody looked at for five minutes is over on both sides, and may be asked again", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await world.pass(60_000);
  expect(phone.views.account).toMatchObject({ approval: { phase: "asked" } });
  await world.pass(4 * 60_000);
  for (let minute = 0; minute < 60; minute++) {
    expect(phone.views.account).toMatchObject({ approval: unanswered });
    expect(requestOf(alice, phone)).toBeUndefined();
    await world.pass(60_000);
  }
  await phone.ask("ask-again", {});
  expect(phone.views.account).toMatchObject({ approval: { phase: "asked" } });
  await approve(world, alice, phone);
});

test("a device that comes an hour after nobody answered is asked by itself, and shows the request", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await world.pass(6 * 60_000);
  await alice.kill();
  await world.pass(60 * 60_000);
  await alice.start();
  await world.until("a request", () => requestOf(alice, phone) !== undefined);
  await approve(world, alice, phone);
});

test("a device that is lost and found every minute makes nobody wait for ever", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  for (let minute = 0; minute < 12; minute++) {
    await world.pass(40_000);
    await alice.kill();
    await world.pass(10_000);
    await alice.start();
    await world.until("a request", () => requestOf(alice, phone) !== undefined);
    const approval = minute < 4 ? { phase: "asked" } : unanswered;
    if (minute !== 4 && minute !== 5) expect(phone.views.account).toMatchObject({ approval });
  }
  await approve(world, alice, phone);
});

test("three wrong numbers void the request, and the right one comes too late", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  const id = await openRequest(world, alice, phone);
  const digits = digitsAt(phone, alice) ?? "";
  const wrong = String((Number(digits) + 1) % 1_000_000).padStart(6, "0");
  for (const left of [2, 1]) {
    await alice.ask("authorise", { id, digits: wrong });
    expect(requestOf(alice, phone)).toMatchObject({ triesLeft: left, wrong: true });
  }
  await alice.ask("authorise", { id, digits: wrong });
  await expect(alice.ask("authorise", { id, digits })).rejects.toThrow("request_over");
  await world.pass(5_000);
  const approval = { phase: "void", why: "wrong-numbers" };
  expect(phone.views.account).toMatchObject({ role: "read-only", approval });
  expect(alice.views.notices).toMatchObject([
    { what: "Three wrong numbers: the request is void.", next: "Start again on the new device." },
  ]);
});

test("a request that is denied says by whom", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await alice.ask("deny", { id: await openRequest(world, alice, phone) });
  await world.pass(2_000);
  expect(phone.views.account).toMatchObject({ approval: { phase: "denied", by: "alice" } });
});

test("a device that was denied by mistake asks again by itself once it may", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await alice.ask("deny", { id: await openRequest(world, alice, phone) });
  await world.pass(2_000);
  const listed = (): unknown => alice.views.devices.find(({ name }) => name === "phone");
  expect(listed()).toMatchObject({ role: "read-only", denied: true });
  await phone.ask("ask-again", {});
  await world.pass(2_000);
  expect(alice.views.requests).toEqual([]);
  const { node } = alice.views.devices.find(({ name }) => name === "phone") ?? { node: "" };
  await alice.ask("let-ask-again", { node });
  expect(listed()).toMatchObject({ denied: false });
  await approve(world, alice, phone);
});

test("a denial outlives the approver's restart, and is taken back as before", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await alice.ask("deny", { id: await openRequest(world, alice, phone) });
  await world.pass(2_000);
  await alice.kill();
  await alice.start();
  await world.pass(60_000);
  expect(alice.views.requests).toEqual([]);
  expect(phone.views.account).toMatchObject({ approval: { phase: "denied", by: "alice" } });
  const listed = alice.views.devices.find(({ name }) => name === "phone");
  expect(listed).toMatchObject({ denied: true });
  await alice.ask("let-ask-again", { node: listed?.node ?? "" });
  await approve(world, alice, phone);
  await alice.kill();
  await alice.start();
  expect(alice.views.devices.every(({ denied }) => !denied)).toBe(true);
  expect(alice.bugs).toEqual([]);
});

test("a denial may be taken back while the device is away", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await alice.ask("deny", { id: await openRequest(world, alice, phone) });
  await phone.kill();
  await alice.kill();
  await alice.start();
  const node = alice.views.devices.find(({ name }) => name === "phone")?.node ?? "";
  await alice.ask("let-ask-again", { node });
  await phone.start();
  await approve(world, alice, phone);
  expect(alice.bugs).toEqual([]);
});

test("a request that was opened and not answered says so, and asking again begins anew, once", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await openRequest(world, alice, phone);
  await world.pass(5 * 60_000);
  expect(phone.views.account).toMatchObject({ approval: unanswered });
  await phone.ask("ask-again", {});
  const now = world.simulation.now();
  const expiresAt = now + 5 * 60_000;
  expect(phone.views.account).toMatchObject({ approval: { phase: "asked", expiresAt } });
  await world.pass(20 * 60_000);
  expect(phone.views.account).toMatchObject({ approval: unanswered });
});

test("a request says when it is over to the person who is asked, and is over then", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  const id = await openRequest(world, alice, phone);
  const shown = requestOf(alice, phone);
  if (shown === undefined) throw new Error("it is there");
  expect(shown.expiresAt - shown.askedAt).toBe(5 * 60_000);
  const left = shown.expiresAt - world.simulation.now();
  expect(left).toBeGreaterThan(4 * 60_000);
  await world.pass(left - 1_000);
  expect(alice.views.requests.map((request) => request.id)).toContain(id);
  await world.pass(2_000);
  expect(alice.views.requests.map((request) => request.id)).not.toContain(id);
});

test("a number typed too early waits for the other device, and is used for no later request", async () => {
  const { world, alice, phone } = await haveReplica(1);
  await using _ = world;
  await world.until("a request", () => requestOf(alice, phone) !== undefined);
  const first = requestOf(alice, phone)?.id ?? "";
  await phone.kill();
  await alice.ask("open-request", { id: first });
  await alice.ask("authorise", { id: first, digits: "000000" });
  expect(requestOf(alice, phone)).toMatchObject({ waiting: true });
  await phone.start();
  await world.until(
    "a request anew",
    () => ![undefined, first].includes(requestOf(alice, phone)?.id),
  );
  expect(requestOf(alice, phone)).toMatchObject({ waiting: false, triesLeft: 3 });
  await approve(world, alice, phone);
});

test("A30 somebody with the words who asks from many devices calls the person three times, not more", async () => {
  const { world, alice, words } = await haveReplica(1);
  await using _ = world;
  for (let number = 0; number < 6; number++)
    await signIn(world, world.node(`mallory ${number}`), words);
  await world.pass(10_000);
  expect(alice.views.requests.filter(({ silent }) => !silent)).toHaveLength(3);
  expect(alice.views.requests.length).toBeGreaterThan(3);
});

describe("a node whose own software says that it may write", () => {
  test("is refused by every honest node, whatever it signs", async () => {
    const { world, alice, phone, words } = await haveReplica(1);
    await using _ = world;
    const tablet = world.node("tablet");
    await signIn(world, tablet, words);
    await approve(world, alice, tablet);
    await turnRogue(phone);
    expect(phone.views.account).toMatchObject({ role: "writer" });
    const oid = await phone.commit("notes", "mallory.txt", "let me in");
    await world.pass(120_000);
    expect(phone.tip("notes")).toBe(oid);
    for (const honest of [alice, tablet]) {
      expect(honest.tip("notes")).not.toBe(oid);
      const remotes = honest.repository("notes")?.remotes.map(({ nodeName }) => nodeName);
      expect(remotes).not.toContain("phone");
      expect(
        await honest
          .ask("read-commit", { id: honest.repository("notes")?.id ?? "", commit: oid })
          .catch(String),
      ).toMatch(/refused/u);
    }
  });
});

const unanswered = { phase: "void", why: "nobody-answered" };

async function haveReplica(seed: number): Promise<{
  readonly world: World;
  readonly alice: SimulatedNode;
  readonly phone: SimulatedNode;
  readonly words: string;
}> {
  const world = await foundWorld({ seed, weather: calm, direct: false });
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"));
  return { world, alice, phone, words };
}

async function openRequest(
  world: World,
  approver: SimulatedNode,
  asker: SimulatedNode,
): Promise<string> {
  await world.until("a request", () => requestOf(approver, asker) !== undefined);
  const id = requestOf(approver, asker)?.id ?? "";
  expect(parseHex(id)).toHaveLength(16);
  await approver.ask("open-request", { id });
  await world.until("digits", () => digitsAt(asker, approver) !== undefined);
  return id;
}
