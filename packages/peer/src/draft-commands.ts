/** The commands about drafts: what is not committed yet outlives the tab it was written in. */

import { formatUtf8 } from "@skein/protocol/bytes";
import {
  draftBytesMax,
  draftFilesMax,
  draftMessageBytesMax,
  pathBytesMax,
} from "@skein/protocol/limits";
import { branchRef, oidOf, type CommandTable, type CommandWorld } from "./command-world.ts";
import type { KeptDraft } from "./commands.ts";
import type { StoredDraft } from "./ledger.ts";
import { CommandRefusedError } from "./refusals.ts";
import { repositoryOf } from "./repository-access.ts";

export function draftCommands(
  world: CommandWorld,
): Pick<CommandTable, "write-draft" | "drop-draft" | "read-draft"> {
  const { ledger } = world;
  return {
    "write-draft": async ({ id, branch, draft }) => {
      const repository = repositoryOf(world, id);
      await ledger.writeDraft(repository.id, branchRef(branch), storedDraft(draft));
    },
    "drop-draft": async ({ id, branch }) =>
      ledger.dropDraft(repositoryOf(world, id).id, branchRef(branch)),
    "read-draft": async ({ id, branch }) => {
      const draft = await ledger.readDraft(repositoryOf(world, id).id, branchRef(branch));
      return draft === undefined ? {} : { draft: keptDraft(draft) };
    },
  };
}

function storedDraft({ onto, message, changes }: KeptDraft): StoredDraft {
  const files = changes.map((change) => ({
    path: change.path,
    bytes: change.kind === "write" ? new Uint8Array(change.bytes) : undefined,
  }));
  const bytes = files.reduce((sum, file) => sum + (file.bytes?.length ?? 0), 0);
  if (
    bytes > draftBytesMax ||
    files.length > draftFilesMax ||
    files.some(({ path }) => formatUtf8(path).length > pathBytesMax) ||
    formatUtf8(message).length > draftMessageBytesMax
  )
    throw tooLarge();
  return { onto: onto === "" ? undefined : oidOf(onto), message, files };
}

function keptDraft({ onto, message, files }: StoredDraft): KeptDraft {
  return {
    onto: onto ?? "",
    message,
    changes: files.map(({ path, bytes }) =>
      bytes === undefined ? { path, kind: "delete" } : { path, kind: "write", bytes },
    ),
  };
}

function tooLarge(): CommandRefusedError {
  return new CommandRefusedError("too_large", {
    what: `These changes are too large to be kept before they are committed: up to ${draftBytesMax / 1024 / 1024} MiB in ${draftFilesMax.toLocaleString("en")} files are.`,
    safe: "They stay here as long as this tab is open.",
    next: "Commit them before you close or reload it.",
  });
}
