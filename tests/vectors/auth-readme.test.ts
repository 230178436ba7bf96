/** The README of packages/auth: its doors are there. Its example runs in tests/interop/auth-package.test.ts. */

import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("packages/auth/README.md", root), "utf8");

const { exports } = JSON.parse(
  readFileSync(new URL("packages/auth/package.json", root), "utf8"),
) as { readonly exports: Readonly<Record<string, unknown>> };

test("every door in the README of packages/auth opens", () => {
  const doors = [...readme.matchAll(/`(\.\/[a-z/*-]+)`/gu)].map((match) => match[1] ?? "");
  expect(doors.length).toBeGreaterThan(20);
  expect(doors.filter((door) => !(door in exports))).toEqual([]);
});

test("every door of packages/auth has its module", () => {
  const missing = Object.keys(exports)
    .filter((door) => !door.includes("*"))
    .filter((door) => !existsSync(new URL(`packages/auth/src/${door}.ts`, root)));
  expect(missing).toEqual([]);
});
