/** What the objects of a pack refer to: each id once, with the type it must have. */

import { LimitExceededError } from "@skein/protocol/errors";
import { linkStepsMax, packObjectsMax } from "@skein/protocol/limits";
import type { ObjectType } from "./object.ts";
import { codeOfType, typeOfPackCode } from "./pack-entry.ts";
import { PackRejectedError } from "./pack-rejected.ts";

export interface LinkSet {
  readonly size: () => number;
  /** The index of the link, or `undefined` if the same id was referred to as something else before. */
  readonly add: (bytes: Uint8Array, offset: number, type: ObjectType) => number | undefined;
  /** The same, with the type as packs write it; -1 instead of `undefined`. `before` is the link that was added before it, or -1. */
  readonly addCode: (bytes: Uint8Array, offset: number, code: number, before: number) => number;
  /** The index of the link to an id, or -1. */
  readonly find: (bytes: Uint8Array, offset: number) => number;
  /** The ids one after the other, 20 bytes each, and their types. */
  readonly ids: () => Uint8Array;
  readonly typeAt: (index: number) => ObjectType;
}

export function openLinkSet(): LinkSet {
  const links: Links = {
    ids: new Uint8Array(20 * linksAtFirst),
    words: noView,
    types: new Uint8Array(linksAtFirst),
    followers: new Int32Array(linksAtFirst),
    slots: new Int32Array(2 * linksAtFirst),
    size: 0,
    asked: noBytes,
    view: noView,
  };
  links.words = viewOf(links.ids);
  const addCode: LinkSet["addCode"] = (bytes, offset, code, before) => {
    const view = look(links, bytes);
    // What followed a link in one version of a tree follows it in most others.
    const likely = before < 0 ? -1 : (links.followers[before] ?? 0) - 1;
    let link = likely;
    if (likely < 0 || !isSame(links, likely, view, offset)) {
      const slot = slotOf(links, view, offset);
      link = (links.slots[slot] ?? 0) - 1;
      if (link < 0) link = append(links, view, { offset, code, slot });
      if (before >= 0) links.followers[before] = link + 1;
    }
    return links.types[link] === code ? link : -1;
  };
  return {
    size: () => links.size,
    add: (bytes, offset, type) => {
      const link = addCode(bytes, offset, codeOfType(type), -1);
      return link < 0 ? undefined : link;
    },
    addCode,
    find: (bytes, offset) => (links.slots[slotOf(links, look(links, bytes), offset)] ?? 0) - 1,
    ids: () => links.ids,
    typeAt: (index) => typeOfPackCode(links.types[index] ?? 0) ?? "blob",
  };
}

interface Links {
  ids: Uint8Array<ArrayBuffer>;
  /** The same, to read four bytes at once. */
  words: DataView;
  types: Uint8Array<ArrayBuffer>;
  /** For each link, the one that was added after it last, counted from 1. */
  followers: Int32Array<ArrayBuffer>;
  /** Links, counted from 1. Ids are hashes already: their first bytes are the place to look. */
  slots: Int32Array<ArrayBuffer>;
  size: number;
  /** The bytes that were asked about last, and how to read them four at once. */
  asked: Uint8Array;
  view: DataView;
}

function look(links: Links, bytes: Uint8Array): DataView {
  if (links.asked !== bytes) {
    links.asked = bytes;
    links.view = viewOf(bytes);
  }
  return links.view;
}

/** Where the link to the id at `offset` is or belongs. What is referred to need not be there, so ids can be made up to be alike. */
function slotOf(links: Links, view: DataView, offset: number): number {
  const { slots } = links;
  const mask = slots.length - 1;
  let slot = view.getInt32(offset) & mask;
  for (let steps = 0; steps < linkStepsMax; steps++) {
    const link = (slots[slot] ?? 0) - 1;
    if (link < 0 || isSame(links, link, view, offset)) return slot;
    slot = (slot + 1) & mask;
  }
  throw new PackRejectedError("work", "too many of the ids in it begin alike");
}

function isSame({ words }: Links, link: number, view: DataView, offset: number): boolean {
  const at = link * 20;
  return (
    words.getInt32(at) === view.getInt32(offset) &&
    words.getInt32(at + 4) === view.getInt32(offset + 4) &&
    words.getInt32(at + 8) === view.getInt32(offset + 8) &&
    words.getInt32(at + 12) === view.getInt32(offset + 12) &&
    words.getInt32(at + 16) === view.getInt32(offset + 16)
  );
}

function append(
  links: Links,
  view: DataView,
  { offset, code, slot }: { readonly offset: number; readonly code: number; readonly slot: number },
): number {
  const link = links.size;
  if (link === links.types.length) growColumns(links);
  for (let at = 0; at < 20; at += 4)
    links.words.setInt32(link * 20 + at, view.getInt32(offset + at));
  links.types[link] = code;
  links.slots[slot] = link + 1;
  links.size += 1;
  if (links.size * 2 > links.slots.length) growSlots(links);
  return link;
}

function growColumns(links: Links): void {
  const { ids, types, followers, size } = links;
  if (size > linksMax)
    throw new LimitExceededError("links out of one pack", { actual: size, most: linksMax });
  links.ids = new Uint8Array(ids.length * 2);
  links.ids.set(ids);
  links.words = viewOf(links.ids);
  links.types = new Uint8Array(types.length * 2);
  links.types.set(types);
  links.followers = new Int32Array(followers.length * 2);
  links.followers.set(followers);
}

function growSlots(links: Links): void {
  links.slots = new Int32Array(links.slots.length * 2);
  for (let link = 0; link < links.size; link++)
    links.slots[slotOf(links, links.words, link * 20)] = link + 1;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const noBytes = new Uint8Array(0);
const noView = viewOf(noBytes);
const linksAtFirst = 2048;
/** Honest links lead to the pack's own objects and to those around it. */
const linksMax = 4 * packObjectsMax;
