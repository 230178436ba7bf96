/** The commands of the lock on this device. */

import { SecretKey } from "@skein/auth/crypto/secret";
import type { Passkey } from "@skein/auth/key-store";
import { openHomeOf, type CommandTable, type CommandWorld } from "./command-world.ts";
import type { GivenPasskey } from "./keeping-out.ts";
import { CommandRefusedError } from "./refusals.ts";

type LockCommandName =
  | "set-lock"
  | "remove-lock"
  | "lock-now"
  | "set-patience"
  | "person-acted"
  | "unlock";

export function lockCommands(world: CommandWorld): Pick<CommandTable, LockCommandName> {
  const { account } = world;
  return {
    "set-lock": async ({ words, passkey }) => {
      const { safety } = openHomeOf(world);
      const given = passkey && passkeyOf(passkey);
      using _ = given?.secret;
      using door = await safety.door(words);
      await account.lock.set(door.boxPublic, given);
    },
    "remove-lock": async () => {
      openHomeOf(world);
      await account.lock.remove();
    },
    "lock-now": async () => account.lock.lockNow(),
    "set-patience": ({ minutes }) => {
      if (minutes !== undefined && !(minutes >= 1 && minutes <= minutesMax)) throw oddMinutes();
      return account.lock.setPatience(
        minutes === undefined ? undefined : Math.round(minutes) * 60_000,
      );
    },
    "person-acted": async () => account.lock.personActed(),
    unlock: ({ words, derived }) => account.unlock(derived === undefined ? { words } : { derived }),
  };
}

/** The browser hands it over as it made it; nothing else is a passkey. */
function passkeyOf({ id, secret }: GivenPasskey): Passkey {
  if (!(id instanceof Uint8Array) || !(secret instanceof Uint8Array)) throw noPasskey();
  if (id.length === 0 || id.length > passkeyIdBytesMax || secret.length !== 32) throw noPasskey();
  return { id: Uint8Array.from(id), secret: new SecretKey(Uint8Array.from(secret)) };
}

function noPasskey(): CommandRefusedError {
  return new CommandRefusedError("wrong_passkey", {
    what: "This is not a passkey that can lock a device.",
    safe: "Nothing was changed.",
    next: "Lock it with the passphrase only.",
  });
}

function oddMinutes(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This is not a number of minutes.",
    safe: "Nothing was changed.",
    next: "Choose from one minute to a day.",
  });
}

const minutesMax = 24 * 60;
const passkeyIdBytesMax = 1_024;
