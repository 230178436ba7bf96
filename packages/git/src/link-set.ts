/** What the objects of a pack refer to: each id once, with the type it must have. */

import { LimitExceededError } from "@skein/protocol/errors";
import { packObjectsMax } from "@skein/protocol/limits";
import { openIdTable } from "./id-table.ts";
import type { ObjectType } from "./object.ts";
import { codeOfType, typeOfPackCode } from "./pack-entry.ts";

export interface LinkSet {
  readonly size: () => number;
  /** The index of the link, or `undefined` if the same id was referred to as something else before. */
  readonly add: (bytes: Uint8Array, offset: number, type: ObjectType) => number | undefined;
  /** The same, with the type as packs write it; -1 instead of `undefined`. */
  readonly addCode: (bytes: Uint8Array, offset: number, code: number) => number;
  /** The index of the link to an id, or -1. */
  readonly find: (bytes: Uint8Array, offset: number) => number;
  /** The ids one after the other, 20 bytes each, and their types. */
  readonly ids: () => Uint8Array;
  readonly typeAt: (index: number) => ObjectType;
}

export function openLinkSet(): LinkSet {
  let ids = new Uint8Array(20 * 2048);
  let types = new Uint8Array(2048);
  let size = 0;
  const table = openIdTable(() => ids);

  const grow = (): void => {
    if (size > linksMax)
      throw new LimitExceededError("links out of one pack", { actual: size, most: linksMax });
    const moreIds = new Uint8Array(ids.length * 2);
    moreIds.set(ids);
    ids = moreIds;
    const moreTypes = new Uint8Array(types.length * 2);
    moreTypes.set(types);
    types = moreTypes;
  };

  const addCode = (bytes: Uint8Array, offset: number, code: number): number => {
    const known = table.find(bytes, offset);
    if (known >= 0) return types[known] === code ? known : -1;
    if (size === types.length) grow();
    for (let index = 0; index < 20; index++) ids[size * 20 + index] = bytes[offset + index] ?? 0;
    types[size] = code;
    table.add(size);
    size += 1;
    return size - 1;
  };
  return {
    size: () => size,
    add: (bytes, offset, type) => {
      const link = addCode(bytes, offset, codeOfType(type));
      return link < 0 ? undefined : link;
    },
    addCode,
    find: table.find,
    ids: () => ids,
    typeAt: (index) => typeOfPackCode(types[index] ?? 0) ?? "blob",
  };
}

/** Honest links lead to the pack's own objects and to those around it. */
const linksMax = 4 * packObjectsMax;
