/** The commands that keep others out: revoking, new words, the recovery kit. */

import { allowedSigners } from "@skein/auth/ssh-signature";
import { formatUtf8 } from "@skein/protocol/bytes";
import { parseNodeId, instant } from "@skein/protocol/ids";
import { openHomeOf, writersHome, type CommandTable, type CommandWorld } from "./command-world.ts";
import { CommandRefusedError } from "./refusals.ts";

type SafetyCommandName =
  | "revoke-node"
  | "take-back"
  | "change-passphrase"
  | "confirm-new-words"
  | "keep-old-words"
  | "show-kit"
  | "kit-file"
  | "put-kit-away"
  | "leave-kit"
  | "verify-kit"
  | "open-kit"
  | "choose-nodes"
  | "use-kit"
  | "allowed-signers";

export function safetyCommands(world: CommandWorld): Pick<CommandTable, SafetyCommandName> {
  const { account, ports } = world;
  return {
    "revoke-node": async ({ node, words, andApproved, since }) => {
      const target = parseNodeId(node);
      const { safety } = writersHome(world);
      if (target === undefined || !safety.isKnown(target)) throw noDevice();
      const removed = await safety.revoke({
        target,
        words,
        andApproved,
        since: since === undefined ? undefined : instant(since),
      });
      return { removed };
    },
    "take-back": ({ words }) => account.takeBack(words),
    "change-passphrase": ({ words }) => writersHome(world).safety.beginNewWords(words),
    "confirm-new-words": ({ words }) => writersHome(world).safety.confirmNewWords(words),
    "keep-old-words": async () => openHomeOf(world).safety.keepOldWords(),
    "show-kit": ({ words }) => openHomeOf(world).safety.showKit(words),
    "kit-file": async () => ({
      file: new Blob([openHomeOf(world).safety.kit.file()], { type: "application/octet-stream" }),
    }),
    "put-kit-away": async () => openHomeOf(world).safety.kit.putAway(),
    "leave-kit": async () => openHomeOf(world).safety.kit.leave(),
    "verify-kit": async ({ words, file }) => {
      const returned = file === undefined ? words : new Uint8Array(await file.arrayBuffer());
      await openHomeOf(world).safety.kit.verify(returned);
    },
    "open-kit": async ({ file, ...names }) =>
      account.openKit(new Uint8Array(await file.arrayBuffer()), names),
    "choose-nodes": (ask) => account.chooseNodes(ask),
    "use-kit": async ({ words, keep }) => {
      account.standstill.assertNone();
      await openHomeOf(world).safety.useKit(words, keep);
    },
    "allowed-signers": async () => {
      const home = openHomeOf(world);
      const { log, keys } = home.identity;
      const text = allowedSigners(ports.crypto, log.signers(), (node) =>
        node === keys.id ? home.author().email : undefined,
      );
      return { file: new Blob([formatUtf8(text)], { type: "text/plain" }) };
    },
  };
}

function noDevice(): CommandRefusedError {
  return new CommandRefusedError("not_there", {
    what: "There is no such device in this account any more.",
    safe: "Nothing was changed.",
  });
}
