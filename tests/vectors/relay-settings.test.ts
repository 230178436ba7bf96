/** The page of every setting is what the relay would print. When it differs: pnpm exec vitest run tests/vectors/relay-settings -u */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { fixedLimits, fixedWords } from "@skein/relay/fixed-limits";
import { options, variableOf } from "@skein/relay/options";
import { expect, test } from "vitest";

const folder = join(import.meta.dirname, "..", "..", "apps", "relay", "src");

test("every setting of the relay stands in docs/relay-settings.md, and every bound that is none (-u writes it anew)", async () => {
  const rows = options.map((option) => {
    const alias = option.alias === undefined ? "" : ` or \`${option.alias}\``;
    const fallback = option.fallback === "" ? "none" : option.fallback;
    return `| \`${option.name}\` | \`${variableOf(option)}\`${alias} | ${fallback} | ${option.words} |`;
  });
  const words = new Map(Object.entries(fixedWords));
  const fixed = Object.entries(fixedLimits).map(
    ([name, value]) => `| \`${name}\` | ${value} | ${words.get(name) ?? ""} |`,
  );
  const page = [
    "# Settings of the relay",
    "",
    "Drawn from `apps/relay/src/options.ts`. Each is a flag (`--port 7534`), an environment variable and a line of the config file",
    "(`port = 7534`, in the file that `--config` or `SKEIN_CONFIG` names). A flag wins over the environment, and that over the",
    "file. `config print` says where each value came from, `config sample` writes a file with all of them. Sizes may be written",
    "short: `64k`, `8M`, `2T`.",
    "",
    "| name | environment | default | |",
    "|---|---|---|---|",
    ...rows,
    "",
    "## Bounds that nobody sets",
    "",
    "Drawn from `apps/relay/src/fixed-limits.ts`: other relays count on them, or they were measured, or they only say when to look",
    "again. What the specification bounds is in [protocol/7-limits.md](protocol/7-limits.md).",
    "",
    "| name | | |",
    "|---|---|---|",
    ...fixed,
    "",
  ];
  expect(rows.length).toBeGreaterThan(60);
  await expect(page.join("\n")).toMatchFileSnapshot("../../docs/relay-settings.md");
});

test("no module of the relay bounds a size, a count or a time by a number that stands in neither list", () => {
  const found: string[] = [];
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts") || written.has(name)) continue;
    const code = readFileSync(join(folder, name), "utf8").replaceAll(texts, "");
    for (const pattern of [named, large])
      for (const [line] of code.matchAll(pattern)) found.push(`${name}: ${line.trim()}`);
  }
  expect(found).toEqual([]);
});

/** The lists themselves, what the specification lets an operator choose from, and what memory things take. */
const written = new Set(["limits.ts", "fixed-limits.ts", "options.ts", "memory-bound.ts"]);

const texts = /\/\*[\s\S]*?\*\/|\/\/.*|"[^"\n]*"|`[^`]*`/gu;

/** A name that ends as a bound does and gets a number that is not nought. */
const named =
  /^.*(?<!\b(?:headBytes|rounding|day|month))(?:Max|Min|Millis|Seconds|Timeout|Interval|Connections)\b\s*[:=]\s*[1-9].*$/gmu;

/** A number that is large, and no unit, no close code, no port and no form of a frame. */
const large =
  /^.*(?<![\w.#])(?!(?:10(?:00|01|03|08|12|13)|1_000|1024|65_53[56]|86_400(?:_000)?|7534|3478|5349)\b)(?:\d{4,}|\d{1,3}(?:_\d{3})+)(?![\w.]).*$/gmu;
