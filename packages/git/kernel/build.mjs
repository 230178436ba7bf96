/** Compiles the kernel. Writes `src/kernel-module.ts`; the same sources give the same bytes. */

import { Buffer } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import asc from "assemblyscript/asc";

const home = dirname(fileURLToPath(import.meta.url));
const product = join(home, "..", "src", "kernel-module.ts");

/** The module's bytes. */
export async function buildKernel({ listConditions, messageDifference, sharedStep, vectors }) {
  const generated = new Map([
    ["conditions.as", conditions({ listConditions, messageDifference, sharedStep, vectors })],
  ]);
  let binary;
  const complaints = [];
  const { error } = await asc.main(
    ["index.ts", "--baseDir", join(home, "assembly"), "--outFile", "kernel.wasm", ...options],
    {
      readFile: async (name, folder) => {
        // The compiler looks for `.ts`; what it compiles is not TypeScript.
        const path = join(folder, name).replace(/\.ts$/u, ".as");
        const file = path.slice(path.lastIndexOf("/") + 1);
        if (generated.has(file)) return generated.get(file);
        const text = await readFile(path, "utf8").catch(() => null);
        return file === "sha1.as" ? (text?.replace("//STEPS", steps()) ?? null) : text;
      },
      writeFile: (_, bytes) => {
        binary = bytes;
      },
      listFiles: () => [],
      stderr: { write: (text) => complaints.push(text) },
    },
  );
  if (error !== null || binary === undefined)
    throw new Error(`The kernel could not be compiled.\n${complaints.join("")}`, { cause: error });
  return binary;
}

/** What stands in `src/kernel-module.ts`. */
export function formatModule(bytes) {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,160}/gu) ?? [];
  return [
    "/** The kernel, compiled: made from `kernel/assembly` by `kernel/build.mjs`, and held to it by a test. */",
    "",
    `export const kernelBytes = ${bytes.length};`,
    "export const kernelModule =",
    `${lines.map((line) => `  "${line}"`).join(" +\n")};`,
    "",
  ].join("\n");
}

/** The 80 steps of SHA-1, one below the other: each names the words anew instead of moving them. */
function steps() {
  const lines = [];
  for (let step = 0; step < 80; step++) {
    const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((word) => "abcde"[(word + 80 - step) % 5]);
    if (step === 58 || step === 65)
      lines.push(`keepState(before${step}, ${[a, b, c, d, e].join(", ")});`);
    const mix = ["choose", "parity", "majority", "parityLast"][Math.floor(step / 20)];
    const name = (index) => `w${index & 15}`;
    if (step < 16) lines.push(`let w${step} = bswap<u32>(load<u32>(from, ${step * 4}));`);
    else
      lines.push(
        `${name(step)} = rotl<u32>(${name(step + 13)} ^ ${name(step + 8)} ^ ${name(step + 2)} ^ ${name(step)}, 1);`,
      );
    lines.push(`store<u32>(words, ${name(step)}, ${step * 4});`);
    const word = name(step);
    lines.push(`${e} += rotl<u32>(${a}, 5) + ${mix}(${b}, ${c}, ${d}) + ${word};`);
    lines.push(`${b} = rotl<u32>(${b}, 30);`);
  }
  return lines.join("\n  ");
}

/** Which vectors a block may belong to, as straight code; the differences they stand for, as a table. */
function conditions({ listConditions, messageDifference, sharedStep, vectors }) {
  const hex = (value) => `0x${(value >>> 0).toString(16)}`;
  const shared = vectors.reduce(
    (mask, vector, index) => mask | (sharedStep(vector) === 65 ? 1 << index : 0),
    0,
  );
  const rows = listConditions().map(({ one, other, equal, mask }, index) => {
    const bit = ({ step, bit }) => {
      const word = `load<u32>(words, ${step * 4})`;
      return bit === 0 ? word : `(${word} >> ${bit})`;
    };
    const differ = `((${bit(one)} ^ ${bit(other)}) & 1)`;
    const kept = equal ? `(${differ} - 1)` : `(0 - ${differ})`;
    const row = `mask &= ${kept} | ${hex(~mask)};`;
    return index < alwaysChecked ? row : `if (mask & ${hex(mask)}) ${row}`;
  });
  rows.splice(alwaysChecked, 0, "if (mask == 0) return 0;");
  const words = vectors.flatMap((vector) => [...messageDifference(vector)].map(hex));
  return [
    `export const sharedSteps: u32 = ${hex(shared)};`,
    `export const differences = memory.data<u32>([${words.join(", ")}]);`,
    "export function candidates(words: usize): u32 {",
    "  let mask: u32 = 0xffffffff;",
    ...rows,
    "  return mask;",
    "}",
  ].join("\n");
}

const alwaysChecked = 26;
const options = [
  "-O3",
  "--converge",
  "--noAssert",
  "--runtime",
  "stub",
  "--enable",
  "bulk-memory",
  "--enable",
  "simd",
  "--disable",
  "mutable-globals",
  "--initialMemory",
  "4",
];

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { createServer } = await import("vite");
  const server = await createServer({ configFile: false, server: { middlewareMode: true } });
  const source = await server.ssrLoadModule(join(home, "..", "src", "sha1-vectors.ts"));
  const bytes = await buildKernel(source);
  await server.close();
  await writeFile(product, formatModule(bytes));
  process.stdout.write(`The kernel is ${bytes.length} bytes.\n`);
}
