/** Every check, in order: types, lint, format, build, tests. Ends with a count, and with a non-zero code if anything failed. */

import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

import { fail, programOf, requireNode, requirePackages, root, run, say } from "./tools.mjs";

const chromiumPlaces = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
];

requireNode();
await requirePackages();
const chromium = findChromium();
const output = join(root, "tests", ".output");
const report = join(output, "vitest.json");
const summaryFile = join(output, "summary.txt");
await mkdir(output, { recursive: true });
await Promise.all([rm(report, { force: true }), rm(summaryFile, { force: true })]);

const node = (script, ...args) => run(process.execPath, [script, ...args], withChromium());
const checks = {
  types: () => node(programOf("typescript", "tsc"), "-b"),
  lint: () => node(programOf("oxlint")),
  doors: () => node(join(root, "scripts", "doors.mjs"), "--check"),
  format: () => node(programOf("oxfmt"), "--check", "."),
  build: () => node(join(root, "scripts", "build.mjs"), "--if-needed"),
  tests: () => node(programOf("vitest"), "run", ...reporters(), ...process.argv.slice(2)),
};

let passed = 0;
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  say(`\n--- ${name} ---`);
  // oxlint-disable-next-line no-await-in-loop -- one after the other, so that each has the machine and the screen to itself.
  const code = await check();
  if (name === "tests") count(code);
  else if (code === 0) passed++;
  else {
    failed++;
    say(`The check "${name}" failed.`);
  }
}
const summary = `${passed} passed, ${failed} failed`;
await writeFile(summaryFile, `${summary}\n`);
say(`\n${summary}`);
process.exitCode = failed === 0 ? 0 : 1;

/** Adds the tests to the count. A run that ended badly although no test failed is one failure. */
function count(code) {
  const none = { numPassedTests: 0, numFailedTests: 0 };
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : none;
  passed += counts.numPassedTests;
  failed += counts.numFailedTests;
  if (code !== 0 && counts.numFailedTests === 0) failed++;
}

/** The browser tests drive the Chromium that is there; none is ever downloaded. */
function findChromium() {
  const named = process.env.CHROMIUM;
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) fail(`CHROMIUM names ${named}, and there is nothing there.`);
    return named;
  }
  const found = chromiumPlaces.find((place) => existsSync(place));
  if (found !== undefined) return found;
  return fail(
    [
      "The tests drive a real Chromium, and none was found.",
      "  Debian, Ubuntu:  sudo apt-get install chromium",
      "  Fedora:          sudo dnf install chromium",
      "  macOS:           brew install --cask chromium",
      "Or name one that is elsewhere: CHROMIUM=/path/to/chromium npx -y pnpm test",
    ].join("\n"),
  );
}

function withChromium() {
  return { env: { ...process.env, CHROMIUM: chromium } };
}

function reporters() {
  return ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
}
