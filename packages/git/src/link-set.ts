/** What the objects of a pack refer to: each id once, with the type it must have. */

import { LimitExceededError } from "@skein/protocol/errors";
import { packObjectsMax } from "@skein/protocol/limits";
import type { ObjectType } from "./object.ts";
import { codeOfType, typeOfPackCode } from "./pack-entry.ts";

export interface LinkSet {
  readonly size: () => number;
  /** The index of the link, or `undefined` if the same id was referred to as something else before. */
  readonly add: (bytes: Uint8Array, offset: number, type: ObjectType) => number | undefined;
  /** The index of the link to an id, or -1. */
  readonly find: (bytes: Uint8Array, offset: number) => number;
  /** The ids one after the other, 20 bytes each, and their types. */
  readonly ids: () => Uint8Array;
  readonly typeAt: (index: number) => ObjectType;
}

/** Ids are hashes already, so their first bytes serve as the place to look. */
export function openLinkSet(): LinkSet {
  let slots = new Int32Array(4096);
  let ids = new Uint8Array(20 * 2048);
  let types = new Uint8Array(2048);
  let size = 0;

  const slotOf = (bytes: Uint8Array, offset: number): number => {
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
    if (size > linksMax)
      throw new LimitExceededError("links out of one pack", { actual: size, most: linksMax });
    const moreIds = new Uint8Array(ids.length * 2);
    moreIds.set(ids);
    ids = moreIds;
    const moreTypes = new Uint8Array(types.length * 2);
    moreTypes.set(types);
    types = moreTypes;
    slots = new Int32Array(slots.length * 2);
    for (let index = 0; index < size; index++) slots[slotOf(ids, index * 20)] = index + 1;
  };

  return {
    size: () => size,
    add: (bytes, offset, type) => {
      let slot = slotOf(bytes, offset);
      const known = (slots[slot] ?? 0) - 1;
      if (known >= 0) return types[known] === codeOfType(type) ? known : undefined;
      if (size === types.length) {
        grow();
        slot = slotOf(bytes, offset);
      }
      for (let index = 0; index < 20; index++) ids[size * 20 + index] = bytes[offset + index] ?? 0;
      types[size] = codeOfType(type);
      size += 1;
      slots[slot] = size;
      return size - 1;
    },
    find: (bytes, offset) => (slots[slotOf(bytes, offset)] ?? 0) - 1,
    ids: () => ids,
    typeAt: (index) => typeOfPackCode(types[index] ?? 0) ?? "blob",
  };
}

export function sameId(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  for (let index = 0; index < 20; index++)
    if (a[aOffset + index] !== b[bOffset + index]) return false;
  return true;
}

/** Honest links lead to the pack's own objects and to those around it. */
const linksMax = 4 * packObjectsMax;
