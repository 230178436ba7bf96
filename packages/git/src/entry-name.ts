/** Names inside trees: which are refused, because some system would take them for something else than a file. */

import { entryNameBytesMax } from "@skein/protocol/limits";

/** Why a name may not stand in a tree, in the words of `git fsck`. */
export type EntryNameFault =
  | "emptyName"
  | "hasDot"
  | "hasDotdot"
  | "hasDotgit"
  | "fullPathname"
  | "largePathname";

/** Files that git itself reads, and whose names it therefore looks for in disguise. */
export type SpecialName = "gitmodules" | "gitattributes";

/** What is wrong with a name, or `undefined`. Names are bytes: whether they are text is not asked. */
export function entryNameFault(name: Uint8Array): EntryNameFault | undefined {
  if (name.length === 0) return "emptyName";
  if (name.length > entryNameBytesMax) return "largePathname";
  if (name.includes(slash)) return "fullPathname";
  if (name[0] === dot && name.length === 1) return "hasDot";
  if (name[0] === dot && name[1] === dot && name.length === 2) return "hasDotdot";
  return mayBeDisguised(name) && isDotgit(name) ? "hasDotgit" : undefined;
}

function isDotgit(name: Uint8Array): boolean {
  if (isHfsName(name, "git") || isNtfsDotgit(name, 0)) return true;
  for (let at = name.indexOf(backslash); at >= 0; at = name.indexOf(backslash, at + 1))
    if (isNtfsDotgit(name, at + 1)) return true;
  return false;
}

/** Whether HFS+ or NTFS would open `.gitmodules` or `.gitattributes` under this name. */
export function specialName(name: Uint8Array): SpecialName | undefined {
  if (!mayBeDisguised(name)) return undefined;
  for (const [special, shortName] of specialNames) {
    if (isHfsName(name, special) || isNtfsName(name, 0, { special, shortName })) return special;
    for (let at = name.indexOf(backslash); at >= 0; at = name.indexOf(backslash, at + 1))
      if (isNtfsName(name, at + 1, { special, shortName })) return special;
  }
  return undefined;
}

/** Nearly every name is told apart by one look: a disguise needs a dot or a `g` in front, a backslash or UTF-8. */
function mayBeDisguised(name: Uint8Array): boolean {
  const first = name[0] ?? 0;
  return (
    first === dot || first === 0x67 || first === 0x47 || first >= 0x80 || name.includes(backslash)
  );
}

/** `.git` or `git~1`, then dots and spaces, then the end, a stream (`:`) or a separator. */
function isNtfsDotgit(name: Uint8Array, start: number): boolean {
  const length = hasLetters(name, start, ".git") ? 4 : hasLetters(name, start, "git~1") ? 5 : 0;
  return length > 0 && endsAsNtfs(name, start + length, true);
}

function isNtfsName(
  name: Uint8Array,
  start: number,
  { special, shortName }: { readonly special: string; readonly shortName: string },
): boolean {
  if (hasLetters(name, start, `.${special}`))
    return endsAsNtfs(name, start + special.length + 1, false);
  const short = special.slice(0, 6);
  const digit = name[start + 7] ?? 0;
  if (hasLetters(name, start, `${short}~`) && digit >= 0x31 && digit <= 0x34)
    return endsAsNtfs(name, start + 8, false);
  return isNtfsShortName(name, start, shortName);
}

/** The eight characters NTFS falls back to: as much of the hash as fits, `~`, and a number. */
function isNtfsShortName(name: Uint8Array, start: number, shortName: string): boolean {
  let tilde = false;
  for (let index = 0; index < 8; index++) {
    const byte = name[start + index] ?? 0;
    if (tilde) {
      if (byte < 0x30 || byte > 0x39) return false;
    } else if (byte === 0x7e) {
      index++;
      const digit = name[start + index] ?? 0;
      if (digit < 0x31 || digit > 0x39) return false;
      tilde = true;
    } else if (index >= 6 || lower(byte) !== shortName.charCodeAt(index)) return false;
  }
  return endsAsNtfs(name, start + 8, false);
}

function endsAsNtfs(name: Uint8Array, start: number, separators: boolean): boolean {
  for (let offset = start; offset < name.length; offset++) {
    const byte = name[offset] ?? 0;
    if (byte === colon || (separators && byte === backslash)) return true;
    if (byte !== dot && byte !== space) return false;
  }
  return true;
}

/** `.` and `word`, in any case, with whatever HFS+ ignores anywhere in between. */
function isHfsName(name: Uint8Array, word: string): boolean {
  let offset = 0;
  const next = (): number => {
    for (;;) {
      const read = readPoint(name, offset);
      // Git takes bytes that are not UTF-8 for the end of the name.
      if (read === undefined) return 0;
      offset += read.length;
      if (!isIgnoredByHfs(read.point)) return read.point;
    }
  };
  if (next() !== dot) return false;
  for (let index = 0; index < word.length; index++)
    if (lower(next()) !== word.charCodeAt(index)) return false;
  return next() === 0;
}

function isIgnoredByHfs(point: number): boolean {
  return (
    (point >= 0x200c && point <= 0x200f) ||
    (point >= 0x202a && point <= 0x202e) ||
    (point >= 0x206a && point <= 0x206f) ||
    point === 0xfeff
  );
}

/** One character of UTF-8 at `offset`; `undefined` at the end and where there is none. */
function readPoint(
  bytes: Uint8Array,
  offset: number,
): { readonly point: number; readonly length: number } | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  if (first < 0x80) return { point: first, length: 1 };
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || offset + length > bytes.length) return undefined;
  let point = first & (0xff >> (length + 1));
  for (let index = 1; index < length; index++) {
    const byte = bytes[offset + index] ?? 0;
    if ((byte & 0xc0) !== 0x80) return undefined;
    point = (point << 6) | (byte & 0x3f);
  }
  return { point, length };
}

function hasLetters(name: Uint8Array, start: number, letters: string): boolean {
  for (let index = 0; index < letters.length; index++)
    if (lower(name[start + index] ?? 0) !== letters.charCodeAt(index)) return false;
  return true;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

const space = 0x20;
const dot = 0x2e;
const slash = 0x2f;
const colon = 0x3a;
const backslash = 0x5c;

/** With the six letters that NTFS would hash each to, once its numbered short names are used up. */
const specialNames: ReadonlyArray<readonly [SpecialName, shortName: string]> = [
  ["gitmodules", "gi7eba"],
  ["gitattributes", "gi7d29"],
];
