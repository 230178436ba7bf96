import { decode, encode } from "@skein/protocol/codec";
import { instant } from "@skein/protocol/ids";
import { Letter } from "@skein/protocol/topic-messages/letter";
import { expect, test } from "vitest";
import { openCrypto } from "./crypto/sodium.ts";
import { mintNodeKeys, type NodeKeys } from "./identity.ts";
import { judgeLetter, writeLetter } from "./letter.ts";

const crypto = await openCrypto();
let count = 0;
const [alice, bob, carol] = [mint(), mint(), mint()];
const letter = writeLetter({
  keys: alice,
  to: bob.id,
  at: instant(1_795_222_800_000),
  body: { type: "entry", entry: Uint8Array.of(1, 2, 3) },
});

test("Bob knows a letter of Alice's for hers, and Carol, to whom it was not written, takes it for nobody's", () => {
  const received = decode(Letter, encode(Letter, letter));
  expect(judgeLetter(crypto, received, bob.id)).toBe(alice.id);
  expect(judgeLetter(crypto, received, carol.id)).toBeUndefined();
});

test("A17: a letter with any bit turned is nobody's, or is no letter", () => {
  const bytes = encode(Letter, letter);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const turned = Uint8Array.from(bytes);
    turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const read = readOrNothing(turned);
    const from = read && judgeLetter(crypto, read, bob.id);
    expect(from, `bit ${bit}`).not.toBe(alice.id);
  }
});

function readOrNothing(bytes: Uint8Array): Letter | undefined {
  try {
    return decode(Letter, bytes);
  } catch {
    return undefined;
  }
}

function mint(): NodeKeys {
  count += 1;
  return mintNodeKeys(crypto, { bytes: (length) => new Uint8Array(length).fill(count * 16) });
}
