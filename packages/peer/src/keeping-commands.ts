/** The commands about where a repository is kept: taking it off this device, copying it here again, and what it takes up. */

import { openHomeOf, type CommandTable, type CommandWorld } from "./command-world.ts";
import { CommandRefusedError } from "./refusals.ts";
import { repositoryOf } from "./repository-access.ts";

type KeepingCommandName =
  | "remove-repository"
  | "bring-back-repository"
  | "removed-repositories"
  | "forget-repository"
  | "free-space";

export function keepingCommands(world: CommandWorld): Pick<CommandTable, KeepingCommandName> {
  return {
    "remove-repository": async ({ id, evenIfOnly }) => {
      const repository = repositoryOf(world, id);
      if (repository.copies().size === 0 && !evenIfOnly)
        throw new CommandRefusedError("only_copy", {
          what: "No other node holds everything that this device has.",
          safe: "Nothing was removed.",
          next: "Connect another node first, or download a bundle.",
        });
      await openHomeOf(world).repositories.remove(repository.id);
    },
    "bring-back-repository": async ({ id }) => {
      using task = world.tasks.start("Bringing a repository back", { cancellable: true });
      if (await openHomeOf(world).repositories.bringBack(id, task.signal)) return;
      throw new CommandRefusedError("nobody_has_it", {
        what: "No connected node has this repository.",
        next: "Open Skein on a device that has it, then try again.",
      });
    },
    "removed-repositories": async () => ({
      repositories: openHomeOf(world).repositories.removed(),
    }),
    "forget-repository": ({ id }) => openHomeOf(world).repositories.forget(id),
    "free-space": async () => {
      const repositories = openHomeOf(world).repositories.all();
      using task = world.tasks.start("Freeing space", { cancellable: true });
      let bytes = 0;
      let busy = 0;
      for (const [index, repository] of repositories.entries()) {
        const share = index / repositories.length;
        task.tell({ phase: "Looking for what nothing needs", share, detail: repository.name() });
        // oxlint-disable-next-line no-await-in-loop -- one after the other: each may take as much memory as a pack.
        const dropped = await repository.freeSpace(task.signal);
        if (dropped === "busy") busy += 1;
        else bytes += dropped.bytes;
      }
      return { bytes, busy };
    },
  };
}
