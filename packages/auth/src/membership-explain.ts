/** Why a node is, or is not, a member: told in sentences, for `explain` in the log and for people who ask. */

import type { NodeId } from "@skein/protocol/ids";
import type { Deed, Judgement } from "./membership-rules.ts";
import type { Held, InertReason } from "./membership-register.ts";
import { cleanName } from "./pass.ts";

export function explainNode(
  node: NodeId,
  held: ReadonlyArray<Held>,
  judgement: Judgement,
): ReadonlyArray<string> {
  const told = held
    .filter(({ deed }) => "target" in deed && deed.target === node)
    .map((one) => explainEntry(one, held, judgement));
  return [verdictOn(node, judgement), ...told];
}

function verdictOn(node: NodeId, judgement: Judgement): string {
  if (judgement.members.has(node)) return "It is a member.";
  if (judgement.revoked.has(node)) return "It is not a member: it was revoked.";
  if (judgement.known.has(node))
    return "It is not a member: whoever let it in was revoked, and had not been seen to do so, or nobody vouches for it.";
  return "It is not a member: nobody let it in.";
}

function explainEntry(
  { deed, inert }: Held,
  held: ReadonlyArray<Held>,
  judgement: Judgement,
): string {
  const author = nameOf(deed.author, held);
  if (deed.type === "begin") return "It began the account.";
  const said = deed.type === "add" ? `${author} let it in` : `${author} revoked it${how(deed)}`;
  if (inert !== undefined) return `${said}; this does not count: ${objections[inert]}.`;
  const counts =
    deed.type === "revoke" ? judgement.effective.has(deed.id) : judgement.stands(deed.author, deed);
  return counts
    ? `${said}.`
    : `${said}; this does not count: a revocation that comes before it in rank had not seen it or does not vouch for it, or somebody else vouches for the node.`;
}

function how(deed: Deed): string {
  const rights = [" with the recovery key", " with the passphrase", ""];
  return deed.type === "revoke" ? (rights[deed.level] ?? "") : "";
}

/** A node as it was first named, with the start of its id: names are not unique. */
function nameOf(node: NodeId, held: ReadonlyArray<Held>): string {
  for (const { deed, entry } of held) {
    if ((deed.type !== "begin" && deed.type !== "add") || deed.target !== node) continue;
    if (entry.body.type === "genesis")
      return `\u2018${cleanName(entry.body.node.name)}\u2019 (${node.slice(0, 8)})`;
    if (entry.body.type === "node.add")
      return `\u2018${cleanName(entry.body.pass.name)}\u2019 (${node.slice(0, 8)})`;
  }
  return node.slice(0, 8);
}

const objections: Readonly<Record<InertReason, string>> = {
  "not-allowed": "without the passphrase a node revokes only itself and those it let in",
  "no-pass": "the door did not sign the node's pass",
  "already-a-member": "it was a member already",
  "unknown-target": "its author had never heard of the node",
  "target-revoked": "a revoked node never comes back",
  "account-full": "the account had as many nodes as it may have",
  "wrong-epoch": "the read key was of another time",
  "wrong-recipients": "it was not given to exactly the members",
  "no-proof": "the new passphrase was not shown to be known",
};
