/** The one door to CodeMirror: a file's text in a shadow root, where its styles need no exception from the page's policy. */

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { Annotation, Compartment, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { languageOf } from "./languages.ts";

export interface CodeView extends Disposable {
  readonly replace: (text: string) => void;
}

export interface CodeOptions {
  readonly text: string;
  readonly path: string;
  /** The accessible name of the text. */
  readonly label: string;
  /** Given when the text may be edited. */
  readonly onChange: ((text: string) => void) | undefined;
}

export function openCodeView(host: HTMLElement, options: CodeOptions): CodeView {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const parent = document.createElement("div");
  root.replaceChildren(parent);
  const extras = new Compartment();
  const view = new EditorView({
    parent,
    root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        lineBreakOf(options.text),
        basics,
        EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false" }),
        extras.of([]),
        options.onChange === undefined ? readOnly : editable(options.onChange),
      ],
    }),
  });
  let open = true;
  const enrich = async (): Promise<void> => {
    const [grammar, { find }] = await Promise.all([languageOf(options.path), import("./find.ts")]);
    if (open) view.dispatch({ effects: extras.reconfigure([grammar, find]) });
  };
  void enrich();
  if (options.onChange !== undefined) view.focus();
  return {
    replace: (text) => {
      if (text !== view.state.sliceDoc())
        view.dispatch({
          changes: { from: 0, to: view.state.doc.length, insert: text },
          annotations: fromOutside.of(true),
        });
    },
    [Symbol.dispose]: () => {
      open = false;
      view.destroy();
    },
  };
}

/** A file written with carriage returns keeps them. */
function lineBreakOf(text: string): Extension {
  return text.includes("\r\n") ? EditorState.lineSeparator.of("\r\n") : [];
}

function editable(onChange: (text: string) => void): Extension {
  return [
    history(),
    indentOnInput(),
    highlightActiveLine(),
    // Tab indents; Esc and then Tab leaves the editor.
    keymap.of([...historyKeymap, indentWithTab]),
    EditorView.domEventHandlers({ beforeinput: typeOverSelection }),
    EditorView.updateListener.of((update) => {
      const typed = !update.transactions.some((one) => one.annotation(fromOutside) === true);
      if (update.docChanged && typed) onChange(update.state.sliceDoc());
    }),
  ];
}

/** Left to itself, Chromium keeps the look of the selection it replaces by an inline style, which the page's policy forbids. */
function typeOverSelection(event: InputEvent, view: EditorView): boolean {
  const plain = event.inputType === "insertText" && !event.isComposing;
  if (!plain || event.data === null || view.state.selection.main.empty) return false;
  view.dispatch(view.state.replaceSelection(event.data), {
    scrollIntoView: true,
    userEvent: "input.type",
  });
  return true;
}

/** Marks what the page put into the editor, as opposed to what a person typed. */
const fromOutside = Annotation.define<boolean>();

/** Read-only text stays focusable, so that it can be read, searched and copied with a keyboard. */
const readOnly: Extension = [EditorState.readOnly.of(true)];

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "transparent", fontSize: "0.84375rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.65", padding: "0.5rem 0" },
  ".cm-content": { caretColor: "var(--accent)" },
  ".cm-gutters": { border: "0", backgroundColor: "transparent", color: "var(--ink-3)" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 0.75rem 0 1rem", minWidth: "3.25rem" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": {
    backgroundColor: "color-mix(in oklch, var(--hover) 60%, transparent)",
  },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { background: "light-dark(oklch(0.9 0.045 266), oklch(0.38 0.08 268))" },
  ".cm-selectionMatch": { backgroundColor: "var(--warn-soft)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "0" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--syntax-keyword)" },
  { tag: [tags.string, tags.regexp, tags.special(tags.string)], color: "var(--syntax-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--syntax-number)" },
  {
    tag: [tags.function(tags.variableName), tags.typeName, tags.className, tags.tagName],
    color: "var(--syntax-name)",
  },
  { tag: [tags.propertyName, tags.attributeName], color: "var(--syntax-name)" },
  { tag: [tags.comment, tags.meta], color: "var(--syntax-comment)", fontStyle: "italic" },
  { tag: tags.heading, color: "var(--ink)", fontWeight: "700" },
  { tag: tags.strong, fontWeight: "700" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: [tags.link, tags.url], color: "var(--accent)" },
]);

const basics: Extension = [
  lineNumbers(),
  highlightSpecialChars(),
  drawSelection(),
  bracketMatching(),
  EditorView.lineWrapping,
  syntaxHighlighting(colours),
  look,
  keymap.of([...defaultKeymap]),
];
