/** Sets of stored objects. */

/** Stored objects by row, one bit each. */
export interface ObjectSet {
  readonly has: (row: number) => boolean;
  /** Answers whether it was new. */
  readonly add: (row: number) => boolean;
  readonly addAll: (other: ObjectSet, except?: ObjectSet) => void;
  readonly words: () => Uint32Array;
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
  };
}

const noWords = new Uint32Array(0);
