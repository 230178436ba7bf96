/** What it takes to be let in, against anything that may happen in any order. */

import { expect, test } from "vitest";
import { equal } from "@skein/protocol/bytes";
import { instant, later, parseNodeId, type NodeId } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { approvalApprover, type ApproverEvent, type ApproverState } from "./approval-approver.ts";
import { chanceOf } from "./testing/account.ts";

const nodes = ["a", "b"].map((digit) => parseNodeId(digit.repeat(64)) ?? never());
const ids = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte));
const numbers = ["482913", "482914", "000000", "", "undefined"];

test("A9: whatever happens in whatever order, only the number of a request that was opened lets a device in", () => {
  const happened = new Map<string, number>();
  let grants = 0;
  for (let seed = 1; seed <= 2_000; seed++) {
    const chance = chanceOf(seed);
    const watched = new Watched();
    for (let turn = 0; turn < 40; turn++) {
      const event = anyEvent(chance, turn);
      happened.set(event.type, (happened.get(event.type) ?? 0) + 1);
      for (const node of watched.tell(event)) {
        grants += 1;
        expect(watched.mayGrant(node, event), `seed ${seed}, turn ${turn}`).toBe(true);
      }
    }
  }
  // Nothing that can be told was left out, and the right way in was found.
  expect([...happened.keys()].toSorted()).toEqual(
    Object.keys(approvalApprover.table.watching).toSorted(),
  );
  expect(grants).toBeGreaterThan(50);
});

type Told<Type extends ApproverEvent["type"]> = Extract<ApproverEvent, { readonly type: Type }>;

/** The machine, and what a person and a device did as far as it matters. */
class Watched {
  #state: ApproverState = approvalApprover.initial;
  #before: ApproverState = approvalApprover.initial;
  readonly #opened = new Map<NodeId, Uint8Array>();
  readonly #revealed = new Map<NodeId, { readonly of: Uint8Array; readonly digits: string }>();

  /** Answers with whom it lets in. */
  tell(event: ApproverEvent): ReadonlyArray<NodeId> {
    this.#before = this.#state;
    const [next, effects] = step(approvalApprover, this.#state, event);
    this.#state = next;
    const row = "node" in event ? this.#before.rows.get(event.node) : undefined;
    if (row !== undefined && event.type === "request-opened")
      this.#opened.set(row.node, row.request.id);
    if (row !== undefined && event.type === "reveal-received") this.#learn(row.request.id, event);
    return effects.flatMap((effect) => (effect.type === "admit" ? [effect.node] : []));
  }

  /** Only the first counts: later ones could be made to fit. */
  #learn(of: Uint8Array, { node, id, digits }: Told<"reveal-received">): void {
    const isFirst = this.#revealed.get(node)?.of !== of;
    if (digits !== undefined && isFirst && equal(id, of) && this.#opened.get(node) === of)
      this.#revealed.set(node, { of, digits });
  }

  mayGrant(node: NodeId, event: ApproverEvent): boolean {
    const row = this.#before.rows.get(node);
    const revealed = this.#revealed.get(node);
    return (
      row !== undefined &&
      revealed !== undefined &&
      event.type === "number-typed" &&
      event.node === node &&
      event.digits === revealed.digits &&
      revealed.of === row.request.id &&
      this.#opened.get(node) === row.request.id
    );
  }
}

function anyEvent(chance: () => number, turn: number): ApproverEvent {
  const pick = <T>(among: ReadonlyArray<T>): T =>
    among[Math.floor(chance() * among.length)] ?? never();
  const [node, id, now] = [pick(nodes), pick(ids), later(start, turn * 7_000)];
  const nonce = new Uint8Array(16);
  const digits = pick(numbers);
  const events: ReadonlyArray<ApproverEvent> = [
    {
      type: "request-received",
      node,
      request: {
        id: Uint8Array.from(id),
        commitment: new Uint8Array(32),
        name: "bob",
        platform: "test",
        askedAt: now,
      },
      now,
    },
    { type: "request-opened", node, nonce, now },
    { type: "reveal-received", node, id, digits: chance() < 0.1 ? undefined : digits, now },
    { type: "number-typed", node, digits, now },
    { type: "request-denied", node, now },
    { type: "denial-lifted", node, now },
    { type: "denials-remembered", nodes: [] },
    { type: "request-withdrawn", node, id, now },
    { type: "node-admitted", node, now },
    { type: "time-passed", now },
  ];
  // What leads somewhere is told more often.
  return pick(chance() < 0.7 ? events.slice(0, 4) : events);
}

function never(): never {
  throw new Error("there is one");
}

const start = instant(1_700_000_000_000);
