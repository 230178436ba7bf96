/** Whatever Mallory makes of a message, its decoder takes it or refuses it, and nothing else happens. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { expect, test } from "vitest";
import { decoders } from "./decoders.ts";
import { BrokenByInputError, fuzz } from "./fuzz.ts";

/** `npx -y pnpm fuzz` gives each a million. Some cost more than others. */
const inputs = 3_000;
const dear = new Map(
  ["pack", "slice", "tree-names", "membership-member", "membership-log", "recovery-kit"].map(
    (name) => [name, 2_000],
  ),
);

test.each(decoders.map((decoder) => [decoder.name, decoder] as const))(
  "%s: thousands of changed inputs are taken or refused",
  async (name, decoder) => {
    const tally = await fuzz(decoder, { seed: 1, inputs: dear.get(name) ?? inputs });
    // Where everything or nothing is refused, nothing was shown.
    expect(tally.taken).toBeGreaterThan(0);
    expect(tally.taken).toBeLessThan(tally.inputs);
  },
  60_000,
);

test("an input that breaks a decoder says how to see it again", async () => {
  const mallory = {
    name: "mallory",
    samples: [Uint8Array.of(1, 2, 3)],
    read: (bytes: Uint8Array) => {
      if (bytes.length > 3) throw new RangeError("too long for me");
      return true;
    },
  };
  const why: unknown = await fuzz(mallory, { seed: 1, inputs: 1_000 }).catch(
    (error: unknown) => error,
  );
  expect(why).toBeInstanceOf(BrokenByInputError);
  const seed = Number(/--decoder mallory --seed (\d+) --inputs 1\n/u.exec(String(why))?.[1]);
  await expect(fuzz(mallory, { seed, inputs: 1 })).rejects.toThrow("too long for me");
});

test("an input that takes too long breaks a decoder", async () => {
  const secondsMax = 0.2;
  const slow = {
    name: "slow",
    samples: [Uint8Array.of(1)],
    read: (bytes: Uint8Array) => {
      const before = process.cpuUsage();
      const seconds = (): number => {
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1e6;
      };
      // As long as it takes: what counts is the time of a processor.
      while (bytes.length > 1 && seconds() <= secondsMax);
      return true;
    },
  };
  const fuzzing = fuzz(slow, { seed: 1, inputs: 100, secondsMax });
  await expect(fuzzing).rejects.toThrow(/seed \d+: .* of a processor/u);
});

test("an input that never ends is named before its process is ended", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skein-fuzz-"));
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir: folder,
      lib: {
        entry: join(import.meta.dirname, "watch.ts"),
        formats: ["es"],
        fileName: () => "watch.mjs",
      },
      rolldownOptions: { external: [/^node:/u] },
    },
  });
  const script = `import { openWatch } from ${JSON.stringify(join(folder, "watch.mjs"))};
    openWatch("endless", 0.2).begin(17);
    for (;;);`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    timeout: 60_000,
  });
  rmSync(folder, { recursive: true });
  expect(ended.signal).toBe("SIGKILL");
  expect(ended.stderr.toString()).toContain("--decoder endless --seed 17 --inputs 1");
}, 120_000);
