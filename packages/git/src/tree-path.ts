/** Paths as text: printable whatever bytes a name has, and two different names never look alike. */

import { concat, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";

/** A name with its invisible, turning and unreadable bytes as `\x9b` and its backslashes doubled. */
export function formatPathName(name: Uint8Array): string {
  const text = parseUtf8(name);
  if (text === undefined) return Array.from(name, formatByte).join("");
  let out = "";
  for (const character of text) {
    if (character === "\\") out += "\\\\";
    else if (unshowable.test(character)) out += escapeBytes(formatUtf8(character));
    else out += character;
  }
  return out;
}

/** Reads what `formatPathName` writes, or `undefined`. */
export function parsePathName(text: string): Bytes | undefined {
  const parts: Bytes[] = [];
  for (const part of text.matchAll(pieces)) {
    const [piece] = part;
    if (piece === "\\") return undefined;
    if (piece === "\\\\") parts.push(formatUtf8("\\"));
    else if (piece.startsWith("\\x"))
      parts.push(Uint8Array.of(Number.parseInt(piece.slice(2), 16)));
    else parts.push(formatUtf8(piece));
  }
  return concat(...parts);
}

export function formatPath(names: ReadonlyArray<Uint8Array>): string {
  return names.map(formatPathName).join("/");
}

/** Any text that stands for a path, as people should see it: what reads as a path already stays as it is. */
export function showPath(path: string): string {
  return path
    .split("/")
    .map((name) => formatPathName(parsePathName(name) ?? formatUtf8(name)))
    .join("/");
}

/** The names of a path; none for the root, which is `""` or `/`. `undefined` for what is no path. */
export function parsePath(path: string): ReadonlyArray<Bytes> | undefined {
  const trimmed = path.replace(/^\/|\/$/gu, "");
  if (trimmed === "") return [];
  const names: Bytes[] = [];
  for (const part of trimmed.split("/")) {
    const name = parsePathName(part);
    if (name === undefined || name.length === 0) return undefined;
    names.push(name);
  }
  return names;
}

function formatByte(byte: number): string {
  if (byte === 0x5c) return "\\\\";
  return byte >= 0x20 && byte < 0x7f
    ? String.fromCharCode(byte)
    : `\\x${byte.toString(16).padStart(2, "0")}`;
}

function escapeBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

const pieces = /\\x[0-9a-f]{2}|\\\\|\\|[^\\]+/gu;

/** Control bytes, separators of lines, characters without width, and those that turn the direction of text. */
const unshowable =
  // eslint-disable-next-line no-control-regex -- control bytes are exactly what is escaped here.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
