/** The commands that make commits out of others: merges by a person's choices, cherry-picks and reverts. */

import type { Conflict } from "@skein/git/merge-conflicts";
import type { Resolution } from "@skein/git/merge-resolutions";
import type { PickAsked, PickResult } from "@skein/git/pick";
import { formatUtf8 } from "@skein/protocol/bytes";
import {
  branchRef,
  oidOf,
  writersHome,
  type CommandTable,
  type CommandWorld,
} from "./command-world.ts";
import type { ConflictView, PickAnswer, PickAsk, ResolutionAsk } from "./commands.ts";
import { commitView, moved, repositoryOf, tipMoved, workOf } from "./repository-access.ts";
import type { RepositoryNode } from "./repository-node.ts";

type MergeCommandName = "conflicts" | "merge-resolved" | "cherry-pick" | "revert";

export function mergeCommands(world: CommandWorld): Pick<CommandTable, MergeCommandName> {
  return {
    conflicts: async ({ id, ours, theirs }) => {
      const repository = repositoryOf(world, id);
      using task = world.tasks.start(`Comparing two sides of ${repository.name()}`, {
        cancellable: true,
      });
      const asked = { ours: oidOf(ours), theirs: oidOf(theirs), ...workOf(task) };
      const found = await repository.git.conflicts(asked);
      return {
        ours: commitView(found.ours),
        theirs: commitView(found.theirs),
        conflicts: found.conflicts.map(conflictView),
      };
    },
    "merge-resolved": async ({ id, branch, ours, theirs, resolutions }) => {
      const signed = signer(world);
      const repository = repositoryOf(world, id);
      const ref = branchRef(branch);
      const from = repository.refs().get(ref);
      if (from === undefined || from !== ours) throw tipMoved(branch);
      using task = world.tasks.start(`Merging into ${branch}`, { cancellable: true });
      const result = await repository.git.mergeWithResolutions({
        ...workOf(task),
        ours: from,
        theirs: oidOf(theirs),
        resolutions: resolutions.map(resolutionOf),
        ...signed,
      });
      if (result.kind !== "conflict" && result.oid !== from)
        await moved(repository, { ref, from, to: result.oid, branch, why: "merge" });
      return result;
    },
    "cherry-pick": (ask) =>
      pick(world, ask, { why: "cherry-pick", make: ({ git }, asked) => git.cherryPick(asked) }),
    revert: (ask) =>
      pick(world, ask, { why: "revert", make: ({ git }, asked) => git.revert(asked) }),
  };
}

async function pick(
  world: CommandWorld,
  ask: PickAsk,
  {
    why,
    make,
  }: {
    readonly why: "cherry-pick" | "revert";
    readonly make: (repository: RepositoryNode, asked: PickAsked) => Promise<PickResult>;
  },
): Promise<PickAnswer> {
  const signed = signer(world);
  const { branch, mainline } = ask;
  const repository = repositoryOf(world, ask.id);
  const ref = branchRef(branch);
  const onto = repository.refs().get(ref);
  if (onto === undefined || onto !== ask.onto) throw tipMoved(branch);
  const commit = oidOf(ask.commit);
  const resolutions = ask.resolutions.map(resolutionOf);
  const title = `${why === "revert" ? "Reverting on" : "Cherry-picking onto"} ${branch}`;
  using task = world.tasks.start(title, { cancellable: true });
  const asked = { commit, onto, mainline, resolutions, ...signed, ...workOf(task) };
  const result = await make(repository, asked);
  if (result.kind === "conflict")
    return { kind: "conflict", conflicts: result.conflicts.map(conflictView) };
  if (result.kind === "picked") {
    const { title } = await repository.git.readCommit(commit);
    await moved(repository, { ref, from: onto, to: result.oid, branch, why: `${why}: ${title}` });
  }
  return result;
}

/** In whose name, and when. */
function signer(world: CommandWorld): Pick<PickAsked, "author" | "at" | "offsetMinutes"> {
  const { ports } = world;
  const author = writersHome(world).author();
  return { author, at: ports.clock.now(), offsetMinutes: ports.offsetMinutes() };
}

function conflictView({ path, reason, base, ours, theirs, hunks }: Conflict): ConflictView {
  return {
    path,
    reason,
    hasBase: base !== undefined,
    hasOurs: ours !== undefined,
    hasTheirs: theirs !== undefined,
    hunks,
  };
}

/** Only what a resolution has, whatever else was handed in. */
function resolutionOf(ask: ResolutionAsk): Resolution {
  const { path, take } = ask;
  if (take === "both") return { path, take, theirsAt: ask.theirsAt };
  if (take === "hunks") return { path, take, hunks: ask.hunks };
  if (take === "edited") return { path, take, bytes: formatUtf8(ask.text) };
  return { path, take };
}
