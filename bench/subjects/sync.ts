/** Two Chromium nodes and a real relay: how soon a commit on one is the tip on the other, and how fast a repository gets there. */

/* oxlint-disable eslint/no-await-in-loop -- one thing is measured at a time. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { launch } from "../../tests/browser/chromium.ts";
import { Device } from "../../tests/browser/device.ts";
import { DoorTab } from "../../tests/browser/door-tab.ts";
import { startRelayProcess, type RelayProcess } from "../../tests/browser/relay-process.ts";
import { generateHistory } from "../generated-history.ts";
import { git, startLoopbackGit, type LoopbackGit } from "../loopback-git.ts";
import { judge, median, percentile, type Row } from "../rows.ts";

interface Told {
  readonly say: (progress: string) => void;
}

/** A repository to copy, as a bundle for us and as a bare repository for git's daemon. */
interface Copied {
  readonly name: string;
  readonly bundle: string;
  readonly head: string;
  readonly sizes: {
    readonly commits: number;
    readonly objects: number;
    readonly bytes: number;
  };
}

interface Node {
  readonly device: Device;
  readonly door: DoorTab;
}

interface Pair {
  readonly alice: Node;
  readonly bob: Node;
}

/** What two Chromium nodes did over one path, in milliseconds. */
interface PathFigures {
  readonly commits: ReadonlyArray<number>;
  /** One list for each repository, in their order. */
  readonly clones: ReadonlyArray<ReadonlyArray<number>>;
}

export async function measure({ say }: Told): Promise<ReadonlyArray<Row>> {
  const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
  const peer = await startLoopbackGit(folder);
  const relay = await startRelayProcess();
  try {
    say("Making the repositories.");
    const repositories = makeRepositories(folder);
    const rows: Row[] = [];
    for (const path of paths) {
      const ours = await measurePath({ path, relay, repositories, say });
      say("Measuring git.");
      rows.push(...rowsOf({ path, ours, peer, repositories }));
    }
    return rows;
  } finally {
    await relay.kill();
    await peer.close();
    rmSync(folder, { recursive: true });
  }
}

function makeRepositories(folder: string): ReadonlyArray<Copied> {
  const own = join(folder, "own.git");
  git("clone", "--quiet", "--bare", "--no-local", ".", own);
  if (!git("-C", own, "branch").includes("* main")) git("-C", own, "branch", "--force", "main");
  const generated = join(folder, "generated.git");
  generateHistory(generated, generatedSize);
  return [
    describe(folder, "own", "this repository"),
    describe(folder, "generated", "a generated repository"),
  ];
}

function describe(folder: string, short: string, name: string): Copied {
  const bare = join(folder, `${short}.git`);
  const bundle = join(folder, `${short}.bundle`);
  git("-C", bare, "bundle", "create", "--quiet", bundle, "--all");
  const count = (...what: string[]): number =>
    git("-C", bare, "rev-list", ...what)
      .trim()
      .split("\n").length;
  return {
    name,
    bundle,
    head: git("-C", bare, "rev-parse", "main").trim(),
    sizes: {
      commits: count("--all"),
      objects: count("--all", "--objects"),
      bytes: statSync(bundle).size,
    },
  };
}

async function measurePath({
  path,
  relay,
  repositories,
  say,
}: {
  readonly path: (typeof paths)[number];
  readonly relay: RelayProcess;
  readonly repositories: ReadonlyArray<Copied>;
} & Told): Promise<PathFigures> {
  const browser = await launch();
  try {
    say(`Connecting two devices over a ${path.kind} path.`);
    const open = async (): Promise<Device> => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      if (path.kind === "relayed") await context.addInitScript(hideCandidates);
      return Device.open(context, relay.url);
    };
    const [alice, bob] = [await open(), await open()];
    await bob.signIn(await alice.createAccount());
    await alice.authorise(bob);
    await alice.waitForPath(path.kind);
    await bob.waitForPath(path.kind);
    const pair = {
      alice: { device: alice, door: await DoorTab.open(alice.page) },
      bob: { device: bob, door: await DoorTab.open(bob.page) },
    };
    const clones: number[][] = [];
    for (const repository of repositories) {
      say(`Copying ${repository.name} (${(repository.sizes.bytes / 1e6).toFixed(1)} MB).`);
      const millis = await measureClones(pair, repository);
      say(`  ${millis.map((one) => one.toFixed(0)).join(", ")} ms`);
      clones.push(millis);
    }
    say(`Committing ${commitCount} times.`);
    const { commits, acknowledged } = await measureCommits(pair);
    say(`  acknowledged after ${median(acknowledged).toFixed(1)} ms (median)`);
    const kinds = await bob.pathKinds();
    if (!kinds.includes(path.kind)) throw new Error(`the path is now ${kinds.join()}`);
    return { commits, clones };
  } finally {
    await browser.close();
  }
}

/** From the import's end on one node to the same tip on the other. */
async function measureClones(pair: Pair, repository: Copied): Promise<number[]> {
  const { alice, bob } = pair;
  const millis: number[] = [];
  for (let round = 0; round < cloneCount; round++) {
    const before = await idsAt(alice);
    await alice.device.goTo("Repositories");
    await alice.device.importBundle(repository.bundle);
    const id = (await idsAt(alice)).find((known) => !before.includes(known)) ?? "";
    const sighting = { repository: id, branch: "main", oid: repository.head };
    const [from, to] = [await alice.door.seen(sighting), await bob.door.seen(sighting)];
    millis.push(to - from);
  }
  return millis;
}

/** From the asking for a commit on one node to the moved tip on the other. */
async function measureCommits({ alice, bob }: Pair): Promise<{
  readonly commits: ReadonlyArray<number>;
  /** Until the committing node itself said that it is done. */
  readonly acknowledged: ReadonlyArray<number>;
}> {
  await alice.device.goTo("Repositories");
  await alice.device.newRepository("Latency");
  const view = (await alice.door.views()).repositories?.find(({ name }) => name === "Latency");
  const repository = view?.id ?? "";
  let onto = view?.branches[0]?.oid ?? "";
  await bob.door.seen({ repository, branch: "main", oid: onto });
  const commits: number[] = [];
  const acknowledged: number[] = [];
  for (let index = -warmUps; index < commitCount; index++) {
    const text = `${index}\n`;
    const asked = { repository, onto, path: "bench.txt", text };
    const { oid, askedAt, answeredAt } = await alice.door.commit(asked);
    const seenAt = await bob.door.seen({ repository, branch: "main", oid });
    if (index >= 0) {
      commits.push(seenAt - askedAt);
      acknowledged.push(answeredAt - askedAt);
    }
    onto = oid;
    // A node tells its news at most every 200 ms; a person's next commit comes later than that.
    await wait(300);
  }
  return { commits, acknowledged };
}

/** Runs in the page: as behind a network that lets no UDP through, neither side ever learns where the other is. */
function hideCandidates(): void {
  Object.assign(RTCPeerConnection.prototype, { addIceCandidate: () => Promise.resolve() });
}

async function idsAt({ door }: Node): Promise<ReadonlyArray<string>> {
  return ((await door.views()).repositories ?? []).map(({ id }) => id);
}

function rowsOf({
  path,
  ours,
  peer,
  repositories,
}: {
  readonly path: (typeof paths)[number];
  readonly ours: PathFigures;
  readonly peer: LoopbackGit;
  readonly repositories: ReadonlyArray<Copied>;
}): ReadonlyArray<Row> {
  const pushes = peer.commitAndPush("own.git", commitCount);
  const latency = [0.5, 0.99].map((share) =>
    judge({
      name: `commit to moved tip, ${path.kind}, p${share * 100}`,
      ours: percentile(ours.commits, share),
      peer: percentile(pushes, share),
      against: "git commit and git push to git daemon on 127.0.0.1",
      unit: "ms",
      goal: share === 0.5 ? path.latencyGoal : path.latencyTailGoal,
      better: "lower",
      sizes: { commits: ours.commits.length },
    }),
  );
  const throughput = repositories.map(({ name, bundle, sizes }, index) => {
    const clones = Array.from({ length: cloneCount }, () =>
      peer.clone(bundle.endsWith("own.bundle") ? "own.git" : "generated.git"),
    );
    return judge({
      name: `clone of ${name}, ${path.kind}`,
      ours: speed(sizes.bytes, median(ours.clones[index] ?? [])),
      peer: speed(sizes.bytes, median(clones)),
      against: "git clone --bare from git daemon on 127.0.0.1",
      unit: "MB/s",
      goal: path.cloneGoal,
      better: "higher",
      sizes,
    });
  });
  return [...latency, ...throughput];
}

function speed(bytes: number, millis: number): number {
  return bytes / 1_000 / millis;
}

/** The goals and their reasons stand in bench/README.md. */
const paths = [
  { kind: "direct", latencyGoal: 2, latencyTailGoal: 3, cloneGoal: 0.1 },
  {
    kind: "relayed",
    latencyGoal: 2,
    latencyTailGoal: 3,
    cloneGoal: 0.1,
  },
] as const;

const commitCount = 40;
const warmUps = 3;
const cloneCount = 3;
const generatedSize = { files: 1_200, commits: 1_500 };
