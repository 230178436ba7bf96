/** The config file, read and printed: lines of `name = value`, `#` for remarks, a name twice for a list. */

import { options, variableOf, type Value } from "./options.ts";

export interface Line {
  readonly name: string;
  readonly text: string;
  readonly number: number;
}

export type ReadLines =
  | { readonly kind: "lines"; readonly lines: ReadonlyArray<Line> }
  | { readonly kind: "wrong"; readonly why: string };

export function readConfigText(text: string, file: string): ReadLines {
  const lines: Line[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/(?:^|\s+)#.*$/u, "").trim();
    if (line === "") continue;
    const at = line.indexOf("=");
    const name = line.slice(0, Math.max(0, at)).trim();
    if (at < 1)
      return { kind: "wrong", why: `${file}:${index + 1}: a line is like \`port = 7534\`.` };
    if (name === "config" || !options.some((option) => option.name === name))
      return { kind: "wrong", why: `${file}:${index + 1}: there is no setting "${name}".` };
    lines.push({ name, text: line.slice(at + 1).trim(), number: index + 1 });
  }
  return { kind: "lines", lines };
}

/** Every setting with its value, as a config file, each with a remark where it came from, and what else there is to say of it. */
export function printConfig(
  values: ReadonlyArray<Value>,
  remarks: ReadonlyMap<string, string> = new Map(),
): string {
  const lines = values.flatMap(({ option, texts, source, place }) => {
    const from = source === "default" ? "default" : `${source} ${place}`.trim();
    const more = remarks.get(option.name);
    const remark = more === undefined ? from : `${from}; ${more}`;
    const shown = texts.length === 0 ? [""] : texts;
    return shown.map((text) => {
      const value = option.isSecret === true && text !== "" ? "(secret)" : withoutPassword(text);
      const line = value === "" ? `# ${option.name} =` : `${option.name} = ${value}`;
      return `${line.padEnd(48)} # ${remark}`;
    });
  });
  return `${lines.join("\n")}\n`;
}

/** `nats://user:password@host` is shown as `nats://(secret)@host`. */
function withoutPassword(text: string): string {
  return text.replace(/^((?:\w+:\/\/)?)[^/@]+@/u, "$1(secret)@");
}

/** A commented config file with every setting at its default. */
export function sampleConfig(): string {
  const blocks = options
    .filter(({ name }) => name !== "config")
    .map(
      (option) =>
        `# ${capital(option.words)}. (--${option.name}, ${variableOf(option)})\n# ${option.name} = ${option.fallback}\n`,
    );
  return `# Settings of the Skein relay. A flag wins over the environment, and that over this file.\n\n${blocks.join("\n")}`;
}

function capital(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
