/** Whether `git fsck --strict` would let an object pass, and what the object refers to. */

import { commitParentsMax } from "@skein/protocol/limits";
import { entryNameFault, specialName, type SpecialName } from "./entry-name.ts";
import {
  kindOfMode,
  parseObjectType,
  walkTree,
  type EntryKind,
  type ObjectType,
} from "./object.ts";

/** Told of what an object refers to: 20 bytes at an offset of something, and what they must name. */
export interface Links {
  readonly refer: (bytes: Uint8Array, offset: number, type: ObjectType) => void;
  /** Of each entry of a tree, before it refers to something: how long its name is, and what it is. */
  readonly name?: (bytes: number, kind: EntryKind) => void;
  /** A file whose content git reads: it is judged by `specialFileFault` once it is at hand. */
  readonly special: (bytes: Uint8Array, offset: number, name: SpecialName) => void;
}

/** What is wrong with an object, in the words of `git fsck`, or `undefined`. Blobs are always sound by themselves. */
export function objectFault(
  type: ObjectType,
  bytes: Uint8Array,
  links: Links = nowhere,
): string | undefined {
  switch (type) {
    case "blob":
      return undefined;
    case "tree":
      return treeFault(bytes, links);
    case "commit":
      return headerFault(bytes) ?? commitFault(bytes, links);
    case "tag":
      return headerFault(bytes) ?? tagFault(bytes, links);
  }
}

function treeFault(bytes: Uint8Array, links: Links): string | undefined {
  let fault: string | undefined;
  let last: Entry | undefined;
  const prefixes: Entry[] = [];
  const whole = walkTree(bytes, (mode, start, end, begin) => {
    const kind = kindOfMode(mode);
    const entry: Entry = { start, end, isTree: kind === "tree" };
    fault = bytes[begin] === 0x30 ? "zeroPaddedFilemode" : entryFault(bytes, entry, kind);
    if (last !== undefined) fault ??= orderFault(bytes, last, entry);
    fault ??= twinFault(bytes, prefixes, entry);
    last = entry;
    if (fault === undefined) links.name?.(end - start, kind);
    if (fault === undefined && kind !== "submodule") tellEntry(bytes, entry, links);
    return fault === undefined;
  });
  return fault ?? (whole ? undefined : "badTree");
}

function entryFault(bytes: Uint8Array, { start, end }: Entry, kind: EntryKind): string | undefined {
  const name = bytes.subarray(start, end);
  const fault = entryNameFault(name);
  if (fault !== undefined) return fault;
  if (isNull(bytes, end + 1)) return "nullSha1";
  if (kind !== "symlink" && kind !== "tree") return undefined;
  const special = specialName(name);
  return special && `${special}${kind === "symlink" ? "Symlink" : "Blob"}`;
}

function tellEntry(bytes: Uint8Array, { start, end, isTree }: Entry, links: Links): void {
  const special = specialName(bytes.subarray(start, end));
  if (special !== undefined) links.special(bytes, end + 1, special);
  links.refer(bytes, end + 1, isTree ? "tree" : "blob");
}

interface Entry {
  readonly start: number;
  readonly end: number;
  readonly isTree: boolean;
}

/** Entries must rise, compared as if the names of trees ended with a slash. */
function orderFault(bytes: Uint8Array, a: Entry, b: Entry): string | undefined {
  const length = Math.min(a.end - a.start, b.end - b.start);
  for (let index = 0; index < length; index++) {
    const difference = (bytes[a.start + index] ?? 0) - (bytes[b.start + index] ?? 0);
    if (difference !== 0) return difference < 0 ? undefined : "treeNotSorted";
  }
  if (a.end - a.start === b.end - b.start) return "duplicateEntries";
  const after = (entry: Entry): number =>
    entry.end - entry.start > length ? (bytes[entry.start + length] ?? 0) : entry.isTree ? 0x2f : 0;
  return after(a) < after(b) ? undefined : "treeNotSorted";
}

/** A file `a` and a tree `a` need not be neighbours: `a-b` sorts between them. `prefixes` are files that may yet meet theirs. */
function twinFault(bytes: Uint8Array, prefixes: Entry[], entry: Entry): string | undefined {
  for (let top = prefixes.at(-1); top !== undefined; top = prefixes.at(-1)) {
    if (startsWith(bytes, entry, top)) break;
    prefixes.pop();
  }
  const top = prefixes.at(-1);
  if (top !== undefined && top.end - top.start === entry.end - entry.start)
    return "duplicateEntries";
  if (!entry.isTree) prefixes.push(entry);
  return undefined;
}

function startsWith(bytes: Uint8Array, entry: Entry, prefix: Entry): boolean {
  const length = prefix.end - prefix.start;
  if (entry.end - entry.start < length) return false;
  for (let index = 0; index < length; index++)
    if (bytes[entry.start + index] !== bytes[prefix.start + index]) return false;
  return true;
}

/** Headers end with an empty line and hold no zero byte (fsck.c, `verify_headers`). */
function headerFault(bytes: Uint8Array): string | undefined {
  for (let offset = 0; offset < bytes.length; offset++) {
    if (bytes[offset] === 0) return "nulInHeader";
    if (bytes[offset] === newline && bytes[offset + 1] === newline) return undefined;
  }
  return bytes.at(-1) === newline ? undefined : "unterminatedHeader";
}

function commitFault(bytes: Uint8Array, links: Links): string | undefined {
  const lines: Lines = { bytes, offset: 0 };
  if (!takeOid(lines, "tree ", (oid) => links.refer(oid, 0, "tree"))) return "badTreeSha1";
  let parents = 0;
  while (atKey(lines, "parent ")) {
    if (!takeOid(lines, "parent ", (oid) => links.refer(oid, 0, "commit"))) return "badParentSha1";
    if (++parents > commitParentsMax) return `more than ${commitParentsMax} parents`;
  }
  if (!atKey(lines, "author ")) return "missingAuthor";
  const author = personFault(takeLine(lines).subarray(7));
  if (author !== undefined) return author;
  if (atKey(lines, "author ")) return "multipleAuthors";
  if (!atKey(lines, "committer ")) return "missingCommitter";
  const committer = personFault(takeLine(lines).subarray(10));
  return committer ?? (bytes.includes(0) ? "nulInCommit" : undefined);
}

function tagFault(bytes: Uint8Array, links: Links): string | undefined {
  const lines: Lines = { bytes, offset: 0 };
  let target: Uint8Array | undefined;
  if (!takeOid(lines, "object ", (oid) => (target = oid.slice()))) return "badObjectSha1";
  if (!atKey(lines, "type ")) return "missingTypeEntry";
  const type = parseObjectType(asciiOf(takeLine(lines).subarray(5)));
  if (type === undefined) return "badType";
  if (!atKey(lines, "tag ")) return "missingTagEntry";
  if (takeLine(lines).length <= 4) return "badTagName";
  if (target !== undefined) links.refer(target, 0, type);
  // Early tags have no tagger.
  if (!atKey(lines, "tagger ")) return undefined;
  return personFault(takeLine(lines).subarray(7));
}

/** `name <email> seconds zone`, to the byte (fsck.c, `fsck_ident`). */
function personFault(line: Uint8Array): string | undefined {
  const open = line.indexOf(0x3c);
  if (open < 0) return "missingEmail";
  if (open === 0) return "missingNameBeforeEmail";
  const close = line.indexOf(0x3e);
  if (close >= 0 && close < open) return "badName";
  if (line[open - 1] !== 0x20) return "missingSpaceBeforeEmail";
  const again = line.indexOf(0x3c, open + 1);
  if (close < 0 || (again >= 0 && again < close)) return "badEmail";
  return dateFault(line, close + 1);
}

function dateFault(line: Uint8Array, start: number): string | undefined {
  if (line[start] !== 0x20) return "missingSpaceBeforeDate";
  const date = start + 1;
  let end = date;
  while (isDigit(line[end])) end += 1;
  if (end === date || line[end] !== 0x20) return "badDate";
  if (line[date] === 0x30 && end > date + 1) return "zeroPaddedDate";
  if (end - date > secondsDigitsMax) return "badDateOverflow";
  return isZone(line, end + 1) ? undefined : "badTimezone";
}

/** A sign and four digits, up to the end. */
function isZone(line: Uint8Array, start: number): boolean {
  const sign = line[start];
  if (line.length !== start + 5 || (sign !== 0x2b && sign !== 0x2d)) return false;
  for (let at = start + 1; at < start + 5; at++) if (!isDigit(line[at])) return false;
  return true;
}

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

interface Lines {
  readonly bytes: Uint8Array;
  offset: number;
}

function atKey({ bytes, offset }: Lines, key: string): boolean {
  for (let index = 0; index < key.length; index++)
    if (bytes[offset + index] !== key.charCodeAt(index)) return false;
  return true;
}

function takeLine(lines: Lines): Uint8Array {
  const found = lines.bytes.indexOf(newline, lines.offset);
  const end = found < 0 ? lines.bytes.length : found;
  const line = lines.bytes.subarray(lines.offset, end);
  lines.offset = end + 1;
  return line;
}

/** Reads a whole line of `key` and an id. What is told of it is only lent. */
function takeOid(lines: Lines, key: string, found: (oid: Uint8Array) => void): boolean {
  const { bytes, offset } = lines;
  const start = offset + key.length;
  if (!atKey(lines, key) || bytes[start + 40] !== newline) return false;
  for (let index = 0; index < 20; index++) {
    const byte = (digitOf(bytes[start + index * 2]) << 4) | digitOf(bytes[start + index * 2 + 1]);
    if (byte < 0) return false;
    lentOid[index] = byte;
  }
  found(lentOid);
  lines.offset = start + 41;
  return true;
}

/** Negative where there is none. */
function digitOf(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
}

const lentOid = new Uint8Array(20);

function asciiOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function isNull(bytes: Uint8Array, offset: number): boolean {
  for (let index = 0; index < 20; index++) if (bytes[offset + index] !== 0) return false;
  return true;
}

const newline = 0x0a;
/** The year 33,658: later than this, a moment in milliseconds is no longer exact. */
const secondsDigitsMax = 12;
const nowhere: Links = { refer: () => {}, special: () => {} };
