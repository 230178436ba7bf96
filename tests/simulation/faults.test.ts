/** Storage that fails under a node: what stays usable, what is said, and what is made good when there is room again. */

import { StorageFailedError, StorageFullError } from "@skein/git/files";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, digitsAt, haveAccount, requestOf, signIn } from "./main-job.ts";
import { foundWorld } from "./peer-world.ts";

test("a repository that cannot be opened keeps nobody from the others", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const alice = world.node("alice");
  await haveAccount(world, alice);
  const { id } = await alice.ask("new-repository", { name: "broken", files: [] });
  await alice.ask("new-repository", { name: "whole", files: [] });
  await alice.kill();
  alice.fail(
    (disk) => disk === id,
    () => new StorageFailedError("this database is damaged"),
  );
  await alice.start();
  expect(alice.views.account.phase).toBe("open");
  expect(alice.views.repositories.map(({ name }) => name)).toEqual(["whole"]);
  expect(alice.views.notices.map(({ what }) => what).join()).toContain("“broken” cannot be opened");
  await alice.commit("whole", "a.txt", "work goes on");
});

test("whoever is approved while the approver's disk is full is approved once there is room, or told", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await world.until("a request", () => requestOf(alice, phone) !== undefined);
  const id = requestOf(alice, phone)?.id ?? "";
  await alice.ask("open-request", { id });
  await world.until("digits", () => digitsAt(phone, alice) !== undefined);
  alice.fail(
    (disk) => disk === "ledger",
    () => new StorageFullError("the disk is full"),
  );
  await alice.ask("authorise", { id, digits: digitsAt(phone, alice) ?? "" });
  await world.pass(10_000);
  expect(phone.views.account).toMatchObject({ role: "read-only" });
  expect(alice.views.notices.length).toBeGreaterThan(0);
  alice.fail(
    () => false,
    () => new StorageFullError("the disk is full"),
  );
  await phone.ask("ask-again", {});
  await approve(world, alice, phone, { millis: 120_000 });
});

test("a node that has no room for a new member's entry has it after all once there is room", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  const [phone, tablet] = [world.node("phone"), world.node("tablet")];
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  phone.fail(
    (disk) => disk === "ledger",
    () => new StorageFullError("the disk is full"),
  );
  await signIn(world, tablet, words);
  await approve(world, alice, tablet);
  await world.pass(5_000);
  phone.fail(
    () => false,
    () => new StorageFullError("the disk is full"),
  );
  await world.pass(60_000);
  await phone.kill();
  await alice.kill();
  await tablet.kill();
  await phone.start();
  expect(phone.views.devices.find(({ name }) => name === "tablet")).toMatchObject({
    role: "writer",
  });
});
