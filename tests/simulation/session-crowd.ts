/** A storm over two to six nodes, a relay that restarts, and direct paths that break: every pair has to hear each other in the calm. */

import { mulberry32, type Actor, type Surroundings } from "./session-storm.ts";

export type Paths = "relay" | "direct" | "both";

export interface Crowd {
  readonly seed: number;
  readonly nodes: number;
  readonly paths: Paths;
}

export interface Gathered {
  /** Seconds of calm until the last pair heard each other, both ways: infinite if one never did. */
  readonly recovery: number;
  readonly repeated: number;
}

interface Parcel {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly over: "relay" | "direct";
  readonly packet: unknown;
}

const stepSeconds = 0.25;
const stormSeconds = 60;
const calmSeconds = 75;

// oxlint-disable-next-line eslint/complexity -- chance decides at every turn; the story is told in one piece.
export function gather(
  { seed, nodes, paths }: Crowd,
  open: (surroundings: Surroundings) => Actor,
): Gathered {
  const random = mulberry32(seed * 7 + paths.length);
  const names = ["alice", "bob", "carol", "dave", "erin", "frank"].slice(0, nodes);
  const began = 1.7e9;
  const calmFrom = began + stormSeconds;
  let now = began;
  let wire: Parcel[] = [];
  let relayBackAt = began;
  const recorded: Parcel[] = [];
  const skew = new Map(names.map((name) => [name, (random() * 2 - 1) * 3e8]));
  const heard: { readonly pair: string; readonly text: string; readonly at: number }[] = [];
  const actors = new Map<string, Actor>();
  const isCalm = (): boolean => now > calmFrom;

  const post = (parcel: Omit<Parcel, "at" | "over">): void => {
    const over = paths === "both" ? (random() < 0.5 ? "relay" : "direct") : paths;
    recorded.push({ ...parcel, at: now, over });
    if (!isCalm() && random() < 0.25) return;
    if (over === "relay" && now < relayBackAt) return;
    const copies = !isCalm() && random() < 0.2 ? 2 : 1;
    const slow = over === "relay" ? (isCalm() ? 0.3 : 2.5) : 0.05;
    for (let copy = 0; copy < copies; copy++)
      wire.push({ ...parcel, over, at: now + 0.02 + random() * slow });
  };
  const born = (name: string): void => {
    for (const other of names)
      if (other !== name)
        actors.set(
          `${name} ${other}`,
          open({
            name,
            other,
            random,
            clock: () => Math.floor((now + (skew.get(name) ?? 0)) * 1000),
            send: (packet) => post({ from: name, to: other, packet }),
            heard: (text) => heard.push({ pair: `${name} ${other}`, text, at: now }),
          }),
        );
  };
  const restart = (name: string): void => {
    born(name);
    // An old snapshot, or a clock that was set: nothing of a session is stored, so this is all that it can bring back.
    if (random() < 0.3) skew.set(name, (skew.get(name) ?? 0) - random() * 86_400);
    wire = wire.filter(({ over, from, to }) => over === "relay" || (from !== name && to !== name));
  };
  for (const name of names) born(name);

  let said = 0;
  for (let count = 0; now < calmFrom + calmSeconds; count++) {
    now = began + count * stepSeconds;
    if (!isCalm()) {
      // Any subset at once: power comes back for some of them together.
      if (random() < 0.01) for (const name of names) if (random() < 0.6) restart(name);
      for (const name of names) if (random() < 0.002) restart(name);
      if (random() < 0.01) {
        relayBackAt = now + random() * 10;
        wire = wire.filter(({ over }) => over !== "relay");
      }
    }
    const replayed = recorded[Math.floor(random() * recorded.length)];
    if (replayed !== undefined && random() < 0.08) wire.push({ ...replayed, at: now + 0.1 });
    if (count % 8 === 0)
      for (const actor of actors.values()) if (random() < 0.7) actor.say(`${said++}`);
    for (const actor of actors.values()) actor.tick();
    const due = wire.filter(({ at }) => at <= now);
    wire = wire.filter(({ at }) => at > now);
    for (const { from, to, packet } of due) actors.get(`${to} ${from}`)?.receive(packet);
  }
  return tell([...actors.keys()], heard, calmFrom);
}

function tell(
  pairs: ReadonlyArray<string>,
  heard: ReadonlyArray<{ readonly pair: string; readonly text: string; readonly at: number }>,
  from: number,
): Gathered {
  const firsts = new Map<string, number>();
  for (const { pair, at } of heard) if (at > from && !firsts.has(pair)) firsts.set(pair, at - from);
  const once = new Set(heard.map(({ pair, text }) => `${pair} ${text}`));
  return {
    recovery: Math.max(...pairs.map((pair) => firsts.get(pair) ?? Number.POSITIVE_INFINITY)),
    repeated: heard.length - once.size,
  };
}
