/** What a person has chosen so far for each conflict, and what that makes of them. */

import type { ConflictView, HunkChoiceAsk, ResolutionAsk } from "@skein/peer/commands";

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

export function choicesLeft(choices: Choices): number {
  return [...choices.values()].flat().filter((choice) => choice === undefined).length;
}

/** Undefined while something is not chosen. */
export function resolutionsOf(
  conflicts: ReadonlyArray<ConflictView>,
  choices: Choices,
  theirName: string,
): ReadonlyArray<ResolutionAsk> | undefined {
  const made: ResolutionAsk[] = [];
  for (const conflict of conflicts) {
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
  if (whole === "both") return { path, take: "both", theirsAt: besideOf(path, theirName) };
  return { path, take: whole === "theirs" || whole === "base" ? whole : "ours" };
}

function openPlaces({ hunks }: ConflictView): ReadonlyArray<undefined> {
  const count = hunks?.filter(({ kind }) => kind === "conflict").length ?? 1;
  return Array.from({ length: count }, () => undefined);
}
