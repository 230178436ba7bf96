/** Sessions with any number of nodes: keys, ciphers and replay windows here, decisions in `session-machine.ts`. */

import { equal, formatHex, type Bytes } from "@skein/protocol/bytes";
import { tryDecode } from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import { instant, later, type Instant, type NodeId } from "@skein/protocol/ids";
import { nodeMessageBytesMax } from "@skein/protocol/limits";
import { step } from "@skein/protocol/machine";
import { SessionPacket } from "@skein/protocol/session-packet";
import type { SessionPacketData } from "@skein/protocol/session-packets/data";
import type { SessionHello } from "@skein/protocol/session-packets/hello";
import type { SessionStale } from "@skein/protocol/session-packets/stale";
import type { SessionWelcome } from "@skein/protocol/session-packets/welcome";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Random } from "./crypto/random.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";
import {
  openGreeting,
  readHello,
  readStale,
  sealStale,
  type Greeting,
  type Introduction,
  type Opened,
  type ReadHello,
  type Self,
} from "./session-handshake.ts";
import { SessionLink } from "./session-link.ts";
import { IndexBook } from "./session-index.ts";
import { deadline, sessionMachine } from "./session-machine.ts";
import {
  initialState,
  type Effect,
  type Occurrence,
  type Queued,
  type State,
} from "./session-state.ts";
import { SkewWatch, type MaxSkew } from "./session-skew.ts";
import { packetTo, type SessionOutput } from "./session-output.ts";

export type { Introduction } from "./session-handshake.ts";
export type { DownReason, SessionOutput } from "./session-output.ts";

export interface Acquaintance {
  readonly node: NodeId;
  readonly box: Uint8Array;
}

export interface SessionsOptions {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  /**
   * What the other side has to know beforehand: the one to answer under first, for what came by this path, then those of
   * before and of what may come. Never empty; they stay their owner's.
   */
  readonly psks: (path: string | undefined) => ReadonlyArray<SecretKey>;
  /** Refuses greetings from clocks that are further off than this (EGTP 4a). Off unless given: stamps only have to rise. */
  readonly maxSkew?: MaxSkew;
  /** The door pass to show, as long as this node is not in the log. */
  readonly pass: () => Pass | undefined;
  /** Judged before anything is answered. */
  readonly mayConnect: (introduction: Introduction, path: string) => boolean;
  /** Nodes that may have had a session with us before we forgot: a packet of such a session is answered with a greeting. */
  readonly acquaintances?: () => Iterable<Acquaintance>;
  readonly random: Random;
}

export interface Sessions extends Disposable {
  /** Wants a session with this node: does nothing if there is one, or one is being set up. */
  readonly connect: (peer: Acquaintance, now: Instant) => SessionOutput[];
  /** Takes in a session packet that came by `path`. Never throws, whatever the bytes are. */
  readonly receive: (packet: Uint8Array, path: string, now: Instant) => SessionOutput[];
  /** Sends, or queues while a session is being set up. The node must have been connected to, or have come up. */
  readonly send: (
    node: NodeId,
    message: Uint8Array,
    now: Instant,
    path?: string,
  ) => SessionOutput[];
  readonly tick: (now: Instant) => SessionOutput[];
  readonly nextWake: () => Instant | undefined;
  /** Forgets a node and its keys. */
  readonly drop: (node: NodeId) => SessionOutput[];
  /** The network or the page came back: do not wait out a pause. */
  readonly nudge: (node: NodeId | "all", now: Instant) => SessionOutput[];
  /** Hashes of the handshakes with this node while it is up, newest first: either side may hold one more than the other. */
  readonly handshakes: (node: NodeId) => ReadonlyArray<Bytes>;
}

export function openSessions(options: SessionsOptions): Sessions {
  return new Keeper(options);
}

interface Peer {
  readonly node: NodeId;
  readonly box: Bytes;
  readonly links: Map<number, HeldLink>;
  greeting:
    | { readonly link: number; readonly greeting: Greeting; readonly index: string }
    | undefined;
  handshakes: ReadonlyArray<Bytes>;
  state: State;
  /** The link of a WELCOME of ours that is not confirmed, and which psk it had. */
  welcomed: number | undefined;
  turn: number;
  /** By which it was last heard. */
  path: string | undefined;
}

interface HeldLink {
  readonly link: SessionLink;
  readonly index: string;
  readonly introduction: Introduction;
}

/** What an effect may need of the packet that led to it. */
interface Context {
  readonly hello?: { readonly read: ReadHello; readonly index: Bytes };
  readonly message?: Bytes;
  readonly path?: string;
}

class Keeper implements Sessions {
  readonly #self: Self;
  readonly #options: SessionsOptions;
  readonly #indexes: IndexBook;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #byIndex = new Map<string, { readonly peer: Peer; readonly link: number }>();
  readonly #skew: SkewWatch;
  /** Milliseconds that have passed, whatever the clock did meanwhile. */
  #elapsed = 0;
  #clock: Instant | undefined;

  constructor(options: SessionsOptions) {
    const { crypto, keys, random, pass, psks } = options;
    this.#options = options;
    this.#self = { crypto, keys, random, pass, psks, run: random.bytes(8) };
    this.#indexes = new IndexBook(this.#self);
    this.#skew = new SkewWatch(options.maxSkew);
  }

  connect({ node, box }: Acquaintance, now: Instant): SessionOutput[] {
    this.#advance(now);
    if (node === this.#self.keys.id) return [{ type: "self" }];
    const peer = this.#meet(node, box);
    return peer === undefined ? [] : this.#step(peer, { type: "session-wanted" });
  }

  send(node: NodeId, message: Uint8Array, now: Instant, path?: string): SessionOutput[] {
    this.#advance(now);
    assert(message.length > 0, "an empty message is none");
    assert(message.length <= nodeMessageBytesMax, "a message fits in a packet");
    const kept = Uint8Array.from(message);
    const peer = this.#peers.get(node);
    if (peer === undefined) return [{ type: "refused", node, message: kept }];
    return this.#step(peer, { type: "message-offered", queued: { message: kept, path } });
  }

  receive(bytes: Uint8Array, path: string, now: Instant): SessionOutput[] {
    this.#advance(now);
    const packet = tryDecode(SessionPacket, bytes);
    switch (packet?.type) {
      case undefined:
        return [];
      case "hello":
        return this.#receiveHello(packet, path);
      case "welcome":
        return this.#receiveWelcome(packet, path);
      case "stale":
        return this.#receiveStale(packet);
      case "data":
        return this.#receiveData(packet, path);
    }
  }

  tick(now: Instant): SessionOutput[] {
    this.#advance(now);
    return [...this.#peers.values()].flatMap((peer) => {
      const due = deadline(peer.state);
      return due === undefined || due > this.#elapsed
        ? []
        : this.#step(peer, { type: "time-passed" });
    });
  }

  nextWake(): Instant | undefined {
    let soonest = Number.POSITIVE_INFINITY;
    for (const { state } of this.#peers.values())
      soonest = Math.min(soonest, deadline(state) ?? soonest);
    if (soonest === Number.POSITIVE_INFINITY) return undefined;
    return later(this.#clock ?? instant(0), Math.max(0, Math.ceil(soonest - this.#elapsed)));
  }

  drop(node: NodeId): SessionOutput[] {
    const peer = this.#peers.get(node);
    if (peer === undefined) return [];
    this.#forget(peer);
    return peer.state.isUp ? [{ type: "down", node, why: "dropped" }] : [];
  }

  nudge(node: NodeId | "all", now: Instant): SessionOutput[] {
    this.#advance(now);
    const named = node === "all" ? [...this.#peers.values()] : [this.#peers.get(node)];
    return named.flatMap((peer) =>
      peer === undefined ? [] : this.#step(peer, { type: "path-restored" }),
    );
  }

  handshakes(node: NodeId): ReadonlyArray<Bytes> {
    return this.#peers.get(node)?.handshakes ?? [];
  }

  [Symbol.dispose](): void {
    for (const peer of this.#peers.values()) this.#forget(peer);
    this.#indexes[Symbol.dispose]();
  }

  #receiveHello(packet: SessionHello, path: string): SessionOutput[] {
    using read = readHello(this.#self, packet, path);
    if (read === undefined) return [];
    const { introduction, stamp, run, digest } = read;
    const { keys } = this.#self;
    if (introduction.node === keys.id || equal(introduction.box, keys.boxPublic))
      return [{ type: "self" }];
    if (!this.#options.mayConnect(introduction, path)) return [];
    const seen = this.#peers.get(introduction.node)?.state.seen ?? 0;
    if (this.#skew.isTooFar(introduction.node, { stamp, seen, clock: this.#clock })) return [];
    const peer = this.#meet(introduction.node, introduction.box);
    if (peer === undefined) return [];
    return this.#step(
      peer,
      { type: "hello-received", stamp, run, hello: formatHex(digest) },
      { hello: { read, index: packet.index }, path },
    );
  }

  #receiveWelcome(packet: SessionWelcome, path: string): SessionOutput[] {
    const peer = this.#byIndex.get(formatHex(packet.to))?.peer;
    const greeted = peer?.greeting;
    if (peer === undefined || greeted?.index !== formatHex(packet.to)) return [];
    const opened = greeted.greeting.finish(packet);
    if (opened === undefined) return [];
    if (!this.#options.mayConnect(opened.introduction, path)) {
      opened.keys[Symbol.dispose]();
      return [];
    }
    greeted.greeting[Symbol.dispose]();
    peer.greeting = undefined;
    this.#holdLink(peer, greeted.link, { opened, index: greeted.index });
    return [
      ...heardBy(peer, path),
      ...this.#step(
        peer,
        { type: "welcome-received", link: greeted.link, run: opened.run },
        { path },
      ),
    ];
  }

  #receiveStale({ to, sealed }: SessionStale): SessionOutput[] {
    const peer = this.#byIndex.get(formatHex(to))?.peer;
    const greeted = peer?.greeting;
    if (peer === undefined || greeted?.index !== formatHex(to)) return [];
    const { digest } = greeted.greeting;
    const seen = readStale(this.#self, peer.box, { digest, sealed });
    if (seen === undefined) return [];
    return this.#step(peer, { type: "stale-received", link: greeted.link, seen });
  }

  #receiveData(packet: SessionPacketData, path: string): SessionOutput[] {
    const found = this.#byIndex.get(formatHex(packet.to));
    const held = found?.peer.links.get(found.link);
    if (found === undefined || held === undefined) return this.#receiveStray(packet.to);
    const message = held.link.open(packet);
    if (message === undefined) return [];
    const { peer, link } = found;
    const isEmpty = message.length === 0;
    return [
      ...heardBy(peer, path),
      ...this.#step(peer, { type: "data-received", link, isEmpty }, { message, path }),
    ];
  }

  /** A session we do not have. Its index tells with whom we had it, even if we have forgotten everything since. */
  #receiveStray(index: Bytes): SessionOutput[] {
    if (this.#byIndex.has(formatHex(index))) return [];
    const candidates = [...this.#peers.values(), ...(this.#options.acquaintances?.() ?? [])];
    const meant = candidates.find(
      ({ node }) => node !== this.#self.keys.id && this.#indexes.wasGivenTo(node, index),
    );
    const peer = meant && this.#meet(meant.node, meant.box);
    return peer === undefined ? [] : this.#step(peer, { type: "stray-received" });
  }

  #step(peer: Peer, occurrence: Occurrence, context: Context = {}): SessionOutput[] {
    const [low = 0, high = 0] = this.#self.random.bytes(2);
    const chance = (high * 256 + low) / 65_536;
    const event = { ...occurrence, at: this.#elapsed, clock: this.#clock ?? 0, chance };
    const [state, effects] = step(sessionMachine, peer.state, event);
    const began = state.current?.id === peer.state.current?.id ? undefined : state.current;
    const held = began && peer.links.get(began.id);
    if (began !== undefined && began.id === peer.welcomed) peer.welcomed = undefined;
    if (held)
      peer.handshakes = [held.link.handshakeHash, ...peer.handshakes].slice(0, handshakesMax);
    peer.state = state;
    return effects.flatMap((effect) => this.#perform(peer, effect, context));
  }

  #perform(peer: Peer, effect: Effect, context: Context): SessionOutput[] {
    const { node } = peer;
    switch (effect.type) {
      case "send-hello":
        return this.#greet(peer, effect);
      case "send-welcome":
        return this.#welcome(peer, effect.link, context);
      case "send-stale":
        return this.#answerStale(peer, effect.seen, context);
      case "send-data":
        return this.#sendData(peer, effect.link, effect.queued);
      case "deliver-message":
        return deliver(node, context);
      case "refuse-message":
        return [{ type: "refused", node, message: effect.message }];
      case "tell-up":
        return this.#tellUp(peer, effect.link);
      case "tell-down":
        peer.handshakes = peer.handshakes.slice(0, effect.why === "restarted" ? 1 : 0);
        return [{ type: "down", node, why: effect.why }];
      case "forget-link":
        this.#forgetLink(peer, effect.link);
        return [];
    }
  }

  #greet(
    peer: Peer,
    { link, stamp }: { readonly link: number; readonly stamp: number },
  ): SessionOutput[] {
    const index = this.#indexes.mint(peer.node);
    const greeting = openGreeting(this.#self, peer, { index, stamp });
    if (greeting === undefined) return [];
    peer.greeting = { link, greeting, index: formatHex(index) };
    this.#byIndex.set(formatHex(index), { peer, link });
    return [packetTo(peer.node, greeting.packet, undefined)];
  }

  #welcome(peer: Peer, link: number, { hello, path }: Context): SessionOutput[] {
    const index = this.#indexes.mint(peer.node);
    // Nobody confirmed the one before: perhaps the other side does not know that psk.
    if (peer.welcomed !== undefined) peer.turn += 1;
    peer.welcomed = link;
    const answer = hello?.read.answer(index, peer.turn);
    if (answer === undefined) return [];
    this.#holdLink(peer, link, { opened: answer.opened, index: formatHex(index) });
    return [packetTo(peer.node, answer.packet, path)];
  }

  #answerStale(peer: Peer, seen: number, { hello, path }: Context): SessionOutput[] {
    const packet = hello && sealStale(this.#self, hello.read, { to: hello.index, seen });
    return packet === undefined ? [] : [packetTo(peer.node, packet, path)];
  }

  #sendData(peer: Peer, link: number, queued: Queued | undefined): SessionOutput[] {
    const message = queued?.message ?? new Uint8Array(0);
    const packet = peer.links.get(link)?.link.seal(message);
    if (packet === undefined) return [];
    const bulk = message.length >= bulkBytesMin;
    return [{ ...packetTo(peer.node, packet, queued?.path), bulk }];
  }

  #holdLink(
    peer: Peer,
    number: number,
    { opened, index }: { readonly opened: Opened; readonly index: string },
  ): void {
    const { introduction } = opened;
    const link = new SessionLink(this.#self.crypto, opened.keys, opened.theirIndex);
    peer.links.set(number, { link, index, introduction });
    this.#byIndex.set(index, { peer, link: number });
  }

  #tellUp(peer: Peer, link: number): SessionOutput[] {
    const held = peer.links.get(link);
    if (held === undefined) return [];
    const { introduction } = held;
    const { handshakeHash } = held.link;
    return [{ type: "up", node: peer.node, introduction, handshakeHash }];
  }

  #forgetLink(peer: Peer, link: number): void {
    const held = peer.links.get(link);
    if (held !== undefined) {
      held.link[Symbol.dispose]();
      peer.links.delete(link);
      this.#byIndex.delete(held.index);
    }
    if (peer.greeting?.link === link) {
      peer.greeting.greeting[Symbol.dispose]();
      this.#byIndex.delete(peer.greeting.index);
      peer.greeting = undefined;
    }
  }

  #forget(peer: Peer): void {
    for (const link of peer.links.keys()) this.#forgetLink(peer, link);
    if (peer.greeting) this.#forgetLink(peer, peer.greeting.link);
    this.#peers.delete(peer.node);
  }

  /** The record of a node, made if there is room for one: those that are down make way. */
  #meet(node: NodeId, box: Uint8Array): Peer | undefined {
    const known = this.#peers.get(node);
    if (known !== undefined) return known;
    if (this.#peers.size >= peersMax) {
      const idle = [...this.#peers.values()].find(({ state }) => deadline(state) === undefined);
      if (idle === undefined) return undefined;
      this.#forget(idle);
    }
    const state = initialState({ outranks: this.#self.keys.id > node });
    const peer: Peer = {
      node,
      box: Uint8Array.from(box),
      links: new Map(),
      greeting: undefined,
      handshakes: [],
      state,
      welcomed: undefined,
      turn: 0,
      path: undefined,
    };
    this.#peers.set(node, peer);
    return peer;
  }

  #advance(now: Instant): void {
    this.#elapsed += Math.max(0, now - (this.#clock ?? now));
    this.#clock = now;
  }
}

/** Whoever carries packets is told when a node is heard by another path than before. */
function heardBy(peer: Peer, path: string): SessionOutput[] {
  if (peer.path === path) return [];
  peer.path = path;
  return [{ type: "heard", node: peer.node, path }];
}

function deliver(node: NodeId, { message, path }: Context): SessionOutput[] {
  return message && path !== undefined ? [{ type: "message", node, message, path }] : [];
}

/** Messages of this size are chunks of packs and pages of logs: a person waits for what is smaller. */
const bulkBytesMin = 4_096;
/** Nodes with which there is, or may be, a session. Above this, those that are down are forgotten. */
const peersMax = 256;
/** Handshakes whose hash is remembered: an approval outlives a few of them. */
const handshakesMax = 8;
