import { formatHex, type Bytes } from "@skein/protocol/bytes";
import { parseAccountId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { approvalDigits, approvalRequestHash } from "./approval.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { mintNodeKeys } from "./identity.ts";

const crypto = await openCrypto();
let state = 99;
const random = {
  bytes: (length: number): Bytes =>
    Uint8Array.from({ length }, () => ((state = (state * 48_271) % 2_147_483_647) >> 8) & 0xff),
};
const account = parseAccountId(formatHex(random.bytes(32)));
if (account === undefined) throw new Error("a hash is an account id");
const laptop = mintNodeKeys(crypto, random).id;

test("A8: digits are spread evenly", () => {
  const counts = Array.from({ length: 10 }, () => Array.from({ length: 6 }, () => 0));
  const rounds = 6_000;
  const options = { handshakeHash: random.bytes(64), account, asker: laptop, approver: laptop };
  for (let round = 0; round < rounds; round++) {
    const [askerNonce, approverNonce] = [random.bytes(32), random.bytes(32)];
    const digits = approvalDigits(crypto, { ...options, askerNonce, approverNonce });
    for (const [place, digit] of digits.split("").entries()) {
      const row = counts[Number(digit)];
      if (row) row[place] = (row[place] ?? 0) + 1;
    }
  }
  for (let place = 0; place < 6; place++) {
    const expected = rounds / 10;
    const chiSquare = counts.reduce(
      (sum, row) => sum + ((row[place] ?? 0) - expected) ** 2 / expected,
      0,
    );
    // 9 degrees of freedom: one in a hundred thousand is above 39.
    expect(chiSquare, `place ${place}`).toBeLessThan(39);
  }
});

test("A8: every part changes the digits, and the request's hash is its own", () => {
  const base = {
    handshakeHash: random.bytes(64),
    askerNonce: random.bytes(32),
    approverNonce: random.bytes(32),
    account,
    asker: laptop,
    approver: mintNodeKeys(crypto, random).id,
  };
  const digits = approvalDigits(crypto, base);
  expect(approvalDigits(crypto, { ...base })).toBe(digits);
  for (const changed of [
    { handshakeHash: random.bytes(64) },
    { askerNonce: base.approverNonce, approverNonce: base.askerNonce },
    { asker: base.approver, approver: base.asker },
  ])
    expect(approvalDigits(crypto, { ...base, ...changed })).not.toBe(digits);
  const [id, commitment] = [random.bytes(16), random.bytes(32)];
  expect(approvalRequestHash(crypto, { id, commitment })).not.toEqual(
    approvalRequestHash(crypto, { id, commitment: random.bytes(32) }),
  );
});
