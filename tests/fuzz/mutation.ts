/** Changes by chance, the same for the same seed: what a hostile node would try on the bytes of a sound message. */

import { concat, formatUtf8, type Bytes } from "@skein/protocol/bytes";

export interface Chance {
  /** A whole number from 0 up to, and without, `end`. */
  readonly below: (end: number) => number;
  readonly pick: <T>(among: ReadonlyArray<T>) => T;
  readonly bytes: (length: number) => Bytes;
}

/** Numbers by chance (splitmix32): seeds that stand beside each other have nothing in common. */
export function openChance(seed: number): Chance {
  let state = Math.imul(seed, 0x9e3779b1) ^ (seed / 2 ** 32);
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const below = (end: number): number => (end <= 1 ? 0 : next() % end);
  return {
    below,
    pick: (among) => {
      const picked = among[below(among.length)];
      if (picked === undefined) throw new Error("there is something to pick from");
      return picked;
    },
    bytes: (length) => Uint8Array.from({ length }, () => next()),
  };
}

/** One to four changes. `others` lend pieces, and `words` are what the format knows. */
export function mutate(
  sample: Uint8Array,
  chance: Chance,
  {
    others,
    words = [],
  }: { readonly others: ReadonlyArray<Uint8Array>; readonly words?: ReadonlyArray<string> },
): Bytes {
  let bytes: Bytes = Uint8Array.from(sample);
  for (let changes = 1 + chance.below(4); changes > 0; changes--)
    bytes = chance.pick(changesOf)({ bytes, chance, others, words });
  return bytes;
}

interface Given {
  readonly bytes: Bytes;
  readonly chance: Chance;
  readonly others: ReadonlyArray<Uint8Array>;
  readonly words: ReadonlyArray<string>;
}

type Change = (given: Given) => Bytes;

const changesOf: ReadonlyArray<Change> = [
  ({ bytes, chance }) => overwrite(bytes, chance, [(bytes[0] ?? 0) ^ (1 << chance.below(8))]),
  ({ bytes, chance }) => {
    const at = chance.below(bytes.length);
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.below(8));
    return bytes;
  },
  ({ bytes, chance }) => {
    const at = chance.below(bytes.length);
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) + chance.pick([1, -1, 16, -16]);
    return bytes;
  },
  ({ bytes, chance }) => overwrite(bytes, chance, [chance.below(256)]),
  ({ bytes, chance }) => overwrite(bytes, chance, [chance.pick([0, 1, 0x7f, 0x80, 0xff])]),
  ({ bytes, chance }) => overwrite(bytes, chance, numberOf(chance, 4)),
  ({ bytes, chance }) => overwrite(bytes, chance, numberOf(chance, 2)),
  ({ bytes, chance }) => insert(bytes, chance, chance.bytes(1 + chance.below(8))),
  ({ bytes, chance }) => insert(bytes, chance, new Uint8Array(1 + chance.below(300))),
  ({ bytes, chance }) => insert(bytes, chance, piece(bytes, chance)),
  ({ bytes, chance, others }) => insert(bytes, chance, piece(chance.pick(others), chance)),
  ({ bytes, chance, words }) =>
    words.length === 0 ? bytes : insert(bytes, chance, formatUtf8(chance.pick(words))),
  ({ bytes, chance, words }) =>
    words.length === 0 ? bytes : overwrite(bytes, chance, formatUtf8(chance.pick(words))),
  ({ bytes, chance }) => remove(bytes, chance),
  ({ bytes, chance }) => bytes.slice(0, chance.below(bytes.length + 1)),
  ({ bytes, chance }) => bytes.slice(chance.below(Math.min(bytes.length, 8))),
  /** Text stays text. */
  ({ bytes, chance }) =>
    bytes.map((byte) =>
      byte >= 0x30 && byte <= 0x7a && chance.below(30) === 0 ? byte ^ (1 + chance.below(3)) : byte,
    ),
];

/** Numbers that readers get wrong, big-endian. */
function numberOf(chance: Chance, length: number): ReadonlyArray<number> {
  const number = chance.pick([
    0,
    1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    chance.below(300),
    chance.below(2 ** 20),
  ]);
  return Array.from({ length }, (_, at) => Math.floor(number / 256 ** (length - 1 - at)) % 256);
}

function overwrite(bytes: Bytes, chance: Chance, written: ArrayLike<number>): Bytes {
  const at = chance.below(bytes.length);
  for (let index = 0; index < written.length && at + index < bytes.length; index++)
    bytes[at + index] = written[index] ?? 0;
  return bytes;
}

function insert(bytes: Bytes, chance: Chance, inserted: Uint8Array): Bytes {
  const at = chance.below(bytes.length + 1);
  return concat(bytes.subarray(0, at), inserted, bytes.subarray(at));
}

function remove(bytes: Bytes, chance: Chance): Bytes {
  const at = chance.below(bytes.length);
  const end = at + 1 + chance.below(chance.pick([1, 4, 40]));
  return concat(bytes.subarray(0, at), bytes.subarray(end));
}

function piece(bytes: Uint8Array, chance: Chance): Uint8Array {
  const at = chance.below(bytes.length);
  return bytes.subarray(at, at + 1 + chance.below(chance.pick([4, 40, 400])));
}
