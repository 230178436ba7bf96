/** What `pnpm fuzz` starts, bundled, in a process that holds nothing else: each decoder, or one, with many inputs. */

import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { decoders } from "./decoders.ts";
import { BrokenByInputError, fuzz } from "./fuzz.ts";

const inputsUsual = 1_000_000;
const dayMillis = 24 * 60 * 60 * 1_000;

const { values } = parseArgs({
  options: {
    decoder: { type: "string" },
    seed: { type: "string" },
    inputs: { type: "string" },
  },
});
const day = Math.floor((performance.timeOrigin + performance.now()) / dayMillis);
const inputs = Number(values.inputs ?? inputsUsual);
const seed = Number(values.seed ?? day * inputsUsual);
const chosen = decoders.filter(
  ({ name }) => values.decoder === undefined || name === values.decoder,
);

function say(text: string): void {
  process.stderr.write(text);
}

async function run(): Promise<void> {
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

try {
  await run();
} catch (error) {
  say(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof BrokenByInputError && error.cause instanceof Error)
    say(`${error.cause.stack}\n`);
  process.exitCode = 1;
}
