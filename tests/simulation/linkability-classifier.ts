/**
 * A program that tries to link what a relay sees: which tag of today and which of yesterday are one person's, and which
 * days were about one repository.
 *
 * It is given every byte under a tag: the tag, the payloads, their sizes and their number. It learns from the first half
 * of the people, of whom it is told the truth, and guesses about the second. Whether it guesses better than chance is
 * judged by the same guesses against truths that were shuffled.
 */

import type { Sighting } from "./linkability-corpus.ts";

export interface Question {
  /** What two sightings have in common if they belong together. */
  readonly truth: (sighting: Sighting) => number;
  /** Which pairs are asked about. */
  readonly isAsked: (a: Sighting, b: Sighting) => boolean;
  /** Truths are shuffled among the sightings of one block and one half of the people. */
  readonly block: (sighting: Sighting) => number;
}

export interface Verdict {
  /** How often a true pair looks more alike than a false one: 0.5 is a coin. */
  readonly score: number;
  /** The share of shuffled truths that score as well. Small: there is something to see. */
  readonly p: number;
}

type Row = ReadonlyArray<number>;

interface Pair {
  readonly first: number;
  readonly second: number;
  readonly row: Row;
}

/** Two ways of guessing: by all numbers, weighed as it learned to, and by the one number that told most. */
export function tryToLink(
  sightings: ReadonlyArray<Sighting>,
  question: Question,
  random: () => number,
): { readonly learned: Verdict; readonly keenest: Verdict } {
  const middle = (Math.max(...sightings.map(({ person }) => person)) + 1) / 2;
  const isTold = sightings.map(({ person }) => person < middle);
  const truths = sightings.map((sighting) => question.truth(sighting));
  const isTrue = (given: Row, { first, second }: Pair): boolean => given[first] === given[second];
  const pairs = pairsOf(sightings, question);
  const told = pairs.filter(({ first, second }) => isTold[first] && isTold[second]);
  const asked = pairs.filter(({ first, second }) => !isTold[first] && !isTold[second]);
  const answers = told.map((pair) => isTrue(truths, pair));
  const weights = learn(
    told.map(({ row }) => row),
    answers,
  );
  const column = keenestOf(told, answers);
  const blocks = sightings.map((one, index) => question.block(one) * 2 + Number(isTold[index]));
  const shuffled = Array.from({ length: shuffles }, () => shuffleWithin(blocks, truths, random));
  const judge = (likeness: (row: Row) => number): Verdict => {
    const ranks = ranksOf(asked.map(({ row }) => likeness(row)));
    const scoreOf = (given: Row): number =>
      areaUnder(
        ranks,
        asked.map((pair) => isTrue(given, pair)),
      );
    const score = scoreOf(truths);
    const asGood = shuffled.filter((given) => scoreOf(given) >= score).length;
    return { score, p: (asGood + 1) / (shuffles + 1) };
  };
  return {
    learned: judge((row) => dot(weights, row)),
    keenest: judge((row) => -(row[column] ?? 0)),
  };
}

// --- What is looked at. ---

function pairsOf(sightings: ReadonlyArray<Sighting>, { isAsked }: Question): ReadonlyArray<Pair> {
  const rows = scaled(sightings.map((sighting) => featuresOf(sighting)));
  const pieces = sightings.map((sighting) => piecesOf(sighting));
  const pairs: Pair[] = [];
  for (const [first, a] of sightings.entries())
    for (const [second, b] of sightings.entries()) {
      if (!isAsked(a, b)) continue;
      const apart = (rows[first] ?? []).map((value, at) =>
        Math.abs(value - (rows[second]?.[at] ?? 0)),
      );
      const shared = sharedBy(pieces[first] ?? new Set(), pieces[second] ?? new Set());
      pairs.push({ first, second, row: [...apart, ...unlikeness(a, b), -Math.min(shared, 8)] });
    }
  return pairs;
}

/** All numbers of one sighting. */
function featuresOf({ tag, frames }: Sighting): Row {
  const sizes = frames.map(({ length }) => length);
  const bytes = bytesIn(frames);
  const places = Array.from({ length: placesMax }, (_, at) => at);
  return [
    ...tag,
    ...[2, 3, 5, 8].map((op) => frames.filter((frame) => frame[0] === op).length),
    ...[1, 2, 3, 4, 6, 8, 12, 16, 24, 32].map(
      (steps) => sizes.filter((size) => Math.ceil(size / 512) <= steps).length,
    ),
    sum(sizes),
    Math.max(...sizes),
    Math.min(...sizes),
    mean(sizes),
    new Set(sizes).size,
    ...[1, 2, 4, 8, 16, 32, 64, 128, 256].map((bit) => mean(sizes.map((size) => size & bit))),
    ...places.map((at) => mean(frames.map((frame) => frame[1 + at] ?? 0))),
    ...places.map((at) => mean(frames.map((frame) => frame.at(-1 - at) ?? 0))),
    ...nibbles.map((high) => sum(bytes.slice(high * 16, high * 16 + 16))),
    ...[1, 2, 4, 8, 16, 32, 64, 128].map((bit) => sum(bytes.filter((_, byte) => (byte & bit) > 0))),
  ];
}

/** How often each byte stands in payloads, as a share. */
function bytesIn(frames: ReadonlyArray<Buffer>): Row {
  const counts = Array.from({ length: 256 }, () => 0);
  let total = 0;
  for (const frame of frames) {
    total += frame.length - 1;
    for (let at = 1; at < frame.length; at++) {
      const byte = frame[at] ?? 0;
      counts[byte] = (counts[byte] ?? 0) + 1;
    }
  }
  return counts.map((count) => count / Math.max(1, total));
}

/** How little of tag and sizes two sightings share. */
function unlikeness(a: Sighting, b: Sighting): Row {
  const tagBytes = a.tag.filter((byte, at) => byte !== b.tag[at]).length;
  const [mine, theirs] = [a, b].map(({ frames }) => new Set(frames.map(({ length }) => length)));
  const sizes = sharedBy(mine ?? new Set(), theirs ?? new Set());
  return [tagBytes, -sizes];
}

/** Every six bytes in a row at the beginnings and ends of payloads. */
function piecesOf({ frames }: Sighting): ReadonlySet<string> {
  const pieces = new Set<string>();
  for (const frame of frames) {
    const payload = frame.subarray(1);
    for (const part of [payload.subarray(0, 48), payload.subarray(-48)])
      for (let at = 0; at + 6 <= part.length; at++) pieces.add(part.toString("latin1", at, at + 6));
  }
  return pieces;
}

// --- Learning. ---

/** Logistic regression by gradient descent; true pairs are few and count for more. */
function learn(rows: ReadonlyArray<Row>, truths: ReadonlyArray<boolean>): Row {
  const width = rows[0]?.length ?? 0;
  const share = mean(truths.map(Number));
  let weights: number[] = Array.from({ length: width }, () => 0);
  let lean = 0;
  for (let round = 0; round < rounds; round++) {
    const slopes = weights.map((weight) => weight * tameness);
    let leanSlope = 0;
    for (const [index, row] of rows.entries()) {
      const isTrue = truths[index] ?? false;
      const guess = 1 / (1 + Math.exp(-dot(weights, row) - lean));
      const error =
        ((guess - Number(isTrue)) / rows.length) * (isTrue ? 0.5 / share : 0.5 / (1 - share));
      leanSlope += error;
      for (const [at, value] of row.entries()) slopes[at] = (slopes[at] ?? 0) + error * value;
    }
    weights = weights.map((weight, at) => weight - pace * (slopes[at] ?? 0));
    lean -= pace * leanSlope;
  }
  return weights;
}

/** The column in which true pairs are most often less apart than false ones. */
function keenestOf(pairs: ReadonlyArray<Pair>, truths: ReadonlyArray<boolean>): number {
  const width = pairs[0]?.row.length ?? 0;
  const areas = Array.from({ length: width }, (_, at) =>
    areaUnder(ranksOf(pairs.map(({ row }) => -(row[at] ?? 0))), truths),
  );
  return areas.indexOf(Math.max(...areas));
}

/** Each column with mean 0 and spread 1; one that never changes says nothing. */
function scaled(rows: ReadonlyArray<Row>): ReadonlyArray<Row> {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, at) => rows.map((row) => row[at] ?? 0));
  const means = columns.map((column) => mean(column));
  const spreads = columns.map((column, at) =>
    Math.sqrt(mean(column.map((value) => (value - (means[at] ?? 0)) ** 2))),
  );
  return rows.map((row) =>
    row.map((value, at) => {
      const spread = spreads[at] ?? 0;
      return spread < 1e-9 ? 0 : (value - (means[at] ?? 0)) / spread;
    }),
  );
}

// --- Judging. ---

/** Ranks from 1; equals share theirs. */
function ranksOf(values: Row): Row {
  const order = [...values.keys()].toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = Array.from(values, () => 0);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to++;
    for (const index of order.slice(from, to)) ranks[index] = (from + to + 1) / 2;
    from = to;
  }
  return ranks;
}

/** Mann and Whitney: how often a true one ranks above a false one. */
function areaUnder(ranks: Row, truths: ReadonlyArray<boolean>): number {
  const trues = ranks.filter((_, index) => truths[index]);
  const falses = ranks.length - trues.length;
  return (sum(trues) - (trues.length * (trues.length + 1)) / 2) / (trues.length * falses);
}

function shuffleWithin(blocks: Row, values: Row, random: () => number): Row {
  const shuffled = [...values];
  for (const block of new Set(blocks)) {
    const places = [...blocks.keys()].filter((index) => blocks[index] === block);
    for (let left = places.length - 1; left > 0; left--) {
      const [one = 0, other = 0] = [places[left], places[Math.floor(random() * (left + 1))]];
      [shuffled[one], shuffled[other]] = [shuffled[other] ?? 0, shuffled[one] ?? 0];
    }
  }
  return shuffled;
}

function sharedBy<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): number {
  let count = 0;
  for (const one of a) if (b.has(one)) count += 1;
  return count;
}

function dot(a: Row, b: Row): number {
  let total = 0;
  for (const [at, value] of a.entries()) total += value * (b[at] ?? 0);
  return total;
}

function sum(values: Row): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function mean(values: Row): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

const placesMax = 24;
const nibbles = Array.from({ length: 16 }, (_, high) => high);
const shuffles = 499;
const rounds = 150;
const pace = 0.5;
const tameness = 0.01;
