/** How many files this process may have open, where the system says so. */

import { readFileSync } from "node:fs";

export interface FileLimits {
  readonly soft: number;
  readonly hard: number;
}

/** `undefined` on systems without /proc. Node raises the soft limit to the hard one by itself. */
export function fileLimits(): FileLimits | undefined {
  try {
    return parseFileLimits(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    // Not Linux, or a /proc that is hidden.
    return undefined;
  }
}

export function parseFileLimits(text: string): FileLimits | undefined {
  const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/mu.exec(text);
  if (match === null) return undefined;
  return { soft: parse(match[1]), hard: parse(match[2]) };
}

function parse(text: string | undefined): number {
  return text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
}
