import * as small from "libsodium-wrappers";
import { expect, test } from "vitest";
import { formatHex } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import { CryptoUnavailableError } from "./crypto/library.ts";
import { parsePassphrase, type Passphrase } from "./passphrase.ts";
import { judgeUnlockLibrary, openUnlock } from "./unlock.ts";
import { words } from "./wordlist.ts";

const unlock = await openUnlock();

test("the same twelve words open the same door on every device", () => {
  const seeds = unlock.derive(passphraseOf(`${"abandon ".repeat(11)}about`));
  const hex = [seeds.sign, seeds.box, seeds.meeting].map((seed) =>
    seed.reveal((bytes) => formatHex(bytes)),
  );
  // By a second implementation of Argon2id and BLAKE2b, from the definition in docs/protocol.
  expect(hex).toEqual([
    "1b7941c952590eb793ed7b7b181c88a612c6c2d7da1e4b28dd82d120132c4def",
    "ab5d6687ea311460f55d4cb7fc29ee285981ca46c825ee1b8624e439df1d2927",
    "4b92f178690da18b2cbea58c7e6741dfb72ab71bff7a2a5e349abab942369e32",
  ]);
});

test("a minted passphrase has its checksum, and wipes the chance it came from", () => {
  const chance = new Uint8Array(16).fill(0x5a);
  const minted = unlock.mint({ bytes: () => chance });
  expect(minted.length).toBe(12);
  expect(unlock.checksumFits(passphraseOf(minted.join(" ")))).toBe(true);
  expect(chance).toEqual(new Uint8Array(16));
});

test("A25: of the words that could stand in for one of twelve, fifteen in sixteen are caught", () => {
  const right = "legal winner thank year wave sausage worth useful legal winner thank yellow".split(
    " ",
  );
  let fitting = 0;
  for (const [position] of right.entries())
    for (const word of words)
      if (unlock.checksumFits(passphraseOf(right.with(position, word).join(" ")))) fitting += 1;
  expect(fitting / (12 * words.length)).toBeCloseTo(1 / 16, 2);
});

test("A26: words that do not belong together are not stretched at all", () => {
  const guess = passphraseOf("abandon ".repeat(12));
  expect(unlock.checksumFits(guess)).toBe(false);
  expect(() => unlock.derive(guess)).toThrow(Bug);
});

test("A29: the small library, which declares Argon2id and lacks it, cannot unlock", async () => {
  await small.ready;
  expect(() => judgeUnlockLibrary(Reflect.get(small, "default"))).toThrow(CryptoUnavailableError);
});

function passphraseOf(text: string): Passphrase {
  const passphrase = parsePassphrase(text);
  if (!passphrase.ok) throw new Error("expected a passphrase");
  return passphrase;
}
