/** Finds the language of a file by its name and loads its grammar when it is wanted. */

import type { Extension } from "@codemirror/state";

export async function languageOf(path: string): Promise<Extension> {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const ending = name.slice(name.lastIndexOf(".") + 1);
  const load = grammars.get(ending);
  return load === undefined ? [] : load();
}

const javascript = async (options: {
  readonly jsx?: boolean;
  readonly typescript?: boolean;
}): Promise<Extension> => (await import("@codemirror/lang-javascript")).javascript(options);
const json = async (): Promise<Extension> => (await import("@codemirror/lang-json")).json();
const css = async (): Promise<Extension> => (await import("@codemirror/lang-css")).css();
const html = async (): Promise<Extension> => (await import("@codemirror/lang-html")).html();
const markdown = async (): Promise<Extension> =>
  (await import("@codemirror/lang-markdown")).markdown();
const python = async (): Promise<Extension> => (await import("@codemirror/lang-python")).python();
const rust = async (): Promise<Extension> => (await import("@codemirror/lang-rust")).rust();

const grammars: ReadonlyMap<string, () => Promise<Extension>> = new Map([
  ["js", () => javascript({ jsx: true })],
  ["mjs", () => javascript({})],
  ["cjs", () => javascript({})],
  ["jsx", () => javascript({ jsx: true })],
  ["ts", () => javascript({ typescript: true })],
  ["mts", () => javascript({ typescript: true })],
  ["cts", () => javascript({ typescript: true })],
  ["tsx", () => javascript({ jsx: true, typescript: true })],
  ["json", json],
  ["jsonc", json],
  ["webmanifest", json],
  ["css", css],
  ["html", html],
  ["htm", html],
  ["svg", html],
  ["xml", html],
  ["vue", html],
  ["md", markdown],
  ["markdown", markdown],
  ["py", python],
  ["rs", rust],
]);
