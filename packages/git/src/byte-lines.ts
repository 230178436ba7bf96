/** Lines of bytes that need not be text: what is damaged in one is not damaged in the next. */

/** Without what stands behind the last newline, where that is nothing. */
export function splitLines(bytes: Uint8Array): ReadonlyArray<Uint8Array> {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(newline, start);
    const end = found === -1 ? bytes.length : found;
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

export const newline = 10;
