/**
 * Joins this relay to others through an engine, so that it does not matter to which of them a node came.
 *
 * Rule 1. Local delivery never waits for the engine: what others should hear is added to a batch, one for each place
 *         and turn of the event loop, and left out when the engine is away or its room is used up (bulk at half of it).
 * Rule 2. A relay listens to a bucket while it has a tag in it, and a little longer, and tells the others which slots
 *         of tags it wants. What nobody wants is not sent; what one relay wants goes to it alone, the rest to the bucket.
 * Rule 3. Announcements of others are held as our own are, and end with their time, their owner, or their relay's silence.
 * Rule 4. What comes from the engine is read as if anybody could have sent it.
 *
 * Spec: docs/self-hosting.md, "Several relays"
 */

import { presenceBlobBytesMax } from "@skein/protocol/limits";

import type { Bucket, Engine } from "./engine.ts";
import { fixedLimits } from "./fixed-limits.ts";
import type { Limits } from "./limits.ts";
import { OthersInterest, OwnInterest, slotOf, writeSlots, type Slot } from "./interest.ts";
import { Batch, readBatch, recordKinds, type Heard } from "./junction-batch.ts";
import type { TagKey } from "./tag-table.ts";

/** What the hub does about what other relays say. */
export interface JunctionEnds {
  /** Answers how many readers it had. */
  readonly deliver: (frame: Buffer) => number;
  readonly announced: (announcement: RemoteAnnouncement) => void;
  readonly withdrawn: (tag: TagKey, owner: RemoteOwner) => void;
  readonly gone: (owner: RemoteOwner) => void;
  readonly holds: (owner: RemoteOwner) => boolean;
  /** Has our own announcements under the tag, or all of them, said again. */
  readonly sayAgain: (tag: TagKey | undefined) => void;
  readonly takeBack: (name: string) => void;
  /** A reader came elsewhere: what waits here for the tag goes out. */
  readonly release: (tag: TagKey) => void;
  /** Nobody here needs some tags any more, and others will not tell us of what becomes of them. */
  readonly lapsed: (has: (tag: TagKey) => boolean) => void;
}

export interface RemoteAnnouncement {
  readonly tag: TagKey;
  readonly owner: RemoteOwner;
  readonly seconds: number;
  readonly blob: Uint8Array;
}

/** A connection of another relay. */
export class RemoteOwner {
  readonly relay: string;
  constructor(relay: string) {
    this.relay = relay;
  }
}

export interface JunctionSetup {
  readonly engine: Engine;
  readonly limits: Limits;
  /** Eight bytes by which relays tell each other apart. */
  readonly name: Buffer;
  readonly nowMillis: () => number;
  /** Runs at the end of this turn of the event loop. */
  readonly later: (run: () => void) => void;
}

interface Neighbour {
  heardMillis: number;
  readonly interest: OthersInterest;
}

export class Junction {
  readonly #setup: JunctionSetup;
  readonly #name: string;
  #ends: JunctionEnds | undefined;
  #batches = new Map<Bucket, Batch>();
  /** Of all batches together. */
  #batchedBytes = 0;
  #isFlushing = false;
  readonly #interest = new OwnInterest();
  /** Slots wanted in each bucket. */
  readonly #wanted = new Map<number, number>();
  readonly #owners = new Map<string, RemoteOwner>();
  readonly #relays = new Map<string, Neighbour>();
  #aliveMillis = 0;
  /** Until then relays may be there that have not said so yet. */
  #strangersMillis = Number.POSITIVE_INFINITY;
  #nextOwner = 0;
  /** Records left out, records nobody wanted, batches of records sent, records and unreadable batches heard; the bytes are of all there is. */
  readonly counts = {
    leftOut: 0,
    spared: 0,
    sent: 0,
    sentBytes: 0,
    heard: 0,
    heardBytes: 0,
    unreadable: 0,
  };

  constructor(setup: JunctionSetup) {
    this.#setup = setup;
    this.#name = setup.name.toString("latin1");
  }

  open(ends: JunctionEnds): void {
    this.#ends = ends;
    this.#setup.engine.listen(placeOf(this.#name));
    this.#setup.engine.open({
      hear: (bytes) => this.#hear(bytes),
      changed: () => {
        if (!this.isUp()) return;
        this.#strangersMillis = this.#setup.nowMillis() + strangersMillis;
        this.#sayAlive();
        ends.sayAgain(undefined);
      },
    });
  }

  isUp(): boolean {
    return this.#setup.engine.isUp();
  }

  relayCount(): number {
    return this.#relays.size;
  }

  /** Connections of other relays whose announcements are held. */
  ownerCount(): number {
    return this.#owners.size;
  }

  close(): Promise<void> {
    return this.#setup.engine.close();
  }

  /** A name of ours for an owner or a kept frame. */
  mint(): string {
    this.#nextOwner = (this.#nextOwner + 1) % 2 ** 32;
    const name = Buffer.allocUnsafe(12);
    name.write(this.#name, 0, 8, "latin1");
    name.writeUInt32BE(this.#nextOwner, 8);
    return name.toString("latin1");
  }

  hold(tag: TagKey): void {
    const slot = slotOf(tag);
    if (!this.#interest.hold(slot)) return;
    const bucket = this.#bucketOf(slot);
    const count = this.#wanted.get(bucket) ?? 0;
    this.#wanted.set(bucket, count + 1);
    if (count === 0) this.#setup.engine.listen(bucket);
    this.#flushLater();
  }

  release(tag: TagKey): void {
    const { nowMillis, limits } = this.#setup;
    this.#interest.release(slotOf(tag), nowMillis() + limits.backplaneLingerMillis);
  }

  forward(tag: TagKey, frame: Buffer, isBulk: boolean): void {
    this.#add(tag, recordKinds.frame, { isBulk }, frame);
  }

  announce(owner: string, { tag, seconds, blob }: Omit<RemoteAnnouncement, "owner">): void {
    const fixed = Buffer.allocUnsafe(2);
    fixed.writeUInt16BE(Math.min(0xffff, Math.max(1, Math.round(seconds))));
    const names = [Buffer.from(owner, "latin1"), Buffer.from(tag, "latin1")];
    this.#add(tag, recordKinds.announce, {}, ...names, fixed, blob);
  }

  withdraw(owner: string, tag: TagKey): void {
    const names = [Buffer.from(owner, "latin1"), Buffer.from(tag, "latin1")];
    this.#add(tag, recordKinds.withdraw, {}, ...names);
  }

  /** Asks others for what they hold under the tag, and listens for the answer. */
  ask(tag: TagKey): void {
    this.hold(tag);
    this.release(tag);
    this.#add(tag, recordKinds.question, {}, Buffer.from(tag, "latin1"));
  }

  /** Offers a frame that waits here; whoever has a reader takes it. */
  offer(name: string, tag: TagKey, frame: Buffer): void {
    this.#add(tag, recordKinds.offer, {}, Buffer.from(name, "latin1"), frame);
  }

  /** A reader came here: what waits elsewhere is wanted. */
  readerCame(tag: TagKey): void {
    this.#add(tag, recordKinds.came, {}, Buffer.from(tag, "latin1"));
  }

  /** To be called about every second. */
  tick(nowMillis: number): void {
    const lapsed = this.#interest.lapse(nowMillis);
    for (const slot of lapsed) this.#unwant(this.#bucketOf(slot));
    if (lapsed.size > 0) this.#ends?.lapsed((tag) => lapsed.has(slotOf(tag)));
    if (nowMillis >= this.#aliveMillis + aliveMillis) this.#sayAlive();
    this.#forgetSilent(nowMillis);
  }

  #unwant(bucket: number): void {
    const count = (this.#wanted.get(bucket) ?? 0) - 1;
    if (count > 0) this.#wanted.set(bucket, count);
    else {
      this.#wanted.delete(bucket);
      this.#setup.engine.unlisten(bucket);
    }
  }

  /** "I am here, and this is what I want." */
  #sayAlive(): void {
    this.#aliveMillis = this.#setup.nowMillis();
    const batch = new Batch(this.#setup.name);
    batch.add(recordKinds.interest, this.#interest.write());
    this.#publish("everyone", batch);
  }

  /** Whatever goes to other relays goes through here, and its bytes are counted. */
  #publish(place: Bucket, batch: Batch): boolean {
    const isTaken = this.#setup.engine.publish(place, batch.take());
    if (isTaken) this.counts.sentBytes += batch.length;
    return isTaken;
  }

  #forgetSilent(nowMillis: number): void {
    const ends = this.#ends;
    for (const [relay, { heardMillis }] of this.#relays)
      if (nowMillis - heardMillis > this.#setup.limits.neighbourSilentMillisMax)
        this.#relays.delete(relay);
    for (const [key, owner] of this.#owners) {
      if (this.#relays.has(owner.relay) && ends?.holds(owner) === true) continue;
      this.#owners.delete(key);
      ends?.gone(owner);
    }
  }

  #bucketOf(slot: Slot): number {
    return slot % this.#setup.limits.backplaneBuckets;
  }

  /** Where everybody who wants the slot hears of it; `undefined` if nobody does. */
  #placeFor(slot: Slot): Bucket | undefined {
    if (
      this.#setup.nowMillis() < this.#strangersMillis ||
      this.#relays.size >= this.#setup.limits.neighboursMax
    )
      return this.#bucketOf(slot);
    let only: string | undefined;
    for (const [relay, { interest }] of this.#relays) {
      if (!interest.wants(slot)) continue;
      if (only !== undefined) return this.#bucketOf(slot);
      only = relay;
    }
    return only === undefined ? undefined : placeOf(only);
  }

  #add(
    tag: TagKey,
    kind: number,
    { isBulk = false }: { readonly isBulk?: boolean },
    ...body: ReadonlyArray<Uint8Array>
  ): void {
    const { engine, name } = this.#setup;
    const pressure = engine.pressure();
    if (!engine.isUp() || pressure > 1 || (isBulk && pressure > 0.5)) {
      this.counts.leftOut += 1;
      return;
    }
    const place = this.#placeFor(slotOf(tag));
    if (place === undefined) {
      this.counts.spared += 1;
      return;
    }
    const { backplaneBatchBytesMax, backplaneBytesMax } = this.#setup.limits;
    let batch = this.#batches.get(place);
    const isFull = batch !== undefined && batch.length > backplaneBatchBytesMax;
    if (isFull || this.#batchedBytes > backplaneBytesMax) {
      this.#flush();
      batch = undefined;
    }
    if (batch === undefined) {
      batch = new Batch(name);
      this.#batches.set(place, batch);
      this.#flushLater();
    }
    this.#batchedBytes -= batch.length;
    batch.add(kind, ...body);
    this.#batchedBytes += batch.length;
  }

  #flushLater(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#setup.later(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  /** What we want goes first, so that an answer to what goes behind it finds its way. */
  #flush(): void {
    const { engine, name } = this.#setup;
    const fresh = this.#interest.takeFresh();
    for (let at = 0; at < fresh.length && engine.isUp(); at += slotsPerRecordMax) {
      const batch = new Batch(name);
      batch.add(recordKinds.wants, writeSlots(fresh.slice(at, at + slotsPerRecordMax)));
      this.#publish("everyone", batch);
    }
    const batches = this.#batches;
    this.#batches = new Map();
    this.#batchedBytes = 0;
    for (const [place, batch] of batches)
      if (this.#publish(place, batch)) this.counts.sent += 1;
      else this.counts.leftOut += 1;
  }

  #hear(bytes: Uint8Array): void {
    const batch = readBatch(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    if (batch === undefined) {
      this.counts.unreadable += 1;
      return;
    }
    if (batch.relay === this.#name) return;
    this.counts.heardBytes += bytes.length;
    this.#meet(batch.relay);
    for (const heard of batch.records)
      if ("slots" in heard) this.#takeInterest(batch.relay, heard);
      else this.#take(batch.relay, heard);
  }

  #meet(relay: string): void {
    const heardMillis = this.#setup.nowMillis();
    const neighbour = this.#relays.get(relay);
    if (neighbour !== undefined) neighbour.heardMillis = heardMillis;
    else if (this.#relays.size < this.#setup.limits.neighboursMax) {
      this.#relays.set(relay, { heardMillis, interest: new OthersInterest() });
      // It may be new, and does not know us either.
      if (this.isUp()) this.#sayAlive();
    }
  }

  /** What goes out before it and after it may go to different places, and must not change its order. */
  #takeInterest(relay: string, heard: Extract<Heard, { readonly slots: Buffer }>): void {
    if (this.#batches.size > 0) this.#flush();
    const interest = this.#relays.get(relay)?.interest;
    if (heard.kind === "interest") interest?.replace(heard.slots);
    else interest?.add(heard.slots);
  }

  #take(relay: string, heard: Exclude<Heard, { readonly slots: Buffer }>): void {
    const ends = this.#ends;
    this.counts.heard += 1;
    if (ends === undefined) return;
    switch (heard.kind) {
      case "frame":
        ends.deliver(heard.frame);
        return;
      case "announce":
      case "withdraw":
        return this.#takeAnnouncement(ends, relay, heard);
      case "question":
        return ends.sayAgain(heard.tag);
      case "offer":
        if (ends.deliver(heard.frame) > 0) this.#tellTaken(heard);
        return;
      case "taken":
        return ends.takeBack(heard.name);
      case "came":
        return ends.release(heard.tag);
    }
  }

  #takeAnnouncement(
    ends: JunctionEnds,
    relay: string,
    heard: Extract<Heard, { readonly kind: "announce" | "withdraw" }>,
  ): void {
    const { tag } = heard;
    const isNews = heard.kind === "announce" && heard.blob.length <= presenceBlobBytesMax;
    const owner = isNews ? this.#ownerOf(heard.owner, relay) : this.#owners.get(heard.owner);
    if (owner === undefined) return;
    if (isNews) ends.announced({ tag, owner, seconds: heard.seconds, blob: heard.blob });
    else ends.withdrawn(tag, owner);
  }

  #tellTaken({ name, frame }: Extract<Heard, { readonly kind: "offer" }>): void {
    const tag = frame.toString("latin1", 1, 17);
    this.#add(tag, recordKinds.taken, {}, Buffer.from(name, "latin1"));
  }

  #ownerOf(key: string, relay: string): RemoteOwner | undefined {
    const present = this.#owners.get(key);
    if (present !== undefined) return present;
    if (!this.#relays.has(relay) || this.#owners.size >= this.#setup.limits.neighbourOwnersMax)
      return undefined;
    const made = new RemoteOwner(relay);
    this.#owners.set(key, made);
    return made;
  }
}

function placeOf(relay: string): Bucket {
  return `to-${Buffer.from(relay, "latin1").toString("hex")}`;
}

const { aliveMillis, strangersMillis, slotsPerRecordMax } = fixedLimits;
