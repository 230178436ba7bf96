/** Sets of stored objects. */

/** Stored objects by row, one bit each. */
export interface ObjectSet {
  readonly has: (row: number) => boolean;
  /** Answers whether it was new. */
  readonly add: (row: number) => boolean;
  readonly addAll: (other: Pick<ObjectSet, "words">, except?: ObjectSet) => void;
  readonly words: () => Uint32Array;
  readonly rows: () => Iterable<number>;
  /** How many of `count` rows from `first` on are in it. */
  readonly countIn: (first: number, count: number) => number;
}

export function openObjectSet(): ObjectSet {
  let words = new Uint32Array(64);
  const grow = (length: number): void => {
    if (length <= words.length) return;
    const more = new Uint32Array(Math.max(length, words.length * 2));
    more.set(words);
    words = more;
  };
  return {
    has: (row) => ((words[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0,
    add: (row) => {
      grow((row >>> 5) + 1);
      const before = words[row >>> 5] ?? 0;
      const after = before | (1 << (row & 31));
      words[row >>> 5] = after;
      return before !== after >>> 0;
    },
    addAll: (other, except) => {
      const theirs = other.words();
      const without = except?.words() ?? noWords;
      grow(theirs.length);
      for (let at = 0; at < theirs.length; at++)
        words[at] = (words[at] ?? 0) | ((theirs[at] ?? 0) & ~(without[at] ?? 0));
    },
    words: () => words,
    rows: () => rowsIn(words),
    countIn: (first, count) => countIn(words, first, first + count),
  };
}

function* rowsIn(words: Uint32Array): Iterable<number> {
  for (const [at, word] of words.entries())
    for (let left = word; left !== 0; left &= left - 1)
      yield at * 32 + 31 - Math.clz32(left & -left);
}

function countIn(words: Uint32Array, first: number, end: number): number {
  let many = 0;
  for (let at = first >>> 5; at * 32 < end; at++) {
    let word = words[at] ?? 0;
    if (word === 0) continue;
    if (at * 32 < first) word &= ~0 << (first & 31);
    if (at * 32 + 32 > end) word &= ~(~0 << (end & 31));
    many += bitsOf(word);
  }
  return many;
}

/** How many bits are set, counted pair by pair. */
function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

const noWords = new Uint32Array(0);
