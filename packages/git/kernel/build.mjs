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
        const made = file === "sha1.as" ? steps() : file === "lanes.as" ? laneSteps() : "";
        return text?.replace("//STEPS", made) ?? null;
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
      .match(/.{1,240}/gu) ?? [];
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

/** The same 80 steps on four blocks at once. The words of the blocks are turned round on the way in. */
function laneSteps() {
  const lines = [];
  for (let group = 0; group < 4; group++) {
    for (let lane = 0; lane < 4; lane++)
      lines.push(`const in${group}${lane} = swapped(from${lane} + ${group * 16});`);
    const half = (name, one, other, picks) =>
      `const ${name}${group} = v128.shuffle<u32>(in${group}${one}, in${group}${other}, ${picks});`;
    lines.push(half("low", 0, 1, "0, 4, 1, 5"), half("lower", 2, 3, "0, 4, 1, 5"));
    lines.push(half("high", 0, 1, "2, 6, 3, 7"), half("higher", 2, 3, "2, 6, 3, 7"));
    for (let word = 0; word < 4; word++) {
      const [one, other] = word < 2 ? ["low", "lower"] : ["high", "higher"];
      const picks = word % 2 === 0 ? "0, 2" : "1, 3";
      lines.push(
        `let w${group * 4 + word} = v128.shuffle<u64>(${one}${group}, ${other}${group}, ${picks});`,
      );
    }
  }
  for (let step = 0; step < 80; step++) {
    const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((word) => "abcde"[(word + 80 - step) % 5]);
    const [mix, constant] = [
      ["choose", "0x5a827999"],
      ["parity", "0x6ed9eba1"],
      ["majority", "0x8f1bbcdc"],
      ["parity", "0xca62c1d6"],
    ][Math.floor(step / 20)];
    const name = (index) => `w${index & 15}`;
    const word = name(step);
    if (step >= 16)
      lines.push(
        `${word} = turned(v128.xor(v128.xor(${name(step + 13)}, ${name(step + 8)}), v128.xor(${name(step + 2)}, ${word})), 1);`,
      );
    lines.push(`v128.store(words, ${word}, ${step * 16});`);
    lines.push(
      `${e} = i32x4.add(i32x4.add(${e}, i32x4.add(${word}, i32x4.splat(${constant}))), i32x4.add(turned(${a}, 5), ${mix}(${b}, ${c}, ${d})));`,
    );
    lines.push(`${b} = turned(${b}, 30);`);
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
    "export function someCandidates(words: usize): v128 {",
    "  let mask = i32x4.splat(-1);",
    ...laneConditions(listConditions()),
    "  return mask;",
    "}",
  ].join("\n");
}

/** For four blocks: a bit that counts is shifted to the front, and spread over its lane. */
function laneConditions(list) {
  const bit = ({ step, bit: at }) => {
    const word = `v128.load(words, ${step * 16})`;
    return at === 31 ? word : `i32x4.shl(${word}, ${31 - at})`;
  };
  return list.map(({ one, other, equal, mask }) => {
    const differ = `i32x4.shr_s(v128.xor(${bit(one)}, ${bit(other)}), 31)`;
    return equal
      ? `mask = v128.andnot(mask, v128.and(${differ}, i32x4.splat(${mask | 0})));`
      : `mask = v128.and(mask, v128.or(${differ}, i32x4.splat(${~mask})));`;
  });
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
