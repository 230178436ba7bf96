/** Whose word of when something happened counts, once a device is in a thief's hands. */

import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode } from "./peer-world.ts";

test("A4 what a thief does with its clock set back does not count, nor do its commits, by when the witness first saw them", async () => {
  await using world = await foundWorld({ seed: 41, weather: calm });
  const [alice, phone] = [world.node("alice"), world.node("phone")];
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"));
  const [friend, accomplice] = [world.node("friend"), world.node("accomplice")];
  await signIn(world, friend, words);
  await approve(world, phone, friend);
  const honest = await phone.commit("notes", "before.txt", "still Alice's");
  await world.until("the commit", () => alice.tip("notes") === honest);
  await world.pass(30 * 60_000);

  const stolenAt = world.simulation.now();
  // What it signs says that it was ten minutes before.
  await phone.kill();
  phone.setClockWrong(-10 * 60_000);
  await phone.start();
  await signIn(world, accomplice, words);
  await approve(world, phone, accomplice);
  const evil = await phone.commit("notes", "after.txt", "the thief's");
  await world.until("hearing of it", () => alice.tip("notes") === evil);
  await world.until("the newcomer", () => deviceOf(alice, "accomplice")?.role === "writer");
  const deeds = deviceOf(alice, "phone")?.deeds ?? [];
  expect(deeds.map(({ kind, name }) => [kind, name])).toEqual([
    ["let-in", "friend"],
    ["let-in", "accomplice"],
  ]);
  expect(deeds.map(({ at }) => at < stolenAt)).toEqual([true, true]);
  expect(deeds.map(({ seenAt }) => (seenAt ?? 0) < stolenAt)).toEqual([true, false]);
  // What was seen is remembered.
  await alice.kill();
  await alice.start();
  expect(deviceOf(alice, "phone")?.deeds).toEqual(deeds);
  await world.until("meeting again", () => deviceOf(alice, "phone")?.connected === true);

  const node = deviceOf(alice, "phone")?.node ?? "";
  await alice.ask("revoke-node", { node, words, andApproved: false, since: stolenAt });
  await world.until("losing its right", () => {
    const { account } = accomplice.views;
    return account.phase === "open" && account.role === "read-only";
  });
  expect(deviceOf(alice, "friend")).toMatchObject({ role: "writer", revoked: undefined });
  expect(deviceOf(alice, "accomplice")?.role).not.toBe("writer");
  // A newcomer is told by everybody how far the stolen device's branches go.
  const tablet = world.node("tablet");
  await signIn(world, tablet, words);
  await approve(world, alice, tablet);
  const ofPhone = (): string | undefined =>
    tablet.repository("notes")?.remotes.find(({ nodeName }) => nodeName === "phone")?.branches[0]
      ?.oid;
  await world.until("its branches", () => ofPhone() !== undefined);
  await world.pass(60_000);
  expect(ofPhone()).toBe(honest);
});

function deviceOf(
  { views }: SimulatedNode,
  name: string,
): SimulatedNode["views"]["devices"][number] | undefined {
  return views.devices.find((device) => device.name === name);
}
