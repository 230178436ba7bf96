/** Finds the index of an id in a list of ids that is still growing. */

export interface IdTable {
  /** The index that was added for the id at `offset` of `bytes`, or -1. */
  readonly find: (bytes: Uint8Array, offset: number) => number;
  /** Answers whether the id was new. */
  readonly add: (index: number) => boolean;
}

/** `oids` answers where the ids themselves stand, 20 bytes each. Ids are hashes already: their first bytes are the place to look. */
export function openIdTable(oids: () => Uint8Array): IdTable {
  let slots = new Int32Array(4096);
  let size = 0;
  const slotOf = (bytes: Uint8Array, offset: number): number => {
    const ids = oids();
    const mask = slots.length - 1;
    let slot =
      (((bytes[offset] ?? 0) << 24) ^
        ((bytes[offset + 1] ?? 0) << 16) ^
        ((bytes[offset + 2] ?? 0) << 8) ^
        (bytes[offset + 3] ?? 0)) &
      mask;
    for (;;) {
      const index = (slots[slot] ?? 0) - 1;
      if (index < 0 || sameId(ids, index * 20, bytes, offset)) return slot;
      slot = (slot + 1) & mask;
    }
  };
  const grow = (): void => {
    const before = slots;
    slots = new Int32Array(before.length * 2);
    for (const kept of before) if (kept > 0) slots[slotOf(oids(), (kept - 1) * 20)] = kept;
  };
  return {
    find: (bytes, offset) => (slots[slotOf(bytes, offset)] ?? 0) - 1,
    add: (index) => {
      const slot = slotOf(oids(), index * 20);
      if ((slots[slot] ?? 0) > 0) return false;
      slots[slot] = index + 1;
      size += 1;
      if (size * 2 > slots.length) grow();
      return true;
    },
  };
}

export function sameId(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  for (let index = 0; index < 20; index++)
    if (a[aOffset + index] !== b[bOffset + index]) return false;
  return true;
}
