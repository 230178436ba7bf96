/** The commands about repositories: making, importing, changing and reading them. */

import { cleanName } from "@skein/auth/pass";
import { readBundle } from "@skein/git/bundle";
import type { Repository } from "@skein/git/repository";
import type { Progress } from "@skein/git/stop-signal";
import { showPath } from "@skein/git/tree-path";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { packBytesMax } from "@skein/protocol/limits";
import {
  branchRef,
  oidOf,
  readOnly,
  repositoryOf,
  writersHome,
  type CommandTable,
  type CommandWorld,
} from "./command-world.ts";
import type { CommitView } from "./commands.ts";
import type { Home } from "./home.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { RepositoryNode } from "./repository-node.ts";
import type { Task } from "./tasks.ts";

type RepositoryCommandName =
  | "new-repository"
  | "import-bundle"
  | "export-bundle"
  | "rename-repository"
  | "commit"
  | "new-branch"
  | "merge"
  | "read-tree"
  | "read-file"
  | "history"
  | "read-commit";

export function repositoryCommands(world: CommandWorld): Pick<CommandTable, RepositoryCommandName> {
  return { ...making(world), ...changing(world), ...reading(world) };
}

function making(
  world: CommandWorld,
): Pick<CommandTable, "new-repository" | "import-bundle" | "export-bundle"> {
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
        });
        const main = branchRef("main");
        await git.updateRefs([{ ref: main, from: undefined, to: oid }], { head: main });
      };
      const repository = await home.repositories.create(repositoryName(name), fill);
      return { id: repository.id };
    },
    "import-bundle": async ({ name, file, again = false }) => {
      const home = writersHome(world);
      if (file.size > packBytesMax)
        throw new CommandRefusedError("too_large", {
          what: `This bundle has ${megabytes(file.size)} MB; Skein takes up to ${megabytes(packBytesMax)} MB.`,
          safe: "Nothing was changed.",
          next: "Make a bundle of fewer branches.",
        });
      using task = tasks.start(`Importing ${name}`, { cancellable: true });
      task.tell({ phase: "Reading the bundle", detail: `${megabytes(file.size)} MB` });
      const bytes = new Uint8Array(await file.arrayBuffer());
      const here = again ? undefined : alreadyHere(home, repositoryName(name), bytes);
      if (here !== undefined) return { kind: "here-already", id: here.id };
      const repository = await home.repositories.create(repositoryName(name), async (git) => {
        await git.importBundle(bytes, {
          signal: task.signal,
          onProgress: (progress) => task.tell(wordsOf(progress)),
        });
      });
      return { kind: "imported", id: repository.id };
    },
    "export-bundle": async ({ id }) => {
      const repository = repositoryOf(world, id);
      using task = tasks.start(`Exporting ${repository.name()}`, { cancellable: true });
      const bytes = await repository.git.exportBundle({
        signal: task.signal,
        onProgress: (progress) => task.tell(wordsOf(progress)),
      });
      return { file: new Blob([bytes], { type: "application/x-git-bundle" }) };
    },
  };
}

function changing(
  world: CommandWorld,
): Pick<CommandTable, "rename-repository" | "commit" | "new-branch" | "merge"> {
  const { ports } = world;
  return {
    "rename-repository": async ({ id, name }) => {
      const repository = repositoryOf(world, id);
      writersHome(world);
      await repository.moveRefs([], { name: repositoryName(name) });
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
      });
      await moved(repository, { ref, from, to: oid, branch });
      return { oid };
    },
    "new-branch": async ({ id, name, from }) => {
      writersHome(world);
      const repository = repositoryOf(world, id);
      await moved(repository, {
        ref: branchRef(name),
        from: undefined,
        to: oidOf(from),
        branch: name,
      });
    },
    merge: async ({ id, branch, theirs }) => {
      writersHome(world);
      const repository = repositoryOf(world, id);
      const ref = branchRef(branch);
      const ours = repository.refs().get(ref);
      if (ours === undefined) throw tipMoved(branch);
      const result = await repository.git.merge({ ours, theirs: oidOf(theirs) });
      if (result.kind === "conflict") return result;
      if (result.oid !== ours) await moved(repository, { ref, from: ours, to: result.oid, branch });
      return result;
    },
  };
}

function reading(
  world: CommandWorld,
): Pick<CommandTable, "read-tree" | "read-file" | "history" | "read-commit"> {
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
    history: async ({ id, commit, path, limit }) => {
      const page = await repositoryOf(world, id).git.history(oidOf(commit), { path, limit });
      return { commits: page.commits.map(commitView), more: page.more };
    },
    "read-commit": async ({ id, commit }) => {
      const { git } = repositoryOf(world, id);
      const oid = oidOf(commit);
      const { files } = await git.changedFiles(oid);
      return { commit: commitView(await git.readCommit(oid)), files };
    },
  };
}

/** A repository of the same name whose branches and tags are those of the bundle. */
function alreadyHere(home: Home, name: string, bytes: Bytes): RepositoryNode | undefined {
  const offered = tipsOf(readBundle(bytes).refs);
  return home.repositories
    .all()
    .find((repository) => repository.name() === name && tipsOf(repository.refs()) === offered);
}

function tipsOf(refs: ReadonlyMap<RefName, ObjectId>): string {
  return [...refs]
    .filter(([ref]) => /^refs\/(?:heads|tags)\//u.test(ref))
    .map((entry) => entry.join(" "))
    .toSorted()
    .join("\n");
}

async function moved(
  repository: RepositoryNode,
  {
    ref,
    from,
    to,
    branch,
  }: {
    readonly ref: RefName;
    readonly from: ObjectId | undefined;
    readonly to: ObjectId;
    readonly branch: string;
  },
): Promise<void> {
  const outcome = await repository.moveRefs([{ ref, from, to }]);
  if (outcome === "moved") throw tipMoved(branch);
  if (outcome === "read-only") throw readOnly();
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

function repositoryName(name: string): string {
  const cleaned = cleanName(name);
  if (cleaned !== "") return cleaned;
  throw new CommandRefusedError("empty_name", { what: "A repository needs a name." });
}

function tipMoved(branch: string): CommandRefusedError {
  return new CommandRefusedError("tip_moved", {
    what: `${branch} has moved while you were working on it.`,
    safe: "Your changes are kept here; nothing was overwritten.",
    next: "Look at what came in, then commit again.",
  });
}

function notThere(path: string): CommandRefusedError {
  return new CommandRefusedError("not_there", {
    what: `There is no ${showPath(path)} in this commit.`,
  });
}

function wordsOf({ phase, done, total }: Progress): Parameters<Task["tell"]>[0] {
  return {
    phase: phaseWords[phase],
    share: total > 0 ? done / total : undefined,
    detail: `${done.toLocaleString("en")} of ${total.toLocaleString("en")}`,
  };
}

function commitView(commit: CommitView): CommitView {
  const { oid, parents, authorName, authorEmail, at, offsetMinutes, title, body } = commit;
  return { oid, parents, authorName, authorEmail, at, offsetMinutes, title, body };
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

const phaseWords = {
  reading: "Reading objects",
  resolving: "Resolving deltas",
  checking: "Checking that nothing is missing",
  storing: "Storing",
  collecting: "Collecting objects",
  writing: "Writing the bundle",
} as const;
