/** Whatever Mallory makes of a message, its decoder takes it or refuses it, and nothing else happens. */

import { expect, test } from "vitest";
import { decoders } from "./decoders.ts";
import { BrokenByInputError, fuzz } from "./fuzz.ts";

/** `npx -y pnpm fuzz` gives each a million. Some cost more than others. */
const inputs = 3_000;
const dear = new Map([
  ["pack", 1_000],
  ["tree-names", 1_500],
  ["membership-member", 300],
  ["membership-log", 500],
  ["recovery-kit", 500],
]);

test.each(decoders.map((decoder) => [decoder.name, decoder] as const))(
  "%s: thousands of changed inputs are taken or refused",
  async (name, decoder) => {
    const tally = await fuzz(decoder, { seed: 1, inputs: dear.get(name) ?? inputs });
    // Where everything or nothing is refused, nothing was shown.
    expect(tally.taken).toBeGreaterThan(0);
    expect(tally.taken).toBeLessThan(tally.inputs);
  },
  60_000,
);

test("an input that breaks a decoder says how to see it again", async () => {
  const mallory = {
    name: "mallory",
    samples: [Uint8Array.of(1, 2, 3)],
    read: (bytes: Uint8Array) => {
      if (bytes.length > 3) throw new RangeError("too long for me");
      return true;
    },
  };
  const why: unknown = await fuzz(mallory, { seed: 1, inputs: 1_000 }).catch(
    (error: unknown) => error,
  );
  expect(why).toBeInstanceOf(BrokenByInputError);
  const seed = Number(/--decoder mallory --seed (\d+) --inputs 1\n/u.exec(String(why))?.[1]);
  await expect(fuzz(mallory, { seed, inputs: 1 })).rejects.toThrow("too long for me");
});
