/** The kernel in WebAssembly once it is compiled, and in TypeScript until then and where there is none. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { kernelBytes, kernelModule } from "./kernel-module.ts";
import { openPlainKernel } from "./kernel-plain.ts";
import type { Kernel } from "./kernel.ts";

/**
 * Compiles the kernel, once: about two milliseconds, in a worker. Afterwards `openKernel` gives the fast one. It does not
 * wait, so that what opens a store is done in the same order every time.
 */
export function prepareKernel(): void {
  if (prepared) return;
  prepared = true;
  compiled = compile();
}

/** A kernel with memory of its own. */
export function openKernel(): Kernel {
  return compiled === undefined ? openPlainKernel() : openCompiled(compiled);
}

/** One that was given back, or a new one. What lies in its memory is nobody's. */
export function borrowKernel(): Kernel {
  for (let used = idle.pop(); used !== undefined; used = idle.pop()) {
    const kernel = used instanceof WeakRef ? used.deref() : used;
    if (kernel !== undefined) return kernel;
  }
  return openKernel();
}

/** Nobody may use it any more. Memory never shrinks: one with much of it is kept only as long as nobody needs that. */
export function giveKernelBack(kernel: Kernel): void {
  // Those of before the fast one was there are not worth keeping.
  if (compiled === undefined || idle.length >= idleMax) return;
  idle.push(kernel.bytes().length > idleBytesMax ? new WeakRef(kernel) : kernel);
}

/** One kernel for whatever is over before anyone else can begin. What lies in its memory is nobody's. */
export function sharedKernel(): Kernel {
  if (shared === undefined || (compiled !== undefined && !shared.fast))
    shared = { kernel: openKernel(), fast: compiled !== undefined };
  return shared.kernel;
}

function compile(): WebAssembly.Module | undefined {
  if (typeof WebAssembly === "undefined") return undefined;
  try {
    return new WebAssembly.Module(decodeBase64(kernelModule, kernelBytes));
  } catch {
    // A page may be forbidden to compile: the plain kernel gives the same answers, later.
    return undefined;
  }
}

/* oxlint-disable typescript/no-unsafe-type-assertion -- what the module exports is known: a test compiles it from its sources. */
function openCompiled(module: WebAssembly.Module): Kernel {
  const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  const { memory } = exports;
  let view: Bytes = new Uint8Array(memory.buffer);
  const reserve = (end: number): void => {
    const missing = end + spareBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.max(pagesPerGrowth, Math.ceil(missing / pageBytes)));
    view = new Uint8Array(memory.buffer);
  };
  return { ...exports, heap: exports.heap(), bytes: () => view, reserve };
}

interface Exports extends Omit<Kernel, "heap" | "bytes" | "reserve"> {
  readonly memory: WebAssembly.Memory;
  readonly heap: () => number;
}

function decodeBase64(text: string, length: number): Bytes {
  const bytes = new Uint8Array(length);
  let held = 0;
  let bits = 0;
  let filled = 0;
  for (const character of text) {
    const value = digits.indexOf(character);
    if (value < 0) break;
    held = ((held << 6) | value) & 0xff_ffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[filled++] = held >>> bits;
  }
  assert(filled === length, "the module is as long as it says");
  return bytes;
}

let prepared = false;
let compiled: WebAssembly.Module | undefined;
let shared: { readonly kernel: Kernel; readonly fast: boolean } | undefined;

const idle: Array<Kernel | WeakRef<Kernel>> = [];
const idleMax = 4;
const idleBytesMax = 4 * 1024 * 1024;
const pageBytes = 65_536;
/** Growing is dear, and memory that is never touched is not. */
const pagesPerGrowth = 32;
/** Inflating and copying may touch a few bytes behind the end. */
const spareBytes = 64;
const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
