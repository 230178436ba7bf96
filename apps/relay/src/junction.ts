/**
 * Joins this relay to others through an engine, so that it does not matter to which of them a node came.
 *
 * Rule 1. Local delivery never waits for the engine: what others should hear is added to a batch, one for each bucket
 *         and turn of the event loop, and left out when the engine is away or its room is used up (bulk at half of it).
 * Rule 2. A relay listens to a bucket while it has a tag in it, and a little longer.
 * Rule 3. Announcements of others are held as our own are, and end with their time, their owner, or their relay's silence.
 * Rule 4. What comes from the engine is read as if anybody could have sent it.
 *
 * Spec: docs/self-hosting.md, "Several relays"
 */

import { presenceBlobBytesMax } from "@skein/protocol/limits";

import type { Engine } from "./engine.ts";
import type { Limits } from "./limits.ts";
import { batchHead, readBatch, record, recordKinds, type Heard } from "./junction-batch.ts";
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

interface Batch {
  readonly parts: Buffer[];
  bytes: number;
}

interface Interest {
  count: number;
  /** When to stop listening, once nobody is left. */
  untilMillis: number | undefined;
}

export class Junction {
  readonly #setup: JunctionSetup;
  readonly #name: string;
  #ends: JunctionEnds | undefined;
  #batches = new Map<number, Batch>();
  readonly #interests = new Map<number, Interest>();
  readonly #owners = new Map<string, RemoteOwner>();
  readonly #relays = new Map<string, number>();
  #aliveMillis = 0;
  #nextOwner = 0;
  /** Records left out, batches sent and heard: for the metrics. */
  readonly counts = { leftOut: 0, sent: 0, heard: 0, unreadable: 0 };

  constructor(setup: JunctionSetup) {
    this.#setup = setup;
    this.#name = setup.name.toString("latin1");
  }

  open(ends: JunctionEnds): void {
    this.#ends = ends;
    this.#setup.engine.open({
      hear: (bytes) => this.#hear(bytes),
      changed: () => {
        if (!this.isUp()) return;
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
    const bucket = this.#bucketOf(tag);
    const interest = this.#interests.get(bucket);
    if (interest === undefined) {
      this.#interests.set(bucket, { count: 1, untilMillis: undefined });
      this.#setup.engine.listen(bucket);
    } else {
      interest.count += 1;
      interest.untilMillis = undefined;
    }
  }

  release(tag: TagKey): void {
    const interest = this.#interests.get(this.#bucketOf(tag));
    if (interest === undefined || interest.count === 0) return;
    interest.count -= 1;
    if (interest.count === 0)
      interest.untilMillis = this.#setup.nowMillis() + this.#setup.limits.backplaneLingerMillis;
  }

  forward(tag: TagKey, frame: Buffer, isBulk: boolean): void {
    this.#add(tag, { kind: recordKinds.frame, body: [frame], isBulk });
  }

  announce(owner: string, { tag, seconds, blob }: Omit<RemoteAnnouncement, "owner">): void {
    const fixed = Buffer.allocUnsafe(2);
    fixed.writeUInt16BE(Math.min(0xffff, Math.max(1, Math.round(seconds))));
    const body = [Buffer.from(owner, "latin1"), Buffer.from(tag, "latin1"), fixed, blob];
    this.#add(tag, { kind: recordKinds.announce, body });
  }

  withdraw(owner: string, tag: TagKey): void {
    const body = [Buffer.from(owner, "latin1"), Buffer.from(tag, "latin1")];
    this.#add(tag, { kind: recordKinds.withdraw, body });
  }

  /** Asks others for what they hold under the tag, and listens for the answer. */
  ask(tag: TagKey): void {
    this.hold(tag);
    this.release(tag);
    this.#add(tag, { kind: recordKinds.question, body: [Buffer.from(tag, "latin1")] });
  }

  /** Offers a frame that waits here; whoever has a reader takes it. */
  offer(name: string, tag: TagKey, frame: Buffer): void {
    this.hold(tag);
    this.release(tag);
    this.#add(tag, { kind: recordKinds.offer, body: [Buffer.from(name, "latin1"), frame] });
  }

  /** A reader came here: what waits elsewhere is wanted. */
  readerCame(tag: TagKey): void {
    this.#add(tag, { kind: recordKinds.came, body: [Buffer.from(tag, "latin1")] });
  }

  /** To be called about every second. */
  tick(nowMillis: number): void {
    for (const [bucket, { untilMillis }] of this.#interests)
      if (untilMillis !== undefined && nowMillis >= untilMillis) {
        this.#interests.delete(bucket);
        this.#setup.engine.unlisten(bucket);
      }
    if (nowMillis >= this.#aliveMillis + aliveMillis) this.#sayAlive();
    this.#forgetSilent(nowMillis);
  }

  #sayAlive(): void {
    this.#aliveMillis = this.#setup.nowMillis();
    this.#setup.engine.publish("everyone", batchHead(this.#setup.name));
  }

  #forgetSilent(nowMillis: number): void {
    const ends = this.#ends;
    for (const [relay, heardMillis] of this.#relays)
      if (nowMillis - heardMillis > silentMillisMax) this.#relays.delete(relay);
    for (const [key, owner] of this.#owners) {
      if (this.#relays.has(owner.relay) && ends?.holds(owner) === true) continue;
      this.#owners.delete(key);
      ends?.gone(owner);
    }
  }

  #bucketOf(tag: TagKey): number {
    return ((tag.charCodeAt(0) << 8) | tag.charCodeAt(1)) % this.#setup.limits.backplaneBuckets;
  }

  #add(
    tag: TagKey,
    what: {
      readonly kind: number;
      readonly body: ReadonlyArray<Uint8Array>;
      readonly isBulk?: boolean;
    },
  ): void {
    const { engine, name, later } = this.#setup;
    const pressure = engine.pressure();
    if (!engine.isUp() || pressure > 1 || (what.isBulk === true && pressure > 0.5)) {
      this.counts.leftOut += 1;
      return;
    }
    const bucket = this.#bucketOf(tag);
    const parts = record(what.kind, what.body);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const batch = this.#batches.get(bucket);
    if (batch !== undefined && batch.bytes + bytes <= batchBytesMax) {
      batch.parts.push(...parts);
      batch.bytes += bytes;
      return;
    }
    if (batch !== undefined) this.#send(bucket, batch);
    if (this.#batches.size === 0) later(() => this.#flush());
    const head = batchHead(name);
    this.#batches.set(bucket, { parts: [head, ...parts], bytes: head.length + bytes });
  }

  #flush(): void {
    const batches = this.#batches;
    this.#batches = new Map();
    for (const [bucket, batch] of batches) this.#send(bucket, batch);
  }

  #send(bucket: number, { parts, bytes }: Batch): void {
    if (this.#setup.engine.publish(bucket, Buffer.concat(parts, bytes))) this.counts.sent += 1;
    else this.counts.leftOut += 1;
  }

  #hear(bytes: Uint8Array): void {
    const batch = readBatch(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    if (batch === undefined) {
      this.counts.unreadable += 1;
      return;
    }
    if (batch.relay === this.#name) return;
    if (batch.records.length > 0) this.counts.heard += 1;
    if (this.#relays.has(batch.relay) || this.#relays.size < relaysMax)
      this.#relays.set(batch.relay, this.#setup.nowMillis());
    for (const heard of batch.records) this.#take(batch.relay, heard);
  }

  #take(relay: string, heard: Heard): void {
    const ends = this.#ends;
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
    this.#add(tag, { kind: recordKinds.taken, body: [Buffer.from(name, "latin1")] });
  }

  #ownerOf(key: string, relay: string): RemoteOwner | undefined {
    const present = this.#owners.get(key);
    if (present !== undefined) return present;
    if (!this.#relays.has(relay) || this.#owners.size >= ownersMax) return undefined;
    const made = new RemoteOwner(relay);
    this.#owners.set(key, made);
    return made;
  }
}

/** Below what an engine takes in one message; NATS's default is 1 MiB. */
const batchBytesMax = 512 * 1024;
const aliveMillis = 5_000;
/** Three of them lost, and then some. */
const silentMillisMax = 20_000;
const relaysMax = 1_000;
const ownersMax = 100_000;
