import { expect, test } from "vitest";
import { openCrypto } from "./crypto/sodium.ts";
import { formatProof } from "./equivocation.ts";
import { explainFile, formatLogFile } from "./explain.ts";
import { fingerprint } from "./identity.ts";
import { proposeRename, proposeRevoke } from "./membership-proposals.ts";
import { formatRecoveryFile } from "./recovery-file.ts";
import { makeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();
const world = makeUpAccount(crypto, 51);
const log = world.open();
const phone = world.mint();
log.add(world.add(log, world.first, phone));
const change = world.change(log, world.first);
const [one, two] = ["One", "Two"].map((name) =>
  proposeRename({ ...world.change(log, phone), name }),
);
for (const entry of [one, two]) if (entry !== undefined) log.add(entry);
log.add(proposeRevoke({ ...change, target: phone.id, reason: "lost", door: world.door }));

test("a log in a file is told: who is in, who is not and why, what is owed, and who forked", async () => {
  const told = (await explainFile(formatLogFile(log)))?.join("\n") ?? "";
  const name = fingerprint(crypto, phone.id);
  expect(told).toContain("Members (1)");
  expect(told).toContain("It is not a member: it was revoked.");
  expect(told).toContain(`node.revoke ${name}`);
  expect(told).toContain("Owed: a new read key, because nodes that are no members have this one.");
  expect(told).toContain(`Fork: ${name} said two things in place 0.`);
});

test("a recovery kit is told as its log is, and shows nothing of its secret", async () => {
  const secret = world.recoverySecret();
  const kit = formatRecoveryFile(crypto, { secret, log, at: change.at });
  expect(await explainFile(kit)).toEqual(await explainFile(formatLogFile(log)));
});

test("a proof in a file is told: who is convicted, and of what", async () => {
  const [proof] = log.state().equivocations;
  if (proof === undefined) throw new Error("there is one");
  const { signPublic: sign, boxPublic: box } = phone;
  const told = await explainFile(formatProof({ of: "entry", sign, box, ...proof }));
  expect(told?.join("\n")).toContain(
    `Proof: ${fingerprint(crypto, phone.id)} said two different things in place 0 of its chain`,
  );
});

test("A5: what is no log is told apart, and nothing throws", async () => {
  const file = formatLogFile(log);
  expect(await explainFile(new Uint8Array(0))).toBeUndefined();
  expect(await explainFile(file.subarray(1))).toBeUndefined();
  expect(await explainFile(file.subarray(0, -1))).toBeUndefined();
  expect(await explainFile(world.random.bytes(500))).toBeUndefined();
});
