/** Watches from a thread of its own how long an input takes: one that never ends could not be named otherwise. */

import process from "node:process";
import { Worker } from "node:worker_threads";

/** Of a processor. Most inputs take less than a thousandth of that. */
export const inputSecondsMax = 5;

export interface Watch extends Disposable {
  /** The next input begins. */
  readonly begin: (seed: number) => void;
  /** Seconds of a processor since then, of this whole process. */
  readonly seconds: () => number;
}

/** An input that never ends takes the process with it, once its seed was told. */
export function openWatch(decoder: string, secondsMax = 4 * inputSecondsMax): Watch {
  const told = new Float64Array(new SharedArrayBuffer(16));
  const worker = new Worker(watchInside, {
    eval: true,
    execArgv: [],
    workerData: { told, decoder, secondsMax },
  });
  worker.unref();
  let before = process.cpuUsage();
  return {
    begin: (seed) => {
      told[0] = seed;
      told[1] = (told[1] ?? 0) + 1;
      before = process.cpuUsage();
    },
    seconds: () => {
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1e6;
    },
    [Symbol.dispose]: () => void worker.terminate(),
  };
}

/** What the thread runs: text, since Node runs no TypeScript in one. */
const watchInside = `
  const { workerData: { told, decoder, secondsMax } } = require("node:worker_threads");
  const { writeSync } = require("node:fs");
  let number = -1;
  let before = process.cpuUsage();
  setInterval(() => {
    if (told[1] !== number) {
      number = told[1];
      before = process.cpuUsage();
      return;
    }
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1e6 < secondsMax) return;
    writeSync(2, decoder + " does not come to an end with seed " + told[0] + "\\nAgain: npx -y pnpm fuzz --decoder "
      + decoder + " --seed " + told[0] + " --inputs 1\\n");
    process.kill(process.pid, "SIGKILL");
  }, 500);
`;
