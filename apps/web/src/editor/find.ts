/** Searching inside a file: fetched after the file is shown, because few files are searched. */

import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import type { Extension } from "@codemirror/state";
import { keymap } from "@codemirror/view";

export const find: Extension = [
  search({ top: true }),
  highlightSelectionMatches(),
  keymap.of([...searchKeymap]),
];
