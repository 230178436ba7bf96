/** What of a change in the membership log a person should know: devices that came and went, and new words. */

import type { MembershipLog } from "@skein/auth/membership";
import type { AccountState } from "@skein/auth/membership-state";
import type { NodeId } from "@skein/protocol/ids";
import type { Notice } from "./notices.ts";

interface Told {
  readonly log: MembershipLog;
  readonly me: NodeId;
  readonly nameOf: (node: NodeId) => string;
}

/** Nothing is told of what this node did itself. */
export function newsSince(before: AccountState, told: Told): ReadonlyArray<Notice> {
  return [...arrivals(before, told), ...departures(before, told), ...newWords(before, told)].map(
    (notice) => Object.assign(notice, { lasting: true }),
  );
}

function arrivals(before: AccountState, { log, me, nameOf }: Told): ReadonlyArray<Notice> {
  return [...log.state().nodes.values()]
    .filter(({ node, addedBy }) => !before.nodes.has(node) && node !== me && addedBy !== me)
    .map(({ node, name, addedBy }) => ({
      tone: "info",
      what: `“${name}” was authorised by “${nameOf(addedBy)}” and may change every repository.`,
      next: notYou,
      action: { kind: "revoke", node },
    }));
}

function departures(before: AccountState, { log, me, nameOf }: Told): ReadonlyArray<Notice> {
  const now = log.state();
  return [...now.revoked].flatMap((node): ReadonlyArray<Notice> => {
    const by = revokerOf(log, node);
    if (before.revoked.has(node) || by === me || node === me) return [];
    return [
      {
        tone: "info",
        what: `“${before.nodes.get(node)?.name ?? nameOf(node)}” was signed out by ${authorName(by, now, nameOf)}.`,
        safe: "What it had before stays with it; from now on it gets nothing new.",
        ...(by !== undefined && now.nodes.has(by) ? blame(by) : {}),
      },
    ];
  });
}

function newWords(before: AccountState, { log, me, nameOf }: Told): ReadonlyArray<Notice> {
  const now = log.state();
  const by = authorOf(log, now.doorEntry);
  if (before.doorEntry === now.doorEntry || by === me) return [];
  return [
    {
      tone: "warning",
      what: `The passphrase was changed by ${authorName(by, now, nameOf)}.`,
      safe: "The old words open nothing any more. This device stays signed in.",
      ...(by !== undefined && now.nodes.has(by) ? blame(by) : {}),
    },
  ];
}

function blame(node: NodeId): Pick<Notice, "next" | "action"> {
  return { next: notYou, action: { kind: "revoke", node } };
}

/** Who revoked a node: of several, the first in the log whose word counts. */
export function revokerOf(log: MembershipLog, node: NodeId): NodeId | undefined {
  return log
    .told()
    .find(({ type, target, counts }) => type === "node.revoke" && target === node && counts)
    ?.author;
}

function authorOf(log: MembershipLog, entry: string): NodeId | undefined {
  return log.told().find(({ id }) => id === entry)?.author;
}

function authorName(
  node: NodeId | undefined,
  { recovery }: AccountState,
  nameOf: (node: NodeId) => string,
): string {
  if (node === undefined) return "another device";
  return node === recovery ? "the recovery kit" : `“${nameOf(node)}”`;
}

const notYou = "Not you? Revoke it.";
