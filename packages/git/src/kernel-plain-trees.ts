/** Trees that are sound at first sight, as the plain kernel tells them. */

import type { CoreKernel } from "./kernel.ts";
import { objectFault } from "./object-fault.ts";
import { kindOfMode, walkTree } from "./object.ts";

export const judgePlainTree =
  (memory: () => Uint8Array): CoreKernel["judgeTree"] =>
  (from, size, to) => {
    const bytes = memory().slice(from, from + size);
    if (objectFault("tree", bytes) !== undefined) return closely;
    const words: number[] = [];
    const plain = walkTree(bytes, (mode, start, end) => {
      const kind = kindOfMode(mode);
      const id = from + end + 1 + (kind === "tree" ? 2 ** 31 : 0);
      words.push(kind === "submodule" ? 0 : id, end - start);
      return isPlain(bytes.subarray(start, end));
    });
    if (!plain) return closely;
    const view = new DataView(memory().buffer);
    for (const [at, word] of words.entries()) view.setUint32(to + at * 4, word, true);
    return words.length / 2;
  };

/** Nobody takes it for another name. */
function isPlain(name: Uint8Array): boolean {
  let text = "";
  for (const byte of name) text += String.fromCharCode(byte);
  if (text.includes("\\") || text.charCodeAt(0) >= 0x80) return false;
  if (/^g/iu.test(text)) return !text.includes("~");
  return !text.startsWith(".") || plainDotName.test(text);
}

const closely = -1;
const plainDotName =
  /^\.(?:[^.g\u0080-\u{10ffff}]|g[^i\u0080-\u{10ffff}]|gi[^t\u0080-\u{10ffff}]|git[b-ln-z])/iu;
