/** A process that holds nothing but a thread that receives packs: what it uses is what receiving takes. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Received, Sent } from "./pack-worker.ts";

/** What the process has used: on all its processors for this pack, and of memory at the most since it began. */
export interface Used {
  readonly cpuMillis: number;
  readonly peakBytes: number;
}

const worker = new Worker(join(import.meta.dirname, "worker.mjs"));

async function receive(sent: Sent): Promise<Received & Used> {
  const before = process.cpuUsage();
  const received = await answerOf(sent);
  const { user, system } = process.cpuUsage(before);
  return { ...received, cpuMillis: (user + system) / 1_000, peakBytes: peakBytes() };
}

/** Where the system counts for this process alone, that: what `getrusage` tells begins with the parent's. */
function peakBytes(): number {
  if (!existsSync("/proc/self/status")) return process.resourceUsage().maxRSS * 1_024;
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/VmHWM:\s+(\d+) kB/u.exec(status)?.[1]) * 1_024;
}

function answerOf(sent: Sent): Promise<Received> {
  return new Promise((resolve) => {
    worker.once("message", resolve);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none.
    worker.postMessage(sent);
  });
}

// A thread that dies takes the process with it: nothing that anybody sends may do that.
worker.once("error", (error) => {
  throw error;
});
process.on("message", (sent: Sent) => {
  void receive(sent).then((received) => process.send?.(received));
});
