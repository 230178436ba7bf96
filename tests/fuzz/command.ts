/** `pnpm fuzz`: each decoder, or one, with many inputs. */

import { performance } from "node:perf_hooks";
import { decoders } from "./decoders.ts";
import { fuzz } from "./fuzz.ts";

export interface Asked {
  readonly decoder: string | undefined;
  readonly seed: number;
  readonly inputs: number;
  readonly say: (text: string) => void;
}

/** Throws at the first input that breaks a decoder. */
export async function runFuzz({ decoder, seed, inputs, say }: Asked): Promise<void> {
  const chosen = decoders.filter(({ name }) => decoder === undefined || name === decoder);
  if (chosen.length === 0)
    throw new Error(
      `There is no such decoder. There are: ${decoders.map(({ name }) => name).join(", ")}`,
    );
  for (const one of chosen) {
    const start = performance.now();
    const onProgress = (next: number): void => say(`${one.name}: seed ${next}\r`);
    const { taken } = await fuzz(one, { seed, inputs, onProgress });
    const seconds = ((performance.now() - start) / 1_000).toFixed(0);
    say(
      `${one.name}: ${inputs.toLocaleString("en")} inputs from seed ${seed}, ${taken.toLocaleString("en")} taken, ${seconds} s\n`,
    );
  }
}
