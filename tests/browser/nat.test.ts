/**
 * Who carries what two homes say to each other, by what their routers do: the direct path, a TURN server, or the relay.
 *
 * Real Chromium in each home, the built app, a real relay and coturn. Small by default; every pair, and the table of
 * docs/nat.md drawn anew: SKEIN_NAT=full npx -y pnpm test tests/browser/nat
 */

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { turnserverConfig } from "@skein/relay/turn";
import type { BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { executablePath, launchProfile } from "./chromium.ts";
import { Device } from "./device.ts";
import { openStreets, whyNoStreets, type Router, type Streets } from "./streets.ts";

type Offer = "nothing" | "STUN" | "STUN and TURN";
type Carrier = "direct" | "TURN" | "relay";

const isFull = process.env["SKEIN_NAT"] === "full";
const pairs: ReadonlyArray<readonly [Router, Router]> = [
  ["cone", "cone"],
  ["cone", "symmetric"],
  ["symmetric", "symmetric"],
  ["no UDP", "cone"],
  ["no UDP", "symmetric"],
  ["no UDP", "no UDP"],
];
const offers: ReadonlyArray<Offer> = ["nothing", "STUN", "STUN and TURN"];
/** What a short run tries: two of the table's cells, one that is carried directly and one by TURN. */
const shortRun: ReadonlyArray<readonly [Offer, readonly [Router, Router]]> = [
  ["STUN and TURN", ["cone", "cone"]],
  ["STUN and TURN", ["symmetric", "symmetric"]],
];

const coturn = ["/usr/bin/turnserver", "/usr/local/bin/turnserver"].find((path) =>
  existsSync(path),
);
const whyNot =
  coturn === undefined ? "coturn is not installed (apt-get install coturn)" : whyNoStreets();
const program = fileURLToPath(new URL("../../apps/relay/dist/relay.mjs", import.meta.url));
const page = fileURLToPath(new URL("../../docs/nat.md", import.meta.url));
const port = 7534;
const secret = "between the relay and coturn";

describe.skipIf(whyNot !== undefined)("with network namespaces and coturn", () => {
  let folder = "";
  let streets: Streets;
  let url = "";
  const homes: BrowserContext[] = [];
  let alice: Device;
  let bob: Device;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "skein-nat-"));
    streets = await openStreets();
    url = `http://${streets.publicAddress}:${port}`;
    await startCoturn();
    await startRelay("STUN and TURN");
    for (const home of [1, 2] as const) {
      streets.setRouter(home, "cone");
      const door = await streets.doorOf(home, executablePath);
      // The page needs a secure origin; what is looked at here is the way, not the certificate.
      const args = [`--unsafely-treat-insecure-origin-as-secure=${url}`];
      const profile = await launchProfile(join(folder, `home${home}`), { args, program: door });
      await profile.addInitScript(rememberConnections);
      homes.push(profile);
    }
    const [first, second] = homes;
    if (first === undefined || second === undefined) throw new Error("two homes");
    alice = await Device.open(first, url);
    bob = await Device.open(second, url);
    const words = await alice.createAccount();
    await alice.newRepository("notes");
    await bob.signIn(words);
    await alice.authorise(bob);
  }, 120_000);

  afterAll(async () => {
    for (const home of homes) await home.close();
    await streets[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }, 60_000);

  async function startCoturn(): Promise<void> {
    const config = turnserverConfig({ name: "relay.example.org", secret }).concat(
      `listening-ip=${streets.publicAddress}\nrelay-ip=${streets.publicAddress}\nuserdb=${folder}/db\npidfile=${folder}/pid\n`,
    );
    await writeFile(join(folder, "turnserver.conf"), config);
    streets.serve(coturn ?? "", ["-c", join(folder, "turnserver.conf")]);
  }

  /** Ends the relay that runs, if one does, when the next is started. */
  let stop = async (): Promise<void> => undefined;
  async function startRelay(offer: Offer): Promise<void> {
    await stop();
    const at = `${streets.publicAddress}:3478`;
    const ice = {
      nothing: [],
      STUN: ["--ice", `stun:${at}`],
      // The same over TCP for homes that UDP cannot leave.
      "STUN and TURN": [`stun:${at}`, `turn:${at}`, `turn:${at}?transport=tcp`].flatMap((one) => [
        "--ice",
        one,
      ]),
    }[offer];
    const place = ["--host", streets.publicAddress, "--port", String(port)];
    const args = [program, "serve", ...place, ...ice, "--turn-secret", secret];
    const child = streets.serve(process.execPath, args);
    stop = async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    };
  }

  /** Both pages are opened anew behind their routers, and asked what carries them once they have made up their mind. */
  async function carrierOf([first, second]: readonly [Router, Router]): Promise<Carrier> {
    streets.setRouter(1, first);
    streets.setRouter(2, second);
    for (const device of [alice, bob]) await device.page.goto(url);
    await alice.goTo("Network");
    await alice.page.getByTestId("path-kind").first().waitFor({ timeout: 60_000 });
    const isDirect = await alice.waitForPath("direct", decidedMillis).then(
      () => true,
      () => false,
    );
    if (!isDirect) return "relay";
    const kinds = await alice.page.evaluate(candidateKinds);
    return kinds.includes("relay") ? "TURN" : "direct";
  }

  test.runIf(!isFull)(
    "two homes whose routers allow it speak directly, others through TURN, and the table says so",
    async () => {
      const text = await readFile(page, "utf8");
      for (const [offer, pair] of shortRun) {
        const carrier = await carrierOf(pair);
        const row = text.split("\n").find((line) => line.startsWith(`| ${pair.join(" | ")} |`));
        expect(row?.split("|")[3 + offers.indexOf(offer)]?.trim()).toBe(carrier);
      }
    },
    120_000,
  );

  test.runIf(isFull)(
    "every pair of homes, with every offer of a relay, is carried, and the table is drawn of it",
    async () => {
      const carriers = new Map<string, Carrier>();
      for (const offer of offers.toReversed()) {
        await startRelay(offer);
        for (const pair of pairs) {
          const carrier = await carrierOf(pair);
          carriers.set(`${pair.join()} ${offer}`, carrier);
          process.stderr.write(`${pair.join(", ")}, ${offer}: ${carrier}\n`);
          // Whoever carries it, what Alice commits arrives.
          await alice.openRepository("notes");
          await bob.openRepository("notes");
          const oid = await alice.commitFile(`${carriers.size}.txt`, "Hello.\n", "Say hello");
          await bob.waitForTip(oid);
        }
      }
      const rows = pairs.map(
        (pair) =>
          `| ${pair.join(" | ")} | ${offers.map((offer) => carriers.get(`${pair.join()} ${offer}`)).join(" | ")} |`,
      );
      const text = await readFile(page, "utf8");
      const [head = "", tail = ""] = text.split(/\|---.*\n(?:\|.*\n)*/u);
      await writeFile(page, `${head}|---|---|---|---|---|\n${rows.join("\n")}\n${tail}`);
      expect(carriers.size).toBe(pairs.length * offers.length);
    },
    900_000,
  );
});

/** Runs in the page: keeps every connection that is made, to be asked later. */
function rememberConnections(): void {
  const made: RTCPeerConnection[] = [];
  const Native = RTCPeerConnection;
  Reflect.set(globalThis, "skeinConnections", made);
  globalThis.RTCPeerConnection = class extends Native {
    constructor(...given: ConstructorParameters<typeof RTCPeerConnection>) {
      super(...given);
      made.push(this);
    }
  };
}

/** Runs in the page: the kinds of both ends of the pair that carries each connection. */
async function candidateKinds(): Promise<ReadonlyArray<string>> {
  const made: unknown = Reflect.get(globalThis, "skeinConnections");
  const kinds: string[] = [];
  for (const connection of Array.isArray(made) ? made : []) {
    if (!(connection instanceof RTCPeerConnection)) continue;
    if (connection.connectionState !== "connected") continue;
    const report = new Map<string, Record<string, unknown>>();
    for (const [id, entry] of await connection.getStats()) report.set(id, entry);
    for (const { type, selectedCandidatePairId } of report.values()) {
      if (type !== "transport") continue;
      const pair = report.get(String(selectedCandidatePairId));
      for (const end of [pair?.["localCandidateId"], pair?.["remoteCandidateId"]])
        kinds.push(String(report.get(String(end))?.["candidateType"]));
    }
  }
  return kinds;
}

/** ICE gives up after fifteen to twenty seconds. */
const decidedMillis = 25_000;
