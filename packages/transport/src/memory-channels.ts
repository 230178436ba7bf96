/** Channels inside one process: a fabric that joins two attempts of one name once signals went both ways. */

import type { Bytes } from "@skein/protocol/bytes";
import { later, type Instant } from "@skein/protocol/ids";
import type { Alarm } from "./alarm.ts";
import type { ChannelClosed, Channels, ChannelsEvent } from "./channels.ts";

export interface MemoryFabric {
  /** The channels of one node. `name` is for `refuse`, `stall` and `cut`. */
  readonly channelsOf: (name: string) => Channels;
  /** From now on these two never get connected (as behind two symmetric NATs), or may again. */
  readonly refuse: (a: string, b: string, refused: boolean) => void;
  /** What is connected between these two stops passing packets, or passes them again. */
  readonly stall: (a: string, b: string, stalled: boolean) => void;
  /** Ends what is connected between these two. */
  readonly cut: (a: string, b: string) => void;
}

export interface FabricOptions {
  readonly alarm: Alarm;
  /** From 0 to 1; seeded in a simulation. */
  readonly random: () => number;
  readonly latencyMillisMax: number;
}

export function memoryFabric(options: FabricOptions): MemoryFabric {
  const fabric = new Fabric(options);
  return {
    channelsOf: (name) => fabric.channelsOf(name),
    refuse: (a, b, refused) => fabric.mark(fabric.refused, pairOf(a, b), refused),
    stall: (a, b, stalled) => fabric.stall(a, b, stalled),
    cut: (a, b) => fabric.cut(a, b),
  };
}

/** One side of one attempt. */
interface End {
  readonly name: string;
  readonly attempt: string;
  readonly initiator: boolean;
  readonly emit: (event: ChannelsEvent) => void;
  /** It has heard the other side's signal. */
  met: boolean;
  /** Undefined until connected. */
  peer: End | undefined;
  underWay: number;
  full: boolean;
  arrivesAt: Instant | undefined;
  /** What a stall holds back, to pass when it ends: nothing is lost on a channel that lives. */
  readonly held: Bytes[];
}

class Fabric {
  readonly options: FabricOptions;
  readonly refused = new Set<string>();
  readonly stalled = new Set<string>();
  /** By attempt, then by node. */
  readonly ends = new Map<string, Map<string, End>>();

  constructor(options: FabricOptions) {
    this.options = options;
  }

  mark(set: Set<string>, pair: string, marked: boolean): void {
    if (marked) set.add(pair);
    else set.delete(pair);
  }

  channelsOf(name: string): Channels {
    let listener = (_event: ChannelsEvent): void => {};
    const emit = (event: ChannelsEvent): void => listener(event);
    const endOf = (attempt: string): End | undefined => this.ends.get(attempt)?.get(name);
    return {
      supported: true,
      open: ({ attempt, initiator }) => {
        if (endOf(attempt) !== undefined) return;
        this.open({
          name,
          attempt,
          initiator,
          emit,
          met: false,
          peer: undefined,
          underWay: 0,
          full: false,
          arrivesAt: undefined,
          held: [],
        });
      },
      signal: (attempt, body) => {
        const end = endOf(attempt);
        if (end !== undefined) this.meet(end, body);
      },
      send: (attempt, packet) => {
        const end = endOf(attempt);
        return end !== undefined && this.send(end, packet);
      },
      close: (attempt) => {
        const end = endOf(attempt);
        if (end !== undefined) this.end(end, "closed-here");
      },
      nudge: () => {},
      listen: (next) => {
        listener = next;
      },
    };
  }

  open(end: End): void {
    const sides = this.ends.get(end.attempt) ?? new Map<string, End>();
    this.ends.set(end.attempt, sides.set(end.name, end));
    if (end.initiator) this.signal(end, "offer");
    this.after(connectMillisMax, end, () => {
      if (end.peer === undefined) this.end(end, "timeout");
    });
  }

  signal(end: End, kind: "offer" | "answer"): void {
    const { attempt, name } = end;
    this.after(1, end, () => end.emit({ type: "signal", attempt, body: `${kind} of ${name}` }));
  }

  /** An offer is answered; whoever has the answer connects both. */
  meet(end: End, body: string): void {
    if (end.met) return;
    const [kind, , name] = body.split(" ");
    if (kind !== (end.initiator ? "answer" : "offer") || name === undefined) return;
    end.met = true;
    if (!end.initiator) return this.signal(end, "answer");
    this.after(this.latency(), end, () => {
      const other = this.ends.get(end.attempt)?.get(name);
      if (other?.met !== true || this.refused.has(pairOf(end.name, name))) return;
      end.peer = other;
      other.peer = end;
      for (const one of [end, other]) one.emit({ type: "connected", attempt: one.attempt });
    });
  }

  send(end: End, packet: Bytes): boolean {
    const { peer } = end;
    if (peer === undefined || end.underWay + packet.length > highBytes) {
      end.full = true;
      return false;
    }
    end.underWay += packet.length;
    if (this.stalled.has(pairOf(end.name, peer.name))) end.held.push(packet);
    else this.pass(end, packet);
    return true;
  }

  /** In order, as on a channel: a packet arrives no sooner than the one before. */
  pass(end: End, packet: Bytes): void {
    const { alarm } = this.options;
    const soonest = later(alarm.now(), this.latency());
    const at = end.arrivesAt !== undefined && end.arrivesAt > soonest ? end.arrivesAt : soonest;
    end.arrivesAt = at;
    alarm.wake(at, () => {
      const { peer, attempt } = end;
      if (peer === undefined) return;
      if (this.stalled.has(pairOf(end.name, peer.name))) return void end.held.push(packet);
      end.underWay -= packet.length;
      peer.emit({ type: "packet", attempt, bytes: packet });
      if (!end.full || end.underWay > lowBytes) return;
      end.full = false;
      end.emit({ type: "room", attempt });
    });
  }

  stall(a: string, b: string, stalled: boolean): void {
    this.mark(this.stalled, pairOf(a, b), stalled);
    for (const end of this.between(a, b)) {
      const { attempt } = end;
      end.emit(stalled ? { type: "stalled", attempt } : { type: "connected", attempt });
      if (!stalled) for (const packet of end.held.splice(0)) this.pass(end, packet);
    }
  }

  cut(a: string, b: string): void {
    for (const end of this.between(a, b)) this.end(end, "failed");
  }

  between(a: string, b: string): ReadonlyArray<End> {
    return [...this.ends.values()]
      .flatMap((sides) => Array.from(sides.values()))
      .filter(({ name, peer }) => peer !== undefined && pairOf(name, peer.name) === pairOf(a, b));
  }

  /** Both sides end; the other one a little later. */
  end(end: End, why: ChannelClosed): void {
    const { attempt, name, peer } = end;
    if (this.ends.get(attempt)?.get(name) !== end) return;
    this.ends.get(attempt)?.delete(name);
    if (this.ends.get(attempt)?.size === 0) this.ends.delete(attempt);
    end.peer = undefined;
    this.later(0, () => end.emit({ type: "closed", attempt, why }));
    if (peer !== undefined)
      this.after(this.latency(), peer, () =>
        this.end(peer, why === "closed-here" ? "closed-there" : why),
      );
  }

  /** Whatever an attempt waits for is off when the attempt has ended. */
  after(millis: number, end: End, then: () => void): void {
    this.later(millis, () => {
      if (this.ends.get(end.attempt)?.get(end.name) === end) then();
    });
  }

  later(millis: number, then: () => void): void {
    const { alarm } = this.options;
    alarm.wake(later(alarm.now(), millis), then);
  }

  latency(): number {
    return 1 + Math.floor(this.options.random() * this.options.latencyMillisMax);
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

const connectMillisMax = 20_000;
const highBytes = 512 * 1024;
const lowBytes = 128 * 1024;
