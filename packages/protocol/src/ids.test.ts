import { execFileSync, spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseObjectId, parseRefName } from "./ids.ts";

const refused = [
  "",
  "/",
  "refs/heads/",
  "refs/heads//a",
  "refs//a",
  "heads/main",
  "refs/heads/.x",
  "refs/a/.b",
  "refs/heads/a..b",
  "refs/heads/a.lock",
  "refs/heads/a.lock/b",
  "refs/heads/a@{b",
  "refs/heads/@",
  String.raw`refs/heads/a\b`,
  "refs/heads/a b",
  "refs/heads/a~b",
  "refs/heads/a^b",
  "refs/heads/a:b",
  "refs/heads/a?b",
  "refs/heads/a*b",
  "refs/heads/a[b",
  "refs/heads/a\u0001",
  "refs/heads/a\u007f",
  "refs/heads/a.",
  "refs/heads/-rf",
  "refs/heads/../../config",
  "index",
  "config",
  "refs/heads",
  `refs/heads/${"x".repeat(256)}`,
  "refs/heads/ma\u200bin",
  "refs/heads/\u202eniam",
];

const accepted = [
  "refs/heads/main",
  "refs/heads/foo./bar",
  "refs/heads/foo@bar",
  "refs/heads/fu\u00df",
  "refs/tags/v1.0.0",
  "refs/heads/__proto__",
];

test.for(refused)("the ref name %j is refused", (name) => {
  expect(parseRefName(name)).toBeUndefined();
});

test.for(accepted)("the ref name %j is accepted", (name) => {
  expect(parseRefName(name)).toBe(name);
});

test("A23 whatever ref name we accept, git check-ref-format accepts", () => {
  const parts = fc.array(
    fc.oneof(
      fc.string({ minLength: 1, maxLength: 6 }),
      fc.constantFrom(".", "..", "@", "a.lock", "-x", "main", "a@{", "~", "é"),
    ),
    { minLength: 1, maxLength: 3 },
  );
  const names = fc
    .sample(parts, { numRuns: 400, seed: 7 })
    .map((some) => `refs/heads/${some.join("/")}`);
  const ours = names.filter((name) => parseRefName(name) !== undefined);
  expect(ours.length).toBeGreaterThan(20);
  for (const name of ours)
    expect(spawnSync("git", ["check-ref-format", name]).status, JSON.stringify(name)).toBe(0);
});

test("an object id is forty hex digits and nothing else", () => {
  const real = execFileSync("git", ["hash-object", "--stdin"], { input: "" }).toString().trim();
  expect(parseObjectId(real)).toBe(real);
  expect(parseObjectId(real.toUpperCase())).toBeUndefined();
  expect(parseObjectId(`${real}\n`)).toBeUndefined();
});
