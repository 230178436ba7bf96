/** A storm over two nodes that talk every second: loss, repeats, reordering, restarts, wrong clocks and Mallory, who replays anything; then calm. */

/** A node as the storm sees it. */
export interface Actor {
  /** Wants `text` to be heard by the other one. */
  readonly say: (text: string) => void;
  readonly receive: (packet: unknown) => void;
  readonly tick: () => void;
}

export interface Surroundings {
  readonly name: string;
  /** Whom this actor talks with. */
  readonly other: string;
  readonly random: () => number;
  /** What the clock on this node's wall says, in milliseconds: wrong by years, and it jumps. */
  readonly clock: () => number;
  readonly send: (packet: unknown) => void;
  readonly heard: (text: string) => void;
}

export type Name = "alice" | "bob";

export interface Storm {
  readonly seed: number;
  readonly stormSeconds?: number;
  readonly calmSeconds?: number;
  readonly skewSecondsMax?: number;
  /** Who has something to say; both, unless given. The others only listen. */
  readonly talkers?: ReadonlyArray<Name>;
}

export interface Aftermath {
  /** Seconds of calm until both had heard from the other: infinite if that never happened. */
  readonly recovery: number;
  /** The longest time in the calm, from then on, in which one of them heard nothing. */
  readonly silence: number;
  /** Texts that somebody heard twice. */
  readonly repeated: number;
  readonly restarts: number;
}

interface Parcel {
  readonly at: number;
  readonly to: Name;
  readonly packet: unknown;
}

const names = ["alice", "bob"] as const;
const stepSeconds = 0.25;

// oxlint-disable-next-line eslint/complexity -- chance decides at every turn; the story is told in one piece.
export function weather(storm: Storm, open: (surroundings: Surroundings) => Actor): Aftermath {
  const { seed, stormSeconds = 120, calmSeconds = 300, skewSecondsMax = 3.2e8 } = storm;
  const { talkers = names } = storm;
  const random = mulberry32(seed);
  const began = 1.7e9;
  const calmFrom = began + stormSeconds;
  let now = began;
  let wire: Parcel[] = [];
  const recorded: Parcel[] = [];
  const skew = new Map<Name, number>();
  const hearings: { readonly by: Name; readonly text: string; readonly at: number }[] = [];
  const isCalm = (): boolean => now > calmFrom;

  const post = (to: Name, packet: unknown): void => {
    recorded.push({ at: now, to, packet });
    const copies = isCalm() ? 1 : random() < 0.25 ? 0 : random() < 0.2 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++)
      wire.push({ at: now + 0.02 + random() * (isCalm() ? 0.3 : 2.5), to, packet });
  };
  const born = (name: Name): Actor =>
    open({
      name,
      other: otherThan(name),
      random,
      clock: () => Math.floor((now + (skew.get(name) ?? 0)) * 1000),
      send: (packet) => post(otherThan(name), packet),
      heard: (text) => hearings.push({ by: name, text, at: now }),
    });
  for (const name of names)
    skew.set(name, (random() * 2 - 1) * (random() < 0.5 ? 3_600 : skewSecondsMax));
  const actors = new Map(names.map((name) => [name, born(name)]));

  let said = 0;
  let restarts = 0;
  const strike = (name: Name): void => {
    if (random() < 0.004) {
      restarts += 1;
      actors.set(name, born(name));
      if (random() < 0.3) skew.set(name, (skew.get(name) ?? 0) - random() * 7_200);
    }
    if (random() < 0.001) skew.set(name, (skew.get(name) ?? 0) + (random() * 2 - 1) * 7_200);
  };
  for (let count = 0; now < calmFrom + calmSeconds; count++) {
    now = began + count * stepSeconds;
    if (!isCalm()) {
      names.forEach(strike);
      if (random() < 0.01) wire = wire.filter(() => random() < 0.3);
    }
    const replayed = recorded[Math.floor(random() * recorded.length)];
    if (replayed !== undefined && random() < 0.08) wire.push({ ...replayed, at: now + 0.1 });
    if (count % 4 === 0)
      for (const name of talkers) if (random() < 0.7) actors.get(name)?.say(`${name} ${said++}`);
    for (const actor of actors.values()) actor.tick();
    const due = wire.filter(({ at }) => at <= now);
    wire = wire.filter(({ at }) => at > now);
    for (const { to, packet } of due) actors.get(to)?.receive(packet);
  }
  return {
    ...summarise(hearings, { from: calmFrom, until: now, hearers: talkers.map(otherThan) }),
    restarts,
  };
}

function otherThan(name: Name): Name {
  return name === "alice" ? "bob" : "alice";
}

function summarise(
  hearings: ReadonlyArray<{ readonly by: Name; readonly text: string; readonly at: number }>,
  {
    from,
    until,
    hearers,
  }: {
    readonly from: number;
    readonly until: number;
    readonly hearers: ReadonlyArray<Name>;
  },
): Omit<Aftermath, "restarts"> {
  const perNode = hearers.map((name) => {
    const times = hearings.filter(({ by, at }) => by === name && at > from).map(({ at }) => at);
    const [first] = times;
    if (first === undefined) return { recovery: Number.POSITIVE_INFINITY, silence: 0 };
    const gaps = [...times, until].map((at, index) => at - (times[index - 1] ?? first));
    return { recovery: first - from, silence: Math.max(...gaps) };
  });
  const heard = hearings.map(({ by, text }) => `${by} ${text}`);
  return {
    recovery: Math.max(...perNode.map(({ recovery }) => recovery)),
    silence: Math.max(...perNode.map(({ silence }) => silence)),
    repeated: heard.length - new Set(heard).size,
  };
}

export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
