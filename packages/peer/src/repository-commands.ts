/** The commands about repositories: making, importing, changing and reading them. */

import { BundleTooLargeError } from "@skein/git/bundle";
import type { Repository } from "@skein/git/repository";
import { showPath } from "@skein/git/tree-path";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import {
  branchRef,
  oidOf,
  refusalToMove,
  writersHome,
  type CommandTable,
  type CommandWorld,
} from "./command-world.ts";
import { CommandRefusedError } from "./refusals.ts";
import {
  commitView,
  moved,
  notThere,
  repositoryName,
  repositoryOf,
  tipMoved,
  wordsOf,
  workOf,
} from "./repository-access.ts";
import type { Task } from "./tasks.ts";

type RepositoryCommandName =
  | "new-repository"
  | "export-bundle"
  | "rename-repository"
  | "commit"
  | "merge"
  | "read-tree"
  | "read-file"
  | "history"
  | "read-commit"
  | "blame"
  | "download-zip"
  | "download-file";

export function repositoryCommands(world: CommandWorld): Pick<CommandTable, RepositoryCommandName> {
  return { ...making(world), ...taking(world), ...changing(world), ...reading(world) };
}

function making(world: CommandWorld): Pick<CommandTable, "new-repository"> {
  const { ports, tasks } = world;
  return {
    "new-repository": async ({ name, files }) => {
      const home = writersHome(world);
      using task = tasks.start(`Making ${name}`, { cancellable: true });
      const changes = await readFiles(files, task);
      const fill = async (git: Repository): Promise<void> => {
        task.tell({ phase: "Storing" });
        const oid = await git.commitDraft({
          parent: undefined,
          changes:
            changes.length > 0
              ? changes
              : [{ path: "README.md", kind: "write", bytes: formatUtf8(`# ${name}\n`) }],
          message: "Begin\n",
          author: home.author(),
          at: ports.clock.now(),
          offsetMinutes: ports.offsetMinutes(),
          sign: (commit) => home.signCommit(commit),
        });
        const main = branchRef("main");
        await git.updateRefs([{ ref: main, from: undefined, to: oid }], { head: main });
      };
      const repository = await home.repositories.create(repositoryName(name), fill);
      return { id: repository.id };
    },
  };
}

/** What leaves as a file. */
function taking(
  world: CommandWorld,
): Pick<CommandTable, "export-bundle" | "download-zip" | "download-file"> {
  const { tasks } = world;
  return {
    "export-bundle": async ({ id }) => {
      const repository = repositoryOf(world, id);
      using task = tasks.start(`Exporting ${repository.name()}`, { cancellable: true });
      const bytes = await repository.git
        .exportBundle({
          signal: task.signal,
          onProgress: (progress) => task.tell(wordsOf(progress)),
        })
        .catch(refuseTooLarge);
      return { file: new Blob([bytes], { type: "application/x-git-bundle" }) };
    },
    "download-zip": async ({ id, commit }) => {
      const repository = repositoryOf(world, id);
      using task = tasks.start(`Packing ${repository.name()}`, { cancellable: true });
      const folder = `${repository.name()}-${commit.slice(0, 7)}`;
      const bytes = await repository.git.exportZip({
        commit: oidOf(commit),
        folder,
        signal: task.signal,
        onProgress: ({ done }) =>
          task.tell({ phase: "Writing the zip", detail: `${done.toLocaleString("en")} files` }),
      });
      return { name: `${folder}.zip`, file: new Blob([bytes], { type: "application/zip" }) };
    },
    "download-file": async ({ id, commit, path }) => {
      const file = await repositoryOf(world, id).git.exportFile(oidOf(commit), path);
      if (file === undefined) throw notThere(path);
      return { name: file.name, file: new Blob([file.bytes]) };
    },
  };
}

function changing(
  world: CommandWorld,
): Pick<CommandTable, "rename-repository" | "commit" | "merge"> {
  const { ports } = world;
  return {
    "rename-repository": async ({ id, name }) => {
      const repository = repositoryOf(world, id);
      writersHome(world);
      const outcome = await repository.moveRefs([], { name: repositoryName(name) });
      const refused = refusalToMove(outcome);
      if (refused !== undefined) throw refused;
    },
    commit: async ({ id, branch, onto, message, changes }) => {
      const home = writersHome(world);
      const repository = repositoryOf(world, id);
      const ref = branchRef(branch);
      const from = repository.refs().get(ref);
      if ((from ?? "") !== onto) throw tipMoved(branch);
      if (message.trim() === "")
        throw new CommandRefusedError("empty_message", {
          what: "A commit needs a message.",
          safe: "Your changes are kept.",
          next: "Say in one line what changed.",
        });
      const oid = await repository.git.commitDraft({
        parent: from,
        changes,
        message: message.endsWith("\n") ? message : `${message}\n`,
        author: home.author(),
        at: ports.clock.now(),
        offsetMinutes: ports.offsetMinutes(),
        sign: (commit) => home.signCommit(commit),
      });
      await moved(repository, { ref, from, to: oid, branch, why: `commit: ${firstLine(message)}` });
      return { oid };
    },
    merge: async ({ id, branch, theirs }) => {
      writersHome(world);
      const repository = repositoryOf(world, id);
      const ref = branchRef(branch);
      const ours = repository.refs().get(ref);
      if (ours === undefined) throw tipMoved(branch);
      using task = world.tasks.start(`Merging into ${branch}`, { cancellable: true });
      const asked = { ours, theirs: oidOf(theirs), ...workOf(task) };
      const result = await repository.git.merge(asked);
      if (result.kind === "conflict") return result;
      if (result.oid !== ours)
        await moved(repository, { ref, from: ours, to: result.oid, branch, why: "merge" });
      return result;
    },
  };
}

function reading(
  world: CommandWorld,
): Pick<CommandTable, "read-tree" | "read-file" | "history" | "read-commit" | "blame"> {
  return {
    "read-tree": async ({ id, commit, path }) => {
      const entries = await repositoryOf(world, id).git.readTree(oidOf(commit), path);
      if (entries === undefined) throw notThere(path);
      return { entries };
    },
    "read-file": async ({ id, commit, path }) => {
      const file = await repositoryOf(world, id).git.readFile(oidOf(commit), path);
      if (file === undefined) throw notThere(path);
      return file;
    },
    history: async ({ id, commit, ...asked }) => {
      const page = await repositoryOf(world, id).git.history(oidOf(commit), asked);
      return { commits: page.commits.map(commitView), paths: page.paths, more: page.more };
    },
    "read-commit": async ({ id, commit }) => {
      const { git } = repositoryOf(world, id);
      const oid = oidOf(commit);
      const { files } = await git.changedFiles(oid);
      return { commit: commitView(await git.readCommit(oid)), files };
    },
    blame: async ({ id, commit, path }) => {
      const repository = repositoryOf(world, id);
      using task = world.tasks.start(`Looking who wrote ${path}`, { cancellable: true });
      const blamed = await repository.git.blame(oidOf(commit), path, workOf(task));
      if (blamed === undefined) throw notThere(path);
      return { ...blamed, commits: [...blamed.commits.values()].map(commitView) };
    },
  };
}

function refuseTooLarge(error: unknown): never {
  if (!(error instanceof BundleTooLargeError)) throw error;
  throw new CommandRefusedError("too_large", {
    what: "This repository is too large for one bundle: Skein could not import it again.",
    safe: "Nothing was changed, and no file was made.",
    next: "Copy it to another device of yours: that way it may be as large as it is.",
  });
}

async function readFiles(
  files: ReadonlyArray<{ readonly path: string; readonly file: Blob }>,
  task: Task,
): Promise<
  ReadonlyArray<{ readonly path: string; readonly kind: "write"; readonly bytes: Bytes }>
> {
  const changes: Array<{ readonly path: string; readonly kind: "write"; readonly bytes: Bytes }> =
    [];
  for (const [index, { path, file }] of files.entries()) {
    task.signal.throwIfAborted();
    task.tell({ phase: "Reading files", share: index / files.length, detail: showPath(path) });
    // oxlint-disable-next-line no-await-in-loop -- one file in memory more at a time, and a person can stop between two.
    changes.push({ path, kind: "write", bytes: new Uint8Array(await file.arrayBuffer()) });
  }
  return changes;
}

function firstLine(message: string): string {
  return message.trim().split("\n", 1)[0] ?? "";
}
