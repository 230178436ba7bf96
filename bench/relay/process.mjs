/** Servers as processes of their own, and what the kernel says they used. */

/* oxlint-disable no-await-in-loop -- one thing at a time is what is measured. */

import process from "node:process";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { once } from "node:events";

export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** Starts a program and waits until its port answers. */
export async function startServer(program, args, { port, env = {}, cwd } = {}) {
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  });
  let complaint = "";
  child.stderr.on("data", (piece) => (complaint += piece));
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) throw new Error(`${args.join(" ")} ended: ${complaint}`);
    if (await answers(port)) return { child, port, pid: child.pid };
    await sleep(25);
  }
  child.kill("SIGKILL");
  throw new Error(`${args.join(" ")} does not listen at ${port}`);
}

export async function stopServer({ child }) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function answers(port) {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Microseconds on a processor, all threads together (proc(5), schedstat). */
export function cpuMicros(pid) {
  let nanos = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // A thread that has just ended.
    }
  }
  return nanos / 1000;
}

/** Resident bytes. */
export function residentBytes(pid) {
  const match = /VmRSS:\s+(\d+) kB/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? 0) * 1024;
}
