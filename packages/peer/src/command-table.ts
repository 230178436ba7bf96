/** What each command does. The only place where a screen's wish meets the peer. */

import type { ObjectId, RefName } from "@skein/protocol/ids";
import { parseObjectId, parseRefName } from "@skein/protocol/ids";
import { proposeRename } from "@skein/auth/membership-proposals";
import { cleanName } from "@skein/auth/pass";
import { storeIdentity, type Account } from "./account.ts";
import type { Answer, Ask, CommandName } from "./commands.ts";
import type { Home } from "./home.ts";
import type { Ledger } from "./ledger.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import { repositoryCommands } from "./repository-commands.ts";
import type { Tasks } from "./tasks.ts";

export type CommandTable = {
  readonly [Name in CommandName]: (ask: Ask<Name>) => Promise<Answer<Name>>;
};

export interface CommandWorld {
  readonly ports: Ports;
  readonly account: Account;
  readonly ledger: Ledger;
  readonly tasks: Tasks;
  readonly notices: Notices;
  readonly changed: () => void;
  readonly keepStorage: (kept: Ask<"keep-storage">) => void;
}

export function commandTable(world: CommandWorld): CommandTable {
  const { account, ledger, ports, tasks, notices } = world;
  const home = (): Home => openHomeOf(account);

  return {
    ...repositoryCommands(world),
    "create-account": (ask) => account.create(ask),
    "confirm-words": ({ words }) => account.confirm(words),
    "forget-words": async () => account.forgetWords(),
    "sign-in": (ask) => account.signIn(ask),
    "stop-sign-in": async () => account.stopSignIn(),
    "ask-again": async () => home().approvals.askAgain(),
    "rename-node": async ({ name }) => {
      const { identity, membership } = home();
      const cleaned = cleanName(name);
      if (cleaned === "")
        throw new CommandRefusedError("empty_name", { what: "A device needs a name." });
      const { log, keys } = identity;
      if (!log.state().nodes.has(keys.id)) throw readOnly();
      await membership.add(proposeRename({ log, keys, at: ports.clock.now(), name: cleaned }));
    },
    "set-author": async (author) => {
      const { identity } = home();
      if (/[<>\n\0]/u.test(author.name + author.email) || author.name.trim() === "")
        throw new CommandRefusedError("bad_author", {
          what: "git cannot hold this name or address.",
          next: "Leave out < and >, and give a name.",
        });
      await storeIdentity(ledger, { ...identity, author });
      Object.assign(identity, { author });
    },
    "open-request": async ({ id }) => home().approvals.open(id),
    authorise: async ({ id, digits }) => home().approvals.authorise(id, digits),
    deny: async ({ id }) => home().approvals.deny(id),
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

export function openHomeOf(account: Account): Home {
  const life = account.life();
  if (life.phase === "open") return life.home;
  throw new CommandRefusedError("no_account", {
    what: "No account is open in this browser.",
    next: "Create one, or sign in.",
  });
}

export function readOnly(): CommandRefusedError {
  return new CommandRefusedError("read_only", {
    what: "This device may read, but not change anything yet.",
    safe: "Nothing was changed.",
    next: "Have it authorised on a device that may write.",
  });
}

export function oidOf(text: string): ObjectId {
  const oid = parseObjectId(text);
  if (oid === undefined)
    throw new CommandRefusedError("bad_oid", { what: "This is not a commit." });
  return oid;
}

export function branchRef(name: string): RefName {
  const ref = parseRefName(`refs/heads/${name}`);
  if (ref === undefined)
    throw new CommandRefusedError("bad_branch", {
      what: `git does not allow a branch to be called "${name}".`,
      next: "Use letters, digits, dots, dashes and slashes.",
    });
  return ref;
}
