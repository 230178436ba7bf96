/** What the kernel says a process and all below it have used (Linux: proc(5)). */

import { readFileSync, readdirSync } from "node:fs";

/** Milliseconds on a processor of a process and of all its descendants, all threads. */
export function treeCpuMillis(root: number): number {
  return descendantsOf(root).reduce((sum, pid) => sum + cpuMillis(pid), 0);
}

/** The process itself, and its children, and theirs. */
export function descendantsOf(root: number): ReadonlyArray<number> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    // "pid (name) state parent": the name may hold anything, a parenthesis too.
    const parent = Number(read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function cpuMillis(pid: number): number {
  let nanos = 0;
  for (const task of tasksOf(pid))
    nanos += Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]);
  return nanos / 1e6;
}

/** Whether a thread of the process is called that. */
export function hasThread(pid: number, name: string): boolean {
  return tasksOf(pid).some((task) => read(`/proc/${pid}/task/${task}/comm`).startsWith(name));
}

/** Bytes of it that are in memory now. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/u.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

function tasksOf(pid: number): ReadonlyArray<string> {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has just ended.
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It has just ended.
    return "";
  }
}
