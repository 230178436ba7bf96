/** Who goes on when a turn of the event loop has no more room: Alice says little, Bob much, Mallory as much as she can. */

import { relayOps } from "@skein/protocol/relay-frame";
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Visitor } from "./addresses.ts";
import { FairQueue } from "./fair-queue.ts";
import { fixedLimits } from "./fixed-limits.ts";
import { Hub } from "./hub.ts";
import { defaultLimits } from "./limits.ts";
import type { Member } from "./member.ts";

const limits = {
  ...defaultLimits,
  publishesBurst: 1e6,
  publishBytesBurst: 1e12,
  bytesPerAddressBurst: 1e12,
  turnWaitingMax: 256,
};
const now = { monotonicMillis: 0, wallMillis: 0 };

/** A relay whose turns end when they are told to, and what reached whom, in its order. */
function openScene(given: Partial<typeof limits> = {}) {
  const ends: Array<() => void> = [];
  const hub = new Hub({
    limits: { ...limits, ...given },
    iceServers: [],
    later: (run) => void ends.push(run),
  });
  const passed: string[] = [];
  function join(name: string, tag?: number, visitor?: Visitor) {
    const inbox: Buffer[] = [];
    const way: { held: Buffer | undefined } = { held: undefined };
    const read = (): void => {
      while (way.held === undefined) {
        const frame = inbox.shift();
        if (frame === undefined) return;
        hub.receive(member, frame, 0);
      }
    };
    const member: Member = hub.join(
      {
        push: ({ head, body }) => {
          const frame = body ?? head.subarray((head[1] ?? 0) < 126 ? 2 : 4);
          if (frame[0] === relayOps.publish) passed.push(`${name}<${frame[17]}`);
        },
        backlogBytes: () => 0,
        halfReceivedBytes: () => 0,
        hold: (frame) => {
          way.held = frame;
        },
        goOn: (isAdmitted) => {
          const frame = way.held;
          way.held = undefined;
          if (frame !== undefined) hub.goOn(member, frame, isAdmitted);
          read();
        },
        close: () => undefined,
      },
      now,
      visitor,
    );
    if (tag !== undefined)
      hub.receive(member, Buffer.concat([Buffer.of(1, 0, 0, 0, 1), tagOf(tag)]), 0);
    const publish = (to: number, mark: number, bytes: number): void => {
      inbox.push(Buffer.concat([Buffer.of(2), tagOf(to), Buffer.alloc(bytes, mark)]));
      read();
    };
    return { member, publish, leave: () => hub.leave(member), waits: () => way.held !== undefined };
  }
  /** The turn ends; answers what was passed on since the last one did. */
  const endTurn = (): ReadonlyArray<string> => {
    for (const end of ends.splice(0)) end();
    return passed.splice(0);
  };
  return { hub, join, endTurn, isAsked: () => ends.length > 0, passed };
}

function tagOf(tag: number): Buffer {
  return Buffer.alloc(16, tag);
}

/** What of a turn one frame for so many takes. */
function costOf(bytes: number, readers: number): number {
  return (17 + bytes + fixedLimits.deliveryCostBytes) * readers;
}

test("while Mallory floods, a turn passes on so much, and Alice's message goes at once", () => {
  const { join, endTurn, passed } = openScene();
  const readers = 300;
  for (let index = 0; index < readers; index++) join("deaf", 1);
  join("bob", 2);
  const [alice, mallory] = [join("alice"), join("mallory")];
  const perTurn = Math.ceil(limits.turnBytesMax / costOf(16_000, readers));
  for (let index = 0; index < 20; index++) mallory.publish(1, 9, 16_000);
  expect(passed.length).toBe(perTurn * readers);
  alice.publish(2, 7, 200);
  expect(passed.at(-1)).toBe("bob<7");
  expect([alice.waits(), mallory.waits()]).toEqual([false, true]);
  passed.splice(0);
  // No more than there is room for in any turn, and all of it in the end.
  const perTurns = Array.from({ length: 25 }, () => endTurn().length / readers);
  expect(Math.max(...perTurns)).toBe(perTurn);
  expect(perTurns.reduce((sum, count) => sum + count)).toBe(20 - perTurn);
});

test("of those who wait, what costs less goes first, and who has waited longest is not forgotten", () => {
  const { join, endTurn, passed } = openScene();
  for (let index = 0; index < 400; index++) join("deaf", 1);
  for (let index = 0; index < 100; index++) join("friend", 2);
  const mallorys = Array.from({ length: 30 }, () => join("mallory"));
  const [alice, bob] = [join("alice"), join("bob")];
  for (const [index, mallory] of mallorys.entries())
    for (let at = 0; at < 5; at++) mallory.publish(1, index, 16_000);
  passed.splice(0);
  alice.publish(2, 100, 1_500);
  for (let at = 101; at < 130; at++) bob.publish(2, at, 1_500);
  expect([alice.waits(), bob.waits(), passed]).toEqual([true, true, []]);
  // All of Bob's and Alice's go before the next of Mallory's 150, each of which takes a turn.
  const marks = Array.from({ length: 4 }, () => [...new Set(endTurn())]);
  expect(marks[0]?.slice(0, 3)).toEqual(["friend<100", "friend<101", "friend<102"]);
  expect(
    marks
      .flat()
      .slice(0, 30)
      .every((mark) => mark.startsWith("friend")),
  ).toBe(true);
  expect(marks.flat().slice(30)).toEqual(["deaf<0", "deaf<1", "deaf<2"]);
  // However many small ones come: she who has waited longest has a turn of eight.
  const [eve, frank] = [join("eve"), join("frank")];
  const late: string[] = [];
  for (let turn = 0; turn < 16; turn++) {
    for (let at = 0; at < 30; at++) for (const one of [eve, frank]) one.publish(2, 200, 2_000);
    late.push(...new Set(endTurn()));
  }
  expect(late.filter((mark) => mark.startsWith("deaf")).length).toBe(2);
});

test("who goes while waiting is forgotten with it, and an idle relay asks for no more turns", () => {
  const { join, endTurn, isAsked, passed } = openScene();
  for (let index = 0; index < 500; index++) join("deaf", 1);
  const [mallory, eve] = [join("mallory"), join("eve")];
  for (let index = 0; index < 3; index++) mallory.publish(1, 9, 60_000);
  eve.publish(1, 8, 60_000);
  expect([mallory.waits(), eve.waits()]).toEqual([true, true]);
  mallory.leave();
  passed.splice(0);
  const all = Array.from({ length: 4 }, () => endTurn()).flat();
  expect([all.length, all[0], all.at(-1), isAsked()]).toEqual([500, "deaf<8", "deaf<8", false]);
});

test("whatever is sent by whom, each reader has every message once, and those of one sender in their order", () => {
  const sends = fc.array(
    fc.record({
      from: fc.nat({ max: 4 }),
      to: fc.nat({ max: 2 }),
      bytes: fc.integer({ min: 1, max: 60_000 }),
      isTurnOver: fc.boolean(),
    }),
    { maxLength: 150 },
  );
  fc.assert(
    fc.property(sends, (given) => {
      const { join, endTurn, isAsked } = openScene();
      for (let index = 0; index < 300; index++) join(`reader${index % 3}`, index % 3);
      const senders = Array.from({ length: 5 }, () => join("sender"));
      const passed: string[] = [];
      for (const [mark, { from, to, bytes, isTurnOver }] of given.entries()) {
        senders[from]?.publish(to, mark, bytes);
        if (isTurnOver) passed.push(...endTurn());
      }
      for (let turn = 0; isAsked() && turn < 1_000; turn++) passed.push(...endTurn());
      for (const from of senders.keys()) {
        const wanted = [...given.entries()].filter(([, one]) => one.from === from);
        const words = wanted.map(([mark, { to }]) => `reader${to}<${mark}`);
        const hers = passed.filter((one) => words.includes(one));
        expect(hers).toEqual(words.flatMap((one) => Array.from({ length: 100 }, () => one)));
      }
      expect(passed.length).toBe(given.length * 100);
    }),
    { numRuns: 60 },
  );
});

test("when too many wait, what costs most is refused with the time to say it again, and its sender goes on", () => {
  const { hub, join, endTurn, passed } = openScene();
  for (let index = 0; index < 400; index++) join("deaf", 1);
  for (let index = 0; index < 100; index++) join("friend", 2);
  const mallorys = Array.from({ length: limits.turnWaitingMax + 1 }, () => join("mallory"));
  for (const mallory of mallorys) mallory.publish(1, 9, 16_000);
  expect(hub.counts().waitingSenders).toBe(limits.turnWaitingMax);
  expect(hub.totals.refused.get("too-fast")).toBeUndefined();
  // One more of the same is refused; what costs less takes the place of one that costs more.
  const eve = join("eve");
  eve.publish(1, 9, 16_000);
  expect([eve.waits(), hub.totals.refused.get("too-fast")]).toEqual([false, 1]);
  passed.splice(0);
  const bob = join("bob");
  for (let at = 0; at < 3; at++) bob.publish(2, at, 2_000);
  expect([bob.waits(), hub.totals.refused.get("too-fast")]).toEqual([true, 2]);
  expect(hub.counts().waitingSenders).toBe(limits.turnWaitingMax);
  expect(mallorys.filter((mallory) => mallory.waits())).toHaveLength(limits.turnWaitingMax - 1);
  expect([...new Set(endTurn())].slice(0, 3)).toEqual(["friend<0", "friend<1", "friend<2"]);
});

test("however long the row of those who make room for each other, the relay goes on", () => {
  const places = 4_000;
  const { hub, join } = openScene({ turnWaitingMax: places });
  for (let index = 0; index < 500; index++) join("deaf", 1);
  for (let index = 0; index < 100; index++) join("friend", 2);
  const mallorys = Array.from({ length: places + 1 }, () => join("mallory"));
  // Each is given up for something smaller, and says something smaller itself.
  for (const mallory of mallorys) {
    mallory.publish(1, 9, 60_000);
    mallory.publish(2, 9, 2_000);
  }
  join("alice").publish(2, 7, 2_000);
  expect(hub.totals.refused.get("too-fast")).toBeGreaterThan(places / 2);
  expect(hub.counts().waitingSenders).toBe(places);
});

test("who fills the places with small ones from few addresses does not keep Alice's large one out", () => {
  const { hub, join, endTurn } = openScene();
  for (let index = 0; index < 500; index++) join("deaf", 1);
  for (let index = 0; index < 200; index++) join("friend", 2);
  const lairs = Array.from({ length: 8 }, () => new Visitor(limits, "", undefined));
  const mallorys = Array.from({ length: 400 }, (_, index) => join("mallory", 0, lairs[index % 8]));
  const alice = join("alice", 0, new Visitor(limits, "", undefined));
  let heard = 0;
  for (let turn = 0; turn < 110; turn++) {
    for (const mallory of mallorys) mallory.publish(2, 9, 1_000);
    if (turn % 20 === 5 && turn < 60) alice.publish(1, 7, 30_000);
    heard += endTurn().filter((mark) => mark === "deaf<7").length;
  }
  expect(hub.totals.refused.get("too-fast")).toBeGreaterThan(100);
  expect(heard).toBe(3 * 500);
});

test("thousands who each say a little fill a turn as well, and go on in the next", () => {
  const { join, endTurn, passed } = openScene();
  for (let index = 0; index < 100; index++) join("friend", 1);
  const many = Array.from({ length: 1_500 }, () => join("many"));
  for (const one of many) one.publish(1, 3, 1);
  const most = (limits.turnBytesMax * fixedLimits.littleParts) / costOf(1, 100);
  expect(passed.length / 100).toBe(Math.ceil(most));
  expect(many.filter((one) => one.waits()).length).toBe(limits.turnWaitingMax);
  passed.splice(0);
  const rest = Array.from({ length: 10 }, () => endTurn()).flat();
  expect(rest.length / 100).toBe(limits.turnWaitingMax);
});

test("what has waited for so many turns is refused, and its sender goes on", () => {
  const { hub, join, endTurn, passed } = openScene();
  for (let index = 0; index < 500; index++) join("deaf", 1);
  const mallorys = Array.from({ length: 100 }, () => join("mallory"));
  for (const mallory of mallorys) mallory.publish(1, 9, 60_000);
  passed.splice(0);
  const passedOn = Array.from({ length: 100 }, () => endTurn()).flat().length / 500;
  expect(passedOn).toBe(fixedLimits.turnsWaitMax);
  expect(hub.totals.refused.get("too-fast")).toBe(99 - fixedLimits.turnsWaitMax);
  expect(mallorys.filter((one) => one.waits())).toEqual([]);
});

test("readers who come while messages wait make no turn longer: what went to nobody does not go to hundreds", () => {
  const { hub, join, endTurn, passed } = openScene({ turnWaitingMax: 1_000 });
  for (let index = 0; index < 125; index++) join("many", 1);
  const little = Array.from({ length: 520 }, () => join("little"));
  for (const one of little) one.publish(1, 3, 1);
  const mallorys = Array.from({ length: 700 }, () => join("mallory"));
  for (const mallory of mallorys) mallory.publish(2, 9, 1);
  expect(hub.counts().waitingSenders).toBeGreaterThan(600);
  for (let index = 0; index < 500; index++) join("late", 2);
  passed.splice(0);
  const turns = Array.from({ length: 5 }, () => endTurn());
  expect(turns.flat().filter((mark) => mark === "late<9")).toEqual([]);
  expect(hub.totals.refused.get("too-fast")).toBeGreaterThan(600);
});

test("one place each: a member that is told of again waits with what it said last, and the turns end", () => {
  const ends: Array<() => void> = [];
  const queue = new FairQueue({ limits, later: (run) => void ends.push(run) });
  const told: boolean[] = [];
  const hub = new Hub({ limits, iceServers: [], later: () => undefined });
  const exit = {
    push: () => undefined,
    backlogBytes: () => 0,
    halfReceivedBytes: () => 0,
    hold: () => undefined,
    goOn: (isAdmitted: boolean) => void told.push(isAdmitted),
    close: () => undefined,
  };
  const [first, second] = [hub.join(exit, now), hub.join(exit, now)];
  for (const [once, again] of [
    [500, 200],
    [200, 500],
  ] as const) {
    queue.admit(first, Buffer.alloc(60_000), 500);
    for (const readers of [once, again])
      expect(queue.admit(second, Buffer.alloc(2_000), readers)).toBe("later");
    for (let turn = 0; turn < 3; turn++) for (const end of ends.splice(0)) end();
    expect([told.splice(0), queue.size]).toEqual([[true], 0]);
  }
});
