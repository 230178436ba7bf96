/** The relay's page of memory says what its formula computes, and its limits fit into what it may use. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { answerCostBytes } from "@skein/relay/answers";
import { fixedLimits } from "@skein/relay/fixed-limits";
import { defaultLimits } from "@skein/relay/limits";
import { admitted, everythingOff, memoryBound, relieved, roomIn } from "@skein/relay/memory-bound";
import { expect, test } from "vitest";

const page = readFileSync(
  join(import.meta.dirname, "..", "..", "docs", "self-hosting.md"),
  "utf8",
).replaceAll(/\s+/gu, " ");

function thousands(count: number): string {
  return count.toLocaleString("en").replaceAll(",", " ");
}

test("the formula in the documentation is the one that is computed, with its numbers", () => {
  const { terms, mostBytes, standingBytes } = memoryBound(defaultLimits);
  for (const { name, each, count, kind } of terms) {
    const most = count === 0 ? "0" : count.toLocaleString("en");
    expect(page).toContain(`| ${name} | ${each.toLocaleString("en")} | ${most} | ${kind} |`);
  }
  expect(page).toContain(`that is ${megabytes(mostBytes)} MB`);
  expect(page).toContain(`${megabytes(standingBytes)} of them stand`);
  const all = memoryBound(defaultLimits, { tls: true, engine: true, git: true });
  const more = all.terms.filter(({ count }, at) => count !== terms[at]?.count);
  expect(more.length).toBe(10);
  for (const { name, each, count } of more)
    expect(page).toContain(`${name}: ${each.toLocaleString("en")} × ${count.toLocaleString("en")}`);
});

test("what waits of a page is what the documentation says", () => {
  const [piece, request] = [fixedLimits.answerPieceBytes / 1024, answerCostBytes / 1024];
  expect(page).toContain(
    `one piece of ${piece} KiB waits at most and ${request} KiB for its request`,
  );
});

test("what stands at every limit, with TLS and an engine and without, is said, and where nothing new is taken", () => {
  for (const tls of [false, true])
    for (const engine of [false, true]) {
      const { standingBytes, mostBytes } = memoryBound(defaultLimits, { tls, engine, git: false });
      const name = `TLS ${tls ? "here" : "elsewhere"}, ${engine ? "joined to others" : "alone"}`;
      expect(page).toContain(
        `| ${name} | ${megabytes(standingBytes)} MB | ${megabytes(mostBytes)} MB |`,
      );
    }
  const { memoryBytesMax } = defaultLimits;
  expect(memoryBound(defaultLimits, everythingOff).standingBytes).toBeLessThan(
    memoryBytesMax * admitted,
  );
  expect(page).toContain(`Above ${megabytes(memoryBytesMax * admitted)} MB nothing new`);
  expect(page).toContain(`above ${megabytes(memoryBytesMax * relieved)} MB`);
});

test("how many one GiB holds is what is left of it before nobody new comes in", () => {
  const [plain, secured] = [roomIn(2 ** 30), roomIn(2 ** 30, { ...everythingOff, tls: true })];
  for (const { count, what } of [
    { count: plain.connections, what: "connections" },
    { count: plain.tags, what: "topics" },
    { count: secured.connections, what: "connections with TLS" },
  ])
    expect(page, what).toContain(`| ${thousands(Math.floor(count / 1_000) * 1_000)} |`);
});

function megabytes(bytes: number): string {
  return Math.round(bytes / 1e6).toLocaleString("en");
}
