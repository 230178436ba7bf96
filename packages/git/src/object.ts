/** Git objects: what commits, trees and tags say, and how they are written. */

import {
  concat,
  formatHex,
  formatUtf8,
  parseHex,
  parseUtf8,
  type Bytes,
} from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { instant, parseObjectId, type Instant, type ObjectId } from "@skein/protocol/ids";

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export interface GitObject {
  readonly type: ObjectType;
  readonly bytes: Bytes;
}

/** Who did something, and when by their own clock. Text is for showing: bytes that are not UTF-8 are replaced. */
export interface Person {
  readonly name: string;
  readonly email: string;
  readonly at: Instant;
  readonly offsetMinutes: number;
}

export interface Commit {
  readonly tree: ObjectId;
  readonly parents: ReadonlyArray<ObjectId>;
  readonly author: Person;
  readonly committer: Person;
  readonly message: string;
}

/** What an entry of a tree is, whatever its permission bits. */
export type EntryKind = "file" | "executable" | "symlink" | "tree" | "submodule";

export interface TreeEntry {
  readonly mode: number;
  readonly kind: EntryKind;
  readonly name: Bytes;
  readonly oid: ObjectId;
}

export interface AnnotatedTag {
  readonly target: ObjectId;
  readonly type: ObjectType;
  readonly tag: string;
  readonly tagger: Person | undefined;
  readonly message: string;
}

/** The id whose 20 bytes begin at `offset`. */
export function oidAt(bytes: Uint8Array, offset: number): ObjectId {
  const oid = parseObjectId(formatHex(bytes.subarray(offset, offset + 20)));
  assert(oid !== undefined, "20 bytes are an object id");
  return oid;
}

export function oidBytes(oid: ObjectId): Bytes {
  const bytes = parseHex(oid);
  assert(bytes !== undefined, "an object id is hex");
  return bytes;
}

export function parseObjectType(text: string): ObjectType | undefined {
  return text === "commit" || text === "tree" || text === "blob" || text === "tag"
    ? text
    : undefined;
}

/** `undefined` where a commit has no tree, author or committer. */
export function parseCommit(bytes: Uint8Array): Commit | undefined {
  return parsePlainCommit(bytes) ?? parseAnyCommit(bytes);
}

/** Most commits are UTF-8, and their headers begin with the same lines: such a one is read at a glance. */
function parsePlainCommit(bytes: Uint8Array): Commit | undefined {
  const text = parseUtf8(bytes);
  const found = text === undefined ? null : commitPattern.exec(text);
  if (text === undefined || found === null) return undefined;
  const [front, tree = "", lines = ""] = found;
  const treeId = parseObjectId(tree);
  if (treeId === undefined) return undefined;
  const parents: ObjectId[] = [];
  for (let at = parentWord.length; at < lines.length; at += parentWord.length + 41) {
    const parent = parseObjectId(lines.slice(at, at + 40));
    if (parent !== undefined) parents.push(parent);
  }
  // The empty line that ends the headers may follow at once.
  const end = text.indexOf("\n\n", front.length - 1);
  return {
    tree: treeId,
    parents,
    author: personFrom(found, 3),
    committer: personFrom(found, 7),
    message: end < 0 ? "" : text.slice(end + 2),
  };
}

function parseAnyCommit(bytes: Uint8Array): Commit | undefined {
  const { headers, message } = splitHeaders(bytes);
  const [first, ...rest] = headers;
  const tree = first?.key === "tree" ? parseObjectId(first.value) : undefined;
  const author = personOf(rest, "author");
  const committer = personOf(rest, "committer");
  if (tree === undefined || author === undefined || committer === undefined) return undefined;
  const parents: ObjectId[] = [];
  for (const { key, value } of rest) {
    if (key !== "parent") break;
    const parent = parseObjectId(value);
    if (parent === undefined) return undefined;
    parents.push(parent);
  }
  return { tree, parents, author, committer, message };
}

export function formatCommit(commit: Commit): Bytes {
  const lines = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${formatPerson(commit.author)}`,
    `committer ${formatPerson(commit.committer)}`,
  ];
  return formatUtf8(`${lines.join("\n")}\n\n${commit.message.replaceAll("\0", "")}`);
}

export function parseTree(bytes: Uint8Array): ReadonlyArray<TreeEntry> | undefined {
  const entries: TreeEntry[] = [];
  const sound = walkTree(bytes, (mode, start, end) => {
    entries.push({
      mode,
      kind: kindOfMode(mode),
      name: bytes.slice(start, end),
      oid: oidAt(bytes, end + 1),
    });
    return true;
  });
  return sound ? entries : undefined;
}

/**
 * Tells `visit` of each entry: its mode, where its name is (the id follows the zero after it), and where the entry
 * begins. Stops when told to. Answers whether all of the tree was read.
 */
export function walkTree(
  bytes: Uint8Array,
  visit: (mode: number, nameStart: number, nameEnd: number, start: number) => boolean,
): boolean {
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset;
    let mode = 0;
    for (let byte = bytes[offset]; byte !== 0x20; byte = bytes[++offset]) {
      if (byte === undefined || byte < 0x30 || byte > 0x37 || offset - start >= modeDigitsMax)
        return false;
      mode = mode * 8 + byte - 0x30;
    }
    const nameEnd = bytes.indexOf(0, offset + 1);
    if (offset === start || nameEnd < 0 || nameEnd + 21 > bytes.length) return false;
    if (!visit(mode, offset + 1, nameEnd, start)) return false;
    offset = nameEnd + 21;
  }
  return true;
}

/** As git reads modes: old repositories have files with 0o100664, and what has no known type is a submodule. */
export function kindOfMode(mode: number): EntryKind {
  switch (mode & 0o170000) {
    case 0o100000:
      return (mode & 0o100) === 0 ? "file" : "executable";
    case 0o120000:
      return "symlink";
    case 0o040000:
      return "tree";
    default:
      return "submodule";
  }
}

/** The id that is told in hex digits at `offset`, as in commits and tags. */
export function idInHex(bytes: Uint8Array, offset: number): Uint8Array {
  const digit = (at: number): number => {
    const byte = bytes[at] ?? 0;
    return (byte & 15) + (byte >> 6) * 9;
  };
  return Uint8Array.from(
    { length: 20 },
    (_, index) => (digit(offset + index * 2) << 4) | digit(offset + index * 2 + 1),
  );
}

/** Sorts as git sorts. Names must be sound (`entryNameFault`) and distinct. */
export function formatTree(
  entries: ReadonlyArray<Pick<TreeEntry, "mode" | "name" | "oid">>,
): Bytes {
  const sorted = entries.toSorted((a, b) => compareEntries(a, b));
  return concat(
    ...sorted.flatMap((entry) => [
      formatUtf8(`${entry.mode.toString(8)} `),
      entry.name,
      zero,
      oidBytes(entry.oid),
    ]),
  );
}

export function parseTag(bytes: Uint8Array): AnnotatedTag | undefined {
  const { headers, message } = splitHeaders(bytes);
  const value = (key: string): string | undefined =>
    headers.find((header) => header.key === key)?.value;
  const target = parseObjectId(value("object") ?? "");
  const type = parseObjectType(value("type") ?? "");
  const tag = value("tag");
  if (target === undefined || type === undefined || tag === undefined) return undefined;
  return { target, type, tag, tagger: personOf(headers, "tagger"), message };
}

/** Bytes as text for showing: what is not UTF-8 is read as ISO 8859-1, as most old commits are. */
export function showText(bytes: Uint8Array): string {
  const text = parseUtf8(bytes);
  if (text !== undefined) return text;
  let shown = "";
  for (const byte of bytes) shown += String.fromCharCode(byte);
  return shown;
}

interface Header {
  readonly key: string;
  readonly value: string;
}

/** Lines up to the first empty one; those that go on from the line before (a signature's) are left out. */
function splitHeaders(bytes: Uint8Array): {
  readonly headers: ReadonlyArray<Header>;
  readonly message: string;
} {
  let end = 0;
  // An empty line ends them: at the very front there are none.
  while (end < bytes.length && bytes[end] !== newline) {
    const found = bytes.indexOf(newline, end);
    end = found < 0 ? bytes.length : found + 1;
  }
  const message = showText(bytes.subarray(end + 1));
  const front = bytes.subarray(0, end);
  const text = parseUtf8(front);
  const lines = text === undefined ? linesOf(front) : text.split("\n");
  const headers: Header[] = [];
  for (const line of lines) {
    if (line === "" || line.startsWith(" ")) continue;
    const space = line.indexOf(" ");
    headers.push({ key: line.slice(0, space), value: line.slice(space + 1) });
  }
  return { headers, message };
}

/** Each line by itself: one may be in another encoding than the next. */
function linesOf(bytes: Uint8Array): ReadonlyArray<string> {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(newline, start);
    const end = found < 0 ? bytes.length : found;
    lines.push(showText(bytes.subarray(start, end)));
    start = end + 1;
  }
  return lines;
}

function personOf(headers: ReadonlyArray<Header>, key: string): Person | undefined {
  const value = headers.find((header) => header.key === key)?.value;
  const match = value === undefined ? null : personPattern.exec(value);
  return match === null ? undefined : personFrom(match, 1);
}

/** Four groups, from `at` on: name, address, seconds, and hours and minutes with their sign. */
function personFrom(match: RegExpExecArray, at: number): Person {
  const zone = Number(match[at + 3] ?? 0);
  return {
    name: (match[at] ?? "").trim(),
    email: match[at + 1] ?? "",
    at: instant(Number(match[at + 2]) * 1000),
    offsetMinutes: Math.trunc(zone / 100) * 60 + (zone % 100),
  };
}

export function formatPerson({ name, email, at, offsetMinutes }: Person): string {
  const offset = Math.abs(Math.trunc(offsetMinutes));
  const digits = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const zone = `${offsetMinutes < 0 ? "-" : "+"}${digits(offset / 60)}${digits(offset % 60)}`;
  const seconds = Math.max(0, Math.floor(at / 1000));
  return `${cleanIdentity(name) || "unknown"} <${cleanIdentity(email)}> ${seconds} ${zone}`;
}

/** Without what would end a name or a line too early, as git leaves it out. */
function cleanIdentity(text: string): string {
  return text.replaceAll(forbiddenInIdentity, "").trim();
}

/** Git orders names by their bytes, as if those of trees ended with a slash. */
function compareEntries(
  a: Pick<TreeEntry, "mode" | "name">,
  b: Pick<TreeEntry, "mode" | "name">,
): number {
  const length = Math.min(a.name.length, b.name.length);
  for (let index = 0; index < length; index++) {
    const difference = (a.name[index] ?? 0) - (b.name[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return byteAfter(a, length) - byteAfter(b, length);
}

function byteAfter({ mode, name }: Pick<TreeEntry, "mode" | "name">, length: number): number {
  return name[length] ?? (kindOfMode(mode) === "tree" ? 0x2f : 0);
}

/** `100644` has six; a seventh is one zero too many, which fsck tells of. */
const modeDigitsMax = 7;
const newline = 0x0a;
const zero = new Uint8Array(1);
const personPattern = /^([^<>]*)<([^<>]*)> (\d{1,15}) ([+-]\d{4})$/u;
const commitPattern =
  /^tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author ([^<>\n]*)<([^<>\n]*)> (\d{1,15}) ([+-]\d{4})\ncommitter ([^<>\n]*)<([^<>\n]*)> (\d{1,15}) ([+-]\d{4})\n/u;
const parentWord = "parent ";
// eslint-disable-next-line no-control-regex -- control bytes are exactly what is left out.
const forbiddenInIdentity = /[\u0000-\u001f\u007f<>]/gu;
