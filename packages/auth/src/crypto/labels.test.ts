import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { labels } from "./labels.ts";

test("one label stands for one use", () => {
  const names = labels.map(([label]) => label);
  expect(names.length).toBeGreaterThan(20);
  expect(new Set(names).size).toBe(names.length);
  for (const [label, use] of labels) {
    expect(label).toMatch(/^[a-z][a-z ]+$/u);
    expect(use.length).toBeGreaterThan(10);
  }
});

test("a label that is declared is used", () => {
  const folders = ["../", "../../../peer/src/"].map((folder) => new URL(folder, import.meta.url));
  const source = folders.map(sourcesUnder).join("\n");
  const unused = labels.filter(([label]) => !source.includes(`"${label}"`));
  expect(unused).toEqual([]);
});

function sourcesUnder(folder: URL): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      if (entry.isDirectory()) return sourcesUnder(new URL(`${entry.name}/`, folder));
      const isSource = /(?<!\.test)\.ts$/u.test(entry.name) && entry.name !== "labels.ts";
      return isSource ? readFileSync(new URL(entry.name, folder), "utf8") : "";
    })
    .join("\n");
}
