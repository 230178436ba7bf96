import { concat, equal, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { parseNodeId, type NodeId } from "@skein/protocol/ids";
import { sentBytesKept, streamWindowBytes } from "@skein/protocol/limits";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openAlarms } from "./alarms.ts";
import { Flows, FlowFailedError, NoSourceError } from "./flows.ts";
import { openInbox } from "./inbox.ts";
import { openScope } from "./scope.ts";
import { sourceOf, sourceOfParts, SourceGoneError, type Source } from "./sources.ts";

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function nodeOf(digit: string): NodeId {
  const node = parseNodeId(digit.repeat(64));
  if (node === undefined) throw new Error("this is an id");
  return node;
}

const [alice, bob] = [nodeOf("a"), nodeOf("b")];
const request = { type: "entries", heads: [] } as const;

/** Alice and Bob, who hear each other at once; how many alarms are set is seen. */
function meet(find: () => Promise<Source>): {
  readonly flows: (node: NodeId) => Flows;
  readonly alarmsSet: () => number;
} {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const set = new Set<object>();
  const clock = {
    now: simulation.now,
    wake: (): (() => void) => {
      const alarm = {};
      set.add(alarm);
      return () => set.delete(alarm);
    },
  };
  const inbox = openInbox((cause) => {
    throw cause;
  });
  const sides = new Map<NodeId, Flows>();
  const flows = (node: NodeId): Flows => {
    const found = sides.get(node);
    if (found === undefined) throw new Error("nobody");
    return found;
  };
  for (const me of [alice, bob])
    sides.set(
      me,
      new Flows({
        me,
        clock,
        random: simulation,
        inbox,
        alarms: openAlarms({ clock, inbox }),
        scope: openScope(() => undefined),
        find,
        report: (cause) => {
          throw cause;
        },
        send: (node, message) => inbox.post(() => flows(node).receive(me, message)),
      }),
    );
  flows(alice).up(bob);
  flows(bob).up(alice);
  return { flows, alarmsSet: () => set.size };
}

const asking = (): { readonly bytesMax: number; readonly signal: AbortSignal } => ({
  bytesMax: 1_000_000,
  signal: new AbortController().signal,
});

test("Alice gets all that Bob has, however long it is, and hears how far it is", async () => {
  const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
  const { flows } = meet(() => Promise.resolve(sourceOf(bytes, 3)));
  const shares: number[] = [];
  const got = await flows(alice).ask(bob, request, {
    ...asking(),
    onProgress: (done) => shares.push(done.bytes / done.bytesAll),
  });
  expect(got).toEqual(bytes);
  expect(shares.length).toBeGreaterThan(1);
  expect(shares.at(-1)).toBe(1);
});

test("what Bob does not have is a word, not a silence", async () => {
  const { flows } = meet(() => Promise.reject(new NoSourceError("not-here")));
  await expect(flows(alice).ask(bob, request, asking())).rejects.toMatchObject({ why: "not-here" });
});

test("Alice stops waiting when she is told to, and when her network ends", async () => {
  const { flows } = meet(() => new Promise<never>(() => undefined));
  const controller = new AbortController();
  const first = flows(alice).ask(bob, request, { bytesMax: 10, signal: controller.signal });
  const second = flows(alice).ask(bob, request, asking());
  const refused = Promise.allSettled([first, second]);
  controller.abort();
  flows(alice).close();
  const stopped = { status: "rejected", reason: new FlowFailedError("stopped") };
  expect(await refused).toEqual([stopped, stopped]);
});

test("nothing is kept of a node that is gone and to which nothing is owed", async () => {
  const { flows, alarmsSet } = meet(() => Promise.resolve(sourceOf(formatUtf8("all"))));
  await flows(alice).ask(bob, request, asking());
  await soon();
  flows(alice).lost(bob);
  flows(bob).lost(alice);
  expect(alarmsSet()).toBe(0);
  // A new session is a new beginning.
  flows(alice).up(bob);
  flows(bob).up(alice);
  expect(await flows(alice).ask(bob, request, asking())).toEqual(formatUtf8("all"));
});

test("what is taken part by part comes no faster than it is taken, and carries on after a new path", async () => {
  const bytes = new Uint8Array(3 * streamWindowBytes).map((_, index) => index % 251);
  const { flows } = meet(() => Promise.resolve(sourceOf(bytes, 3)));
  const parts: Uint8Array[] = [];
  let ahead = 0;
  let cuts = 0;
  const answer = await flows(alice).ask(bob, request, {
    ...asking(),
    bytesMax: bytes.length,
    onProgress: (done) => {
      const taken = parts.reduce((sum, part) => sum + part.length, 0);
      ahead = Math.max(ahead, done.bytes - taken);
    },
    take: async (part) => {
      await soon();
      parts.push(part);
      if (parts.length !== 20) return;
      cuts += 1;
      flows(alice).lost(bob);
      flows(alice).up(bob);
    },
  });
  expect(answer).toEqual(new Uint8Array());
  expect(cuts).toBe(1);
  expect(equal(concat(...parts), bytes)).toBe(true);
  expect(ahead).toBeLessThanOrEqual(streamWindowBytes);
});

test("what Alice cannot take ends the stream, and she learns why", async () => {
  const bytes = new Uint8Array(300_000);
  const { flows } = meet(() => Promise.resolve(sourceOf(bytes, 1)));
  const why = new Error("the third part is a lie");
  let parts = 0;
  const take = async (): Promise<void> => {
    await soon();
    parts += 1;
    if (parts === 3) throw why;
  };
  await expect(flows(alice).ask(bob, request, { ...asking(), take })).rejects.toBe(why);
  await soon();
  expect(parts).toBe(3);
});

test("what Bob makes while he sends it is made no faster than Alice takes it, and not kept", async () => {
  const partBytes = 1024 * 1024;
  const many = 24;
  let made = 0;
  let ended = 0;
  async function* parts(): AsyncGenerator<Bytes, void, void> {
    try {
      for (; made < many; made++) yield new Uint8Array(partBytes).fill(made);
    } finally {
      ended += 1;
    }
  }
  const source = sourceOfParts({ bytes: many * partBytes, objects: 1, parts });
  const { flows } = meet(() => Promise.resolve(source));
  let taken = 0;
  let ahead = 0;
  const take = async (part: Bytes): Promise<void> => {
    expect(part.every((byte) => byte === part[0])).toBe(part[0] === part.at(-1));
    await soon();
    taken += part.length;
    ahead = Math.max(ahead, (made + 1) * partBytes - taken);
  };
  await flows(alice).ask(bob, request, { ...asking(), bytesMax: source.bytes, take });
  expect(taken).toBe(source.bytes);
  expect(ahead).toBeLessThanOrEqual(streamWindowBytes + 2 * partBytes);
  await soon();
  expect(ended).toBe(1);
});

test("what Bob told of long ago is not told again, and what breaks off in the middle is said to have failed", async () => {
  const part = new Uint8Array(sentBytesKept);
  async function* parts(): AsyncGenerator<Bytes, void, void> {
    yield part;
    yield part;
  }
  const open = (bytes: number): Source => sourceOfParts({ bytes, objects: 1, parts });
  const source = open(2 * part.length);
  await source.read(0, 10);
  await source.read(2 * part.length - 10, 10);
  await expect(source.read(0, 10)).rejects.toThrow(SourceGoneError);
  // Where packs were replaced, less comes than was said.
  const { flows } = meet(() => Promise.resolve(open(3 * part.length)));
  await expect(
    flows(alice).ask(bob, request, { ...asking(), bytesMax: 3 * part.length }),
  ).rejects.toMatchObject({ why: "failed" });
});
