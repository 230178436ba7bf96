/** Whether the suite would notice: mistakes are planted in turn. */

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("mistakes planted in the code turn the tests red", () => {
  const told = execFileSync(process.execPath, ["scripts/planted-mistakes.mjs"], {
    encoding: "utf8",
    cwd: new URL("../../", import.meta.url),
  });
  expect(told).toContain("ok the tests pass without a mistake");
  const [, noticed, planted] = /^(\d+) of (\d+) planted mistakes were noticed$/mu.exec(told) ?? [];
  expect(noticed).toBe(planted);
  expect(Number(planted)).toBeGreaterThanOrEqual(12);
});
