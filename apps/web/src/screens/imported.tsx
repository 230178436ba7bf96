/** What an import brought, and what of it did not come along. */

import type { JSX } from "preact";
import type { Answer } from "@skein/peer/commands";
import { copy } from "../copy.ts";
import { Banner } from "../parts/banner.tsx";

export interface ImportedThings {
  /** Of the repository. */
  readonly id: string;
  readonly title: string;
  readonly note: string | undefined;
  readonly left: {
    readonly count: number;
    readonly summary: string;
    readonly note: string | undefined;
    /** The first of them. */
    readonly names: ReadonlyArray<{ readonly name: string; readonly why: string | undefined }>;
  };
}

/** Of a bundle or a clone. */
export function importedRefs(
  name: string,
  { id, skipped, skippedCount: count }: Answer<"clone">,
): ImportedThings {
  return {
    id,
    title: copy.importing.arrived(name),
    note: undefined,
    left: {
      count,
      summary: copy.importing.skippedRefs(count),
      note: copy.importing.skippedRefsText,
      names: skipped.map((ref) => ({ name: ref, why: undefined })),
    },
  };
}

/** Of a zip or a folder; `hadGit`: the folder had a repository of its own. */
export function importedFiles(
  name: string,
  { id, files, skipped, skippedCount: count }: Answer<"import-files">,
  hadGit: boolean,
): ImportedThings {
  return {
    id,
    title: copy.importing.done(name, files),
    note: hadGit ? copy.importing.hadGit : undefined,
    left: {
      count,
      summary: copy.importing.skipped(count),
      note: undefined,
      names: skipped.map(({ path, why }) => ({ name: path, why: copy.importing.why[why] })),
    },
  };
}

/** Nothing is to be said: the repository itself can be shown. */
export function isWhole({ note, left }: ImportedThings): boolean {
  return note === undefined && left.count === 0;
}

export function Imported({
  title,
  note,
  left,
  onOpen,
}: ImportedThings & { readonly onOpen: () => void }): JSX.Element {
  const more = left.count - left.names.length;
  return (
    <Banner tone="good" icon="check" title={title} live>
      {note !== undefined && <p>{note}</p>}
      {left.count > 0 && (
        <details class="left-out">
          <summary>{left.summary}</summary>
          {left.note !== undefined && <p class="small">{left.note}</p>}
          <ul class="small">
            {left.names.map(({ name, why }) => (
              <li key={name}>
                <code>{name}</code>
                {why !== undefined && <p>{why}</p>}
              </li>
            ))}
            {more > 0 && <li>{copy.importing.skippedMore(more)}</li>}
          </ul>
        </details>
      )}
      <div class="button-row">
        <button type="button" class="button button-primary" onClick={onOpen}>
          {copy.importing.open}
        </button>
      </div>
    </Banner>
  );
}
