import { expect, test } from "vitest";
import type { Bytes } from "@skein/protocol/bytes";
import { formatHex } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { instant, later, parseAccountId, type Instant, type NodeId } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { NodeMessage } from "@skein/protocol/node-message";
import {
  approvalApprover,
  type ApproverEffect,
  type ApproverEvent,
  type ApproverState,
} from "./approval-approver.ts";
import {
  approvalAsker,
  type Asked,
  type AskerEffect,
  type AskerEvent,
  type AskerState,
} from "./approval-asker.ts";
import {
  approvalCommitment,
  approvalDigits,
  approvalMillis,
  judgeReveal,
  type ApprovalMessage,
} from "./approval.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { mintNodeKeys } from "./identity.ts";

const crypto = await openCrypto();
let state = 99;
const random = {
  bytes: (length: number): Bytes =>
    Uint8Array.from({ length }, () => ((state = (state * 48_271) % 2_147_483_647) >> 8) & 0xff),
};
const start = instant(1_700_000_000_000);
const account = parseAccountId(formatHex(random.bytes(32)));
if (account === undefined) throw new Error("a hash is an account id");
const laptop = mintNodeKeys(crypto, random).id;

/** A device that asks. */
interface Asker {
  readonly node: NodeId;
  readonly handshake: Bytes;
  state: AskerState;
}

/** The screens, the two machines and the session between them. */
class Scene {
  approver: ApproverState = approvalApprover.initial;
  readonly askers = new Map<NodeId, Asker>();
  readonly prompts: NodeId[] = [];
  readonly admitted: NodeId[] = [];
  /** Messages to be lost. */
  lost = 0;
  now: Instant = start;

  arrive(node: NodeId = mintNodeKeys(crypto, random).id): Asker {
    const asker: Asker = { node, handshake: random.bytes(64), state: approvalAsker.initial };
    this.askers.set(node, asker);
    return asker;
  }

  ask(asker: Asker): void {
    const nonce = random.bytes(32);
    const { handshake: handshakeHash } = asker;
    const asked: Asked = {
      id: random.bytes(16),
      nonce,
      commitment: approvalCommitment(crypto, { handshakeHash, askerNonce: nonce }),
      handshakeHash,
      name: "Phone",
      platform: "Android",
      askedAt: this.now,
    };
    this.tellAsker(asker, { type: "approval-wanted", asked, now: this.now });
  }

  open(asker: Asker): void {
    const { node } = asker;
    this.tell({ type: "request-opened", node, nonce: random.bytes(32), now: this.now });
  }

  type(asker: Asker, digits: string): void {
    this.tell({ type: "number-typed", node: asker.node, digits, now: this.now });
  }

  wait(millis: number): void {
    this.now = later(this.now, millis);
    this.tell({ type: "time-passed", now: this.now });
    for (const asker of this.askers.values())
      this.tellAsker(asker, { type: "time-passed", now: this.now });
  }

  /** What the device shows. */
  digitsOf(asker: Asker): string | undefined {
    if (asker.state.phase !== "comparing") return undefined;
    const { asked, approverNonce } = asker.state;
    return approvalDigits(crypto, {
      handshakeHash: asked.handshakeHash,
      askerNonce: asked.nonce,
      approverNonce,
      account: account ?? raise(),
      asker: asker.node,
      approver: laptop,
    });
  }

  tell(event: ApproverEvent): void {
    const [next, effects] = step(approvalApprover, this.approver, event);
    this.approver = next;
    for (const effect of effects) this.#perform(effect);
  }

  tellAsker(asker: Asker, event: AskerEvent): void {
    const [next, effects] = step(approvalAsker, asker.state, event);
    asker.state = next;
    for (const effect of effects) this.#performAsker(asker, effect);
  }

  #perform(effect: ApproverEffect): void {
    if (effect.type === "prompt") this.prompts.push(effect.node);
    if (effect.type === "admit") {
      this.admitted.push(effect.node);
      this.tell({ type: "node-admitted", node: effect.node, now: this.now });
    }
    if (effect.type !== "send-message" || this.#isLost()) return;
    const asker = this.askers.get(effect.node);
    const { message } = effect;
    if (asker && message.type === "approval-nonce")
      this.tellAsker(asker, { ...message, type: "nonce-received", now: this.now });
    if (asker && message.type === "approval-news")
      this.tellAsker(asker, { ...message, type: "news-received", now: this.now });
  }

  #performAsker(asker: Asker, effect: AskerEffect): void {
    if (effect.type === "send-message" && !this.#isLost()) this.hear(asker, effect.message);
  }

  hear({ node, handshake }: Asker, message: ApprovalMessage): void {
    // What the machines say is what crosses the wire.
    if (tryDecode(NodeMessage, encode(NodeMessage, message))?.type !== message.type) raise();
    if (message.type === "approval-request")
      this.tell({ type: "request-received", node, request: message, now: this.now });
    if (message.type === "approval-news" && message.step === "withdrawn")
      this.tell({ type: "request-withdrawn", node, id: message.id, now: this.now });
    const row = this.approver.rows.get(node);
    if (message.type !== "approval-reveal" || row?.stage !== "opened") return;
    const digits = judgeReveal(crypto, {
      handshakes: [random.bytes(64), handshake],
      commitment: row.request.commitment,
      askerNonce: message.nonce,
      approverNonce: row.nonce,
      account: account ?? raise(),
      asker: node,
      approver: laptop,
    });
    this.tell({ type: "reveal-received", node, id: message.id, digits, now: this.now });
  }

  #isLost(): boolean {
    if (this.lost === 0) return false;
    this.lost -= 1;
    return true;
  }
}

function raise(): never {
  throw new Error("the story goes on");
}

function other(digits: string | undefined): string {
  return digits === "000000" ? "000001" : "000000";
}

test("a person opens a request, types the number that the device shows, and it is let in", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  expect(scene.prompts).toEqual([phone.node]);
  expect(scene.digitsOf(phone)).toBeUndefined();
  scene.open(phone);
  const digits = scene.digitsOf(phone) ?? "";
  expect(digits).toMatch(/^\d{6}$/u);
  scene.type(phone, `${digits.slice(0, 3)} ${digits.slice(3)}`);
  expect(scene.admitted).toEqual([phone.node]);
  expect(phone.state).toMatchObject({ phase: "closed", why: "approved" });
  expect(scene.approver.rows.size).toBe(0);
});

test("whatever single word between the two is lost, it is said again, and the digits appear", () => {
  for (let first = 0; first <= 3; first++) {
    const scene = new Scene();
    const phone = scene.arrive();
    scene.lost = first === 0 ? 1 : 0;
    scene.ask(phone);
    if (first === 0) scene.wait(5_000);
    scene.lost = first;
    scene.open(phone);
    scene.lost = 0;
    scene.wait(5_000);
    expect(scene.digitsOf(phone), `${first} lost`).toBeDefined();
    scene.type(phone, scene.digitsOf(phone) ?? "");
    expect(scene.admitted).toEqual([phone.node]);
    expect(scene.prompts).toHaveLength(1);
  }
});

test("A7: the number of a stranger who asks at the same time opens nothing for the stranger", () => {
  const scene = new Scene();
  const [phone, mallory] = [scene.arrive(), scene.arrive()];
  scene.ask(mallory);
  scene.ask(phone);
  scene.open(mallory);
  scene.open(phone);
  const shown = scene.digitsOf(phone) ?? "";
  expect(scene.digitsOf(mallory)).not.toBe(shown);
  scene.type(mallory, shown);
  expect(scene.admitted).toEqual([]);
  expect(scene.approver.rows.get(mallory.node)).toMatchObject({ triesLeft: 2, wrong: true });
  expect(mallory.state).toMatchObject({ phase: "comparing", triesLeft: 2 });
});

test("A8: a nonce that is not the one committed to ends the request, and shows no digits", () => {
  const scene = new Scene();
  const mallory = scene.arrive();
  scene.ask(mallory);
  const { state: asking } = mallory;
  if (asking.phase !== "asking") throw new Error("Mallory asks");
  mallory.state = { ...asking, asked: { ...asking.asked, nonce: random.bytes(32) } };
  scene.open(mallory);
  expect(mallory.state).toMatchObject({ phase: "closed", why: "void" });
  expect(scene.approver.rows.size).toBe(0);
});

test("A8: an approver cannot change its nonce once it knows the asker's", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  scene.open(phone);
  const before = phone.state;
  const { phase } = before;
  if (phase !== "comparing") throw new Error("the digits are shown");
  const { id } = before.asked;
  const nonce = random.bytes(32);
  const second: AskerEvent = { type: "nonce-received", id, nonce, now: start };
  expect(step(approvalAsker, before, second)).toEqual([before, []]);
});

test("A8: a request of another session is void: the handshake is part of the commitment", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  scene.askers.set(phone.node, Object.assign(phone, { handshake: random.bytes(64) }));
  scene.open(phone);
  expect(scene.approver.rows.size).toBe(0);
  expect(scene.admitted).toEqual([]);
});

test("a number typed before its request was opened, or none, lets nobody in", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  for (const digits of ["", "000000", "undefined"]) scene.type(phone, digits);
  scene.open(phone);
  scene.open(phone);
  scene.type(phone, "");
  scene.wait(1_000);
  expect(scene.admitted).toEqual([]);
});

test("three wrong numbers void a request, and asking again meanwhile buys no fourth", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  scene.open(phone);
  scene.type(phone, other(scene.digitsOf(phone)));
  scene.type(phone, other(scene.digitsOf(phone)));
  expect(phone.state).toMatchObject({ phase: "comparing", triesLeft: 1 });
  scene.ask(phone);
  scene.open(phone);
  expect(scene.approver.rows.get(phone.node)?.triesLeft).toBe(1);
  scene.type(phone, other(scene.digitsOf(phone)));
  expect(phone.state).toMatchObject({ phase: "closed", why: "wrong-numbers" });
  expect(scene.admitted).toEqual([]);
});

test("a request is good for five minutes, on both screens", () => {
  const scene = new Scene();
  const [phone, tablet] = [scene.arrive(), scene.arrive()];
  scene.ask(phone);
  scene.ask(tablet);
  scene.open(phone);
  scene.wait(approvalMillis - 1);
  expect(scene.approver.rows.size).toBe(2);
  scene.wait(1);
  expect(scene.approver.rows.size).toBe(0);
  expect(phone.state).toMatchObject({ phase: "closed" });
  expect(tablet.state).toMatchObject({ phase: "closed" });
});

test("a denied key is told so, and is not shown again", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  scene.tell({ type: "request-denied", node: phone.node, now: scene.now });
  expect(phone.state).toMatchObject({ phase: "closed", why: "denied" });
  scene.ask(phone);
  expect(phone.state).toMatchObject({ phase: "closed", why: "denied" });
  expect(scene.approver.rows.size).toBe(0);
  expect(scene.prompts).toHaveLength(1);
});

test("a denied key whose denial is lifted may ask again, and is called for like any other", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.tell({ type: "denial-lifted", node: phone.node, now: scene.now });
  scene.ask(phone);
  scene.tell({ type: "denial-lifted", node: phone.node, now: scene.now });
  expect(scene.approver.rows.size).toBe(1);
  scene.tell({ type: "request-denied", node: phone.node, now: scene.now });
  scene.tell({ type: "denial-lifted", node: phone.node, now: scene.now });
  expect(scene.approver.ended.size).toBe(0);
  expect(scene.approver.rows.size).toBe(0);
  scene.ask(phone);
  scene.open(phone);
  scene.type(phone, scene.digitsOf(phone) ?? "");
  expect(scene.prompts).toHaveLength(2);
  expect(scene.admitted).toEqual([phone.node]);
});

test("a device that missed how its request ended is told the same when it repeats itself", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  scene.open(phone);
  const wrong = other(scene.digitsOf(phone));
  const { state: before } = phone;
  if (before.phase !== "comparing") throw new Error("the digits are shown");
  for (let tries = 0; tries < 3; tries++) scene.type(phone, wrong);
  phone.state = before;
  scene.hear(phone, { type: "approval-request", ...before.asked });
  expect(phone.state).toMatchObject({ phase: "closed", why: "wrong-numbers" });
});

test("a request that is withdrawn, or that another device answered, is gone from this screen", () => {
  const scene = new Scene();
  const [phone, tablet] = [scene.arrive(), scene.arrive()];
  scene.ask(phone);
  scene.ask(tablet);
  scene.tellAsker(phone, { type: "approval-withdrawn", now: scene.now });
  expect([...scene.approver.rows.keys()]).toEqual([tablet.node]);
  scene.tell({ type: "node-admitted", node: tablet.node, now: scene.now });
  expect(scene.approver.rows.size).toBe(0);
  expect(tablet.state).toMatchObject({ phase: "closed", why: "approved" });
});

test("A10: a request that is replayed after it ended opens nothing and calls nobody", () => {
  const scene = new Scene();
  const phone = scene.arrive();
  scene.ask(phone);
  const row = scene.approver.rows.get(phone.node);
  if (row === undefined) throw new Error("the request is shown");
  scene.wait(approvalMillis);
  scene.hear(phone, { type: "approval-request", ...row.request });
  expect(scene.approver.rows.size).toBe(0);
  expect(scene.prompts).toHaveLength(1);
});

test("A30: a person is called three times in ten minutes at most; the rest wait in silence, one row for each key", () => {
  const scene = new Scene();
  const askers = Array.from({ length: 8 }, () => scene.arrive());
  for (const asker of askers) scene.ask(asker);
  for (const asker of askers) scene.ask(asker);
  expect(scene.prompts).toHaveLength(3);
  expect(scene.approver.rows.size).toBe(8);
  expect([...scene.approver.rows.values()].filter(({ silent }) => silent)).toHaveLength(5);
  scene.wait(approvalMillis);
  const late = scene.arrive();
  scene.ask(late);
  expect(scene.prompts).toHaveLength(3);
  scene.wait(approvalMillis);
  scene.ask(scene.arrive());
  expect(scene.prompts).toHaveLength(4);
});

test("A30: a flood of keys fills thirty-two rows and no more", () => {
  const scene = new Scene();
  for (let count = 0; count < 60; count++) scene.ask(scene.arrive());
  expect(scene.approver.rows.size).toBe(32);
});
