/**
 * A storm over two to six nodes and a relay: loss, repeats, reordering, restarts of any of them together or alone, wrong
 * clocks and Mallory, who drops, replays, bends and makes up packets; then calm, in which only Mallory goes on.
 */

import { mulberry32 } from "@skein/testkit/simulation";
import { Agenda } from "./session-agenda.ts";
import { pick, type Form, type Path, type Place, type Run } from "./session-form.ts";
import { Judge, type Verdict } from "./session-judge.ts";
import { Mallory, type Plant, type Sighting } from "./session-mallory.ts";
import { copyOf, fates, nameOf, type Fate, type Node } from "./session-node.ts";
import { Ways, type Paths } from "./session-paths.ts";

export interface Storm {
  readonly seed: number;
  /** Told what happens, line by line. */
  readonly trace?: (line: string) => void;
}

export interface Aftermath extends Verdict {
  readonly seed: number;
  readonly nodes: number;
  readonly paths: Paths;
  readonly restarts: number;
  readonly planted: number;
}

/** Weathers the storm of that seed, which says everything else: how many nodes, over what, and what befalls them. */
export function weather(storm: Storm, form: Form): Aftermath {
  return new World(storm, form).weather();
}

class World {
  readonly #form: Form;
  readonly #seed: number;
  readonly #random: () => number;
  readonly #trace: Storm["trace"];
  readonly #agenda = new Agenda();
  readonly #ways: Ways;
  readonly #mallory: Mallory;
  readonly #judge: Judge;
  readonly #nodes: ReadonlyArray<Node>;
  /** Mallory goes on in the calm, and some calms are long enough for keys to wear out. */
  readonly #malloryRests: boolean;
  readonly #malloryAnswers: boolean;
  readonly #tailSeconds: number;
  #now = 0;
  #isCalm = false;
  #restarts = 0;
  #planted = 0;
  /** The sender's line of what is being delivered. */
  #line = 0;
  #epoch = 0;

  constructor({ seed, trace }: Storm, form: Form) {
    this.#form = form;
    this.#seed = seed;
    this.#trace = trace;
    const random = mulberry32(seed * 2_654_435_761);
    this.#random = random;
    const count = 2 + (seed % 5);
    this.#ways = new Ways(pathsOf(seed));
    this.#mallory = new Mallory(form, random, count);
    this.#malloryRests = seed % 4 === 0;
    this.#malloryAnswers = seed % 3 === 0;
    this.#tailSeconds = seed % 16 === 1 ? 200 : 5;
    this.#judge = new Judge({ strictOrder: this.#malloryRests });
    this.#nodes = Array.from({ length: count }, (_, place) => ({
      place,
      run: undefined,
      life: 0,
      line: 0,
      isAwake: true,
      wakeAt: Number.POSITIVE_INFINITY,
      disk: { known: new Set(), epoch: 0 },
      skew: (random() * 2 - 1) * (random() < 0.5 ? hour : tenYears),
      hearings: new Set(),
      snapshots: [],
    }));
  }

  weather(): Aftermath {
    for (const node of this.#nodes) this.#start(node);
    this.#planTalk();
    this.#planFaults();
    this.#agenda.put(stormSeconds, () => this.#calm());
    this.#agenda.put(0, () => this.#planNextPlant());
    this.#live();
    return {
      seed: this.#seed,
      nodes: this.#nodes.length,
      paths: this.#ways.kind,
      restarts: this.#restarts,
      planted: this.#planted,
      ...this.#judge.verdict(this.#now),
    };
  }

  /** Until some time after all is well, or all hope is gone. */
  #live(): void {
    let until = stormSeconds + hopeSeconds;
    let isWell = false;
    for (;;) {
      const sleeper = this.#nextToWake();
      const next = Math.min(this.#agenda.next(), sleeper?.wakeAt ?? Number.POSITIVE_INFINITY);
      if (next > until) break;
      this.#now = Math.max(this.#now, next);
      if (sleeper !== undefined && sleeper.wakeAt <= next) this.#wake(sleeper);
      else this.#agenda.take()?.();
      if (isWell || !this.#isCalm || !this.#judge.isAllWell()) continue;
      isWell = true;
      until = this.#now + this.#tailSeconds;
    }
    this.#now = until;
  }

  #nextToWake(): Node | undefined {
    let first: Node | undefined;
    for (const node of this.#nodes)
      if (node.isAwake && node.wakeAt < (first?.wakeAt ?? Number.POSITIVE_INFINITY)) first = node;
    return first;
  }

  #wake(node: Node): void {
    // A timer never fires early, and always a little late.
    node.wakeAt = Number.POSITIVE_INFINITY;
    this.#let(node, (run) => run.tick());
  }

  /** Lets a node do something, if it is there to do it. */
  #let(node: Node, act: (run: Run) => void): void {
    if (node.run === undefined || !node.isAwake) return;
    act(node.run);
    const millis = node.run.wakesIn();
    node.wakeAt =
      millis === undefined ? Number.POSITIVE_INFINITY : this.#now + (millis + 1) / 1_000;
  }

  // --- What nodes do. ---

  /** `memory`: what the program has in memory from the start. */
  #start(node: Node, memory?: unknown): void {
    node.life += 1;
    node.isAwake = true;
    const { place } = node;
    node.run = this.#form.open(
      {
        me: place,
        disk: () => node.disk,
        random: this.#random,
        clock: () => Math.floor((began + this.#now + node.skew) * 1_000),
        send: (to, packet, { path, carries }) => {
          if (carries) this.#judge.settled(place, to, this.#now);
          this.#post({ node, to, packet, wanted: path });
        },
        heard: (from, text) => {
          this.#note(place, () => `hears ${text} of ${nameOf(from)}`);
          const { hearings } = node;
          this.#judge.heard(this.#now, { from, to: place, text }, { hearings, line: this.#line });
        },
        refused: (to) => this.#judge.settled(place, to, this.#now),
        up: (other) => {
          node.disk.known.add(other);
          this.#note(place, () => `is up with ${nameOf(other)}`);
          this.#judge.up(this.#now);
        },
        down: (other) => {
          this.#note(place, () => `is down with ${nameOf(other)}`);
          this.#judge.down(this.#now, place, other);
        },
      },
      memory,
    );
    this.#let(node, () => undefined);
  }

  /** Who talks with whom: every pair, some of them in one direction only. */
  #planTalk(): void {
    const random = this.#random;
    for (const { place: one } of this.#nodes)
      for (const { place: other } of this.#nodes) {
        if (one >= other) continue;
        const dice = random();
        if (dice > 0.25) this.#judge.expect(one, other);
        if (dice < 0.75) this.#judge.expect(other, one);
      }
    for (const { from, to } of this.#judge.talks())
      this.#agenda.put(random() * 3, () => this.#talk(from, to));
  }

  #talk(from: Place, to: Place): void {
    this.#say(from, to);
    this.#agenda.put(this.#now + 1.5 + this.#random() * 3, () => this.#talk(from, to));
  }

  #say(from: Place, to: Place): void {
    const node = this.#nodes[from];
    if (node === undefined) return;
    this.#let(node, (run) => {
      node.disk.known.add(to);
      const text = this.#judge.say(from, to, this.#now);
      this.#note(from, () => `says ${text} to ${nameOf(to)}`);
      run.say(to, text);
    });
  }

  // --- What becomes of packets. ---

  #post({ node, to, packet, wanted }: Posting): void {
    const over = this.#ways.choose(node.place, to, wanted);
    if (over === undefined) return;
    const random = this.#random;
    const kind = this.#form.kindOf(packet);
    const { life, line, place: from } = node;
    const sighting: Sighting = { from, to, over, packet, kind, life, line, deliveredTo: 0 };
    this.#note(from, () => `sends ${nameOf(to)} a ${kind} over ${over}`);
    this.#mallory.sees(sighting);
    this.#plant(this.#malloryAnswers ? this.#mallory.answer(sighting) : undefined);
    if (this.#isCalm) {
      const slow = over === "relay" ? 0.3 : 0.05;
      const at = this.#ways.inOrder(over, from, to, this.#now + 0.02 + random() * slow);
      return this.#carry(sighting, at);
    }
    if (this.#mallory.drops(sighting) || random() < 0.25) return;
    const slow = over === "relay" ? 2.5 : 0.4;
    for (let copies = random() < 0.2 ? 2 : 1; copies > 0; copies--)
      this.#carry(sighting, this.#now + 0.02 + random() * slow);
  }

  #carry(sighting: Sighting, at: number): void {
    const { over, from, to, packet } = sighting;
    const age = this.#ways.age(over, from, to);
    this.#agenda.put(at, () => {
      const node = this.#nodes[to];
      if (node === undefined || age !== this.#ways.age(over, from, to)) return;
      this.#line = sighting.line;
      this.#let(node, (run) => {
        this.#note(to, () => `gets a ${sighting.kind} of ${nameOf(from)}`);
        this.#arrives(sighting, node);
        run.receive(packet, over);
      });
    });
  }

  #arrives(sighting: Sighting, node: Node): void {
    const { kind, from, to, life } = sighting;
    const isLate = kind === "hello" && this.#isCalm && life !== this.#nodes[from]?.life;
    if (isLate && sighting.deliveredTo !== node.life) this.#judge.greetedLate(from, to);
    sighting.deliveredTo = node.life;
  }

  #planNextPlant(): void {
    if (this.#isCalm && this.#malloryRests) return;
    this.#plant(this.#mallory.plant());
    const pause = (2 / this.#nodes.length) * (0.5 + this.#random());
    this.#agenda.put(this.#now + pause, () => this.#planNextPlant());
  }

  #plant(plant: Plant | undefined): void {
    if (plant === undefined || (this.#isCalm && this.#malloryRests)) return;
    // At the cost of a handshake, as docs/protocol/3-sessions.md says.
    if (this.#isCalm && plant.what === "a bent packet" && plant.isTrue) return;
    this.#agenda.put(this.#now + plant.delay, () => this.#deliverPlant(plant));
  }

  #deliverPlant({ what, from, to, over, packet, original, isTrue }: Plant): void {
    const node = this.#nodes[to];
    if (node === undefined) return;
    this.#let(node, (run) => {
      this.#planted += 1;
      this.#line = original?.line ?? 0;
      // What did not arrive before is no replay, only late.
      const isForged = what === "a replay" ? original?.deliveredTo === node.life : !isTrue;
      if (!isForged && original?.to === to) this.#arrives(original, node);
      const kind = original?.kind ?? "packet";
      this.#note(to, () => `gets ${what} from Mallory: a ${kind} as if of ${nameOf(from)}`);
      this.#judge.delivering(isForged ? what : undefined);
      run.receive(packet, over);
      this.#judge.delivering(undefined);
    });
  }

  // --- What befalls nodes. ---

  #planFaults(): void {
    const random = this.#random;
    for (let count = 6 + random() * 8; count > 0; count--)
      this.#agenda.put(random() * stormSeconds, () => this.#fault());
    for (const node of this.#nodes)
      this.#agenda.put(random() * stormSeconds, () => this.#takeSnapshot(node));
    // What happens last is what the minute is counted from.
    if (random() < 0.9) this.#agenda.put(stormSeconds - 0.001, () => this.#strike());
  }

  #fault(): void {
    const random = this.#random;
    const dice = random();
    if (dice < 0.45) this.#strike();
    else if (dice < 0.6) this.#restartRelay();
    else if (dice < 0.75) this.#breakChannels();
    else if (dice < 0.85) this.#setClocks();
    else if (dice < 0.94) this.#annoyMallory();
    else if (dice < 0.97) this.#burst();
    else this.#changeEpoch();
  }

  /** Any subset at once, each in its own way or all in the same: power comes back for some of them together. */
  #strike(): void {
    const random = this.#random;
    const alike = random() < 0.3 ? pick(random, fates) : undefined;
    const share = random() < 0.4 ? 1 / this.#nodes.length : random();
    for (const node of this.#nodes)
      if (random() < share) this.#befall(node, alike ?? pick(random, fates) ?? "restarts");
    if (random() < 0.2) this.#restartRelay();
  }

  #befall(node: Node, fate: Fate): void {
    const random = this.#random;
    this.#restarts += 1;
    this.#note(node.place, () => fate);
    for (const { place } of this.#nodes)
      if (place !== node.place) {
        this.#ways.breakChannel(node.place, place);
        this.#later(random() * 3, () => this.#ways.mendChannel(node.place, place));
      }
    if (fate === "sleeps") {
      node.isAwake = false;
      this.#later(random() * 40, () => this.#rouse(node));
    } else this.#restart(node, fate);
  }

  #restart(node: Node, fate: Fate): void {
    const random = this.#random;
    node.run = undefined;
    for (const { place } of this.#nodes) this.#judge.forgotten(node.place, place);
    const older =
      fate === "restarts" || fate === "forgets" ? undefined : pick(random, node.snapshots);
    if (fate === "forgets") node.disk = { known: new Set(), epoch: node.disk.epoch };
    if (older !== undefined) node.disk = copyOf(older.disk);
    // A clock that a machine without a battery had, or a person set.
    if (random() < 0.3) node.skew -= random() * (random() < 0.5 ? hour : tenYears);
    const image = fate === "goes back to an image" ? older : undefined;
    this.#judge.started(node.place, { isSetBack: image !== undefined });
    if (image !== undefined) {
      node.line += 1;
      node.hearings = new Set(image.hearings);
    }
    const { life } = node;
    this.#later(random() < 0.5 ? 0 : random() * 5, () => {
      if (node.life === life && node.run === undefined) this.#start(node, image?.image);
    });
  }

  #rouse(node: Node): void {
    node.isAwake = true;
    this.#note(node.place, () => "wakes up");
    this.#let(node, (run) => (this.#random() < 0.5 ? run.hurry() : run.tick()));
  }

  #takeSnapshot(node: Node): void {
    if (node.run === undefined) return;
    const { disk, hearings } = node;
    const image = node.run.image();
    node.snapshots.push({ disk: copyOf(disk), image, hearings: new Set(hearings) });
  }

  #restartRelay(): void {
    if (this.#ways.kind === "direct") return;
    this.#ways.breakRelay();
    this.#trace?.(`${this.#time()} the relay restarts`);
    this.#later(this.#random() * 15, () => this.#mendRelay());
  }

  #mendRelay(): void {
    this.#ways.mendRelay();
    for (const node of this.#nodes) this.#let(node, (run) => run.hurry());
  }

  #breakChannels(): void {
    const random = this.#random;
    for (const { place: one } of this.#nodes)
      for (const { place: other } of this.#nodes) {
        if (one >= other || random() < 0.5) continue;
        this.#ways.breakChannel(one, other);
        this.#later(random() * 15, () => this.#ways.mendChannel(one, other));
      }
  }

  #setClocks(): void {
    const random = this.#random;
    for (const node of this.#nodes)
      if (random() < 0.5) node.skew += (random() * 2 - 1) * (random() < 0.5 ? hour : tenYears);
  }

  #annoyMallory(): void {
    this.#mallory.takeAgainst();
    this.#later(3 + this.#random() * 12, () => this.#mallory.relent());
  }

  /** More than a queue holds. */
  #burst(): void {
    const talk = pick(this.#random, this.#judge.talks());
    if (talk === undefined) return;
    for (let count = 0; count < 100; count++) this.#say(talk.from, talk.to);
    this.#judge.checkQueues(this.#now);
  }

  /** The read key changes, and some hear of it. */
  #changeEpoch(): void {
    this.#epoch += 1;
    for (const node of this.#nodes) if (this.#random() < 0.6) node.disk.epoch = this.#epoch;
  }

  /** All faults are over: who is away is back, and every way is open. */
  #calm(): void {
    this.#isCalm = true;
    this.#trace?.(`${this.#time()} calm`);
    this.#judge.calm(this.#now);
    for (const act of this.#due.splice(0)) act();
  }

  readonly #due: (() => void)[] = [];

  /** In so many seconds, and at the beginning of the calm at the latest. */
  #later(seconds: number, act: () => void): void {
    let isDone = false;
    const once = (): void => {
      if (isDone) return;
      isDone = true;
      act();
    };
    this.#due.push(once);
    this.#agenda.put(this.#now + seconds, once);
  }

  #note(place: Place, what: () => string): void {
    this.#trace?.(`${this.#time()} ${nameOf(place)} ${what()}`);
  }

  #time(): string {
    return this.#now.toFixed(3).padStart(8);
  }
}

interface Posting {
  readonly node: Node;
  readonly to: Place;
  readonly packet: unknown;
  readonly wanted: Path | undefined;
}

function pathsOf(seed: number): Paths {
  return (["relay", "direct", "both"] as const)[Math.floor(seed / 5) % 3] ?? "both";
}

const stormSeconds = 60;
/** Longer than the minute that is allowed, to tell late from never. */
const hopeSeconds = 120;
const began = 1.7e9;
const hour = 3_600;
const tenYears = 3.2e8;
