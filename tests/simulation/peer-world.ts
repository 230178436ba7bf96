/** A world of whole peers: the product's own peer and relay decisions, real cryptography and git, virtual time and weather. */

import { openCrypto, type Crypto } from "@skein/auth/crypto/sodium";
import { SecretKey } from "@skein/auth/crypto/secret";
import { plainKeyStore } from "@skein/auth/plain-key-store";
import type { Files } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import type { Answer, Ask, CommandName } from "@skein/peer/commands";
import { openPeer, type Peer } from "@skein/peer/peer";
import type { Ports, Unlocker } from "@skein/peer/ports";
import type { RepositoryView } from "@skein/peer/views";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { instant, later, type Instant } from "@skein/protocol/ids";
import { createSimulation, type Simulation } from "@skein/testkit/simulation";
import type { Weather } from "@skein/testkit/weather";
import { memoryFabric, type MemoryFabric } from "@skein/transport/memory-channels";
import type { Sockets } from "@skein/transport/socket";
import type { Limits } from "@skein/relay/limits";
import { SimulatedRelay } from "./simulated-relay.ts";

export interface World extends AsyncDisposable {
  readonly simulation: Simulation;
  /** The first of them. */
  readonly relay: SimulatedRelay;
  readonly relays: ReadonlyMap<string, SimulatedRelay>;
  readonly fabric: MemoryFabric | undefined;
  readonly node: (name: string) => SimulatedNode;
  /** Lets `millis` of virtual time pass. */
  readonly pass: (millis: number) => Promise<void>;
  /** Lets time pass until it holds; throws after `millis`. */
  readonly until: (
    what: string,
    holds: () => boolean,
    millis?: number,
    /** How often it is looked at. */
    stepMillis?: number,
  ) => Promise<void>;
}

export async function foundWorld({
  seed,
  weather,
  direct = true,
  relays: relayNames = ["rita"],
  limits = {},
}: {
  readonly seed: number;
  readonly weather: Weather;
  /** Whether nodes can reach each other without the relay. */
  readonly direct?: boolean;
  /** The relays there are; nodes are told of all of them. */
  readonly relays?: ReadonlyArray<string>;
  /** What these relays allow. */
  readonly limits?: Partial<Limits>;
}): Promise<World> {
  const crypto = await openCrypto();
  const simulation = createSimulation({ seed, weather });
  simulation.runUntil(instant(startOfTime));
  const relays = new Map(
    relayNames.map((name) => [name, new SimulatedRelay(simulation, { name, limits })]),
  );
  const [relay] = relays.values();
  if (relay === undefined) throw new Error("a world has a relay");
  const alarm = { now: simulation.now, wake: simulation.schedule };
  const fabric = direct
    ? memoryFabric({ alarm, random: simulation.random, latencyMillisMax: 20 })
    : undefined;
  const nodes = new Map<string, SimulatedNode>();
  const pass = (millis: number): Promise<void> =>
    simulation.runUntilDrained(later(simulation.now(), millis), drain);

  return {
    simulation,
    relay,
    relays,
    fabric,
    node: (name) => {
      const known =
        nodes.get(name) ?? new SimulatedNode(name, { simulation, relays, fabric, crypto });
      nodes.set(name, known);
      return known;
    },
    pass,
    until: async (what, holds, millis = 60_000, stepMillis = 100) => {
      const deadline = later(simulation.now(), millis);
      while (!holds()) {
        if (simulation.now() >= deadline)
          throw new Error(`seed ${seed}: ${what} did not happen within ${millis} ms`);
        await pass(stepMillis);
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes.values()) await node.stop();
    },
  };
}

interface Place {
  readonly simulation: Simulation;
  readonly relays: ReadonlyMap<string, SimulatedRelay>;
  readonly fabric: MemoryFabric | undefined;
  readonly crypto: Crypto;
}

/** What an attacker may change in the software of a node of its own. */
export interface Patches {
  readonly crypto?: Partial<Crypto>;
  /** The passphrase that it "mints". */
  readonly words?: string;
}

export type Snapshot = ReadonlyMap<string, ReadonlyMap<string, Bytes>>;

/** One browser profile: its storage outlives its program, which may be killed at any moment and started again. */
export class SimulatedNode {
  readonly name: string;
  /** Bugs that the peer reported. */
  readonly bugs: unknown[] = [];
  readonly #place: Place;
  readonly #disks = new Map<string, Map<string, Bytes>>();
  #peer: Peer | undefined;
  #life = 0;
  #clockErrorMillis = 0;
  #writesLeft: number | undefined;
  #patches: Patches = {};
  #gitHosts: Ports["gitHosts"];
  #sliceBytesMax: number | undefined;
  #failing: { readonly which: (disk: string) => boolean; readonly error: () => Error } | undefined;

  constructor(name: string, place: Place) {
    this.name = name;
    this.#place = place;
  }

  async start(): Promise<void> {
    const life = ++this.#life;
    this.#peer = await openPeer(this.#ports(() => this.#life === life));
  }

  /** As when a tab is killed: nothing more is written, nothing more is said, and nobody waits for it to end. */
  kill(): Promise<void> {
    this.#writesLeft = undefined;
    this.#life++;
    const peer = this.#peer;
    this.#peer = undefined;
    for (const relay of this.#place.relays.values()) relay.cut(this.name);
    void peer?.[Symbol.asyncDispose]();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#peer?.[Symbol.asyncDispose]();
    this.#peer = undefined;
  }

  /** The tab will be killed in the middle of whatever writes next, after so many writes. */
  dieAfterWrites(count: number): void {
    this.#writesLeft = count;
  }

  /** Changes this node's software, from its next start on. */
  patch(patches: Patches): void {
    this.#patches = patches;
  }

  /** Asks for so much of a history at a time, from its next start on. */
  copyInSlices(bytesMax: number): void {
    this.#sliceBytesMax = bytesMax;
  }

  /** Ordinary git hosts, from its next start on. */
  reachHosts(gitHosts: NonNullable<Ports["gitHosts"]>): void {
    this.#gitHosts = gitHosts;
  }

  /** What is on its disk; changed only while it does not run. */
  disk(name: string): Files {
    return this.#disk(name, () => true);
  }

  /** Repositories that have something on its disk. */
  stored(): ReadonlyArray<string> {
    return [...this.#disks.keys()].filter((name) => name !== "ledger");
  }

  /** A copy of everything on its disks, as a backup or another browser profile takes it. */
  snapshot(): Snapshot {
    return new Map([...this.#disks].map(([name, contents]) => [name, new Map(contents)]));
  }

  /** Its disks are as they were; only while it does not run. */
  restore(snapshot: Snapshot): void {
    this.#disks.clear();
    for (const [name, contents] of snapshot) this.#disks.set(name, new Map(contents));
  }

  /** From now on, what is read from or written to these disks fails so. */
  fail(which: (disk: string) => boolean, error: () => Error): void {
    this.#failing = { which, error };
  }

  setClockWrong(millis: number): void {
    this.#clockErrorMillis = millis;
  }

  get running(): boolean {
    return this.#peer !== undefined;
  }

  get views(): ReturnType<Peer["views"]["current"]> {
    if (this.#peer === undefined) throw new Error(`${this.name} is not running`);
    return this.#peer.views.current();
  }

  repository(name: string): RepositoryView | undefined {
    return this.views.repositories.find((repository) => repository.name === name);
  }

  tip(repository: string, branch = "main"): string | undefined {
    return this.repository(repository)?.branches.find(({ name }) => name === branch)?.oid;
  }

  /** Asks, and throws what was refused. */
  async ask<Name extends CommandName>(name: Name, ask: Ask<Name>): Promise<Answer<Name>> {
    if (this.#peer === undefined) throw new Error(`${this.name} is not running`);
    const outcome = await this.#peer.ask(name, ask);
    if (!outcome.ok)
      throw new Error(
        `${this.name}: ${name} was refused: ${outcome.refused.code} ${outcome.refused.what}`,
        { cause: this.bugs.at(-1) },
      );
    return outcome.value;
  }

  /** Commits one file on top of what this node has. Resolves when it is acknowledged. */
  async commit(repository: string, path: string, text: string): Promise<string> {
    const found = this.repository(repository);
    if (found === undefined) throw new Error(`${this.name} has no ${repository}`);
    const { oid } = await this.ask("commit", {
      id: found.id,
      branch: "main",
      onto: this.tip(repository) ?? "",
      message: `Change ${path}`,
      changes: [{ path, kind: "write", bytes: formatUtf8(text) }],
    });
    return oid;
  }

  #ports(alive: () => boolean): Ports {
    const { simulation, crypto, fabric } = this.#place;
    const now = (): Instant => later(simulation.now(), this.#clockErrorMillis);
    return {
      clock: {
        now,
        wake: (at, ring) =>
          simulation.schedule(later(at, -this.#clockErrorMillis), () => {
            if (alive()) ring();
          }),
      },
      random: { bytes: simulation.bytes },
      crypto: { ...crypto, ...this.#patches.crypto },
      unlocker: quickUnlocker(crypto, simulation, this.#patches.words),
      keyStore: plainKeyStore(),
      restart: () => {
        if (alive()) void this.start();
      },
      ledger: this.#disk("ledger", alive),
      openFiles: (repository) => Promise.resolve(this.#disk(repository, alive)),
      storedRepositories: () => Promise.resolve(this.stored()),
      removeFiles: (repository) => Promise.resolve(void this.#disks.delete(repository)),
      sockets: this.#sockets(alive),
      relayUrls: [...this.#place.relays.keys()].map((name) => `ws://${name}/relay`),
      channels: fabric?.channelsOf(`${this.name}-${this.#life}`) ?? noChannels,
      sliceBytesMax: this.#sliceBytesMax,
      ...(this.#gitHosts === undefined ? {} : { gitHosts: this.#gitHosts }),
      breathe: () => Promise.resolve(),
      offsetMinutes: () => 60,
      report: (cause) => {
        if (alive()) this.bugs.push(cause);
      },
    };
  }

  #disk(name: string, alive: () => boolean): Files {
    const contents = this.#disks.get(name) ?? new Map<string, Bytes>();
    this.#disks.set(name, contents);
    const files = openMemoryFiles(contents);
    return {
      ...files,
      read: (path) =>
        this.#failing?.which(name) === true && name !== "ledger"
          ? Promise.reject(this.#failing.error())
          : files.read(path),
      commit: (batch, options) => {
        // A killed tab's write never happens, and whoever waits for it waits for ever.
        if (this.#failing?.which(name) === true) return Promise.reject(this.#failing.error());
        if (this.#writesLeft !== undefined && this.#writesLeft-- === 0) this.#life++;
        if (!alive()) return new Promise<never>(() => undefined);
        return files.commit(batch, options);
      },
    };
  }

  #sockets(alive: () => boolean): Sockets {
    return {
      open: (url, options) => {
        const relay = this.#place.relays.get(/^wss?:\/\/([^/]+)\//u.exec(url)?.[1] ?? "");
        return (relay?.socketsOf(this.name, alive) ?? nobodyThere).open(url, options);
      },
    };
  }
}

/** Stretching is the unlock worker's work and tested there; here the words are hashed once. */
function quickUnlocker(crypto: Crypto, simulation: Simulation, words?: string): Unlocker {
  const chosen = (): ReadonlyArray<string> =>
    words?.split(" ") ?? Array.from({ length: 12 }, () => simulation.pick(someWords));
  return {
    mint: () => Promise.resolve(chosen()),
    checksumFits: () => Promise.resolve(true),
    derive: (words) => {
      const secret = formatUtf8(words.join(" "));
      return Promise.resolve({
        sign: new SecretKey(crypto.hash("door sign", secret)),
        box: new SecretKey(crypto.hash("door box", secret)),
        meeting: new SecretKey(crypto.hash("meeting", secret)),
      });
    },
  };
}

const nobodyThere: Sockets = {
  open: (_url, { listen }) => {
    void Promise.resolve().then(() => listen({ type: "closed", code: 1006 }));
    return { send: () => undefined, bufferedAmount: () => 0, close: () => undefined };
  },
};

const noChannels: Ports["channels"] = {
  supported: false,
  open: () => undefined,
  signal: () => undefined,
  send: () => false,
  close: () => undefined,
  nudge: () => undefined,
  listen: () => undefined,
};

/** All microtasks run before the event loop turns. */
function drain(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const someWords = ["abandon", "ability", "able", "about", "above", "absent", "zoo", "zone"];
/** 21 November 2026, noon. */
const startOfTime = 1_795_262_400_000;
