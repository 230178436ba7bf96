/** What is left of small messages in the memory that Node hands out for them. */

import { expect, test } from "vitest";

import { renewPool } from "./pool.ts";

test("nothing of a small message is in the pool a moment after it went out, however much of a slab was used", () => {
  const canary = Buffer.from("canary in a pool");
  for (let used = 0; used < Buffer.poolSize; used += 1_000) {
    for (let bytes = 0; bytes < used; bytes += 1_000) Buffer.allocUnsafe(1_000).fill(canary);
    const slab = Buffer.from(canary).buffer;
    renewPool();
    const fresh = Buffer.allocUnsafe(8);
    expect(fresh.buffer).not.toBe(slab);
    expect(Buffer.from(fresh.buffer).includes(canary)).toBe(false);
  }
});
