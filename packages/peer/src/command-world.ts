/** What all commands work with: the peer's parts, and the refusals that many of them share. */

import { parseObjectId, parseRefName, type ObjectId, type RefName } from "@skein/protocol/ids";
import type { Account } from "./account.ts";
import type { Answer, Ask, CommandName } from "./commands.ts";
import type { Home } from "./home.ts";
import { isWriter } from "./identity.ts";
import type { Ledger } from "./ledger.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import type { Relays } from "./relays.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { MoveOutcome } from "./ref-moves.ts";
import { twoPlaces } from "./standstill.ts";
import type { Tasks } from "./tasks.ts";

export type CommandTable = {
  readonly [Name in CommandName]: (ask: Ask<Name>) => Promise<Answer<Name>>;
};

export interface CommandWorld {
  readonly ports: Ports;
  readonly account: Account;
  readonly relays: Relays;
  readonly ledger: Ledger;
  readonly tasks: Tasks;
  readonly notices: Notices;
  readonly keepStorage: (kept: Ask<"keep-storage">) => void;
}

export function openHomeOf({ account }: CommandWorld): Home {
  const life = account.life();
  if (life.phase === "open") return life.home;
  throw new CommandRefusedError("no_account", {
    what: "No account is open in this browser.",
    next: "Create one, or sign in.",
  });
}

/** Home, if this node may change anything. */
export function writersHome(world: CommandWorld): Home {
  const home = openHomeOf(world);
  if (!isWriter(home.identity)) throw readOnly();
  world.account.standstill.assertNone();
  return home;
}

/** What came of moving refs, where it was nothing. */
export function refusalToMove(outcome: MoveOutcome): CommandRefusedError | undefined {
  if (outcome === "two-places") return twoPlaces();
  return outcome === "read-only" ? readOnly() : undefined;
}

function readOnly(): CommandRefusedError {
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

export function tagRef(name: string): RefName {
  const ref = parseRefName(`refs/tags/${name}`);
  if (ref === undefined)
    throw new CommandRefusedError("bad_branch", {
      what: `git does not allow a tag to be called "${name}".`,
      next: "Use letters, digits, dots, dashes and slashes.",
    });
  return ref;
}
