/** Bytes as keys of a Map, and back. */

import type { Bytes } from "@skein/protocol/bytes";

/** A name of a tree as a key of a Map: one character for each byte. */
export function keyOf(name: Uint8Array): string {
  let key = "";
  for (const byte of name) key += String.fromCharCode(byte);
  return key;
}

export function nameOf(key: string): Bytes {
  return Uint8Array.from(key, (character) => character.charCodeAt(0));
}
