/** The README of packages/auth: its example runs, and its doors are there. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("packages/auth/README.md", root), "utf8");
const example = /```ts\n(?<code>.*?)```/su.exec(readme)?.groups?.["code"] ?? "";

test("the example in the README of packages/auth runs, and is short enough to read", async () => {
  const lines = example.split("\n").filter((line) => line !== "" && !line.startsWith("import "));
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.length).toBeLessThanOrEqual(25);
  const folder = new URL("tests/.output/", root);
  mkdirSync(folder, { recursive: true });
  const file = new URL("auth-readme.ts", folder);
  writeFileSync(file, example);
  // Its own assertions throw if it does not do what it says.
  await expect(import(/* @vite-ignore */ file.href)).resolves.toBeDefined();
});

test("every door in the README of packages/auth opens", () => {
  const doors = [...readme.matchAll(/`\.\/([a-z/-]+)`/gu)].map((match) => match[1] ?? "");
  expect(doors.length).toBeGreaterThan(20);
  const missing = doors.filter(
    (door) => !existsSync(new URL(`packages/auth/src/${door}.ts`, root)),
  );
  expect(missing).toEqual([]);
});
