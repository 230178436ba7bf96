import { openCrypto } from "@skein/auth/crypto/sodium";
import { proposeRename } from "@skein/auth/membership-proposals";
import { makeUpAccount } from "@skein/auth/testing/account";
import { expect, test } from "vitest";
import { headsToTell } from "./membership-heads.ts";

test("Mallory's thousand forks do not hide from anybody what Bob said, and each of them is told in its turn", async () => {
  const world = makeUpAccount(await openCrypto(), 3);
  const { first: mallory, mint, change, add } = world;
  const log = world.open();
  const bob = mint();
  log.add(add(log, mallory, bob));
  const before = log.fork();
  for (let count = 0; count < 1_000; count++)
    log.add(proposeRename({ ...change(before, mallory), name: `${count}` }));
  const said = log.add(proposeRename({ ...change(before, bob), name: "Bob" }));
  expect(log.heads().length).toBe(1_001);
  const told = Array.from({ length: 16 }, (_, round) => headsToTell(log, round));
  for (const heads of told) {
    expect(heads.length).toBe(64);
    expect(heads).toContain("id" in said ? said.id : undefined);
  }
  expect(new Set(told.flat())).toEqual(new Set(log.heads()));
});
