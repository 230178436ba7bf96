/** Two copies of the profile of an account's only device, both running: nobody else could tell them. */

import { encode, tryDecode } from "@skein/protocol/codec";
import type { Tag } from "@skein/protocol/ids";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { breeze, calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
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
    // Once it was said how Alice goes on, they do not go on about it.
    await alice.ask("go-on-here", {});
    await copy.kill();
    await world.pass(20 * minuteMillis);
    await copy.start();
    await world.pass(10 * minuteMillis);
    expect([alice, copy].map(isTold)).toEqual([false, true]);
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
  await alice.ask("go-on-here", {});
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

test("A15: two copies that know of each other sign nothing, also after a restart, until a person says which one goes on", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, copy } = await haveCopy(world);
  await alice.start();
  await copy.start();
  await world.until("both knowing", () => isTold(alice) && isTold(copy));
  for (const node of [alice, copy]) {
    await node.kill();
    await node.start();
    await refusesToSign(node);
    await node.kill();
  }
  await alice.start();
  const id = alice.repository("notes")?.id ?? "";
  const draft = { onto: alice.tip("notes") ?? "", message: "meanwhile", changes: [] };
  await alice.ask("write-draft", { id, branch: "main", draft });
  await alice.ask("go-on-here", {});
  expect(await alice.ask("read-draft", { id, branch: "main" })).toEqual({ draft });
  const next = await alice.commit("notes", "two.txt", "going on");
  await alice.ask("rename-node", { name: "Alice goes on" });
  // It stays so while nobody shows anew that there are two, and the other one still waits.
  await alice.kill();
  await alice.start();
  expect(isTold(alice)).toBe(false);
  expect(alice.tip("notes")).toBe(next);
  await alice.kill();
  await copy.start();
  await refusesToSign(copy);
});

test("A15: of two copies of a lone device one goes on and lets the other one in again, as a new device with all that was here", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, copy } = await haveCopy(world);
  await alice.start();
  await copy.start();
  await world.until("both knowing", () => isTold(alice) && isTold(copy));
  await copy.ask("leave-to-copy", {});
  expect(copy.views.account).toMatchObject({ phase: "stopped", signIn: true });
  await alice.ask("go-on-here", {});
  await copy.ask("sign-in", { words, nodeName: copy.name, platform: "test" });
  await world.until("being in", () => copy.views.account.phase === "open");
  await approve(world, alice, copy);
  expect(isTold(alice) || isTold(copy)).toBe(false);
  const next = await copy.commit("notes", "two.txt", "in its own name");
  await world.until("Alice having it", () => alice.tip("notes") === next);
  await copy.kill();
  await copy.start();
  expect(isTold(copy)).toBe(false);
});

test("A15: where both copies go on, who hears both convicts them, and takes nothing more of either", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, copy } = await haveCopy(world);
  await alice.start();
  await copy.start();
  await world.until("both knowing", () => isTold(alice) && isTold(copy));
  for (const node of [alice, copy]) await node.ask("go-on-here", {});
  const bob = world.node("bob");
  await copy.kill();
  await signIn(world, bob, words);
  const one = await alice.commit("notes", "one.txt", "by the one");
  await world.until("Bob having it", () => bob.tip("notes") === one);
  await alice.kill();
  await bob.kill();
  const carol = world.node("carol");
  await copy.start();
  await signIn(world, carol, words);
  const other = await copy.commit("notes", "other.txt", "by the other");
  await world.until("Carol having it", () => carol.tip("notes") === other);
  await bob.start();
  await world.until("all knowing", () =>
    [bob, carol].every((node) =>
      node.repository("notes")?.remotes.some(({ standing }) => standing === "forked"),
    ),
  );
  await expect(copy.commit("notes", "more.txt", "more")).rejects.toThrow("two_places");
});

test("A15: a copy from before the account had another key, which does not see where members meet now, is noticed all the same", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, copy } = await haveCopy(world);
  await alice.start();
  const bob = world.node("bob");
  await signIn(world, bob, words);
  await approve(world, alice, bob);
  const node = bob.views.account.phase === "open" ? bob.views.account.node : "";
  await bob.kill();
  await alice.ask("revoke-node", { node, words: "", andApproved: false });
  await world.pass(5 * minuteMillis);
  expect(isTold(alice)).toBe(false);
  await copy.start();
  await world.until("both knowing", () => isTold(alice) && isTold(copy));
});

/** An account whose only device was copied while nothing ran. */
async function haveCopy(
  world: World,
): Promise<{ readonly alice: SimulatedNode; readonly copy: SimulatedNode }> {
  const alice = world.node("alice");
  words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  await world.pass(5_000);
  await alice.kill();
  const copy = world.node("copy of alice");
  copy.restore(alice.snapshot());
  return { alice, copy };
}

let words = "";

function isTold({ views: { account } }: SimulatedNode): boolean {
  return account.phase === "open" && account.standstill !== undefined;
}

/** Neither in a repository nor in the account. */
async function refusesToSign(node: SimulatedNode): Promise<void> {
  expect(isTold(node)).toBe(true);
  await expect(node.commit("notes", "one.txt", "one")).rejects.toThrow("two_places");
  await expect(node.ask("rename-node", { name: "somebody" })).rejects.toThrow("two_places");
  await expect(node.ask("new-repository", { name: "more", files: [] })).rejects.toThrow(
    "two_places",
  );
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
