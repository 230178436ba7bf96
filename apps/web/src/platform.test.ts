/** How browsers name themselves to people. */

import { expect, test } from "vitest";
import { platformOf } from "./platform.ts";

test("a browser is named by what it is, not by what it also claims to be", () => {
  const named = agents.map(([agent]) => platformOf(agent));
  expect(named).toEqual(agents.map(([, name]) => name));
});

test("an unknown agent is still a browser", () => {
  expect(platformOf("Mallory/1.0")).toBe("Browser");
});

const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0";
const agents: ReadonlyArray<readonly [string, string]> = [
  [
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Firefox on Ubuntu",
  ],
  [`Mozilla/5.0 (Linux; Android 16; Pixel 9) ${chrome} Mobile Safari/537.36`, "Chrome on Android"],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36 Edg/140.0.0.0`,
    "Edge on Windows",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    "Safari on iPhone",
  ],
  [
    `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36`,
    "Chrome on Linux",
  ],
];
