/** Two copies of the profile of an account's only device, both running: nobody else could tell them. */

import { encode, tryDecode } from "@skein/protocol/codec";
import type { Tag } from "@skein/protocol/ids";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { breeze, calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { haveAccount } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

const minuteMillis = 60_000;
const worlds = [
  [1, calm, ["rita"]],
  [2, breeze, ["rita"]],
  [3, calm, ["rita", "ruth"]],
] as const;

test("A15: two copies of one profile, an account's only device, are both told of each other, once", async () => {
  for (const [seed, weather, relays] of worlds) {
    await using world = await foundWorld({ seed, weather, relays });
    const { alice, copy } = await haveCopy(world);
    await alice.start();
    await copy.start();
    await world.until("both knowing", () => isTold(alice) && isTold(copy), 6 * minuteMillis);
    const [notice] = copy.views.notices;
    expect(notice?.next).toContain("sign in on the other one as a new device");
    // Once they know, they do not go on about it.
    for (const { id } of alice.views.notices) await alice.ask("dismiss-notice", { id });
    await world.pass(20 * minuteMillis);
    expect(isTold(alice)).toBe(false);
  }
});

test("A15: a copy that ended before Alice's program began, or began after it, is told of only while both run", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, copy } = await haveCopy(world);
  await copy.start();
  await world.pass(minuteMillis);
  await copy.kill();
  await alice.start();
  await world.pass(20 * minuteMillis);
  expect(isTold(alice)).toBe(false);
  await copy.start();
  await world.until("both knowing", () => isTold(alice) && isTold(copy));
});

test("A15: nothing that Rita shows or says again makes Alice's only program believe in a copy", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, copy } = await haveCopy(world);
  // Rita has heard two copies talk to each other, and each of them ask.
  await alice.start();
  await copy.start();
  await world.until("both knowing", () => isTold(alice) && isTold(copy));
  await copy.kill();
  await alice.kill();
  repeatEverything(world);
  for (let run = 0; run < 3; run++) {
    const before = world.relay.heard.length;
    await alice.start();
    await world.pass(7 * minuteMillis);
    expect(isTold(alice)).toBe(false);
    // It took the blobs for a copy's, and asked.
    const asked = world.relay.heard.slice(before).filter(({ frame }) => frame[0] === publishOp);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThan(100);
    await alice.kill();
  }
});

/** An account whose only device was copied while nothing ran. */
async function haveCopy(
  world: World,
): Promise<{ readonly alice: SimulatedNode; readonly copy: SimulatedNode }> {
  const alice = world.node("alice");
  await haveAccount(world, alice);
  await world.pass(5_000);
  await alice.kill();
  const copy = world.node("copy of alice");
  copy.restore(alice.snapshot());
  return { alice, copy };
}

function isTold({ views }: SimulatedNode): boolean {
  return views.notices.some(({ what }) => what.includes("Another copy of this browser profile"));
}

/** Before all that Rita says, she says again all that was ever said to her, to whoever said it, and shows every blob there was. */
function repeatEverything({ relay }: World): void {
  relay.lie({
    passOn: (bytes) => {
      if (tryDecode(RelayFrame, bytes)?.type !== "found") return [bytes];
      const blobs = new Map<Tag, Array<Uint8Array<ArrayBuffer>>>();
      const said = relay.heard.flatMap(({ frame }) => {
        const read = tryDecode(RelayFrame, Uint8Array.from(frame));
        if (read?.type === "announce")
          blobs.set(read.tag, [...(blobs.get(read.tag) ?? []), read.blob]);
        return read?.type === "publish" ? [encode(RelayFrame, read)] : [];
      });
      const shown = [...blobs].map(([tag, all]) =>
        encode(RelayFrame, { type: "found", tag, blobs: all.slice(-10) }),
      );
      return [...shown, ...said, bytes];
    },
  });
}

const publishOp = 0x02;
