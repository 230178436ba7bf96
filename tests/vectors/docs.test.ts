/** The documentation says what the code says: pages drawn anew, numbers compared, names looked up. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { labels } from "@skein/auth/crypto/labels";
import * as limits from "@skein/protocol/limits";
import { describe, expect, test } from "vitest";
import { alsoProves, attacks, attacksHeading, attacksSection } from "./attacks.ts";
import { pageOf, subjects } from "./drawn-pages.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
  encoding: "utf8",
  cwd: root,
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(new URL(path, root)));
const sources = tracked
  .filter((path) => /^(?:apps|packages)\/[^/]+\/src\/.*\.tsx?$/u.test(path))
  .filter((path) => !/\.test\.tsx?$/u.test(path))
  .map((path) => read(path));
const titles = tracked
  .filter((path) => /\.test\.tsx?$/u.test(path))
  .flatMap((path) => titlesIn(read(path)));

// When a drawn page differs: pnpm exec vitest run tests/vectors/docs.test.ts -u

describe("the machines are drawn as they are (-u draws them anew)", () => {
  test.for(subjects.map((subject) => [subject.file, subject] as const))(
    "%s",
    async ([file, subject]) => {
      expect(subject.lines.length).toBeGreaterThan(0);
      await expect(pageOf(subject)).toMatchFileSnapshot(`../../docs/machines/${file}`);
    },
  );

  test("and every machine is drawn", () => {
    const machines =
      sources.join("\n").match(/: Machine<\w*State, \w*Event, \w*Effect>(?= [={])/gu) ?? [];
    expect(subjects.length).toBe(machines.length);
  });
});

test("attacks stand beside the tests that answer them (-u writes them anew)", async () => {
  expect(titles.length).toBeGreaterThan(100);
  const written = read("docs/threat-model.md").split(attacksHeading)[0] ?? "";
  const page = `${written.trimEnd()}\n\n${attacksSection(titles)}`;
  await expect(page).toMatchFileSnapshot("../../docs/threat-model.md");
});

test("a title that quotes an attack quotes one that there is", () => {
  const known = new Set(attacks.map(([id]) => id));
  const quoted = titles.flatMap(
    (title) => /^(?:A\d+(?:, | and )?)+/u.exec(title)?.[0].match(/A\d+/gu) ?? [],
  );
  expect(quoted.filter((id) => !known.has(id))).toEqual([]);
});

test("tests that the documentation names are there", () => {
  const pages = ["docs/threat-model.md", "docs/relay-promises.md"].map((path) => read(path));
  const quoted = [...pages.join("\n").matchAll(/“([^”]+)”/gu)].map((match) =>
    (match[1] ?? "").replaceAll(/\s+/gu, " "),
  );
  expect(quoted.length).toBeGreaterThan(10);
  const named = [...quoted, ...Object.values(alsoProves).flat()];
  expect(named.filter((name) => !titles.some((title) => title.includes(name)))).toEqual([]);
});

test("every limit is listed with its number", () => {
  const page = read("docs/protocol/7-limits.md");
  const rows = Object.entries(limits).map(
    ([name, value]) => `| \`${name}\` | ${value.toLocaleString("en")} |`,
  );
  expect(rows.filter((row) => !page.includes(row))).toEqual([]);
});

test("every code that a person or another node may see is explained, and no other", () => {
  const text = sources.join("\n");
  const codes = [
    ...text.matchAll(/readonly code = "([a-z_]+)"/gu),
    ...text.matchAll(/CommandRefusedError\(\s*"([a-z_]+)"/gu),
    ...text.matchAll(/\bcode: "([a-z_]+)"/gu),
  ].map((match) => match[1] ?? "");
  const explained = [...read("docs/errors.md").matchAll(/^\| `([a-z_]+)` \|/gmu)].map(
    (match) => match[1] ?? "",
  );
  expect([...new Set(codes)].toSorted()).toEqual(explained.toSorted());
});

test("every fault is blamed as the code blames it", () => {
  const page = read("docs/errors.md");
  const faults = [
    ...sources.join("\n").matchAll(/readonly code = "([a-z_]+)";\s+readonly blame = "([a-z]+)"/gu),
  ];
  expect(faults.length).toBeGreaterThan(10);
  const wrong = faults.filter(
    ([, code, blame]) => !new RegExp(`^\\| \`${code}\` \\|[^|]*\\| ${blame} \\|`, "mu").test(page),
  );
  expect(wrong.map(([, code, blame]) => `${code} is blamed on the ${blame}`)).toEqual([]);
});

test.each([
  ["relay-frame", "1-relay"],
  ["topic-message", "2-topics"],
  ["session-packet", "3-sessions"],
  ["node-message", "4-messages"],
  ["node-messages/stream-open", "4-messages"],
])("every type of %s stands in the specification with its byte", (module, page) => {
  const text = read(`packages/protocol/src/${module}.ts`);
  const specification = read(`docs/protocol/${page}.md`);
  const types = [...text.matchAll(/^ {2}"?([a-z-]+)"?: (?:\[\s*)?0x([0-9a-f]{2}),/gmu)];
  expect(types.length).toBeGreaterThan(2);
  const missing = types.filter(
    ([, type, byte]) =>
      !new RegExp(`^\\| \`(?:0x)?${byte}\` \\| \`?${type}\`? \\|`, "mu").test(specification),
  );
  expect(missing.map(([, type, byte]) => `0x${byte} ${type}`)).toEqual([]);
});

test("every label of the cryptography stands in the specification", () => {
  const overview = read("docs/protocol/0-overview.md");
  expect(
    labels.map(([label]) => label).filter((label) => !overview.includes(`\`${label}\``)),
  ).toEqual([]);
});

test("every dependency is accounted for, in the version that is used", () => {
  const page = read("docs/decisions/0013-dependencies.md");
  const catalog = new Map(
    [...read("pnpm-workspace.yaml").matchAll(/^ {2}"?([@a-z][^":]*)"?: (\S+)$/gmu)].map(
      ([, name, version]) => [name, version],
    ),
  );
  const wanted = tracked
    .filter((path) => path.endsWith("package.json"))
    .flatMap((path) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(read(path)) as Record<
        string,
        Record<string, string>
      >;
      return Object.entries({ ...dependencies, ...devDependencies });
    })
    .filter(([, version]) => !version.startsWith("workspace:"))
    .map(
      ([name, version]) =>
        `| \`${name}\` | ${version === "catalog:" ? catalog.get(name) : version} |`,
    );
  expect(wanted.length).toBeGreaterThan(20);
  expect([...new Set(wanted)].filter((row) => !page.includes(row))).toEqual([]);
});

test("pages that the code points to are there", () => {
  const named = sources.flatMap(
    (text) => text.match(/\bdocs\/(?:protocol|machines|decisions)\/[\w-]+\.md/gu) ?? [],
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
});

/** Every string that is the title of a test or of one of its rows. */
function titlesIn(text: string): ReadonlyArray<string> {
  const plain = text.matchAll(/\b(?:test|it)\(\s*(?:"((?:[^"\\\n]|\\.)+)"|`((?:[^`\\]|\\.)+)`)/gu);
  // After the rows of `test.each(…)` and `test.for(…)`.
  const rows = text.matchAll(
    /\)\(\s*(?:"((?:[^"\\\n]|\\.)+)"|`((?:[^`\\]|\\.)+)`),\s*(?:async )?\(/gu,
  );
  return [...plain, ...rows].map(([, quoted, ticked]) => quoted ?? ticked ?? "");
}
