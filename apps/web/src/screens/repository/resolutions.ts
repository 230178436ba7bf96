/** What a person has chosen so far for each conflict, and what that makes of them. */

import type { ConflictView, HunkChoiceAsk, HunkView, ResolutionAsk } from "@skein/peer/commands";

/** One choice for each place of the conflict; a file without places has one for all of it. */
export type Choices = ReadonlyMap<string, ReadonlyArray<HunkChoiceAsk | undefined>>;

export function noChoices(conflicts: ReadonlyArray<ConflictView>): Choices {
  return new Map(conflicts.map((conflict) => [conflict.path, openPlaces(conflict)]));
}

export function choose(
  choices: Choices,
  path: string,
  { at, choice }: { readonly at: number; readonly choice: HunkChoiceAsk },
): Choices {
  const places = (choices.get(path) ?? []).with(at, choice);
  return new Map(choices).set(path, places);
}

/** Files that a person wrote as a whole, by path: then their places need no choice. */
export type Wholes = ReadonlyMap<string, string>;

export function choicesLeft(choices: Choices, wholes: Wholes): number {
  const open = [...choices].filter(([path]) => !wholes.has(path)).flatMap(([, places]) => places);
  return open.filter((choice) => choice === undefined).length;
}

/** The whole file with what was chosen so far, and both versions where nothing was. */
export function wholeOf(
  hunks: ReadonlyArray<HunkView>,
  places: ReadonlyArray<HunkChoiceAsk | undefined>,
): string {
  let at = 0;
  return hunks
    .map((hunk) => (hunk.kind === "merged" ? hunk.text : textChosen(hunk, places[at++])))
    .join("");
}

/** What a choice makes of a place; without one, both versions. */
export function textChosen(
  { base, ours, theirs }: Extract<HunkView, { kind: "conflict" }>,
  choice: HunkChoiceAsk | undefined,
): string {
  if (typeof choice === "object") return choice.text;
  if (choice === "base") return base;
  if (choice === "ours" || choice === "theirs") return choice === "ours" ? ours : theirs;
  return ours === "" || ours.endsWith("\n") ? ours + theirs : `${ours}\n${theirs}`;
}

/** Undefined while something is not chosen. */
export function resolutionsOf(
  conflicts: ReadonlyArray<ConflictView>,
  choices: Choices,
  { theirName, wholes }: { readonly theirName: string; readonly wholes: Wholes },
): ReadonlyArray<ResolutionAsk> | undefined {
  const made: ResolutionAsk[] = [];
  for (const conflict of conflicts) {
    const text = wholes.get(conflict.path);
    if (text !== undefined) {
      made.push({ path: conflict.path, take: "edited", text });
      continue;
    }
    const places = (choices.get(conflict.path) ?? []).filter((choice) => choice !== undefined);
    if (places.length !== openPlaces(conflict).length) return undefined;
    made.push(resolutionOf(conflict, places, theirName));
  }
  return made;
}

/** `plan.txt` beside itself: `plan.bob.txt`. */
export function besideOf(path: string, name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, "-")
    .replace(/^-|-$/gu, "");
  const start = path.lastIndexOf("/") + 1;
  const dot = path.lastIndexOf(".");
  const end = dot > start ? dot : path.length;
  return `${path.slice(0, end)}.${slug === "" ? "other" : slug}${path.slice(end)}`;
}

function resolutionOf(
  { path, hunks }: ConflictView,
  places: ReadonlyArray<HunkChoiceAsk>,
  theirName: string,
): ResolutionAsk {
  if (hunks !== undefined) return { path, take: "hunks", hunks: places };
  const [whole] = places;
  if (typeof whole === "object") return { path, take: "edited", text: whole.text };
  if (whole === "both") return { path, take: "both", theirsAt: besideOf(path, theirName) };
  return { path, take: whole === "theirs" || whole === "base" ? whole : "ours" };
}

function openPlaces({ hunks }: ConflictView): ReadonlyArray<undefined> {
  const count = hunks?.filter(({ kind }) => kind === "conflict").length ?? 1;
  return Array.from({ length: count }, () => undefined);
}
