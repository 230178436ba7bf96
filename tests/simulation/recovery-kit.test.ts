/** Recovery kits in a simulated world: of an account that is full, and of words that were changed elsewhere. */

import { openCrypto } from "@skein/auth/crypto/sodium";
import { SecretKey } from "@skein/auth/crypto/secret";
import { openDoor } from "@skein/auth/door";
import { mintNodeKeys } from "@skein/auth/identity";
import { openLog } from "@skein/auth/membership";
import { createAccount } from "@skein/auth/membership-proposals";
import { formatRecoveryFile } from "@skein/auth/recovery-file";
import { openRecoverySecret } from "@skein/auth/recovery-key";
import { makeUpAccount } from "@skein/auth/testing/account";
import type { KitView } from "@skein/peer/views";
import { formatUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode } from "./peer-world.ts";

test("a kit whose devices all stay is told that they are too many, not that it is another account's", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const { file, words } = await fullKit();
  const later = world.node("later");
  await later.start();
  await later.ask("open-kit", { file, nodeName: "later", platform: "Simulation" });
  const { account } = later.views;
  if (account.phase !== "kit-opened") throw new Error("it was read");
  const nodes = account.nodes.map(({ node }) => node);
  expect(nodes).toHaveLength(nodesPerAccountMax);
  await expect(later.ask("choose-nodes", { keep: nodes, words })).rejects.toThrow("not_allowed");
  expect(later.views.account.phase).toBe("kit-opened");
  await later.ask("choose-nodes", { keep: nodes.slice(1), words });
  expect(later.views.account).toMatchObject({ phase: "open", role: "writer" });
});

test("a kit that was not written down says so when the words were changed elsewhere, and opens with those from before, then with the new", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const [alice, phone] = [world.node("alice"), world.node("phone")];
  const words = await haveAccount(world, alice);
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  const fresh = await changeWords(phone, words);
  await world.until("the news", () => kitOf(alice)?.phase === "former-words", 60_000);
  await alice.kill();
  await alice.start();
  expect(kitOf(alice)).toMatchObject({ phase: "former-words", changedAt: expect.any(Number) });
  await expect(alice.ask("show-kit", { words: fresh })).rejects.toThrow("wrong_passphrase");
  await alice.ask("show-kit", { words });
  expect(kitOf(alice)).toMatchObject({ phase: "shown" });
  await alice.ask("leave-kit", {});
  expect(kitOf(alice)).toEqual({ phase: "kept" });
  await expect(alice.ask("show-kit", { words })).rejects.toThrow("wrong_passphrase");
  await alice.ask("show-kit", { words: fresh });
  expect(kitOf(alice)).toMatchObject({ phase: "shown" });
  expect(alice.bugs).toEqual([]);
});

function kitOf({ views: { account } }: SimulatedNode): KitView | undefined {
  return account.phase === "open" ? account.kit : undefined;
}

async function changeWords(node: SimulatedNode, words: string): Promise<string> {
  await node.ask("change-passphrase", { words });
  const { account } = node.views;
  if (account.phase !== "open" || account.words.phase !== "shown") throw new Error("no new words");
  const { words: fresh, ask } = account.words;
  await node.ask("confirm-new-words", { words: ask.map((at) => fresh[at - 1] ?? "") });
  return fresh.join(" ");
}

async function fullKit(): Promise<{ readonly file: Blob; readonly words: string }> {
  const crypto = await openCrypto();
  const world = makeUpAccount(crypto, 9);
  const { random, mint, add } = world;
  const words = Array.from({ length: 12 }, () => "abandon").join(" ");
  const derived = formatUtf8(words);
  const door = openDoor(crypto, {
    sign: new SecretKey(crypto.hash("door sign", derived)),
    box: new SecretKey(crypto.hash("door box", derived)),
    meeting: new SecretKey(crypto.hash("meeting", derived)),
  });
  const keys = mintNodeKeys(crypto, random);
  const at = instant(1_700_000_000_000);
  const founder = { keys, name: "first", platform: "Simulation", at };
  const { genesis, sealedRecovery } = createAccount({ crypto, random, door, ...founder });
  const log = openLog({ crypto, genesis });
  const recovery = log?.state().recovery;
  if (log === undefined || recovery === undefined) throw new Error("it was just made");
  while (log.state().nodes.size < nodesPerAccountMax) log.add(add(log, keys, mint(), door));
  using secret = openRecoverySecret({ crypto, door, recovery }, sealedRecovery);
  if (secret === undefined) throw new Error("the door opens it");
  return { file: new Blob([formatRecoveryFile(crypto, { secret, log, at })]), words };
}
