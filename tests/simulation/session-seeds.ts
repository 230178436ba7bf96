/** Storm after storm, and what they come to: a seed that fails says so with the command that shows it. */

import type { Form } from "./session-form.ts";
import { weather, type Aftermath } from "./session-storm.ts";

export interface Weathered {
  readonly all: ReadonlyArray<Aftermath>;
  /** A line for each seed with which something went wrong. */
  readonly failed: ReadonlyArray<string>;
}

/** `kind` is how `scripts/storms.mjs` calls these storms. `SEEDS` says how many, `SEED` asks for one, told line by line. */
export async function weatherAll(
  kind: string,
  usual: number,
  open: () => Form,
): Promise<Weathered> {
  const { SEED: asked, SEEDS: many } = process.env;
  if (asked !== undefined) return only(kind, Number(asked), open());
  const all: Aftermath[] = [];
  const failed: string[] = [];
  for (let seed = 1; seed <= Number(many ?? usual) && failed.length < failedMax; seed++) {
    const aftermath = weather({ seed }, open());
    all.push(aftermath);
    if (isKilled(aftermath)) failed.push(tell(kind, aftermath));
    // So that the runner hears from here during a long run.
    if (seed % 500 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
  if (many !== undefined) process.stdout.write(`${summarise(all)}\n`);
  return { all, failed };
}

/** Not everybody heard everybody within a minute, somebody fell silent later, or what should never be, was. */
export function isKilled({ recovery, silence, wrongs }: Aftermath): boolean {
  return recovery > recoverySecondsMax || silence > silenceSecondsMax || wrongs.length > 0;
}

/** Of a hundred storms, how long all but one took to recover. */
export function secondsOf(all: ReadonlyArray<Aftermath>, share: number): string {
  const seconds = all.map(({ recovery }) => recovery).toSorted((one, other) => one - other);
  const at = seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))] ?? 0;
  return Number.isFinite(at) ? at.toFixed(1) : "never";
}

function only(kind: string, seed: number, form: Form): Weathered {
  const aftermath = weather({ seed, trace: (line) => process.stdout.write(`${line}\n`) }, form);
  process.stdout.write(`${summarise([aftermath])}\n`);
  return { all: [aftermath], failed: isKilled(aftermath) ? [tell(kind, aftermath)] : [] };
}

function tell(kind: string, { seed, nodes, paths, recovery, silence, wrongs }: Aftermath): string {
  const what = [...wrongs];
  if (recovery > recoverySecondsMax) what.push(`recovered after ${recovery.toFixed(1)} s`);
  if (silence > silenceSecondsMax) what.push(`silent for ${silence.toFixed(1)} s`);
  const over = paths === "both" ? "relay and direct" : paths;
  return `seed ${seed}, ${nodes} nodes, ${over}: ${what.join("; ")}. See: node scripts/storms.mjs ${kind} --seed ${seed}`;
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
const failedMax = 5;
