/** What commands about one repository share: finding it, moving its refs, and saying why something did not happen. */

import { cleanName } from "@skein/auth/pass";
import type { LongWork, Progress } from "@skein/git/stop-signal";
import { showPath } from "@skein/git/tree-path";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { openHomeOf, refusalToMove, type CommandWorld } from "./command-world.ts";
import type { CommitView } from "./commands.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { RepositoryNode } from "./repository-node.ts";
import type { Task } from "./tasks.ts";

export function repositoryOf(world: CommandWorld, id: string): RepositoryNode {
  const repository = openHomeOf(world).repositories.find(id);
  if (repository !== undefined) return repository;
  throw new CommandRefusedError("no_repository", {
    what: "This repository is not on this device.",
    next: "Go back to the list of repositories.",
  });
}

export function repositoryName(name: string): string {
  const cleaned = cleanName(name);
  if (cleaned !== "") return cleaned;
  throw new CommandRefusedError("empty_name", { what: "A repository needs a name." });
}

export async function moved(
  repository: RepositoryNode,
  {
    ref,
    from,
    to,
    branch,
    why,
  }: {
    readonly ref: RefName;
    readonly from: ObjectId | undefined;
    readonly to: ObjectId;
    readonly branch: string;
    /** One line for the list of what was. */
    readonly why: string;
  },
): Promise<void> {
  const outcome = await repository.moveRefs([{ ref, from, to }], { why });
  if (outcome === "moved") throw tipMoved(branch);
  const refused = refusalToMove(outcome);
  if (refused !== undefined) throw refused;
}

export function tipMoved(branch: string): CommandRefusedError {
  return new CommandRefusedError("tip_moved", {
    what: `${branch} has moved while you were working on it.`,
    safe: "Your changes are kept here; nothing was overwritten.",
    next: "Look at what came in, then commit again.",
  });
}

export function notThere(path: string): CommandRefusedError {
  return new CommandRefusedError("not_there", {
    what: `There is no ${showPath(path)} in this commit.`,
  });
}

export function wordsOf({ phase, done, total }: Progress): Parameters<Task["tell"]>[0] {
  return {
    phase: phaseWords[phase],
    share: total > 0 ? done / total : undefined,
    detail: [done, ...(total > 0 ? [total] : [])].map((n) => n.toLocaleString("en")).join(" of "),
  };
}

/** Long work that a person can look at and stop. */
export function workOf(task: Task): LongWork {
  return { signal: task.signal, onProgress: (progress) => task.tell(wordsOf(progress)) };
}

export function commitView(commit: CommitView): CommitView {
  const { oid, parents, authorName, authorEmail, at, offsetMinutes, title, body } = commit;
  return { oid, parents, authorName, authorEmail, at, offsetMinutes, title, body };
}

const phaseWords = {
  reading: "Reading objects",
  resolving: "Resolving deltas",
  checking: "Checking that nothing is missing",
  storing: "Storing",
  collecting: "Collecting objects",
  writing: "Writing the bundle",
  merging: "Comparing what both sides have",
} as const;
