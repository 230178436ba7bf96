/** Which words differ between lines that were removed and lines that took their place. */

import { diffWordsWithSpace } from "diff";

export interface DiffPart {
  readonly text: string;
  readonly changed: boolean;
}

/** `undefined`: too long, or so different that words tell nothing. */
export function diffWords(
  removed: ReadonlyArray<string>,
  added: ReadonlyArray<string>,
  { editsMax = wordEditsMax }: { readonly editsMax?: number | undefined } = {},
):
  | {
      readonly removed: ReadonlyArray<ReadonlyArray<DiffPart>>;
      readonly added: ReadonlyArray<ReadonlyArray<DiffPart>>;
    }
  | undefined {
  const before = removed.join("\n");
  const after = added.join("\n");
  if (before.length + after.length > wordDiffLettersMax) return undefined;
  const changes = diffWordsWithSpace(before, after, { maxEditLength: editsMax });
  if (changes === undefined) return undefined;
  const common = changes.filter((change) => !change.added && !change.removed);
  if (!common.some(({ value }) => /[\p{L}\p{N}]/u.test(value))) return undefined;
  const partsOf = (side: "added" | "removed"): ReadonlyArray<ReadonlyArray<DiffPart>> => {
    const other = side === "added" ? "removed" : "added";
    const lines: DiffPart[][] = [[]];
    for (const change of changes) {
      if (change[other]) continue;
      change.value.split("\n").forEach((text, index) => {
        if (index > 0) lines.push([]);
        if (text !== "") lines.at(-1)?.push({ text, changed: change[side] });
      });
    }
    return lines;
  };
  return { removed: partsOf("removed"), added: partsOf("added") };
}

const wordDiffLettersMax = 16_384;
const wordEditsMax = 2_000;
