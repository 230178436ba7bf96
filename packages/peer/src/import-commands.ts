/** The commands that bring in a repository from elsewhere: a bundle. */

import { openBundle } from "@skein/git/bundle";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { packBytesMax } from "@skein/protocol/limits";
import { writersHome, type CommandTable, type CommandWorld } from "./command-world.ts";
import type { Home } from "./home.ts";
import { CommandRefusedError } from "./refusals.ts";
import { repositoryName, wordsOf } from "./repository-access.ts";
import type { RepositoryNode } from "./repository-node.ts";

export function importCommands(world: CommandWorld): Pick<CommandTable, "import-bundle"> {
  const { tasks } = world;
  return {
    "import-bundle": async ({ name, file, again = false }) => {
      const home = writersHome(world);
      if (file.size > packBytesMax) throw tooLarge(file);
      using task = tasks.start(`Importing ${name}`, { cancellable: true });
      task.tell({ phase: "Reading the bundle", detail: `${megabytes(file.size)} MB` });
      const bundle = await openBundle(partsOf(file));
      const here = again ? undefined : alreadyHere(home, repositoryName(name), bundle.refs);
      if (here !== undefined) return { kind: "here-already", id: here.id };
      const repository = await home.repositories.create(repositoryName(name), async (git) => {
        await git.importBundle(bundle, {
          signal: task.signal,
          onProgress: (progress) => task.tell(wordsOf(progress)),
        });
      });
      return { kind: "imported", id: repository.id };
    },
  };
}

function tooLarge(file: Blob): CommandRefusedError {
  return new CommandRefusedError("too_large", {
    what: `This bundle has ${megabytes(file.size)} MB; Skein takes up to ${megabytes(packBytesMax)} MB.`,
    safe: "Nothing was changed.",
    next: "Make a bundle of fewer branches.",
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
