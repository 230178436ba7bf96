/** Feeds one decoder with inputs by chance. What fails says how to see it again. */

import { mutate, openChance, type Chance } from "./mutation.ts";
import type { Bytes } from "@skein/protocol/bytes";
import { inputSecondsMax, openWatch } from "./watch.ts";

/** Something that reads what others wrote. */
export interface Decoder {
  readonly name: string;
  /** Sound inputs, which are then changed. */
  readonly samples: ReadonlyArray<Uint8Array>;
  /** What the format knows. */
  readonly words?: ReadonlyArray<string>;
  /** Makes a changed input look whole again: its checksums fit. Done to three of four. */
  readonly mend?: (bytes: Bytes) => Bytes;
  /** Changes what lies inside the format, where changing bytes would not get that far. Done to one of two. */
  readonly reshape?: (sample: Uint8Array, chance: Chance) => Bytes;
  /**
   * Whether the input is taken. Throws if it is neither taken nor refused as it should be, or if what was taken does
   * not have the properties it should have.
   */
  readonly read: (bytes: Bytes, chance: Chance) => boolean | Promise<boolean>;
}

export interface Tally {
  readonly inputs: number;
  readonly taken: number;
}

/** An input that breaks a decoder. */
export class BrokenByInputError extends Error {
  constructor(decoder: string, seed: number, input: Uint8Array, why: unknown) {
    const replay = `npx -y pnpm fuzz --decoder ${decoder} --seed ${seed} --inputs 1`;
    const hex = Buffer.from(input.subarray(0, 2_000)).toString("hex");
    super(`${decoder} is broken by seed ${seed}: ${String(why)}\nAgain: ${replay}\n${hex}`, {
      cause: why,
    });
  }
}

/** Input `seed + n` depends on `seed + n` alone. Throws `BrokenByInputError`. */
export async function fuzz(
  decoder: Decoder,
  {
    seed,
    inputs,
    secondsMax = inputSecondsMax,
    onProgress,
  }: {
    readonly seed: number;
    readonly inputs: number;
    /** Of a processor, for one input. */
    readonly secondsMax?: number;
    readonly onProgress?: (next: number) => void;
  },
): Promise<Tally> {
  for (const sample of decoder.samples)
    if (!(await decoder.read(Uint8Array.from(sample), openChance(0))))
      throw new Error(`${decoder.name} refuses a sound sample`);
  using watch = openWatch(decoder.name);
  let taken = 0;
  for (let at = 0; at < inputs; at++) {
    if (at % 10_000 === 0) onProgress?.(seed + at);
    const chance = openChance(seed + at);
    const input = inputOf(decoder, chance);
    watch.begin(seed + at);
    try {
      const answer = decoder.read(input, chance);
      if (typeof answer === "boolean" ? answer : await answer) taken += 1;
      const seconds = watch.seconds();
      demand(seconds <= secondsMax, `it takes ${secondsMax} s of a processor at most`);
    } catch (error) {
      throw new BrokenByInputError(decoder.name, seed + at, input, error);
    }
  }
  return { inputs, taken };
}

function inputOf(decoder: Decoder, chance: Chance): Bytes {
  const sample = chance.pick(decoder.samples);
  if (decoder.reshape !== undefined && chance.below(2) === 0)
    return decoder.reshape(sample, chance);
  const others = decoder.samples;
  const changed =
    chance.below(50) === 0
      ? chance.bytes(chance.below(200))
      : mutate(sample, chance, { others, words: decoder.words ?? [] });
  return decoder.mend !== undefined && chance.below(4) > 0 ? decoder.mend(changed) : changed;
}

/** For properties. */
export function demand(holds: boolean, property: string): asserts holds {
  if (!holds) throw new Error(`it does not hold that ${property}`);
}
