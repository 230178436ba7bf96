/** The compiled kernel gives the answers of the plain one, and comes from its sources. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { constants, crc32, deflateSync } from "node:zlib";
import { formatHex, formatUtf8, parseHex, type Bytes } from "@skein/protocol/bytes";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { applyDelta } from "./delta.ts";
import { kernelBytes, kernelModule } from "./kernel-module.ts";
import { openPlainKernel } from "./kernel-plain.ts";
import { openKernel, prepareKernel } from "./kernel-compiled.ts";
import { hashStateBytes, type Kernel } from "./kernel.ts";
import { objectFault } from "./object-fault.ts";
import * as vectors from "./sha1-vectors.ts";

beforeAll(() => prepareKernel());

test("the module is what its sources make", async () => {
  const path = join(import.meta.dirname, "..", "kernel", "build.mjs");
  const { buildKernel, formatModule } = await import(/* @vite-ignore */ path);
  const bytes: Uint8Array = await buildKernel(vectors);
  expect(bytes.length, "run packages/git/kernel/build.mjs").toBe(kernelBytes);
  expect(formatModule(bytes)).toContain(kernelModule.slice(0, 160));
  expect(Buffer.from(bytes).toString("base64")).toBe(kernelModule);
}, 60_000);

const kernels: ReadonlyArray<readonly [string, () => Kernel]> = [
  ["compiled", openKernel],
  ["plain", openPlainKernel],
];

describe.each(kernels)("the %s kernel", (name, open) => {
  test("is the one that was asked for", () => {
    expect(open().bytes().length > 65_536).toBe(name === "compiled");
  });

  test("hashes as others do, whatever the length and the pieces", () => {
    const kernel = open();
    const bytes = Uint8Array.from({ length: 300 }, (_, at) => (at * 31) ^ (at >> 3));
    for (let length = 0; length <= bytes.length; length++) {
      const cut = (length * 7) % (length + 1);
      const part = bytes.subarray(0, length);
      const hash = hashOf(kernel, [part.subarray(0, cut), part.subarray(cut)]);
      expect(hash.digest).toBe(createHash("sha1").update(part).digest("hex"));
      expect(hash.collides).toBe(0);
    }
  });

  test("names objects as git does", () => {
    const kernel = open();
    for (const [code, type] of [
      [1, "commit"],
      [2, "tree"],
      [3, "blob"],
      [4, "tag"],
    ] as const)
      for (const length of [0, 1, 9, 10, 99, 100, 12_345]) {
        const bytes = new Uint8Array(length).fill(code);
        const at = put(kernel, bytes);
        kernel.reserve(at + length + 20);
        expect(kernel.nameObject(code, at, length, at + length, 1)).toBe(0);
        const id = kernel.bytes().subarray(at + length, at + length + 20);
        const expected = createHash("sha1").update(`${type} ${length}\0`).update(bytes);
        expect(formatHex(id)).toBe(expected.digest("hex"));
      }
  });

  test("names many objects at once, whatever their lengths, and finds the one that collides", () => {
    const kernel = open();
    const objects = Array.from({ length: 150 }, (_, at) => ({
      type: (at % 5) % 5,
      bytes: Uint8Array.from({ length: (at * at) % 400 }, (_unused, byte) => (byte * at) >> 2),
    }));
    const expected = objects.map(({ type, bytes }) => {
      const head = ["", "commit", "tree", "blob", "tag"][type] ?? "";
      const hash = createHash("sha1").update(head === "" ? "" : `${head} ${bytes.length}\0`);
      return hash.update(bytes).digest("hex");
    });
    for (const many of [0, 1, 2, 3, 4, 5, 150]) {
      const named = nameAll(kernel, objects.slice(0, many));
      expect(named).toEqual({ names: expected.slice(0, many), collided: 0 });
    }
    for (const at of [0, 1, 77, 149]) {
      const some = objects.with(at, { type: 0, bytes: shattered(at % 2) });
      const more = some.with(149, { type: 0, bytes: shattered(1) });
      expect(nameAll(kernel, more).collided).toBeGreaterThan(0);
      expect(nameAll(kernel, some).collided).toBe(at + 1);
      expect(nameAll(kernel, some).names[at]).toBe(hashOf(kernel, [shattered(0)]).digest);
    }
  });

  test("finds both halves of the collision that was published, and in the middle of more", () => {
    const kernel = open();
    const digests = [0, 1].map((which) => {
      const half = hashOf(kernel, [shattered(which)]);
      expect(half.collides).toBe(1);
      const more = hashOf(kernel, [shattered(which), formatUtf8("and so on")]);
      expect(more.collides).toBe(1);
      expect(hashOf(kernel, [shattered(which)], 0).collides).toBe(0);
      const damaged = shattered(which);
      damaged[250] = (damaged[250] ?? 0) ^ 1;
      expect(hashOf(kernel, [damaged]).collides).toBe(0);
      return [half.digest, more.digest];
    });
    expect(digests[0]).toEqual(digests[1]);
  });

  test("checks sums as zlib does", () => {
    const kernel = open();
    const bytes = Uint8Array.from({ length: 100 }, (_, at) => at * 37);
    const at = put(kernel, bytes);
    for (let start = 0; start < 20; start++)
      for (let end = start; end < bytes.length; end += 7)
        expect(kernel.crc32(at + start, end - start) >>> 0).toBe(crc32(bytes.subarray(start, end)));
  });

  test("inflates what zlib deflates, at every level, and finds the end", () => {
    const kernel = open();
    const text = formatUtf8("a tree, a tree, and another tree; ".repeat(3_000));
    const noise = Uint8Array.from({ length: 70_000 }, (_, at) => (at * at * 31) >> 7);
    for (const bytes of [
      text,
      noise,
      noise.subarray(0, 1),
      new Uint8Array(0),
      new Uint8Array(9_999),
    ])
      for (const level of [0, 1, 6, 9])
        for (const strategy of [
          constants.Z_DEFAULT_STRATEGY,
          constants.Z_FIXED,
          constants.Z_HUFFMAN_ONLY,
          constants.Z_RLE,
        ]) {
          const stream = deflateSync(bytes, { level, strategy });
          const out = inflateOf(kernel, Buffer.concat([stream, Buffer.alloc(9, 7)]), bytes.length);
          expect(out.length).toBe(stream.length);
          expect(Buffer.from(out.bytes).equals(bytes)).toBe(true);
          // Not a byte more, not a byte fewer.
          expect(inflateOf(kernel, stream, bytes.length + 1).length).toBeLessThan(0);
          const less = Math.max(0, bytes.length - 1);
          expect(inflateOf(kernel, stream, less).length < 0).toBe(less < bytes.length);
        }
  });

  test("asks for more of a stream that is cut short, wherever that is", () => {
    const kernel = open();
    const bytes = formatUtf8("tree and blob and ".repeat(20));
    for (const level of [0, 1, 9]) {
      const stream = deflateSync(bytes, { level });
      for (let end = 0; end < stream.length; end++)
        expect(inflateOf(kernel, stream.subarray(0, end), bytes.length).length).toBe(-2);
    }
  });
});

test("whatever bytes are inflated, both kernels say the same", () => {
  const compiled = openKernel();
  const plain = openPlainKernel();
  const texts = [40, 9].map((times) =>
    formatUtf8("100644 one\0tree two; parent three; ".repeat(times)),
  );
  const streams = texts.flatMap((bytes) =>
    [0, 1, 6, 9].map((level) => ({ size: bytes.length, deflated: deflateSync(bytes, { level }) })),
  );
  fc.assert(
    fc.property(
      fc.nat({ max: 7 }),
      fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 4 }),
      fc.boolean(),
      (which, changes, mend) => {
        const { size, deflated } = streams[which] ?? { size: 0, deflated: new Uint8Array(0) };
        const stream = Buffer.from(deflated);
        for (const [at, value] of changes) if (at < stream.length) stream[at] = value;
        if (mend) stream.set(deflated.subarray(0, 2), 0);
        const one = inflateOf(compiled, stream, size);
        const other = inflateOf(plain, stream, size);
        expect(Math.max(one.length, -1)).toBe(Math.max(other.length, -1));
        expect(one.length < 0 || Buffer.from(one.bytes).equals(other.bytes)).toBe(true);
      },
    ),
    { numRuns: runs },
  );
});

test("whatever a delta says, both kernels make the same of it", () => {
  const compiled = openKernel();
  const plain = openPlainKernel();
  const base = Uint8Array.from({ length: 300 }, (_, at) => at);
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.constant([0x90, 5]),
          fc.constant([0x91, 250, 40]),
          fc.constant([3, 1, 2, 3]),
          fc.array(fc.nat({ max: 255 }), { maxLength: 4 }),
        ),
        { maxLength: 8 },
      ),
      fc.nat({ max: 90 }),
      (parts, size) => {
        const delta = Uint8Array.from([0xac, 0x02, size, ...parts.flat()]);
        expect(deltaOf(compiled, base, delta)).toEqual(deltaOf(plain, base, delta));
      },
    ),
    { numRuns: runs },
  );
});

test("both kernels pass the same trees at first sight, and no other than sound ones", () => {
  const kernels = [openKernel(), openPlainKernel()];
  const odd = [
    ".",
    "..",
    ".git",
    ".GIT",
    ".gitm",
    ".gita",
    ".gith",
    "g",
    "G~1",
    "git~1",
    "/",
    "\\",
    "\u00ff",
    "\0",
    "~",
    ".gi",
    ".e",
  ];
  const plain = ["a", "a-", "b", "-", "c.", " ", "GIT", ".g"];
  const piece = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
    { weight: 4, arbitrary: fc.constantFrom(...plain) },
  );
  const name = fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
  const mode = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom("100644", "40000", "120000", "160000", "100755") },
    { weight: 1, arbitrary: fc.constantFrom("040000", "8", "", "1006440", "10064400") },
  );
  const entry = fc.tuple(mode, name, fc.constantFrom(7, 7, 7, 7, 7, 7, 7, 0));
  const cuts = fc.constantFrom(0, 0, 0, 1, 2);
  let passed = 0;
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 4 }),
      fc.constantFrom(true, true, false),
      cuts,
      (entries, sorted, cut) => {
        const key = ([type, text]: readonly [string, string, number]): string =>
          type === "40000" ? `${text}/` : text;
        const rows = sorted ? entries.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)) : entries;
        const text = rows
          .map(([type, named, id]) => `${type} ${named}\0${String.fromCharCode(id).repeat(20)}`)
          .join("");
        const tree = Uint8Array.from(Buffer.from(text, "latin1")).slice(0, text.length - cut);
        const answers = kernels.map((kernel) => {
          const from = put(kernel, tree);
          const to = (from + tree.length + 31) & ~15;
          kernel.reserve(to + 100);
          const many = kernel.judgeTree(from, tree.length, to);
          const words = new Uint32Array(kernel.bytes().buffer, to, 2 * Math.max(0, many));
          const told = (word: number, at: number): number =>
            at % 2 === 0 && word > 0 ? word - from : word;
          return { many, entries: Array.from(words, told) };
        });
        expect(answers[0]).toEqual(answers[1]);
        if ((answers[0]?.many ?? -1) < 1) return;
        passed += 1;
        expect(objectFault("tree", tree)).toBeUndefined();
      },
    ),
    { numRuns: runs * 3 },
  );
  expect(passed).toBeGreaterThan(runs / 20);
});

test("both kernels tell whatever text as the same delta, and it makes that text", () => {
  const compiled = openKernel();
  const plain = openPlainKernel();
  const words = ["tree ", "blob ", "\n", "100644 file-", "parent ", "0123456789abcdef", "\0"];
  const text = fc.array(fc.nat({ max: words.length - 1 }), { maxLength: 60 });
  fc.assert(
    fc.property(text, text, text, fc.nat({ max: 2_000 }), (before, one, other, most) => {
      const join = (...parts: ReadonlyArray<ReadonlyArray<number>>): Bytes =>
        formatUtf8(parts.flatMap((part) => part.map((at) => words[at] ?? "")).join(""));
      const base = join(before, one, other);
      const target = join(other, one, other, before, one);
      const deltas = [compiled, plain].map((kernel) => makeDelta(kernel, { base, target, most }));
      expect(deltas[0]).toEqual(deltas[1]);
      const [delta = base] = deltas;
      expect(delta.length).toBeLessThanOrEqual(most);
      if (delta.length > 0) expect(deltaOf(plain, base, delta)).toEqual(target);
      else expect(target.length === 0 || most < target.length + 40).toBe(true);
    }),
    { numRuns: Math.min(runs, 500) },
  );
});

test("copies of more than one instruction can tell are told in several", () => {
  const compiled = openKernel();
  const base = Uint8Array.from({ length: 300_000 }, (_, at) => (at * at) >> 5);
  const target = new Uint8Array(base.length + 1);
  target.set(base, 1);
  const delta = makeDelta(compiled, { base, target, most: 1_000 });
  expect(delta.length).toBeGreaterThan(15);
  expect(applyDelta(base, delta, target.length)).toEqual(target);
  expect(makeDelta(openPlainKernel(), { base, target, most: 1_000 })).toEqual(delta);
});

function makeDelta(
  kernel: Kernel,
  { base, target, most }: { readonly base: Bytes; readonly target: Bytes; readonly most: number },
): Bytes {
  const at = put(kernel, base);
  const from = at + base.length + 16;
  const index = (from + target.length + 31) & ~15;
  const to = index + (4 << 10) + base.length + 16;
  kernel.reserve(to + most);
  kernel.bytes().set(target, from);
  const length = kernel.makeDelta(at, base.length, from, target.length, index, 10, to, most);
  return kernel.bytes().slice(to, to + length);
}

/** Puts bytes where the caller's memory begins, behind room for a hash. */
function put(kernel: Kernel, bytes: Uint8Array): number {
  const at = kernel.heap + hashStateBytes;
  kernel.reserve(at + bytes.length);
  kernel.bytes().set(bytes, at);
  return at;
}

function nameAll(
  kernel: Kernel,
  objects: ReadonlyArray<{ readonly type: number; readonly bytes: Bytes }>,
): { readonly names: ReadonlyArray<string>; readonly collided: number } {
  const list = kernel.heap;
  let at = list + objects.length * 36;
  kernel.reserve(at + 100_000);
  const view = new DataView(kernel.bytes().buffer);
  for (const [index, { type, bytes }] of objects.entries()) {
    kernel.bytes().set(bytes, at);
    const to = list + objects.length * 16 + index * 20;
    for (const [word, value] of [type, at, bytes.length, to].entries())
      view.setUint32(list + index * 16 + word * 4, value, true);
    at += bytes.length;
  }
  const collided = kernel.nameObjects(list, objects.length);
  const names = objects.map((_, index) => {
    const to = list + objects.length * 16 + index * 20;
    return formatHex(kernel.bytes().subarray(to, to + 20));
  });
  return { names, collided };
}

function hashOf(
  kernel: Kernel,
  parts: ReadonlyArray<Uint8Array>,
  look = 1,
): { readonly digest: string; readonly collides: number } {
  kernel.sha1Begin(kernel.heap, look);
  for (const part of parts) kernel.sha1Update(kernel.heap, put(kernel, part), part.length);
  const to = kernel.heap + hashStateBytes;
  const collides = kernel.sha1Finish(kernel.heap, to);
  return { digest: formatHex(kernel.bytes().subarray(to, to + 20)), collides };
}

function inflateOf(
  kernel: Kernel,
  stream: Uint8Array,
  size: number,
): { readonly length: number; readonly bytes: Bytes } {
  const from = put(kernel, stream);
  const to = from + stream.length;
  kernel.reserve(to + size);
  const length = kernel.inflate(from, to, to, size);
  return { length, bytes: kernel.bytes().slice(to, to + size) };
}

function deltaOf(kernel: Kernel, base: Uint8Array, delta: Uint8Array): Bytes | undefined {
  const at = put(kernel, base);
  const from = at + base.length;
  const to = from + delta.length;
  kernel.reserve(to + 8_000);
  kernel.bytes().set(delta, from);
  const size = kernel.deltaResult(from, delta.length, base.length);
  if (size < 0 || !kernel.applyDelta(at, base.length, from, delta.length, to, size))
    return undefined;
  return kernel.bytes().slice(to, to + size);
}

/** The first 320 bytes of the two files of "The first collision for full SHA-1" (Stevens and others, 2017). */
function shattered(which: number): Bytes {
  const prefix =
    "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033" +
    "203020522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f72" +
    "53706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a7374" +
    "7265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
  const halves = [
    "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3" +
      "dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500" +
      "eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1",
    "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb7" +
      "6038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514" +
      "e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1",
  ];
  const bytes = parseHex(prefix + (halves[which] ?? ""));
  if (bytes?.length !== 320) throw new Error("the published blocks are 320 bytes");
  return bytes;
}

const runs = Number(process.env["FUZZ_RUNS"] ?? 2_000);
