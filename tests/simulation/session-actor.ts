/** Nodes of a storm with the session machine of the product and no cryptography: fast enough for ten thousand storms. */

import { ReplayWindow } from "@skein/auth/replay-window";
import { deadline, sessionMachine } from "@skein/auth/session-machine";
import { initialState, type Effect, type Occurrence, type State } from "@skein/auth/session-state";
import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { step } from "@skein/protocol/machine";
import { type Form, type Path, type Place, type Run, type Surroundings } from "./session-form.ts";
import { bend, Book, type Of, type Packet } from "./session-packets.ts";

export interface Ablation {
  /** Nobody says that a stamp is not newer. */
  readonly noStale?: boolean;
  /** As in 2004: whoever greets ignores greetings until its own is answered. */
  readonly keepsOwn?: boolean;
  /** Greetings of any stamp are answered. */
  readonly noStamps?: boolean;
  /** Whoever answers a greeting uses the new session at once, though nobody proved to have its key. */
  readonly noConfirmation?: boolean;
  /** Whoever sends and hears nothing goes on sending. */
  readonly noSilenceTimer?: boolean;
  /** A packet of a session that is not there is ignored. */
  readonly noNudge?: boolean;
  /** A packet is opened as often as it comes. */
  readonly noWindow?: boolean;
}

/** One storm's nodes. */
export function machineForm(ablation: Ablation = {}): Form {
  const book = new Book();
  return {
    open: (around, image) => new Actor({ around, ablation, book }, image as Memory | undefined),
    kindOf: (packet) => (packet as Packet).kind,
    bend: (packet, random) => bend(packet as Packet, random),
    makeUp: (random) => book.makeUp(random),
  };
}

interface HeldLink {
  readonly key: number;
  readonly ours: number;
  readonly theirs: number;
  sent: number;
  window: ReplayWindow;
  /** The window, as it can be built anew. */
  readonly counters: number[];
}

interface Peer {
  readonly other: Place;
  state: State;
  greeting:
    | {
        readonly id: number;
        readonly index: number;
        readonly link: number;
        readonly digest: string;
      }
    | undefined;
  readonly links: Map<number, HeldLink>;
}

interface Memory {
  readonly run: string;
  readonly peers: ReadonlyArray<Peer>;
  readonly elapsed: number;
  readonly clock: number;
}

interface Setting {
  readonly around: Surroundings;
  readonly ablation: Ablation;
  readonly book: Book;
}

interface Cause {
  readonly packet: Packet;
  readonly path: Path;
}

class Actor implements Run {
  readonly #around: Surroundings;
  readonly #ablation: Ablation;
  readonly #book: Book;
  readonly #run: string;
  readonly #peers = new Map<Place, Peer>();
  readonly #byIndex = new Map<number, { readonly peer: Peer; readonly link: number }>();
  #elapsed: number;
  #clock: number;

  constructor({ around, ablation, book }: Setting, memory?: Memory) {
    this.#around = around;
    this.#ablation = ablation;
    this.#book = book;
    this.#run = memory?.run ?? `run ${book.name()}`;
    this.#elapsed = memory?.elapsed ?? 0;
    this.#clock = memory?.clock ?? around.clock();
    for (const peer of memory?.peers ?? []) this.#remember(copyOf(peer));
  }

  say(to: Place, text: string): void {
    const peer = this.#meet(to);
    this.#tell(peer, { type: "session-wanted" });
    this.#tell(peer, {
      type: "message-offered",
      queued: { message: formatUtf8(text), path: undefined },
    });
  }

  receive(packet: unknown, path: Path): void {
    const said = packet as Packet;
    switch (said.kind) {
      case "hello":
        return this.#receiveHello(said, path);
      case "welcome":
        return this.#receiveWelcome(said, path);
      case "stale":
        return this.#receiveStale(said, path);
      case "data":
        return this.#receiveData(said, path);
    }
  }

  tick(): void {
    this.#advance();
    for (const peer of this.#peers.values()) {
      const due = deadline(peer.state);
      if (due !== undefined && due <= this.#elapsed) this.#tell(peer, { type: "time-passed" });
    }
  }

  wakesIn(): number | undefined {
    let soonest = Number.POSITIVE_INFINITY;
    for (const { state } of this.#peers.values())
      soonest = Math.min(soonest, deadline(state) ?? soonest);
    return Number.isFinite(soonest) ? Math.max(0, soonest - this.#elapsed) : undefined;
  }

  hurry(): void {
    for (const peer of this.#peers.values()) this.#tell(peer, { type: "path-restored" });
  }

  image(): Memory {
    return {
      run: this.#run,
      peers: [...this.#peers.values()].map(copyOf),
      elapsed: this.#elapsed,
      clock: this.#clock,
    };
  }

  #receiveHello(packet: Of<"hello">, path: Path): void {
    const { proof, from, to, index, id, stamp, run } = packet;
    if (!proof || to !== this.#around.me || from === to) return;
    const peer = this.#meet(from);
    if (this.#ablation.keepsOwn === true && peer.state.phase === "greeting") return;
    if (this.#ablation.noStamps === true) peer.state = { ...peer.state, seen: 0 };
    this.#tell(
      peer,
      { type: "hello-received", stamp, run, hello: digestOf(id, index) },
      { packet, path },
    );
    if (this.#ablation.noConfirmation === true && peer.state.next !== undefined)
      this.#tell(peer, { type: "data-received", link: peer.state.next.id, isEmpty: true });
  }

  #receiveWelcome(packet: Of<"welcome">, path: Path): void {
    const { proof, to, index, hello, key, run } = packet;
    const peer = this.#byIndex.get(to)?.peer;
    const greeted = peer?.greeting;
    if (peer === undefined || greeted?.index !== to) return;
    if (!proof || greeted.id !== hello) return;
    peer.greeting = undefined;
    this.#hold(peer, greeted.link, { key, ours: to, theirs: index });
    this.#tell(peer, { type: "welcome-received", link: greeted.link, run }, { packet, path });
  }

  #receiveStale({ proof, to, digest, seen }: Of<"stale">, _path: Path): void {
    const peer = this.#byIndex.get(to)?.peer;
    const greeted = peer?.greeting;
    if (peer === undefined || greeted?.index !== to || !proof || greeted.digest !== digest) return;
    this.#tell(peer, { type: "stale-received", link: greeted.link, seen });
  }

  #receiveData(packet: Of<"data">, path: Path): void {
    const { proof, to, key, from, counter, text } = packet;
    const found = this.#byIndex.get(to);
    const held = found?.peer.links.get(found.link);
    if (found === undefined || held === undefined) return this.#receiveStray(to);
    if (!proof || held.key !== key || from !== found.peer.other) return undefined;
    if (!held.window.isNew(counter) && this.#ablation.noWindow !== true) return undefined;
    held.window.remember(counter);
    held.counters.push(counter);
    const { peer, link } = found;
    const isEmpty = text === "";
    return this.#tell(peer, { type: "data-received", link, isEmpty }, { packet, path });
  }

  #receiveStray(index: number): void {
    if (this.#ablation.noNudge === true || this.#byIndex.has(index)) return;
    const other = this.#book.givenBy(this.#around.me, index);
    if (other === undefined) return;
    if (!this.#peers.has(other) && !this.#around.disk().known.has(other)) return;
    this.#tell(this.#meet(other), { type: "stray-received" });
  }

  #tell(peer: Peer, occurrence: Occurrence, cause?: Cause): void {
    this.#advance();
    const event = {
      ...occurrence,
      at: this.#elapsed,
      clock: this.#clock,
      chance: this.#around.random(),
    };
    const [next, effects] = step(sessionMachine, peer.state, event);
    peer.state =
      this.#ablation.noSilenceTimer === true ? { ...next, unansweredSince: undefined } : next;
    for (const effect of effects) this.#perform(peer, effect, cause);
  }

  // oxlint-disable-next-line eslint/complexity -- one line for each effect there is.
  #perform(peer: Peer, effect: Effect, cause: Cause | undefined): void {
    const { other } = peer;
    switch (effect.type) {
      case "send-hello":
        return this.#greet(peer, effect);
      case "send-welcome":
        return this.#welcome(peer, effect.link, cause);
      case "send-stale":
        return this.#answerStale(peer, effect.seen, cause);
      case "send-data": {
        const held = peer.links.get(effect.link) ?? fail();
        const text = effect.queued === undefined ? "" : (parseUtf8(effect.queued.message) ?? "");
        const { theirs: to, key } = held;
        const counter = held.sent++;
        return this.#send(other, {
          kind: "data",
          proof: true,
          to,
          key,
          from: this.#around.me,
          counter,
          text,
        });
      }
      case "deliver-message":
        return cause?.packet.kind === "data"
          ? this.#around.heard(other, cause.packet.text)
          : undefined;
      case "forget-link":
        return this.#forget(peer, effect.link);
      case "refuse-message":
        return this.#around.refused(other);
      case "tell-up":
        return this.#around.up(other);
      case "tell-down":
        return this.#around.down(other);
    }
  }

  #greet(peer: Peer, { link, stamp }: { readonly link: number; readonly stamp: number }): void {
    const { me } = this.#around;
    const index = this.#book.mint(me, peer.other);
    const id = this.#book.name();
    peer.greeting = { id, index, link, digest: digestOf(id, index) };
    this.#byIndex.set(index, { peer, link });
    const run = this.#run;
    this.#send(peer.other, {
      kind: "hello",
      proof: true,
      from: me,
      to: peer.other,
      index,
      id,
      stamp,
      run,
    });
  }

  #welcome(peer: Peer, link: number, cause: Cause | undefined): void {
    if (cause?.packet.kind !== "hello") fail();
    const { packet, path } = cause;
    const key = this.#book.name();
    const index = this.#book.mint(this.#around.me, peer.other);
    this.#hold(peer, link, { key, ours: index, theirs: packet.index });
    this.#send(
      peer.other,
      {
        kind: "welcome",
        proof: true,
        to: packet.index,
        index,
        hello: packet.id,
        key,
        run: this.#run,
      },
      path,
    );
  }

  #answerStale(peer: Peer, seen: number, cause: Cause | undefined): void {
    if (this.#ablation.noStale === true) return;
    if (cause?.packet.kind !== "hello") fail();
    const { packet, path } = cause;
    const digest = digestOf(packet.id, packet.index);
    this.#send(peer.other, { kind: "stale", proof: true, to: packet.index, digest, seen }, path);
  }

  #send(to: Place, packet: Packet, path?: Path): void {
    const carries = packet.kind === "data" && packet.text !== "";
    this.#around.send(to, packet, { path, carries });
  }

  #hold(
    peer: Peer,
    link: number,
    { key, ours, theirs }: { readonly key: number; readonly ours: number; readonly theirs: number },
  ): void {
    peer.links.set(link, { key, ours, theirs, sent: 0, window: new ReplayWindow(), counters: [] });
    this.#byIndex.set(ours, { peer, link });
  }

  #forget(peer: Peer, link: number): void {
    const held = peer.links.get(link);
    if (held !== undefined) this.#byIndex.delete(held.ours);
    peer.links.delete(link);
    if (peer.greeting?.link !== link) return;
    this.#byIndex.delete(peer.greeting.index);
    peer.greeting = undefined;
  }

  #meet(other: Place): Peer {
    const known = this.#peers.get(other);
    if (known !== undefined) return known;
    const state = initialState({ outranks: this.#around.me > other });
    const peer: Peer = { other, state, greeting: undefined, links: new Map() };
    this.#peers.set(other, peer);
    return peer;
  }

  #remember(peer: Peer): void {
    this.#peers.set(peer.other, peer);
    for (const [link, { ours }] of peer.links) this.#byIndex.set(ours, { peer, link });
    if (peer.greeting !== undefined)
      this.#byIndex.set(peer.greeting.index, { peer, link: peer.greeting.link });
  }

  #advance(): void {
    const clock = this.#around.clock();
    this.#elapsed += Math.max(0, clock - this.#clock);
    this.#clock = clock;
  }
}

/** What names a greeting to whoever got it: with the index it came with. */
function digestOf(id: number, index: number): string {
  return `${id} ${index}`;
}

function copyOf({ other, state, greeting, links }: Peer): Peer {
  return {
    other,
    state,
    greeting,
    links: new Map([...links].map(([link, held]) => [link, copyOfLink(held)])),
  };
}

function copyOfLink(held: HeldLink): HeldLink {
  const window = new ReplayWindow();
  for (const counter of held.counters) window.remember(counter);
  return { ...held, window, counters: [...held.counters] };
}

function fail(): never {
  throw new Error("a node of a storm was ordered what its machine cannot order");
}
