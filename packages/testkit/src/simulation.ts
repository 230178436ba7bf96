/** A world in one process: virtual time, seeded chance, a network with weather. The same seed always tells the same story. */

import type { Bytes } from "@skein/protocol/bytes";
import { instant, later, type Instant } from "@skein/protocol/ids";
import type { Weather } from "./weather.ts";

/** Who posts to whom. Posts without a route know no partition. */
export interface Route {
  readonly from: string;
  readonly to: string;
}

export interface Simulation {
  readonly seed: number;
  readonly now: () => Instant;
  /** From 0 to 1, exclusive. */
  readonly random: () => number;
  /** A whole number from `least` to `most`, both included. */
  readonly between: (least: number, most: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(from: ReadonlyArray<T>) => T;
  readonly bytes: (length: number) => Bytes;
  /** Has `happen` happen at `at`, or now if that is past. What comes back takes it away. */
  readonly schedule: (at: Instant, happen: () => void) => () => void;
  /** Sends over the weather: later, perhaps never, perhaps twice. */
  readonly post: (deliver: () => void, route?: Route) => void;
  readonly changeWeather: (weather: Weather) => void;
  /** From now on, posts pass only inside a group. No groups: everybody reaches everybody. */
  readonly partition: (...groups: ReadonlyArray<ReadonlyArray<string>>) => void;
  /** Writes down what happened, for `traceHash`. */
  readonly note: (line: string) => void;
  /** The same for two runs of one seed, or something takes time or chance from the air. */
  readonly traceHash: () => string;
  /** Runs until nothing is left to happen. Throws after `eventsMax`: somebody never rests. */
  readonly settle: (options?: { readonly eventsMax?: number }) => void;
  /** Runs what happens up to `at`, and moves the time there. */
  readonly runUntil: (at: Instant) => void;
  /** As `runUntil`, for worlds with promises: `drain` resolves when no microtask is left; it is awaited after every event. */
  readonly runUntilDrained: (at: Instant, drain: () => Promise<void>) => Promise<void>;
}

export function createSimulation({
  seed,
  weather: firstWeather,
}: {
  readonly seed: number;
  readonly weather: Weather;
}): Simulation {
  const random = mulberry32(seed);
  const agenda = createAgenda();
  const trace = createTrace();
  let now = instant(0);
  let weather = firstWeather;
  let groupOf: ReadonlyMap<string, number> = new Map();

  const schedule = (at: Instant, happen: () => void): (() => void) =>
    agenda.add(at < now ? now : at, happen);
  const between = (least: number, most: number): number =>
    least + Math.floor(random() * (most - least + 1));
  const parted = ({ from, to }: Route): boolean =>
    groupOf.size > 0 && groupOf.get(from) !== groupOf.get(to);
  const postOnce = (deliver: () => void, route: Route | undefined): void => {
    const spread = weather.latencyMillisMax - weather.latencyMillisMin;
    const delay = weather.latencyMillisMin + random() * spread;
    const held = random() < weather.reorder ? 1 + random() * 4 : 1;
    schedule(later(now, Math.round(delay * held)), () => {
      if (route === undefined || !parted(route)) deliver();
    });
  };
  const next = (until: number): boolean => {
    const event = agenda.take(until);
    if (event === undefined) return false;
    now = event.at;
    trace.add(now);
    event.happen();
    return true;
  };

  return {
    seed,
    now: () => now,
    random,
    between,
    chance: (probability) => random() < probability,
    pick: (from) => {
      const chosen = from[Math.floor(random() * from.length)];
      if (chosen === undefined) throw new Error("nothing to pick from");
      return chosen;
    },
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
    schedule,
    post: (deliver, route) => {
      if (random() < weather.loss) return;
      postOnce(deliver, route);
      if (random() < weather.duplicate) postOnce(deliver, route);
    },
    changeWeather: (to) => {
      weather = to;
    },
    partition: (...groups) => {
      groupOf = new Map(groups.flatMap((group, index) => group.map((name) => [name, index])));
    },
    note: (line) => {
      trace.add(now);
      for (let index = 0; index < line.length; index++) trace.add(line.charCodeAt(index));
    },
    traceHash: trace.hash,
    settle: ({ eventsMax = 1_000_000 } = {}) => {
      for (let count = 0; next(Infinity); count++)
        if (count > eventsMax) throw new Error(`seed ${seed}: more than ${eventsMax} events`);
    },
    runUntil: (at) => {
      while (next(at));
      now = at;
    },
    runUntilDrained: async (at, drain) => {
      await drain();
      // Each event must have run its course before the next begins: that is the point.
      while (next(at)) await drain();
      now = at;
    },
  };
}

/** Tells one story for each seed; the first that fails says which seed it was. */
export function tellStories(
  { seeds, first = 0 }: { readonly seeds: number; readonly first?: number },
  story: (seed: number) => void,
): void {
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      story(seed);
    } catch (cause) {
      throw failedSeed(seed, cause);
    }
  }
}

/** As `tellStories`, one after another, for stories with promises. */
export async function tellLongStories(
  { seeds, first = 0 }: { readonly seeds: number; readonly first?: number },
  story: (seed: number) => Promise<void>,
): Promise<void> {
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      // Two worlds at once would share one processor and tell nothing more.
      await story(seed);
    } catch (cause) {
      throw failedSeed(seed, cause);
    }
  }
}

function failedSeed(seed: number, cause: unknown): Error {
  const what = cause instanceof Error ? cause.message : String(cause);
  return new Error(`seed ${seed}: ${what}`, { cause });
}

interface Happening {
  readonly at: Instant;
  readonly order: number;
  readonly happen: () => void;
  cancelled: boolean;
}

/** A binary heap by time, then by order of arrival. */
function createAgenda(): {
  readonly add: (at: Instant, happen: () => void) => () => void;
  readonly take: (until: number) => Happening | undefined;
} {
  const heap: Happening[] = [];
  let order = 0;
  const before = (a: Happening, b: Happening): boolean =>
    a.at < b.at || (a.at === b.at && a.order < b.order);
  const at = (index: number): Happening => {
    const found = heap[index];
    if (found === undefined) throw new Error("an agenda without holes");
    return found;
  };
  const swap = (a: number, b: number): void => {
    const first = at(a);
    heap[a] = at(b);
    heap[b] = first;
  };
  const rise = (from: number): void => {
    for (let child = from; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!before(at(child), at(parent))) return;
      swap(child, parent);
      child = parent;
    }
  };
  const sink = (): void => {
    for (let parent = 0; ;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < heap.length && before(at(child), at(least))) least = child;
      if (least === parent) return;
      swap(parent, least);
      parent = least;
    }
  };
  const removeFirst = (): void => {
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    sink();
  };

  return {
    add: (when, happen) => {
      const happening: Happening = { at: when, order: order++, happen, cancelled: false };
      heap.push(happening);
      rise(heap.length - 1);
      return () => {
        happening.cancelled = true;
      };
    },
    take: (until) => {
      for (let first = heap[0]; first !== undefined && first.at <= until; first = heap[0]) {
        removeFirst();
        if (!first.cancelled) return first;
      }
      return undefined;
    },
  };
}

/** FNV-1a over numbers: enough to tell two stories apart. */
function createTrace(): {
  readonly add: (value: number) => void;
  readonly hash: () => string;
} {
  let hash = 0x811c_9dc5;
  return {
    add: (value) => {
      hash = Math.imul(hash ^ (value & 0xffff), 0x0100_0193) >>> 0;
      hash = Math.imul(hash ^ ((value / 0x1_0000) & 0xffff), 0x0100_0193) >>> 0;
    },
    hash: () => hash.toString(16).padStart(8, "0"),
  };
}

/** A small, fast, well-mixed generator. Good for stories; never for secrets. */
export function mulberry32(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
