/** The page of every setting is what the relay would print. When it differs: pnpm exec vitest run tests/vectors/relay-settings -u */

import { options, variableOf } from "@skein/relay/options";
import { expect, test } from "vitest";

test("every setting of the relay stands in docs/relay-settings.md (-u writes it anew)", async () => {
  const rows = options.map((option) => {
    const alias = option.alias === undefined ? "" : ` or \`${option.alias}\``;
    const fallback = option.fallback === "" ? "none" : option.fallback;
    return `| \`${option.name}\` | \`${variableOf(option)}\`${alias} | ${fallback} | ${option.words} |`;
  });
  const page = [
    "# Settings of the relay",
    "",
    "Drawn from `apps/relay/src/options.ts`. Each is a flag (`--port 7534`), an environment variable and a line of the config file",
    "(`port = 7534`, in the file that `--config` or `SKEIN_CONFIG` names). A flag wins over the environment, and that over the",
    "file. `config print` says where each value came from, `config sample` writes a file with all of them. Sizes may be written",
    "short: `64k`, `8M`, `2T`.",
    "",
    "| name | environment | default | |",
    "|---|---|---|---|",
    ...rows,
    "",
  ];
  expect(rows.length).toBeGreaterThan(60);
  await expect(page.join("\n")).toMatchFileSnapshot("../../docs/relay-settings.md");
});
