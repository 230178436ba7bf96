/** The same storms over sessions as they are, with their keys. More: `node scripts/storms.mjs keys --seeds 1000`. */

import { expect, test } from "vitest";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { weatherAll } from "./session-seeds.ts";
import { formWithKeys } from "./session-with-keys.ts";

const crypto = await openCrypto();
const { all, failed } = await weatherAll("keys", 40, () => formWithKeys(crypto));

test("A14: two to six nodes with real keys hear each other within a minute of the last fault, nothing twice and nothing forged, and no forged packet ends a session", () => {
  expect(failed).toEqual([]);
  expect(all.reduce((sum, { planted }) => sum + planted, 0) / all.length).toBeGreaterThan(50);
});
