/** The servers that are compared, each as its makers ship it. They are installed when the bench is first run. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { freePort, startServer } from "./process.mjs";

const here = import.meta.dirname;
const root = join(here, "..", "..");
const peers = join(here, "..", ".peers");
const versions = {
  ws: "8.23.0",
  "y-webrtc": "10.3.0",
  peer: "1.0.2",
  "bittorrent-tracker": "11.2.3",
};

/** Installs the peers apart from everything else, without running any of their scripts. */
export function installPeers(say) {
  const isThere = (name) => existsSync(join(peers, "node_modules", name));
  if (Object.keys(versions).every(isThere)) return;
  say("Installing the servers to compare with, into bench/.peers.");
  mkdirSync(peers, { recursive: true });
  writeFileSync(join(peers, "package.json"), '{ "private": true }\n');
  const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--save-exact"];
  execFileSync("npm", ["install", ...flags, ...wanted], { cwd: peers, stdio: "ignore" });
}

/** What a bench does in a second is more than a node may: the budgets are raised, and counted all the same. */
const generous = Object.entries({
  "publishes-per-second": "1G",
  "publishes-burst": "1G",
  "publish-bytes-per-second": "1T",
  "publish-bytes-burst": "1T",
  "bulk-bytes-per-second": "3G",
  "bulk-bytes-burst": "1T",
  "bytes-per-address-per-second": "1T",
  "bytes-per-address-burst": "1T",
  "bytes-per-second": "1T",
  "bytes-per-month": "1000T",
  "requests-per-second": "1G",
  "requests-burst": "1G",
  "backlog-bytes-max": "64M",
  "bulk-backlog-bytes-max": "64M",
  "connections-per-address-max": "20000",
  "connections-per-site-max": "20000",
  "upgrades-per-address-burst": "20000",
  "upgrades-per-second": "20000",
  "connections-max": "15000",
  "tags-max": "2M",
  "tags-per-address-max": "2M",
  "scarce-tags-per-address-max": "2M",
  "memory-bytes-max": "4G",
  "lag-millis-max": "100000",
}).flatMap(([name, value]) => [`--${name}`, value]);

const peerProgram = (...parts) => join(peers, "node_modules", ...parts);

export const servers = {
  /** Behind a proxy, so that every connection has an address with budgets of its own; metrics and the watchdog are on. */
  skein: async (...more) => {
    const port = await freePort();
    const args = ["serve", "--no-app", "--behind-proxy", "--metrics-token", "bench", ...generous];
    const program = process.env.SKEIN_RELAY ?? join(root, "apps", "relay", "dist", "relay.mjs");
    const node = [
      "--expose-gc",
      "-r",
      join(here, "collect.cjs"),
      program,
      ...args,
      "--port",
      String(port),
      ...more,
    ];
    return startServer(process.execPath, node, { port });
  },
  minimal: () => run((port) => [join(here, "minimal-relay.mjs"), port, peers], plain),
  "minimal-native": () => run((port) => [join(here, "minimal-relay.mjs"), port, peers]),
  "y-webrtc": () => run(() => [peerProgram("y-webrtc", "bin", "server.js")], plain),
  peerjs: () =>
    run((port) => [peerProgram("peer", "dist", "bin", "peerjs.js"), "--port", port], plain),
  /** Brings `ws`'s native add-on along. */
  "bittorrent-tracker": () => run((port) => [join(here, "tracker.mjs"), port, peers]),
  /** `undefined` where it is not installed: Debian has it as nats-server. */
  nats: async () => {
    const places = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];
    const program = places.find((place) => existsSync(place));
    if (program === undefined) return undefined;
    const port = await freePort();
    return startServer(program, ["-a", "127.0.0.1", "-p", String(port)], { port });
  },
  forward: async () => {
    const port = await freePort();
    return startServer(compileForward(), [String(port)], { port });
  },
};

async function run(args, env = {}) {
  const port = await freePort();
  const words = args(String(port));
  return startServer(process.execPath, words, { port, env: { PORT: String(port), ...env } });
}

/** Without the native add-on of `ws`, which lies here only because another of them brings it. */
const plain = { WS_NO_BUFFER_UTIL: "1" };

function compileForward() {
  const program = join(peers, "forward");
  if (!existsSync(program)) execFileSync("cc", ["-O2", "-o", program, join(here, "forward.c")]);
  return program;
}
