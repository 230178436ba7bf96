/** One story: an account of two or three writers and a replica that was never approved and may sign all the same, and what became of their commits. */

import { formatUtf8 } from "@skein/protocol/bytes";
import { breeze, calm, storm, type Weather } from "@skein/testkit/weather";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";
import { turnRogue } from "./rogue.ts";

export interface Ending {
  readonly commits: number;
  readonly kills: number;
  readonly relayRestarts: number;
  readonly divergences: number;
  /** Acknowledged commits that some node cannot reach from any branch. */
  readonly lost: ReadonlyArray<string>;
  /** Nodes that see another's branch elsewhere than it is. */
  readonly disagreements: ReadonlyArray<string>;
  /** Commits that the replica signed although nobody approved it. */
  readonly signedByUnapproved: number;
  /** Honest nodes that show a branch of such a replica, or hold one of its commits. */
  readonly acceptedFromUnapproved: ReadonlyArray<string>;
  /** Canaries that went through the relay in the clear. */
  readonly readByRelay: ReadonlyArray<string>;
  readonly bugs: ReadonlyArray<string>;
  readonly trace: string;
}

export async function tellStory(seed: number): Promise<Ending> {
  const hasTwoRelays = seed % 5 === 0;
  await using world = await foundWorld({
    seed,
    weather: calm,
    direct: seed % 3 !== 0,
    ...(hasTwoRelays ? { relays: ["rita", "ruth"], limits: { keepSecondsMax: 86_400 } } : {}),
  });
  const writers = [
    world.node("alice"),
    world.node("bob"),
    ...(seed % 2 === 0 ? [world.node("carol")] : []),
  ];
  const replica = world.node("rex");
  const [first, ...others] = writers;
  if (first === undefined) throw new Error("nobody");
  const words = await haveAccount(world, first);
  await first.ask("new-repository", { name: repository, files: [] });
  for (const node of others) {
    await signIn(world, node, words);
    await approve(world, first, node);
  }
  await signIn(world, replica, words);
  const nodes = [...writers, replica];
  await world.until("the first copies", () =>
    nodes.every((node) => node.tip(repository) === first.tip(repository)),
  );

  if (seed % 3 !== 0) await world.until("a direct path", () => isDirect(first));
  const isRogue = Math.floor(seed / 2) % 2 === 1;
  if (isRogue) await turnRogue(replica);
  const cast = { nodes, writers, replica, honest: isRogue ? writers : nodes };
  const told = await trouble(world, cast);
  await settle(world, cast);
  return {
    ...told,
    ...(await judge(world, cast, told)),
    commits: told.acknowledged.length,
    signedByUnapproved: told.signedByRogue.length,
    readByRelay: canariesSeen(world, words),
    bugs: cast.honest.flatMap((node) => node.bugs.map((bug) => `${node.name}: ${String(bug)}`)),
    trace: world.simulation.traceHash(),
  };
}

function isDirect(node: SimulatedNode): boolean {
  return node.views.network.nodes.some(({ path }) => path.kind === "direct");
}

interface Cast {
  readonly nodes: ReadonlyArray<SimulatedNode>;
  readonly writers: ReadonlyArray<SimulatedNode>;
  readonly replica: SimulatedNode;
  /** Nodes whose software was not patched. */
  readonly honest: ReadonlyArray<SimulatedNode>;
}

interface Told {
  kills: number;
  relayRestarts: number;
  divergences: number;
  readonly acknowledged: string[];
  readonly signedByRogue: string[];
}

/** Half a minute to two minutes of everything going wrong at once, at each node for itself. */
async function trouble(world: World, cast: Cast): Promise<Told> {
  const { simulation } = world;
  const { nodes, writers, replica, honest } = cast;
  const told: Told = {
    kills: 0,
    relayRestarts: 0,
    divergences: 0,
    acknowledged: [],
    signedByRogue: [],
  };
  const signedBy = (node: SimulatedNode): string[] | undefined => {
    if (node !== replica) return told.acknowledged;
    return honest.includes(replica) ? undefined : told.signedByRogue;
  };
  simulation.changeWeather(simulation.pick<Weather>([breeze, storm]));
  for (let turn = 0; turn < 24; turn++) {
    const node = simulation.pick([...writers, ...writers, replica]);
    const chance = simulation.random();
    const deed = deeds.find(([upTo]) => chance < upTo)?.[1] ?? unite;
    await deed({
      world,
      node,
      others: nodes.filter((other) => other !== node),
      signed: signedBy(node),
      told,
      turn,
    });
    if (writers.some((one) => one.running && isDiverged(one))) told.divergences++;
    await world.pass(simulation.between(100, 5_000));
  }
  return told;
}

interface Turn {
  readonly world: World;
  readonly node: SimulatedNode;
  readonly others: ReadonlyArray<SimulatedNode>;
  /** Where this node's commits are written down; `undefined` if it makes none. */
  readonly signed: string[] | undefined;
  readonly told: Told;
  readonly turn: number;
}

type Deed = (turn: Turn) => Promise<void>;

const commitSomething: Deed = async ({ node, signed, turn }) => {
  if (node.running) signed?.push(await commitHere(node, turn));
};

/** Killed in the middle of a commit: what was acknowledged by then counts. */
const dieCommitting: Deed = async ({ world, node, signed, told, turn }) => {
  if (!node.running || signed === undefined) return;
  node.dieAfterWrites(world.simulation.between(0, 5));
  void commitHere(node, turn).then((oid) => signed.push(oid));
  await world.pass(1);
  await node.kill();
  told.kills++;
};

const killOrStart: Deed = async ({ node, told }) => {
  told.kills += node.running ? 1 : 0;
  await (node.running ? node.kill() : node.start());
};

const stopOrStartRelay: Deed = async ({ world, told }) => {
  const { relay: only, relays, simulation } = world;
  const relay = relays.size > 1 ? simulation.pick([...relays.values()]) : only;
  told.relayRestarts += relay.isUp ? 1 : 0;
  if (relay.isUp) relay.stop();
  else relay.start();
};

const cutOff: Deed = async ({ world, node, others }) =>
  world.simulation.partition(
    [node.name],
    [...world.relays.keys(), ...others.map(({ name }) => name)],
  );

const unite: Deed = async ({ world }) => world.simulation.partition();

/** What happens in a turn, by how likely it is. */
const deeds: ReadonlyArray<readonly [upTo: number, deed: Deed]> = [
  [0.4, commitSomething],
  [0.48, dieCommitting],
  [0.6, killOrStart],
  [0.7, stopOrStartRelay],
  [0.8, cutOff],
];

async function commitHere(node: SimulatedNode, turn: number): Promise<string> {
  return node.commit(repository, `${node.name}-${turn}.txt`, `${canary} by ${node.name}`);
}

/** Everything works again. Whoever sees a branch that went another way merges it, as the person would. */
async function settle(world: World, { nodes, writers, honest }: Cast): Promise<void> {
  world.simulation.changeWeather(calm);
  world.simulation.partition();
  for (const relay of world.relays.values()) if (!relay.isUp) relay.start();
  for (const node of nodes) if (!node.running) await node.start();
  await world.until("agreement", () => nodes.every((node) => seesAll(node, writers)), 180_000);
  const [merger] = writers;
  if (merger === undefined) throw new Error("nobody");
  const isOneBranch = (): boolean =>
    honest.every((node) => node.tip(repository) === merger.tip(repository));
  for (let round = 0; round < 10; round++) {
    // How two tips stand to each other is worked out after they are shown.
    await world.until("one branch or two", () => isOneBranch() || isDiverged(merger), 60_000);
    if (isOneBranch()) return;
    await mergeAll(merger);
    await world.until(
      "the merge everywhere",
      () => nodes.every((node) => seesAll(node, writers)),
      60_000,
    );
  }
  await world.until("one branch", isOneBranch, 60_000);
}

async function mergeAll(node: SimulatedNode): Promise<void> {
  const found = node.repository(repository);
  for (const { branches } of found?.remotes ?? [])
    for (const branch of branches)
      if (branch.relation === "diverged")
        await node.ask("merge", { id: found?.id ?? "", branch: "main", theirs: branch.oid });
}

function isDiverged(node: SimulatedNode): boolean {
  const remotes = node.repository(repository)?.remotes ?? [];
  return remotes.some(({ branches }) => branches.some(({ relation }) => relation === "diverged"));
}

/** Whether this node shows every writer's branch where that writer has it. */
function seesAll(node: SimulatedNode, writers: ReadonlyArray<SimulatedNode>): boolean {
  return writers.every(
    (writer) => writer === node || shownAt(node, writer) === writer.tip(repository),
  );
}

function shownAt(node: SimulatedNode, writer: SimulatedNode): string | undefined {
  const remote = node
    .repository(repository)
    ?.remotes.find(({ nodeName }) => nodeName === writer.name);
  return remote?.branches.find(({ name }) => name === "main")?.oid;
}

async function judge(
  world: World,
  { nodes, writers, honest }: Cast,
  { acknowledged, signedByRogue }: Told,
): Promise<Pick<Ending, "lost" | "disagreements" | "acceptedFromUnapproved">> {
  const lost: string[] = [];
  const acceptedFromUnapproved: string[] = [];
  for (const node of honest) {
    const { commits } = await node.ask("history", {
      id: node.repository(repository)?.id ?? "",
      commit: node.tip(repository) ?? "",
      limit: 1_000,
    });
    const reached = new Set(commits.map(({ oid }) => oid));
    for (const oid of acknowledged) if (!reached.has(oid)) lost.push(`${node.name} lacks ${oid}`);
    acceptedFromUnapproved.push(...(await acceptedBy(node, writers, signedByRogue)));
  }
  const disagreements = nodes
    .filter((node) => !seesAll(node, writers))
    .map((node) => `${node.name} at ${world.simulation.now()}`);
  return { lost, disagreements, acceptedFromUnapproved };
}

/** What this node took from somebody who is no writer. */
async function acceptedBy(
  node: SimulatedNode,
  writers: ReadonlyArray<SimulatedNode>,
  signedByRogue: ReadonlyArray<string>,
): Promise<ReadonlyArray<string>> {
  const found = node.repository(repository);
  const names = new Set(writers.map(({ name }) => name));
  const shown = (found?.remotes ?? [])
    .filter(({ nodeName }) => !names.has(nodeName))
    .map(({ nodeName }) => `${node.name} shows ${nodeName}`);
  const held: string[] = [];
  for (const commit of signedByRogue)
    if (await holds(node, found?.id ?? "", commit)) held.push(`${node.name} holds ${commit}`);
  return [...shown, ...held];
}

function holds(node: SimulatedNode, id: string, commit: string): Promise<boolean> {
  return node.ask("read-commit", { id, commit }).then(
    () => true,
    () => false,
  );
}

/** What no relay may ever see: names, contents, words, ref names. */
function canariesSeen(world: World, words: string): ReadonlyArray<string> {
  const seen = Buffer.concat([...world.relays.values()].flatMap(({ transcript }) => transcript));
  if (seen.length === 0) throw new Error("the relay saw nothing at all");
  return [canary, repository, words, "refs/heads", "alice", "README.md"].filter((secret) =>
    seen.includes(Buffer.from(formatUtf8(secret))),
  );
}

const repository = "canary-notes";
const canary = "canary-contents";
