/** What crosses the wire of a storm with cryptography left out, who made it, and what Mallory makes of it. */

import { pick, type Place } from "./session-form.ts";

/**
 * What crosses the wire, with cryptography left out. `proof` says that a node made it: what Mallory
 * makes up or bends has none. As on the wire, it does not cover the index at which a greeting wants to be answered.
 */
export type Packet =
  | {
      readonly kind: "hello";
      readonly proof: boolean;
      readonly from: Place;
      readonly to: Place;
      readonly index: number;
      readonly id: number;
      readonly stamp: number;
      readonly run: string;
    }
  | {
      readonly kind: "welcome";
      readonly proof: boolean;
      readonly to: number;
      readonly index: number;
      readonly hello: number;
      readonly key: number;
      readonly run: string;
    }
  | {
      readonly kind: "stale";
      readonly proof: boolean;
      readonly to: number;
      readonly digest: string;
      readonly seen: number;
    }
  | {
      readonly kind: "data";
      readonly proof: boolean;
      readonly to: number;
      readonly key: number;
      readonly from: Place;
      readonly counter: number;
      readonly text: string;
    };

export type Of<K extends Packet["kind"]> = Extract<Packet, { readonly kind: K }>;

/** Names of things, and who gave out which index: only its owner can tell, and it can in any run. */
export class Book {
  #names = 1;
  readonly #marks = new Map<number, { readonly owner: Place; readonly other: Place }>();

  name(): number {
    return this.#names++;
  }

  mint(owner: Place, other: Place): number {
    const index = this.name();
    this.#marks.set(index, { owner, other });
    return index;
  }

  givenBy(owner: Place, index: number): Place | undefined {
    const mark = this.#marks.get(index);
    return mark?.owner === owner ? mark.other : undefined;
  }

  /** Somewhere near what there is. */
  makeUp(random: () => number): Packet {
    const near = (): number => Math.floor(random() * (this.#names + 50));
    const place = (): Place => Math.floor(random() * 6);
    const proof = false;
    const run = `run ${near()}`;
    const [to, key, counter] = [near(), near(), near()];
    const stray: Packet = { kind: "data", proof, to, key, from: place(), counter, text: "lie" };
    const made: ReadonlyArray<Packet> = [
      {
        kind: "hello",
        proof,
        from: place(),
        to: place(),
        index: near(),
        id: near(),
        stamp: 2 ** 47,
        run,
      },
      { kind: "welcome", proof, to: near(), index: near(), hello: near(), key: near(), run },
      { kind: "stale", proof, to: near(), digest: `${near()} ${near()}`, seen: 2 ** 47 },
      stray,
    ];
    return pick(random, made) ?? stray;
  }
}

export function bend(packet: Packet, random: () => number): { packet: Packet; isTrue: boolean } {
  const other = Math.floor(random() * 2 ** 20);
  // The one place that a greeting's proof does not cover.
  const isTrue = (packet.kind === "hello" || packet.kind === "welcome") && random() < 0.3;
  if (isTrue) return { packet: { ...packet, index: other }, isTrue };
  switch (packet.kind) {
    case "hello":
      return { packet: { ...packet, proof: false, stamp: packet.stamp + other }, isTrue };
    case "welcome":
      return { packet: { ...packet, proof: false, key: other }, isTrue };
    case "stale":
      return { packet: { ...packet, proof: false, seen: packet.seen + other * 2 ** 20 }, isTrue };
    case "data":
      return {
        packet: {
          ...packet,
          proof: false,
          counter: random() < 0.5 ? packet.counter + other : packet.counter,
          text: random() < 0.5 ? "lie" : packet.text,
        },
        isTrue,
      };
  }
}
