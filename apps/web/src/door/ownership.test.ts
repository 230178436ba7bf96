/** Which tab runs the peer where the browser has no locks. */

import { expect, test } from "vitest";
import { askAround } from "./ownership.ts";

test("of three tabs exactly one owns, and when it goes exactly one of the others does", async () => {
  const ether = crypto.randomUUID();
  const owners: number[] = [];
  const tabs = [0, 1, 2].map((tab) =>
    askAround({
      channel: new BroadcastChannel(ether),
      own: () => owners.push(tab),
      roundMillis: 15,
    }),
  );
  await rounds(owners, 1);
  tabs[owners[0] ?? 0]?.[Symbol.dispose]();
  await rounds(owners, 2);
  for (const tab of tabs) tab[Symbol.dispose]();
  expect(new Set(owners).size).toBe(2);
});

/** Waits for that many owners, and then long enough for one too many to show itself. */
async function rounds(owners: ReadonlyArray<number>, count: number): Promise<void> {
  while (owners.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(owners).toHaveLength(count);
}
