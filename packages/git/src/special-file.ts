/** Files whose content git acts on: what `.gitmodules` may ask for, and how long lines of `.gitattributes` may be. */

import type { SpecialName } from "./entry-name.ts";
import { showText } from "./object.ts";

/** What is wrong with such a file, in the words of `git fsck`, or `undefined`. */
export function specialFileFault(name: SpecialName, bytes: Uint8Array): string | undefined {
  return name === "gitmodules" ? gitmodulesFault(bytes) : gitattributesFault(bytes);
}

function gitattributesFault(bytes: Uint8Array): string | undefined {
  if (bytes.length > attributesBytesMax) return "gitattributesLarge";
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    if (end - start >= attributeLineBytesMax) return "gitattributesLineLength";
    start = end + 1;
  }
  return undefined;
}

/** Reads as much as looks like git's configuration. Where git would stop reading, this goes on and judges more. */
function gitmodulesFault(bytes: Uint8Array): string | undefined {
  if (bytes.length > modulesBytesMax) return "gitmodulesLarge";
  const text = showText(bytes);
  // A value may go on in the next line; what is judged is the value as git would hold it.
  const lines = text.replaceAll(/\\\r?\n/gu, "").split(/[\n\r]/u);
  let inSubmodule = false;
  for (const line of lines) {
    let rest = line.trim();
    for (let name = sectionName(rest); name !== undefined; name = sectionName(rest)) {
      inSubmodule = name.submodule !== undefined;
      if (name.submodule !== undefined && !isSoundName(name.submodule)) return "gitmodulesName";
      rest = rest.slice(name.length).trim();
    }
    const fault = inSubmodule ? settingFault(rest) : undefined;
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A submodule as `.gitmodules` describes it. */
export interface Module {
  readonly name: string;
  readonly path: string | undefined;
  readonly url: string | undefined;
}

/** What `.gitmodules` says, leaving out whatever git would refuse. */
export function readModules(bytes: Uint8Array): ReadonlyArray<Module> {
  if (gitmodulesFault(bytes) !== undefined) return [];
  const modules = new Map<string, Map<string, string>>();
  let settings = new Map<string, string>();
  const lines = showText(bytes).replaceAll(/\\\r?\n/gu, "");
  for (const line of lines.split(/[\n\r]/u)) {
    const section = sectionName(line.trim());
    if (section !== undefined) settings = new Map();
    if (section?.submodule !== undefined) {
      settings = modules.get(section.submodule) ?? settings;
      modules.set(section.submodule, settings);
    }
    const [key, value] = settingOf(line.trim().slice(section?.length ?? 0));
    settings.set(key, value);
  }
  return [...modules].map(([name, told]) => ({
    name,
    path: told.get("path"),
    url: told.get("url"),
  }));
}

function settingOf(text: string): readonly [key: string, value: string] {
  const { key = "", value = "" } = settingPattern.exec(text.trim())?.groups ?? {};
  return [key.toLowerCase(), plainValue(value)];
}

/** The section that begins at the front of a line, and the submodule that it is about. */
function sectionName(
  line: string,
): { readonly submodule: string | undefined; readonly length: number } | undefined {
  const match = headerPattern.exec(line);
  if (match === null) return undefined;
  const { section = "", quoted, dotted } = match.groups ?? {};
  const name = quoted?.replaceAll(/\\(.)/gu, "$1") ?? dotted;
  const submodule = section.toLowerCase() === "submodule" ? name : undefined;
  return { submodule, length: match[0].length };
}

function settingFault(line: string): string | undefined {
  const setting = settingPattern.exec(line)?.groups;
  if (setting === undefined) return undefined;
  const value = plainValue(setting["value"] ?? "");
  switch ((setting["key"] ?? "").toLowerCase()) {
    case "url":
      return isSoundUrl(value) ? undefined : "gitmodulesUrl";
    case "path":
      return value.startsWith("-") ? "gitmodulesPath" : undefined;
    case "update":
      return value.startsWith("!") ? "gitmodulesUpdate" : undefined;
    default:
      return undefined;
  }
}

/** Names become folders under `.git/modules`: none may climb out of there. */
function isSoundName(name: string): boolean {
  return name !== "" && !name.split(/[/\\]/u).includes("..");
}

/** No option of a command, no second line for a helper that gives out passwords, no way above the host. */
function isSoundUrl(url: string): boolean {
  const decoded = url.replaceAll(/%([0-9a-f]{2})/giu, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  if (url.startsWith("-") || /[\n\r\0]/u.test(decoded)) return false;
  if (/^(?:\.{1,2}[/\\])+[:/\\]/u.test(url)) return false;
  const remote = /^(?:\w+::)?(?:https?|ftps?):(?<rest>.*)$/iu.exec(url)?.groups?.["rest"];
  return remote === undefined || /^\/\/[^/?#]*[^/?#@:][^/?#]*/u.test(remote);
}

/** Without quotes, escapes and comments. */
function plainValue(raw: string): string {
  let value = "";
  let quoted = false;
  for (let index = 0; index < raw.length; index++) {
    const character = raw.charAt(index);
    if (character === "\\") {
      index += 1;
      value += escapes.get(raw.charAt(index)) ?? raw.charAt(index);
    } else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === "#" || character === ";")) break;
    else value += character;
  }
  return value.trim();
}

const escapes = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["b", "\b"],
]);
const headerPattern =
  /^\[\s*(?<section>[\w-]+)(?:\s+"(?<quoted>(?:[^"\\]|\\.)*)"|\.(?<dotted>[^\]]*))?\s*\]/u;
const settingPattern = /^(?<key>[a-z][\w-]*)\s*=(?<value>.*)$/iu;
const modulesBytesMax = 8 * 1024 * 1024;
const attributesBytesMax = 100 * 1024 * 1024;
const attributeLineBytesMax = 2_048;
