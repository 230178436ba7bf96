/** Storm after storm, and what they come to: a seed that fails says so with the command that shows it. */

import type { Form } from "./session-form.ts";
import { weather, type Aftermath } from "./session-storm.ts";

export interface Weathered {
  readonly all: ReadonlyArray<Aftermath>;
  /** A line for each seed in which somebody did not hear in time, and for each in which what should never be, was. */
  readonly parted: ReadonlyArray<string>;
  readonly wronged: ReadonlyArray<string>;
}

/** `kind` is how `scripts/storms.mjs` calls these storms. `SEEDS` says how many, `SEED` asks for one, told line by line. */
export async function weatherAll(
  kind: string,
  usual: number,
  open: () => Form,
): Promise<Weathered> {
  const { SEED: asked, SEEDS: many } = process.env;
  if (asked !== undefined) return judge(kind, [only(Number(asked), open())]);
  const all: Aftermath[] = [];
  let failures = 0;
  for (let seed = 1; seed <= Number(many ?? usual) && failures < failuresMax; seed++) {
    const aftermath = weather({ seed }, open());
    all.push(aftermath);
    if (isKilled(aftermath)) failures += 1;
    // So that the runner hears from here during a long run.
    if (seed % 500 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
  if (many !== undefined) process.stdout.write(`${summarise(all)}\n`);
  return judge(kind, all);
}

/** Not everybody heard everybody within a minute, somebody fell silent later, or what should never be, was. */
export function isKilled(aftermath: Aftermath): boolean {
  return isParted(aftermath) || aftermath.wrongs.length > 0;
}

function isParted({ recovery, silence }: Aftermath): boolean {
  return recovery > recoverySecondsMax || silence > silenceSecondsMax;
}

/** Of a hundred storms, how long all but one took to recover. */
export function secondsOf(all: ReadonlyArray<Aftermath>, share: number): string {
  const seconds = all.map(({ recovery }) => recovery).toSorted((one, other) => one - other);
  const at = seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))] ?? 0;
  return Number.isFinite(at) ? at.toFixed(1) : "never";
}

function only(seed: number, form: Form): Aftermath {
  const aftermath = weather({ seed, trace: (line) => process.stdout.write(`${line}\n`) }, form);
  process.stdout.write(`${summarise([aftermath])}\n`);
  return aftermath;
}

function judge(kind: string, all: ReadonlyArray<Aftermath>): Weathered {
  const tell = ({ seed, nodes, paths }: Aftermath, what: string): string => {
    const over = paths === "both" ? "relay and direct" : paths;
    return `seed ${seed}, ${nodes} nodes, ${over}: ${what}. See: node scripts/storms.mjs ${kind} --seed ${seed}`;
  };
  return {
    all,
    parted: all.filter(isParted).map((aftermath) => {
      const { recovery, silence } = aftermath;
      const what = `${recovery.toFixed(1)} s to recover, then ${silence.toFixed(1)} s of silence`;
      return tell(aftermath, what);
    }),
    wronged: all
      .filter(({ wrongs }) => wrongs.length > 0)
      .map((aftermath) => tell(aftermath, aftermath.wrongs.join("; "))),
  };
}

function summarise(all: ReadonlyArray<Aftermath>): string {
  const sum = (of: (aftermath: Aftermath) => number): number =>
    all.reduce((total, aftermath) => total + of(aftermath), 0);
  const silence = all.reduce((most, aftermath) => Math.max(most, aftermath.silence), 0);
  return [
    `${all.length} storms, ${all.filter(isKilled).length} failed`,
    `${sum(({ nodes }) => nodes)} nodes, ${sum(({ restarts }) => restarts)} restarts`,
    `${sum(({ planted }) => planted)} packets from Mallory`,
    `recovered in ${secondsOf(all, 0.5)} s (half), ${secondsOf(all, 0.99)} s (99 of 100), ${secondsOf(all, 1)} s (all)`,
    `silent for ${silence.toFixed(1)} s at most`,
  ].join(" · ");
}

const recoverySecondsMax = 60;
const silenceSecondsMax = 30;
/** Enough to see what is wrong. */
const failuresMax = 5;
