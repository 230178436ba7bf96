/** Masks, compared with what the specification says byte by byte. */

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { mask, unmask } from "./fast-mask.ts";

const words = fc.uint8Array({ minLength: 4, maxLength: 4 });

test("whatever its length and wherever it lies, a message is unmasked as RFC 6455 has it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 90 }), words, fc.nat(7), (bytes, word, shift) => {
      const memory = new Uint8Array(bytes.length + 16).fill(0xee);
      memory.set(bytes, shift);
      unmask(memory.subarray(shift, shift + bytes.length), word);
      const plain = bytes.map((byte, at) => byte ^ (word[at % 4] ?? 0));
      expect(memory.subarray(shift, shift + bytes.length)).toEqual(plain);
      expect(memory[shift + bytes.length]).toBe(0xee);
    }),
    { numRuns: 2_000 },
  );
});

test("masking into another buffer leaves the rest of it alone", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 90 }), words, fc.nat(9), (bytes, word, offset) => {
      const goal = new Uint8Array(bytes.length + 20).fill(0xee);
      mask(bytes, word, goal, offset, bytes.length);
      const masked = bytes.map((byte, at) => byte ^ (word[at % 4] ?? 0));
      expect(goal.subarray(offset, offset + bytes.length)).toEqual(masked);
      expect([...goal.subarray(0, offset), goal[offset + bytes.length]]).toEqual(
        Array.from({ length: offset + 1 }, () => 0xee),
      );
    }),
  );
});
