/** Whatever Mallory changes in a sound pack: what is accepted here is accepted by git. */

import { deflateSync } from "node:zlib";
import { inflateAt } from "@skein/git/inflate";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { readEntryHeader } from "@skein/git/pack-entry";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { afterAll, expect, test } from "vitest";
import { header, packOf } from "./pack-builder.ts";
import { indexByGit, makeGit, makeHistory, sealPack } from "./pack-git.ts";

const history = makeHistory(4, 3);
const judge = makeGit();
afterAll(() => {
  history[Symbol.dispose]();
  judge[Symbol.dispose]();
});

/** `MUTATIONS=50000 npx -y pnpm exec vitest run tests/interop/pack-mutated` makes a hundred thousand in all. */
const mutations = Number(process.env["MUTATIONS"] ?? 1_500);
const patience = 120_000 + mutations * 100;
const signal = new AbortController().signal;
/** Deltas in it name their bases, so entries can be moved about. */
const sound = new Uint8Array(
  history.run(
    ["pack-objects", "--stdout", "-q", "--revs", "--all", "--window=20", "--no-reuse-delta"],
    "\n",
  ),
);

test(
  "bytes changed anywhere in the pack",
  async () => {
    const accepted = await acceptedOf((random) => {
      const body = sound.slice(0, -20);
      for (let change = random(3); change >= 0; change--) {
        const at = 12 + random(body.length - 12);
        body[at] = random(2) === 0 ? random(256) : (body[at] ?? 0) ^ (1 << random(8));
      }
      return sealPack(random(8) === 0 ? body.subarray(0, body.length - random(40)) : body);
    });
    for (const { seed, pack } of accepted) expect(judgedByGit(pack), `seed ${seed}`).toBe(true);
  },
  patience,
);

test(
  "bytes changed inside objects and deltas, deflated again",
  async () => {
    const accepted = await acceptedOf((random) => {
      const entries = entriesOf(sound);
      for (let change = random(2); change >= 0; change--) {
        const at = random(entries.length);
        const { prefix, data } = entries[at] ?? { prefix: nothing, data: nothing };
        entries[at] = { prefix, data: mutate(data, random), code: entries[at]?.code ?? 0 };
      }
      if (random(10) === 0) entries.splice(random(entries.length), 1);
      if (random(10) === 0) entries.reverse();
      return packOf(
        entries.map(({ code, prefix, data }) =>
          Buffer.concat([header(code, data.length), prefix, deflateSync(data)]),
        ),
      );
    });
    // Some changes do no harm: a commit's message says something else. Without any, this test would prove nothing.
    expect(accepted.length).toBeGreaterThan(5);
    for (const { seed, pack } of accepted) expect(judgedByGit(pack), `seed ${seed}`).toBe(true);
  },
  patience,
);

type Random = (below: number) => number;

interface Part {
  readonly code: number;
  /** A base's id, or nothing. */
  readonly prefix: Uint8Array;
  readonly data: Uint8Array;
}

async function acceptedOf(
  make: (random: Random) => Uint8Array,
): Promise<ReadonlyArray<{ readonly seed: number; readonly pack: Uint8Array }>> {
  const accepted: { readonly seed: number; readonly pack: Uint8Array }[] = [];
  for (let seed = 1; seed <= mutations; seed++) {
    const pack = make(openRandom(seed));
    const store = await openObjectStore(openMemoryFiles());
    const why = await store.storePack({ bytes: pack, tips: [], signal }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (why === undefined) accepted.push({ seed, pack });
    else if (!(why instanceof PackRejectedError)) throw new Error(`seed ${seed}`, { cause: why });
  }
  return accepted;
}

function judgedByGit(pack: Uint8Array): boolean {
  return indexByGit(judge, pack).idx !== undefined;
}

function mutate(data: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(data);
  const at = random(Math.max(1, bytes.length));
  switch (random(5)) {
    case 0:
      bytes[at] = random(256);
      return bytes;
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random(256)), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    default:
      // Digits and letters for others: texts stay texts.
      return bytes.map((byte) =>
        byte >= 0x30 && byte <= 0x7a && random(40) === 0 ? byte ^ 1 : byte,
      );
  }
}

function entriesOf(pack: Uint8Array): Part[] {
  const parts: Part[] = [];
  let offset = 12;
  while (offset < pack.length - 20) {
    const read = readEntryHeader(pack, offset);
    const inflated = read && inflateAt(pack, read.data, read.size);
    if (read === undefined || inflated === undefined) throw new Error(`no entry at ${offset}`);
    const code = ((pack[offset] ?? 0) >> 4) & 7;
    const prefix = read.form === "ref-delta" ? pack.slice(read.base, read.data) : nothing;
    parts.push({ code, prefix, data: inflated.bytes });
    offset = inflated.end;
  }
  return parts;
}

/** Numbers by chance, the same for the same seed (mulberry32). */
function openRandom(seed: number): Random {
  let state = seed * 0x9e37_79b9;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const nothing = new Uint8Array(0);
