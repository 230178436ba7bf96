/** How many files this process may have open, where the system says so. */

import { readFileSync } from "node:fs";

import { fixedLimits } from "./fixed-limits.ts";

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

/** What so many files are enough for. Those of the process itself stay out of it: without one left it cannot even look around. */
export function shareFiles(files: number): {
  readonly socketsMax: number;
  readonly connectionsMax: number;
} {
  const socketsMax = Math.max(2, files - ownFiles);
  return {
    socketsMax,
    connectionsMax: Math.max(
      1,
      Math.min(Math.floor(files * connectionShare), socketsMax - requestSocketsMin),
    ),
  };
}

/** What is lowered for want of files, for the operator; `undefined` where there are enough. */
export interface FewFiles {
  readonly files: number;
  readonly wanted: number;
  readonly connections: number;
}

export function findFewFiles(wanted: number, files: FileLimits | undefined): FewFiles | undefined {
  if (files === undefined) return undefined;
  const { connectionsMax: connections } = shareFiles(files.hard);
  return connections < wanted ? { files: files.hard, wanted, connections } : undefined;
}

export function sayFewFiles({ files, wanted, connections }: FewFiles): string {
  return `This process may open ${files} files, so ${connections} connections fit, not ${wanted}. LimitNOFILE=${filesFor(wanted)} in the unit, or ulimit -n, raises it.`;
}

/** What so many connections take. */
export function filesFor(connections: number): number {
  return Math.max(
    Math.ceil(connections / connectionShare),
    connections + requestSocketsMin + ownFiles,
  );
}

function parse(text: string | undefined): number {
  return text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
}

const { ownFiles, requestSocketsMin } = fixedLimits;
const connectionShare = 0.8;
