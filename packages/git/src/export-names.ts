/**
 * Names as every file system can hold them: on Windows, macOS and Linux, in any case, no matter what a tree spells.
 * The only place where names leave a repository; zips and single files go through it. What is written can be told
 * back: `%` and two hex digits are a byte.
 */

import { formatHex, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { entryNameBytesMax } from "@skein/protocol/limits";
import { entryNameFault } from "./entry-name.ts";
import { sha1 } from "./sha1.ts";
import { isUnshowable } from "./tree-path.ts";

/** The names of one folder, in order. Two of them never meet, not even where case does not count. */
export function exportNames(names: ReadonlyArray<Uint8Array>): ReadonlyArray<string> {
  const plain = names.map((name) => exportName(name));
  const counts = new Map<string, number>();
  for (const text of plain) counts.set(foldName(text), (counts.get(foldName(text)) ?? 0) + 1);
  return plain.map((text) => {
    const folded = foldName(text);
    // The one that is spelt as all would be read keeps its name; the others say which letters are theirs.
    return counts.get(folded) === 1 || text === folded ? text : cut(escapeSpelling(text));
  });
}

/** One name by itself. */
export function exportName(name: Uint8Array): string {
  const text = parseUtf8(name);
  let out = text === undefined ? escapeNonAscii(name) : escapeUnsafe(text);
  if (/[. ]$/u.test(out)) out = out.slice(0, -1) + escapeText(out.slice(-1));
  if (isDevice(out)) out = escapeText(out.slice(0, 1)) + out.slice(1);
  if (shortGit.test(out)) out = out.replace("~", "%7E");
  if (out === "" || entryNameFault(formatUtf8(out).subarray(0, entryNameBytesMax)) !== undefined)
    out = out === "" ? "%" : escapeText(out.slice(0, 1)) + out.slice(1);
  return cut(out);
}

/** As a file system reads it that does not tell case or spellings apart. */
export function foldName(text: string): string {
  return text.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}

function escapeUnsafe(text: string): string {
  let out = "";
  // What looks like an escape already must be told from one.
  for (const character of text.replaceAll(/%(?=[0-9a-f]{2})/giu, "%25"))
    out += forbidden.has(character) || isUnshowable(character) ? escapeText(character) : character;
  return out;
}

function escapeNonAscii(name: Uint8Array): string {
  return Array.from(name, (byte) =>
    byte < 0x80 ? escapeUnsafe(String.fromCharCode(byte)) : escapeByte(byte),
  ).join("");
}

function escapeSpelling(text: string): string {
  let out = "";
  for (let at = 0; at < text.length;) {
    const escaped = /^%[0-9A-F]{2}/u.exec(text.slice(at, at + 3))?.[0];
    const character = escaped ?? String.fromCodePoint(text.codePointAt(at) ?? 0);
    out +=
      escaped !== undefined || /[a-z0-9._ -]/u.test(character) ? character : escapeText(character);
    at += character.length;
  }
  return out;
}

/** `CON`, `nul.txt`, `COM1` and their like open a device on Windows, whatever follows the first dot. */
function isDevice(text: string): boolean {
  const stem = text.split(".")[0] ?? "";
  return devices.test(stem.trimEnd());
}

/** What is too long keeps its beginning, and a mark that tells it from others. */
function cut(text: string): string {
  const bytes = formatUtf8(text);
  if (bytes.length <= entryNameBytesMax) return text;
  const mark = formatHex(sha1(bytes).subarray(0, 6));
  let kept = text;
  while (formatUtf8(kept).length > entryNameBytesMax - mark.length - 2)
    kept = Array.from(kept).slice(0, -1).join("");
  return `${kept}%~${mark}`;
}

function escapeText(text: string): string {
  return Array.from(formatUtf8(text), escapeByte).join("");
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

const forbidden: ReadonlySet<string> = new Set(["<", ">", ":", '"', "/", "\\", "|", "?", "*"]);
const devices = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)$/iu;
const shortGit = /^git~\d+$/iu;
