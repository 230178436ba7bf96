/** Mallory between the nodes of a storm: she drops what she likes, remembers everything, and replays, bends and makes up packets, in the calm too. */

import { pick, type Form, type Kind, type Path, type Place } from "./session-form.ts";

/** A packet that somebody sent, whether it arrived or not. */
export interface Sighting {
  readonly from: Place;
  readonly to: Place;
  readonly over: Path;
  readonly packet: unknown;
  readonly kind: Kind | undefined;
  /** Which run of the sender's program it came from, and which memory. */
  readonly life: number;
  readonly line: number;
  /** The run of the receiver's program that got it last. */
  deliveredTo: number;
}

/** What Mallory puts on the wire. */
export interface Plant {
  readonly what: "a replay" | "a bent packet" | "a made-up packet";
  readonly from: Place;
  readonly to: Place;
  readonly over: Path;
  readonly packet: unknown;
  readonly original: Sighting | undefined;
  /** What its receiver's proof does not cover was changed, and nothing else. */
  readonly isTrue: boolean;
  readonly delay: number;
}

type Aim = Pick<Plant, "to" | "delay">;

export class Mallory {
  readonly #form: Form;
  readonly #random: () => number;
  readonly #nodes: number;
  readonly #sightings: Sighting[] = [];
  readonly #handshakes: Sighting[] = [];
  readonly #hellos: Sighting[] = [];
  /** What she drops just now, beside what gets lost anyway. */
  #mood: ((sighting: Sighting) => boolean) | undefined;

  constructor(form: Form, random: () => number, nodes: number) {
    this.#form = form;
    this.#random = random;
    this.#nodes = nodes;
  }

  sees(sighting: Sighting): void {
    this.#sightings.push(sighting);
    if (sighting.kind !== "data") this.#handshakes.push(sighting);
    if (sighting.kind === "hello") this.#hellos.push(sighting);
  }

  /** Whoever greets is answered at once with an old greeting of whom it greeted; a bent answer comes before the true one. */
  answer(sighting: Sighting): Plant | undefined {
    const { kind, from, to } = sighting;
    if (kind === "data") return undefined;
    if (kind !== "hello") return this.#bent(sighting, { to, delay: 0 });
    const theirs = this.#hellos.filter((hello) => hello.from === to && hello.to === from);
    const original = pick(this.#random, theirs);
    return original && replayOf(original, { to: from, delay: 0 });
  }

  drops(sighting: Sighting): boolean {
    return this.#mood?.(sighting) === true;
  }

  /** From now on drops everything of a kind, in one direction, or from one node, until told otherwise. */
  takeAgainst(): void {
    const random = this.#random;
    const kind = pick<Kind>(random, ["hello", "welcome", "stale", "data"]);
    const from = Math.floor(random() * this.#nodes);
    const to = Math.floor(random() * this.#nodes);
    const moods: ReadonlyArray<(sighting: Sighting) => boolean> = [
      (sighting) => sighting.kind === kind,
      (sighting) => sighting.from === from && sighting.to === to,
      (sighting) => sighting.from === from,
      (sighting) => sighting.kind === kind && sighting.from === from,
    ];
    this.#mood = pick(random, moods);
  }

  relent(): void {
    this.#mood = undefined;
  }

  plant(): Plant | undefined {
    const random = this.#random;
    const dice = random();
    if (dice < 0.15) return this.#makeUp();
    const original = this.#recall();
    if (original === undefined) return undefined;
    const { from } = original;
    // To whom it was sent, mostly; back to who sent it, or to somebody else.
    const whom = random();
    const to = whom < 0.85 ? original.to : whom < 0.93 ? from : Math.floor(random() * this.#nodes);
    const delay = random() * 0.2;
    if (dice < 0.45) return this.#bent(original, { to, delay });
    return replayOf(original, { to, delay });
  }

  #bent(original: Sighting, aim: Aim): Plant {
    const { from, over, packet } = original;
    const bent = this.#form.bend(packet, this.#random);
    return { what: "a bent packet", from, over, original, ...aim, ...bent };
  }

  #makeUp(): Plant {
    const random = this.#random;
    return {
      what: "a made-up packet",
      from: Math.floor(random() * this.#nodes),
      to: Math.floor(random() * this.#nodes),
      over: random() < 0.5 ? "relay" : "direct",
      packet: this.#form.makeUp(random),
      original: undefined,
      isTrue: false,
      delay: 0,
    };
  }

  /** Something of all she ever saw, a handshake, or what was said just now. */
  #recall(): Sighting | undefined {
    const random = this.#random;
    const dice = random();
    if (dice < 0.4) return pick(random, this.#sightings);
    if (dice < 0.7) return pick(random, this.#handshakes);
    return pick(random, (dice < 0.85 ? this.#sightings : this.#handshakes).slice(-8));
  }
}

function replayOf(original: Sighting, aim: Aim): Plant {
  const { from, over, packet } = original;
  return { what: "a replay", from, over, packet, original, isTrue: true, ...aim };
}
