/** Whether the suite would notice: mistakes are planted in turn. */

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("mistakes planted in the code turn the tests red", () => {
  const told = execFileSync(process.execPath, ["scripts/planted-mistakes.mjs"], {
    encoding: "utf8",
    cwd: new URL("../../", import.meta.url),
  });
  expect(told).toContain("ok the tests pass without a mistake");
  expect(told).toContain("5 of 5 planted mistakes were noticed");
});
