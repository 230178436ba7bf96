/** The kernel in plain TypeScript: what the compiled one is held against, and what serves where that cannot run. */

import {
  Z_BUF_ERROR,
  Z_FINISH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from "pako";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { applyDelta, readDeltaSizes } from "./delta.ts";
import { makePlainDelta } from "./kernel-plain-deltas.ts";
import { openPlainPacks } from "./kernel-plain-packs.ts";
import { openPlainLogs } from "./kernel-plain-logs.ts";
import { judgePlainTree } from "./kernel-plain-trees.ts";
import { openPlainWalks } from "./kernel-plain-walks.ts";
import { hashStateBytes, type CoreKernel, type Kernel } from "./kernel.ts";
import { openPlainSha1 } from "./sha1-plain.ts";

export function openPlainKernel(): Kernel {
  let memory: Bytes = new Uint8Array(65_536);
  const stream = new ZStream();
  assert(zlibInflateInit2(stream, zlibWindowBits) === Z_OK, "an inflate stream can be made");
  const core: CoreKernel = {
    heap: 64,
    bytes: () => memory,
    reserve: (end) => {
      if (end + spareBytes <= memory.length) return;
      const larger = new Uint8Array(Math.max(end + spareBytes, memory.length * 2));
      larger.set(memory);
      memory = larger;
    },
    inflate: (from, end, to, size) => {
      assert(zlibInflateReset(stream) === Z_OK, "an inflate stream can be used again");
      stream.input = memory;
      stream.next_in = from;
      stream.avail_in = end - from;
      stream.output = memory;
      stream.next_out = to;
      stream.avail_out = size;
      const status = zlibInflate(stream, Z_FINISH);
      if (status === Z_STREAM_END && stream.avail_out === 0) return stream.next_in - from;
      return status === Z_BUF_ERROR && stream.avail_in === 0 ? -2 : -1;
    },
    crc32: (from, length) => crcOf(memory.subarray(from, from + length)),
    deltaResult: (delta, length, base) => {
      const sizes = readDeltaSizes(memory.subarray(delta, delta + length));
      return sizes?.base === base && sizes.result <= 0x7fff_ffff ? sizes.result : -1;
    },
    // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
    applyDelta: (base, baseLength, delta, length, to, size) => {
      const made = applyDelta(
        memory.subarray(base, base + baseLength),
        memory.subarray(delta, delta + length),
        size,
      );
      if (made?.length !== size) return 0;
      memory.set(made, to);
      return 1;
    },
    judgeTree: judgePlainTree(() => memory),
    makeDelta: makePlainDelta(() => memory),
    ...hashing(() => memory),
  };
  const packs = openPlainPacks(core);
  return { ...core, ...packs, ...openPlainWalks(core, packs), ...openPlainLogs(core, packs) };
}

function hashing(
  memory: () => Bytes,
): Pick<CoreKernel, "nameObject" | "nameObjects" | "sha1Begin" | "sha1Update" | "sha1Finish"> {
  const hash = openPlainSha1();
  const onHash = <Result>(state: number, work: () => Result): Result => {
    const kept = memory().subarray(state, state + hashStateBytes);
    hash.load(kept);
    const result = work();
    hash.save(kept);
    return result;
  };
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  const nameObject: CoreKernel["nameObject"] = (type, from, length, to, look) => {
    hash.begin(look === 1);
    if (type !== 0) hash.update(formatUtf8(`${typeNames[type] ?? "tag"} ${length}\0`));
    hash.update(memory().subarray(from, from + length));
    return Number(hash.finish(memory(), to));
  };
  return {
    nameObject,
    nameObjects: (list, count) => {
      let collided = 0;
      for (let index = 0; index < count; index++) {
        const view = new DataView(memory().buffer, list + index * 16);
        const [type, from, length, to] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
        if (nameObject(type ?? 0, from ?? 0, length ?? 0, to ?? 0, 1) === 1) collided ||= index + 1;
      }
      return collided;
    },
    sha1Begin: (state, look) => onHash(state, () => hash.begin(look === 1)),
    sha1Update: (state, from, length) =>
      onHash(state, () => hash.update(memory().subarray(from, from + length))),
    sha1Finish: (state, to) => onHash(state, () => Number(hash.finish(memory(), to))),
  };
}

function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return crc ^ -1;
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++)
    value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb8_8320;
  return value;
});
const typeNames = ["", "commit", "tree", "blob", "tag"];
/** 32 KiB of window, and a zlib header: neither gzip nor raw deflate. */
const zlibWindowBits = 15;
const spareBytes = 64;
