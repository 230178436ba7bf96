/** The commands that bring in a repository from elsewhere: a bundle, a zip, a folder, an ordinary git host. */

import { openBundle } from "@skein/git/bundle";
import {
  importedBytesMax,
  namesOfPath,
  type FileToImport,
  type ImportedFiles,
} from "@skein/git/imports";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import type { Bytes } from "@skein/protocol/bytes";
import { packBytesMax } from "@skein/protocol/limits";
import type { SkippedRefs } from "./answers.ts";
import { branchRef, writersHome, type CommandTable, type CommandWorld } from "./command-world.ts";
import type { Home } from "./home.ts";
import { CommandRefusedError } from "./refusals.ts";
import { repositoryName, wordsOf } from "./repository-access.ts";
import type { RepositoryNode } from "./repository-node.ts";

type ImportCommandName = "import-bundle" | "import-files" | "git-hosts" | "clone";

export function importCommands(world: CommandWorld): Pick<CommandTable, ImportCommandName> {
  return { ...bundles(world), ...files(world), ...clones(world) };
}

function bundles(world: CommandWorld): Pick<CommandTable, "import-bundle"> {
  const { tasks } = world;
  return {
    "import-bundle": async ({ name, file, again = false }) => {
      const home = writersHome(world);
      if (file.size > packBytesMax)
        throw tooLarge("bundle", file.size, "Make a bundle of fewer branches.");
      using task = tasks.start(`Importing ${name}`, { cancellable: true });
      task.tell({ phase: "Reading the bundle", detail: `${megabytes(file.size)} MB` });
      const bundle = await openBundle(partsOf(file));
      const here = again ? undefined : alreadyHere(home, repositoryName(name), bundle.refs);
      if (here !== undefined) return { kind: "here-already", id: here.id };
      let left: ReadonlyArray<string> = [];
      const repository = await home.repositories.create(repositoryName(name), async (git) => {
        const { skipped } = await git.importBundle(bundle, {
          signal: task.signal,
          onProgress: (progress) => task.tell(wordsOf(progress)),
        });
        left = skipped;
      });
      return { kind: "imported", id: repository.id, ...skippedRefs(left) };
    },
  };
}

function files(world: CommandWorld): Pick<CommandTable, "import-files"> {
  const { ports, tasks } = world;
  return {
    "import-files": async ({ name, zip, files: list = [] }) => {
      const home = writersHome(world);
      const size = zip?.size ?? list.reduce((sum, { file }) => sum + file.size, 0);
      if (size > importedBytesMax)
        throw tooLarge(zip === undefined ? "folder" : "zip", size, "Import a part of it first.");
      const title = repositoryName(name);
      using task = tasks.start(`Importing ${title}`, { cancellable: true });
      const asked = {
        author: home.author(),
        at: ports.clock.now(),
        offsetMinutes: ports.offsetMinutes(),
        sign: (commit: Bytes) => home.signCommit(commit),
        parent: undefined,
        message: `Import ${title}\n`,
        leaveOutTopFolder: true,
        others: "go",
        signal: task.signal,
        onProgress: ({ done }: { readonly done: number }) =>
          task.tell({ phase: "Reading files", detail: `${done.toLocaleString("en")} files` }),
      } as const;
      let imported: ImportedFiles | undefined;
      const repository = await home.repositories.create(title, async (git) => {
        imported =
          zip === undefined
            ? await git.importFiles(filesOf(list), asked)
            : await git.importZip(new Uint8Array(await zip.arrayBuffer()), asked);
        const main = branchRef("main");
        const change = { ref: main, from: undefined, to: imported.oid };
        await git.updateRefs([change], { head: main, why: "import" });
      });
      const skipped = imported?.skipped ?? [];
      return {
        id: repository.id,
        files: imported?.files ?? 0,
        skipped: skipped.slice(0, skippedShownMax),
        skippedCount: skipped.length,
      };
    },
  };
}

/** One file in memory more at a time, until all of them are. */
async function* filesOf(
  list: ReadonlyArray<{ readonly path: string; readonly file: Blob }>,
): AsyncGenerator<FileToImport, void, void> {
  for (const { path, file } of list) {
    // oxlint-disable-next-line no-await-in-loop
    const bytes = new Uint8Array(await file.arrayBuffer());
    yield { names: namesOfPath(path), bytes, kind: "file" };
  }
}

function clones(world: CommandWorld): Pick<CommandTable, "git-hosts" | "clone"> {
  const { ports, tasks, relays } = world;
  const { gitHosts } = ports;
  const namesAt = async (url: string, signal: AbortSignal): Promise<ReadonlyArray<string>> =>
    (await gitHosts?.names(url, signal)) ?? [];
  return {
    "git-hosts": async () => {
      const { signal } = new AbortController();
      const all = await Promise.all(relays.urls().map((url) => namesAt(url, signal)));
      return { hosts: [...new Set(all.flat())].toSorted() };
    },
    clone: async ({ name, url }) => {
      const home = writersHome(world);
      const title = repositoryName(name);
      const host = gitHosts?.hostOf(url);
      if (gitHosts === undefined || host === undefined) throw noAddress();
      using task = tasks.start(`Cloning ${title}`, { cancellable: true });
      const { signal } = task;
      task.tell({ phase: `Asking ${host}` });
      const through = await Promise.all(
        relays.urls().map(async (relay) => ({ relay, names: await namesAt(relay, signal) })),
      );
      signal.throwIfAborted();
      const relay = through.find(({ names }) => names.includes(host))?.relay;
      if (relay === undefined) throw noWay(host);
      let left: ReadonlyArray<string> = [];
      const repository = await home.repositories.create(title, async (git) => {
        const { skipped } = await git.cloneFrom({
          url,
          host: gitHosts.open(relay, signal),
          signal,
          onSaid: (text) => task.tell({ phase: `${host} gets it ready`, detail: text }),
          onProgress: (progress) => task.tell(wordsOf(progress)),
        });
        left = skipped;
      });
      return { id: repository.id, ...skippedRefs(left) };
    },
  };
}

/** What a person would miss: where a clone last saw other repositories' branches is nothing of its own. */
function skippedRefs(all: ReadonlyArray<string>): SkippedRefs {
  const left = all.filter((name) => !name.startsWith("refs/remotes/"));
  return { skipped: left.slice(0, skippedShownMax), skippedCount: left.length };
}

function noAddress(): CommandRefusedError {
  return new CommandRefusedError("no_git_host", {
    what: "This is not an address that can be cloned from.",
    safe: "Nothing was changed.",
    next: "Type it as the host shows it, beginning with https:// and without a password.",
  });
}

function noWay(host: string): CommandRefusedError {
  return new CommandRefusedError("no_git_host", {
    what: `None of your relays clones from ${host}.`,
    safe: "Nothing was changed.",
    next: "Clone it with git, make a bundle of it, and import that. Or ask whoever runs your relay.",
  });
}

function tooLarge(what: string, size: number, next: string): CommandRefusedError {
  return new CommandRefusedError("too_large", {
    what: `This ${what} has ${megabytes(size)} MB; Skein takes up to ${megabytes(packBytesMax)} MB.`,
    safe: "Nothing was changed.",
    next,
  });
}

/** A file, part by part: it may be larger than what should be in memory at once. */
async function* partsOf(file: Blob): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < file.size; at += partBytes)
    // oxlint-disable-next-line no-await-in-loop -- the next part is read once this one was taken.
    yield new Uint8Array(await file.slice(at, at + partBytes).arrayBuffer());
}

/** A repository of the same name whose branches and tags are those of the bundle. */
function alreadyHere(
  home: Home,
  name: string,
  refs: ReadonlyMap<RefName, ObjectId>,
): RepositoryNode | undefined {
  const offered = tipsOf(refs);
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

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

const partBytes = 1024 * 1024;
/** Of those that were left out: more than this nobody reads. */
const skippedShownMax = 100;
