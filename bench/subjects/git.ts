/** The pack engine beside native git and isomorphic-git: the same work in the same run, by processor time. */

/* oxlint-disable no-await-in-loop -- one thing after the other is what is measured. */

import { join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { comparisons, type Comparison } from "../git/comparisons.ts";
import { cloneBundle, makeRepository } from "../git/history.ts";
import { openChromiumPlace, openNodePlace, TooLongError, type Place } from "../git/places.ts";
import { openSubject, type Native, type Subject } from "../git/subject.ts";
import { judge, median, type Measured, type Row } from "../rows.ts";

interface Told {
  readonly say: (progress: string) => void;
  /** A bundle to measure with, instead of what is generated. */
  readonly bundle?: string | undefined;
}

const folder = join(import.meta.dirname, "..", ".peers", "git");
const sizes = (process.env["BENCH_SIZES"] ?? "1500,16000,50000").split(",").map(Number);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const placeNames = (process.env["BENCH_PLACES"] ?? "Chromium,Node").split(",");
/** Longer than this nobody waits, and neither does a bench. */
const peerMillisMax = 60_000;

export async function measure({ say, bundle }: Told): Promise<ReadonlyArray<Row>> {
  say("Making the repositories.");
  const subjects =
    bundle === undefined
      ? sizes.map((objects) => openSubject(makeRepository(folder, objects)))
      : cloneBundle(folder, bundle).map(openSubject);
  const places = await openPlaces(subjects);
  const book = new Book();
  try {
    for (const subject of subjects) {
      say(
        `${subject.sizes.objects.toLocaleString("en")} objects, ${(subject.sizes.bytes / 2 ** 20).toFixed(1)} MiB`,
      );
      for (const place of places)
        for (const comparison of comparisons) {
          const scene = { subject, place, comparison, book };
          await compareWithGit(scene);
          await compareWithIsomorphic(scene);
          say(`  ${place.name}: ${comparison.name}: ${book.lastOf(scene)}`);
        }
      for (const place of places) if (place.name === "Chromium") await weigh(place, subject, book);
    }
  } finally {
    for (const place of places) await place.close();
  }
  return book.rows().map(judge);
}

async function openPlaces(subjects: ReadonlyArray<Subject>): Promise<ReadonlyArray<Place>> {
  const homes = new Map(subjects.map(({ key, path }) => [key, path]));
  const places: Place[] = [];
  if (placeNames.includes("Chromium")) places.push(await openChromiumPlace(folder, homes));
  if (placeNames.includes("Node")) places.push(await openNodePlace(folder));
  return places;
}

interface Scene {
  readonly subject: Subject;
  readonly place: Place;
  readonly comparison: Comparison;
  readonly book: Book;
}

function givenTo(place: Place, subject: Subject): ReturnType<Subject["givenAt"]> {
  return subject.givenAt(place.name === "Chromium" ? `/${subject.key}` : subject.path);
}

async function compareWithGit({ subject, place, comparison, book }: Scene): Promise<void> {
  const given = givenTo(place, subject);
  const natives = comparison.natives.map((native) => ({
    ...native,
    asked: native.asked(given, subject),
  }));
  const ours: number[] = [];
  const theirs = natives.map((): number[] => []);
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    await place.prepare(comparison.job, given);
    const before = place.cpuMillis();
    bytes = await place.run();
    ours.push(place.cpuMillis() - before);
    natives.forEach(({ asked }, index) => theirs[index]?.push(subject.nativeMillis(asked)));
  }
  const { name, bytesGoal } = comparison;
  book.noteCost({ name, place, subject, millis: median(ours) });
  natives.forEach(({ against, goal }, index) => {
    const peer = median(theirs[index] ?? []);
    book.add({ name, place, subject }, { ours: median(ours), peer, against, goal });
  });
  const [first] = natives;
  if (bytesGoal === undefined || first === undefined) return;
  book.add(
    { name: `${name}, bytes`, place, subject },
    {
      ours: bytes,
      peer: bytesOf(subject, first.asked),
      against: first.against,
      goal: bytesGoal,
      unit: "bytes",
    },
  );
}

function bytesOf(subject: Subject, asked: Native): number {
  return subject.nativeBytes(asked);
}

/** Once, since it takes long; not where less has taken too long already. */
async function compareWithIsomorphic({ subject, place, comparison, book }: Scene): Promise<void> {
  const { name, peer } = comparison;
  if (peer === undefined || book.isTooLong(name, place)) return;
  const ours = book.costOf(name, place, subject);
  try {
    await place.prepare(peer.job, givenTo(place, subject));
    const before = place.cpuMillis();
    await place.run({ millisMax: peerMillisMax });
    const millis = place.cpuMillis() - before;
    const { against, times } = peer;
    book.add({ name, place, subject }, { ours, peer: millis, against, goal: 1 / times });
  } catch (error) {
    if (!(error instanceof TooLongError)) throw error;
    book.noteTooLong({ name, place, subject, against: peer.against });
  }
}

/** The most that the worker's process grows by while a pack is received as it streams in. */
async function weigh(place: Place, subject: Subject, book: Book): Promise<void> {
  await place.renew();
  await place.prepare("receive-streamed", givenTo(place, subject));
  await wait(500);
  const empty = place.residentBytes();
  let peak = empty;
  const running = place.run();
  for (let isOver = false; !isOver;) {
    isOver = await Promise.race([running.then(() => true), wait(5, false)]);
    peak = Math.max(peak, place.residentBytes());
  }
  const { objects, bytes } = subject.sizes;
  book.add(
    { name: "memory while receiving", place, subject },
    {
      ours: (peak - empty) / 2 ** 20,
      peer: 64 + Math.min(16, bytes / 2 ** 20) + (100 * objects) / 2 ** 20,
      against: "the goal: 64 MiB, a segment and 100 bytes an object",
      goal: 1,
      unit: "MiB above an empty page",
    },
  );
}

interface Where {
  readonly name: string;
  readonly place: Place;
  readonly subject: Subject;
}

interface Cost {
  readonly objects: number;
  readonly millis: number;
}

/** What was measured, until all of it is there. */
class Book {
  readonly #rows: Measured[] = [];
  readonly #costs = new Map<string, Cost[]>();
  readonly #tooLong = new Map<string, string>();

  add(
    { name, place, subject }: Where,
    found: Pick<Measured, "ours" | "peer" | "against" | "goal"> & { readonly unit?: string },
  ): void {
    this.#rows.push({
      name: `${name} (${place.name})`,
      unit: "CPU ms",
      better: "lower",
      sizes: subject.sizes,
      ...found,
    });
  }

  noteCost({ name, place, subject, millis }: Where & { readonly millis: number }): void {
    const key = keyOf(name, place);
    const costs = this.#costs.get(key) ?? [];
    this.#costs.set(key, [...costs, { objects: subject.sizes.objects, millis }]);
  }

  costOf(name: string, place: Place, subject: Subject): number {
    const costs = this.#costs.get(keyOf(name, place)) ?? [];
    return costs.find(({ objects }) => objects === subject.sizes.objects)?.millis ?? Number.NaN;
  }

  noteTooLong({ name, place, subject, against }: Where & { readonly against: string }): void {
    const objects = subject.sizes.objects.toLocaleString("en");
    this.#tooLong.set(
      `${keyOf(name, place)} ${against}`,
      `more than a minute at ${objects} objects`,
    );
    this.#tooLong.set(keyOf(name, place), "");
  }

  isTooLong(name: string, place: Place): boolean {
    return this.#tooLong.has(keyOf(name, place));
  }

  lastOf({ comparison, place, subject }: Scene): string {
    const key = `${comparison.name} (${place.name})`;
    return this.#rows
      .filter(
        ({ name, sizes }) => name.startsWith(key) && sizes?.["objects"] === subject.sizes.objects,
      )
      .map(({ ours, peer, against }) => `${ours.toFixed(1)} to ${peer.toFixed(1)} of ${against}`)
      .join("; ");
  }

  rows(): ReadonlyArray<Measured> {
    const measured = this.#rows.map((row) => {
      const why = this.#tooLong.get(`${row.name} ${row.against}`);
      return why === undefined ? row : { ...row, against: `${row.against}, which took ${why}` };
    });
    return [...measured, ...[...this.#costs].flatMap(([name, costs]) => growthOf(name, costs))];
  }
}

/** What an object costs in the largest repository, beside what it costs in each smaller one. */
function growthOf(name: string, costs: ReadonlyArray<Cost>): ReadonlyArray<Measured> {
  const sorted = costs.toSorted((one, other) => one.objects - other.objects);
  const largest = sorted.at(-1);
  if (largest === undefined) return [];
  return sorted.slice(0, -1).map((smaller) => ({
    name: `${name}: growth`,
    ours: (1_000 * largest.millis) / largest.objects,
    peer: (1_000 * smaller.millis) / smaller.objects,
    against: `the same at ${smaller.objects.toLocaleString("en")} objects`,
    unit: "CPU µs an object",
    goal: 1.25,
    better: "lower",
    sizes: { objects: largest.objects },
  }));
}

function keyOf(name: string, place: Place): string {
  return `${name} (${place.name})`;
}
