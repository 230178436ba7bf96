/** The house rules no linter knows. A failure prints one line: where, what, and what to do. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

/**
 * The architecture, as a table: what each part may depend on, ours and others'.
 * pnpm lets a part import only what its package.json names, so this table is the whole of the law.
 */
const mayDependOn: Readonly<Record<string, ReadonlyArray<string>>> = {
  "packages/protocol": [],
  // Published: what it needs of protocol is built into it, and who installs it chooses whether the large libsodium comes too.
  "packages/auth": ["libsodium-wrappers"],
  "packages/git": [
    "protocol",
    "@isomorphic-git/lightning-fs",
    "diff",
    "fflate",
    "idb",
    "isomorphic-git",
    "node-diff3",
    "pako",
  ],
  "packages/replication": ["protocol"],
  "packages/transport": ["protocol", "simple-peer", "ws"],
  "packages/peer": ["protocol", "auth", "git", "replication", "transport"],
  "packages/testkit": ["protocol"],
  "apps/relay": ["protocol", "@nats-io/transport-node", "pino", "qr", "ws"],
  "apps/web": [
    "protocol",
    "auth",
    "git",
    "transport",
    "peer",
    "@codemirror/commands",
    "@codemirror/lang-css",
    "@codemirror/lang-html",
    "@codemirror/lang-javascript",
    "@codemirror/lang-json",
    "@codemirror/lang-markdown",
    "@codemirror/lang-python",
    "@codemirror/lang-rust",
    "@codemirror/language",
    "@codemirror/search",
    "@codemirror/state",
    "@codemirror/view",
    "@lezer/highlight",
    "@preact/signals",
    "preact",
    "preact-iso",
    "workbox-precaching",
    "workbox-routing",
  ],
};

/** What a part is built or tested with, and never ships. */
const mayBeMadeWith: Readonly<Record<string, ReadonlyArray<string>>> = {
  "packages/auth": ["protocol", "fake-indexeddb", "libsodium-wrappers-sumo"],
  "packages/git": ["testkit", "assemblyscript", "fake-indexeddb"],
  "packages/replication": ["testkit"],
  "packages/transport": ["testkit"],
  "packages/peer": ["testkit", "fake-indexeddb"],
  "apps/web": ["vite-plugin-pwa"],
};

/** One door per library: who may import it, by path. */
const doors: ReadonlyArray<readonly [library: string, home: RegExp]> = [
  ["libsodium-wrappers-sumo", /^packages\/auth\/src\/unlock/u],
  ["libsodium-wrappers", /^packages\/auth\/src\/(crypto\/|unlock\.test)/u],
  ["isomorphic-git", /^packages\/git\/src\//u],
  ["@isomorphic-git/lightning-fs", /^packages\/git\/src\//u],
  ["simple-peer", /^packages\/transport\/src\//u],
  ["@nats-io/transport-node", /^apps\/relay\/src\/nats-/u],
  ["pino", /^apps\/relay\/src\/pino-/u],
  ["ws", /^(apps\/relay|packages\/transport)\/src\//u],
];

const emptyNames =
  /(^|[/.-])(utils?|helpers?|common|misc|shared|managers?|handlers?|services?|base|clients?|servers?|users?)([/.-]|$)/u;
/** `service worker` is the platform's own name. */
const platformNames = /service-worker/u;

interface Source {
  readonly path: string;
  readonly text: string;
}

const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((path) => path !== "" && existsSync(path));

const sources: ReadonlyArray<Source> = tracked
  .filter(
    (path) => /^(apps|packages)\/[^/]+\/src\/.*\.tsx?$/u.test(path) && !path.endsWith(".d.ts"),
  )
  .map((path) => ({ path, text: readFileSync(path, "utf8") }));

const product = sources.filter(({ path }) => !/\.test\.tsx?$/u.test(path));

/** A check that looked at nothing has not passed. */
function complaints(
  among: ReadonlyArray<Source>,
  check: (source: Source) => string | undefined,
): ReadonlyArray<string> {
  expect(among.length).toBeGreaterThan(0);
  return among.flatMap((source) => {
    const complaint = check(source);
    return complaint === undefined ? [] : [`${source.path}: ${complaint}`];
  });
}

function importsOf(text: string): ReadonlyArray<string> {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/gu)].map(
    (match) => match[1] ?? "",
  );
}

/** The manifest of every part: not the root's, which names the programs that check and build. */
const manifests = tracked
  .filter((path) => path.endsWith("/package.json"))
  .map((path) => ({
    home: path.replace("/package.json", ""),
    manifest: JSON.parse(readFileSync(path, "utf8")) as Manifest,
  }));

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

test("every part depends only on what the table allows", () => {
  const parts = manifests.filter(({ home }) => /^(packages|apps)\//u.test(home));
  expect(parts.map(({ home }) => home).toSorted()).toEqual(Object.keys(mayDependOn).toSorted());
  const wrong = parts.flatMap(({ home, manifest: { dependencies = {}, devDependencies = {} } }) => {
    const allowed = mayDependOn[home] ?? [];
    const besides = mayBeMadeWith[home] ?? [];
    return [
      ...plainNames(dependencies).filter((name) => !allowed.includes(name)),
      ...plainNames(devDependencies).filter((name) => !besides.includes(name)),
    ].map((name) => `${home}: may not depend on ${name}`);
  });
  expect(wrong).toEqual([]);
});

function plainNames(dependencies: Readonly<Record<string, string>>): ReadonlyArray<string> {
  return Object.keys(dependencies).map((name) => name.replace("@skein/", ""));
}

test("every dependency is imported by the part that names it", () => {
  expect(manifests.length).toBeGreaterThan(Object.keys(mayDependOn).length);
  const unused = manifests.flatMap(
    ({ home, manifest: { dependencies = {}, devDependencies = {} } }) => {
      const imported = new Set(
        tracked
          .filter((path) => path.startsWith(`${home}/`) && /\.(tsx?|mjs)$/u.test(path))
          .flatMap((path) => importsOf(readFileSync(path, "utf8")))
          .map(packageOf),
      );
      return Object.keys({ ...dependencies, ...devDependencies })
        .filter((name) => !imported.has(name))
        .map((name) => `${home}: ${name}`);
    },
  );
  expect(unused).toEqual([]);
});

/** `@codemirror/view` of `@codemirror/view/panel`, and `preact` of `preact/hooks`. */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

test("every library has one door", () => {
  const found = new Set<string>();
  const wrong = sources.flatMap(({ path, text }) =>
    importsOf(text).flatMap((name) => {
      const door = doors.find(([library]) => name === library || name.startsWith(`${library}/`));
      if (door === undefined) return [];
      found.add(door[0]);
      return door[1].test(path) ? [] : [`${path}: ${door[0]} is imported through its door only`];
    }),
  );
  expect(wrong).toEqual([]);
  expect(found.size).toBe(doors.length);
});

test("no file is named after nothing", () => {
  expect(
    complaints(sources, ({ path }) =>
      emptyNames.test(path.replace(platformNames, "")) ? "name it after what it holds" : undefined,
    ),
  ).toEqual([]);
});

test("every module opens by saying what it is for", () => {
  expect(
    complaints(product, ({ text }) =>
      text.startsWith("/**") || text.startsWith("/// <reference")
        ? undefined
        : "begin with a /** sentence */",
    ),
  ).toEqual([]);
});

test("nobody takes time or chance from the air", () => {
  const takes = /\b(Date\.now|new Date\(\)|Math\.random|performance\.now)\b/u;
  const mayTake = /^packages\/(testkit|transport\/src\/(webrtc|websocket|port)-)/u;
  expect(
    complaints(
      product.filter(({ path }) => path.startsWith("packages/") && !mayTake.test(path)),
      ({ text }) =>
        takes.test(text.replaceAll(/\/\*[\s\S]*?\*\//gu, ""))
          ? "ask for a Clock or Random"
          : undefined,
    ),
  ).toEqual([]);
});

test("links in the documentation lead somewhere", () => {
  const pages = tracked.filter((path) => path.endsWith(".md"));
  expect(pages.length).toBeGreaterThan(5);
  const dead = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/gu)]
      .map((match) => match[1] ?? "")
      .filter((target) => !/^[a-z]+:/u.test(target))
      .filter((target) => !existsSync(normalize(join(dirname(page), target))))
      .map((target) => `${page}: ${target}`),
  );
  expect(dead).toEqual([]);
});

test("screens speak no protocol", () => {
  const screens = product.filter(({ path }) => path.startsWith("apps/web/src/screens/"));
  const protocolWords =
    /@skein\/(protocol|transport|replication|git)|\b(Noise|HELLO|SDP|topic|nonce|AEAD)\b/u;
  expect(
    complaints(screens, ({ text }) => {
      const word = protocolWords.exec(text.replaceAll(/\/\*[\s\S]*?\*\//gu, ""));
      return word === null ? undefined : `"${word[0]}" belongs below the door`;
    }),
  ).toEqual([]);
});
