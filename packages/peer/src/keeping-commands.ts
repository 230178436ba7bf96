/** The commands about where a repository is kept: taking it off this device, and copying it here again. */

import { openHomeOf, type CommandTable, type CommandWorld } from "./command-world.ts";
import { CommandRefusedError } from "./refusals.ts";
import { repositoryOf } from "./repository-access.ts";

type KeepingCommandName = "remove-repository" | "bring-back-repository" | "removed-repositories";

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
  };
}
