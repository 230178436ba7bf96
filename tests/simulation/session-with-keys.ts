/** Nodes of a storm as they are in the product: real keys, real packets, and read keys that not everybody has yet. */

import { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { openSessions, type SessionOutput, type Sessions } from "@skein/auth/session";
import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { instant, type NodeId } from "@skein/protocol/ids";
import { mulberry32 } from "@skein/testkit/simulation";
import type { Form, Kind, Path, Place, Run, Surroundings } from "./session-form.ts";

export function formWithKeys(crypto: Crypto): Form {
  const chance = bytesFrom(mulberry32(20_261));
  const cast = Array.from({ length: 6 }, () => mintNodeKeys(crypto, chance));
  const secrets = new Map<number, SecretKey>();
  const secretOf = (number: number): SecretKey => {
    const known = secrets.get(number) ?? new SecretKey(new Uint8Array(32).fill(number));
    secrets.set(number, known);
    return known;
  };
  return {
    open: (around, image) =>
      new Program({ around, crypto, cast, secretOf }, image as Image | undefined),
    kindOf,
    bend,
    makeUp: (random) => {
      const packet = bytesFrom(random).bytes(1 + Math.floor(random() * 200));
      packet[0] = Math.floor(random() * 6);
      return packet;
    },
  };
}

function kindOf(packet: unknown): Kind | undefined {
  const [type = 0] = packet as Uint8Array;
  return kinds[type - 1];
}

function bend(
  packet: unknown,
  random: () => number,
): { readonly packet: unknown; readonly isTrue: boolean } {
  const bent = Uint8Array.from(packet as Uint8Array);
  const dice = random();
  if (dice < 0.1)
    return { packet: bent.slice(0, Math.floor(random() * bent.length)), isTrue: false };
  if (dice < 0.2) return { packet: Uint8Array.of(...bent, 0), isTrue: false };
  // The one place that a greeting's proof does not cover: the index at which it wants to be answered.
  const index = indexAt[kindOf(packet) ?? "data"];
  const isTrue = index !== undefined && dice < 0.5;
  const at = isTrue ? index + Math.floor(random() * 8) : Math.floor(random() * bent.length);
  bent[at] = (bent[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  const isIndex = index !== undefined && at >= index && at < index + 8;
  return { packet: bent, isTrue: isIndex };
}

interface Setting {
  readonly around: Surroundings;
  readonly crypto: Crypto;
  readonly cast: ReadonlyArray<NodeKeys>;
  readonly secretOf: (number: number) => SecretKey;
}

/** All that a program was told since it started, and the chance it had: so it can be brought to where it was. */
interface Image {
  readonly seed: number;
  readonly inputs: ReadonlyArray<Input>;
}

interface Input {
  readonly clock: number;
  readonly epoch: number;
  readonly known: ReadonlyArray<Place>;
  readonly act: (sessions: Sessions) => ReadonlyArray<SessionOutput>;
}

class Program implements Run {
  readonly #around: Surroundings;
  readonly #cast: ReadonlyArray<NodeKeys>;
  readonly #sessions: Sessions;
  readonly #seed: number;
  readonly #inputs: Input[] = [];
  readonly #random: () => number;
  #input: Input | undefined;

  constructor({ around, crypto, cast, secretOf }: Setting, image?: Image) {
    this.#around = around;
    this.#cast = cast;
    const keys = cast[around.me];
    if (keys === undefined) throw new Error("there are six nodes at most");
    this.#seed = image?.seed ?? Math.floor(around.random() * 2 ** 32);
    this.#random = mulberry32(this.#seed);
    this.#sessions = openSessions({
      crypto,
      keys,
      // The read key's, and the door's, which everybody has.
      psks: () => [secretOf(this.#input?.epoch ?? 0), secretOf(255)],
      pass: () => undefined,
      mayConnect: ({ node }) => this.#placeOf(node) !== undefined,
      acquaintances: () => (this.#input?.known ?? []).map((place) => this.#acquaintance(place)),
      random: bytesFrom(() => this.#random()),
    });
    for (const input of image?.inputs ?? []) this.#take(input);
    // What is drawn from now on was not drawn then: a machine that goes back to an image gets new chance.
    if (image !== undefined) this.#random = mulberry32(Math.floor(around.random() * 2 ** 32));
  }

  say(to: Place, text: string): void {
    const { node, box } = this.#acquaintance(to);
    this.#do((sessions, now) => sessions.connect({ node, box }, now));
    this.#do((sessions, now) => sessions.send(node, formatUtf8(text), now));
  }

  receive(packet: unknown, path: Path): void {
    this.#do((sessions, now) => sessions.receive(packet as Uint8Array, path, now));
  }

  tick(): void {
    this.#do((sessions, now) => sessions.tick(now));
  }

  wakesIn(): number | undefined {
    const at = this.#sessions.nextWake();
    const last = this.#inputs.at(-1)?.clock ?? this.#around.clock();
    return at === undefined ? undefined : Math.max(0, at - last);
  }

  hurry(): void {
    this.#do((sessions, now) => sessions.nudge("all", now));
  }

  image(): Image {
    return { seed: this.#seed, inputs: [...this.#inputs] };
  }

  #do(act: (sessions: Sessions, now: ReturnType<typeof instant>) => SessionOutput[]): void {
    const clock = this.#around.clock();
    const { epoch, known } = this.#around.disk();
    const now = instant(clock);
    const input = { clock, epoch, known: [...known], act: (own: Sessions) => act(own, now) };
    for (const output of this.#take(input)) this.#perform(output);
  }

  #take(input: Input): ReadonlyArray<SessionOutput> {
    this.#input = input;
    this.#inputs.push(input);
    return input.act(this.#sessions);
  }

  #perform(output: SessionOutput): void {
    if (output.type === "self") throw new Error("nobody here is somebody else");
    const other = this.#placeOf(output.node);
    if (other === undefined) throw new Error("a session is with one of the cast");
    switch (output.type) {
      case "packet": {
        const { packet, path } = output;
        const carries = kindOf(packet) === "data" && packet.length > emptyBytes;
        return this.#around.send(other, packet, { path: pathOf(path), carries });
      }
      case "message":
        return this.#around.heard(other, parseUtf8(output.message) ?? "?");
      case "refused":
        return this.#around.refused(other);
      case "up":
        return this.#around.up(other);
      case "down":
        return this.#around.down(other);
      case "heard":
        return undefined;
    }
  }

  #placeOf(node: NodeId): Place | undefined {
    const place = this.#cast.findIndex(({ id }) => id === node);
    return place === -1 ? undefined : place;
  }

  #acquaintance(place: Place): { readonly node: NodeId; readonly box: Uint8Array } {
    const keys = this.#cast[place];
    if (keys === undefined) throw new Error("there are six nodes at most");
    return { node: keys.id, box: keys.boxPublic };
  }
}

function pathOf(path: string | undefined): Path | undefined {
  return path === "relay" || path === "direct" ? path : undefined;
}

function bytesFrom(random: () => number): {
  readonly bytes: (length: number) => Uint8Array<ArrayBuffer>;
} {
  return { bytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)) };
}

const kinds: ReadonlyArray<Kind> = ["hello", "welcome", "data", "stale"];
/** Where in a packet the index of its sender stands. */
const indexAt: Readonly<Partial<Record<Kind, number>>> = { hello: 1, welcome: 9 };
/** Type, index, counter and tag of a packet that carries nothing. */
const emptyBytes = 1 + 8 + 6 + 16;
