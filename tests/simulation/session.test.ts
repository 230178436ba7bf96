/** The same storms over sessions as they are, with their keys. More: `node scripts/storms.mjs keys --seeds 1000`. */

import { expect, test } from "vitest";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { weatherAll } from "./session-seeds.ts";
import { formWithKeys } from "./session-with-keys.ts";

const crypto = await openCrypto();
const { parted, wronged } = await weatherAll("keys", 40, () => formWithKeys(crypto));

test("A13: two to six nodes with real keys hear each other within a minute of the last fault", () => {
  expect(parted).toEqual([]);
});

test("A14: nodes with real keys hear nothing twice, and no forged packet makes or ends a session", () => {
  expect(wronged).toEqual([]);
});
