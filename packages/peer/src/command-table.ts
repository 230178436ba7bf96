/** What each command does. The only place where a screen's wish meets the peer. */

import { proposeRename } from "@skein/auth/membership-proposals";
import { cleanName } from "@skein/auth/pass";
import { branchCommands } from "./branch-commands.ts";
import { openHomeOf, writersHome, type CommandTable, type CommandWorld } from "./command-world.ts";
import { draftCommands } from "./draft-commands.ts";
import { evidenceCommands } from "./evidence-commands.ts";
import { importCommands } from "./import-commands.ts";
import { keepingCommands } from "./keeping-commands.ts";
import { lockCommands } from "./lock-commands.ts";
import { mergeCommands } from "./merge-commands.ts";
import { CommandRefusedError } from "./refusals.ts";
import { relayCommands } from "./relay-commands.ts";
import { repositoryCommands } from "./repository-commands.ts";
import { safetyCommands } from "./safety-commands.ts";

export function commandTable(world: CommandWorld): CommandTable {
  const { account, ports, tasks, notices } = world;
  return {
    ...repositoryCommands(world),
    ...importCommands(world),
    ...branchCommands(world),
    ...mergeCommands(world),
    ...keepingCommands(world),
    ...safetyCommands(world),
    ...evidenceCommands(world),
    ...lockCommands(world),
    ...draftCommands(world),
    ...relayCommands(world),
    "create-account": (ask) => account.create(ask),
    "confirm-words": ({ words }) => account.confirm(words),
    "forget-words": async () => account.forgetWords(),
    "sign-in": (ask) => account.signIn(ask),
    "stop-sign-in": async () => account.stopSignIn(),
    "ask-again": async () => openHomeOf(world).approvals.asking.again(),
    "rename-node": async ({ name }) => {
      const cleaned = cleanName(name);
      if (cleaned === "")
        throw new CommandRefusedError("empty_name", { what: "A device needs a name." });
      const { identity, membership } = writersHome(world);
      const { log, keys } = identity;
      await membership.add([proposeRename({ log, keys, at: ports.clock.now(), name: cleaned })]);
    },
    "go-on-here": async () => {
      const { repositories } = openHomeOf(world);
      await account.standstill.end();
      repositories.signOwed();
    },
    "leave-to-copy": async () => account.leaveToCopy(),
    "set-author": async (author) => {
      const home = openHomeOf(world);
      if (/[<>\n\0]/u.test(author.name + author.email) || author.name.trim() === "")
        throw new CommandRefusedError("bad_author", {
          what: "git cannot hold this name or address.",
          next: "Leave out < and >, and give a name.",
        });
      await home.useAuthor(author);
    },
    "open-request": async ({ id }) => openHomeOf(world).approvals.answering.open(id),
    authorise: async ({ id, digits }) =>
      writersHome(world).approvals.answering.authorise(id, digits),
    deny: async ({ id }) => openHomeOf(world).approvals.answering.deny(id),
    "let-ask-again": async ({ node }) => writersHome(world).approvals.answering.letAskAgain(node),
    "cancel-task": async ({ id }) => tasks.cancel(id),
    "dismiss-notice": async ({ id }) => notices.dismiss(id),
    "keep-storage": async (kept) => world.keepStorage(kept),
    "try-now": async () => {
      const life = account.life();
      if (life.phase === "open") life.home.network.tryNow();
      if (life.phase === "signing-in") life.network.tryNow();
    },
  };
}
