/**
 * A small Internet in network namespaces: two homes, each behind a router that translates addresses, and a public place.
 *
 * home1 10.1.0.2 -- router1 203.0.113.11 --+
 *                                          +-- public 203.0.113.1
 * home2 10.2.0.2 -- router2 203.0.113.12 --+
 *
 * Needs root, iproute2 and nftables. Nothing of it is seen outside the namespaces.
 */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * How a router treats UDP. `cone` keeps a home's port for everyone it speaks to and lets in who was spoken to;
 * `symmetric` takes a new port for each of them; `no UDP` lets none through.
 */
export type Router = "cone" | "symmetric" | "no UDP";

export interface Streets extends AsyncDisposable {
  readonly publicAddress: string;
  readonly setRouter: (home: 1 | 2, kind: Router) => void;
  /** A program that runs what it is given in a home. */
  readonly doorOf: (home: 1 | 2, program: string) => Promise<string>;
  /** Runs a program in the public place until the streets are closed, or it is ended. */
  readonly serve: (program: string, args: ReadonlyArray<string>) => ChildProcess;
}

/** Whether this machine lets us build streets; the reason where it does not. */
export function whyNoStreets(): string | undefined {
  const name = `skein-probe-${process.pid}`;
  try {
    ip("netns", "add", name);
  } catch {
    return "network namespaces need root and iproute2";
  }
  try {
    ip("netns", "exec", name, "nft", "add", "table", "ip", "probe");
    return undefined;
  } catch {
    return "nftables is not installed, or may not be used";
  } finally {
    ip("netns", "del", name);
  }
}

export async function openStreets(): Promise<Streets> {
  const folder = await mkdtemp(join(tmpdir(), "skein-streets-"));
  const place = (name: string): string => `skein-${process.pid}-${name}`;
  const places = ["public", "router1", "router2", "home1", "home2"].map(place);
  const within = (name: string, ...args: ReadonlyArray<string>): void =>
    ip("-n", place(name), ...args);
  const children: ChildProcess[] = [];
  for (const name of places) ip("netns", "add", name);
  for (const name of ["public", "router1", "router2", "home1", "home2"])
    within(name, "link", "set", "lo", "up");
  within("public", "link", "add", "square", "type", "bridge");
  within("public", "addr", "add", `${publicAddress}/24`, "dev", "square");
  within("public", "link", "set", "square", "up");
  for (const home of [1, 2]) {
    const [router, house] = [`router${home}`, `home${home}`];
    ip(
      ..."link add wan netns".split(" "),
      place(router),
      ..."type veth peer name".split(" "),
      `street${home}`,
      "netns",
      place("public"),
    );
    within("public", "link", "set", `street${home}`, "master", "square", "up");
    within(router, "addr", "add", `203.0.113.1${home}/24`, "dev", "wan");
    within(router, "link", "set", "wan", "up");
    ip(
      ..."link add eth0 netns".split(" "),
      place(house),
      ..."type veth peer name lan netns".split(" "),
      place(router),
    );
    within(router, "addr", "add", `10.${home}.0.1/24`, "dev", "lan");
    within(router, "link", "set", "lan", "up");
    within(house, "addr", "add", `10.${home}.0.2/24`, "dev", "eth0");
    within(house, "link", "set", "eth0", "up");
    within(house, "route", "add", "default", "via", `10.${home}.0.1`);
    ip("netns", "exec", place(router), "sysctl", "-qw", "net.ipv4.ip_forward=1");
  }

  return {
    publicAddress,
    setRouter: (home, kind) => {
      const input = `flush ruleset\n${rulesOf(kind)}`;
      execFileSync("ip", ["netns", "exec", place(`router${home}`), "nft", "-f", "-"], { input });
    },
    doorOf: async (home, program) => {
      const file = join(folder, `home${home}`);
      const text = `#!/bin/sh\nexec ip netns exec ${place(`home${home}`)} ${program} "$@"\n`;
      await writeFile(file, text, { mode: 0o755 });
      return file;
    },
    serve: (program, args) => {
      const words = ["netns", "exec", place("public"), program, ...args];
      const child = spawn("ip", words, { stdio: "ignore", env: {} });
      children.push(child);
      return child;
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      for (const name of places) ip("netns", "del", name);
      await rm(folder, { recursive: true });
    },
  };
}

/** Whoever was not spoken to is dropped, not told: a router that answers would break hole punching. */
function rulesOf(kind: Router): string {
  const translation = kind === "symmetric" ? "masquerade fully-random" : "masquerade";
  const block = kind === "no UDP" ? "meta l4proto udp drop" : "";
  return `
table ip nat {
  chain out { type nat hook postrouting priority 100; oifname "wan" ${translation}; }
}
table ip filter {
  chain in { type filter hook input priority 0; iifname "wan" ct state new drop; }
  chain through { type filter hook forward priority 0; iifname "wan" ct state new drop; ${block}
  }
}
`;
}

function ip(...args: ReadonlyArray<string>): void {
  execFileSync("ip", args, { stdio: "ignore" });
}

const publicAddress = "203.0.113.1";
