/** What an account has against an entry, by what its author had seen. Decided once, when it comes, and never again. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import type { NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Crypto } from "./crypto/sodium.ts";
import { bytesOf } from "./identity.ts";
import type { AuthoredBody, NodeBoxes } from "./membership-entry.ts";
import { doorInForce, epochInForce, nextEpoch, type View } from "./membership-keys.ts";
import type { InertReason } from "./membership-register.ts";
import type { Deed, Judgement } from "./membership-rules.ts";
import { judgePass } from "./pass.ts";

export interface Matter {
  readonly crypto: Crypto;
  readonly recovery: NodeId | undefined;
  readonly body: AuthoredBody;
  readonly deed: Deed;
  /** What the author had seen. */
  readonly view: View;
}

export function objectionTo(matter: Matter): InertReason | undefined {
  const { body, deed, view, recovery } = matter;
  const then = view.judgement;
  const byRecovery = body.author === recovery;
  switch (body.type) {
    case "node.add":
      return objectionToAdding(matter, body);
    case "node.revoke":
      return deed.type === "revoke" ? objectionToRevoking(deed, then) : undefined;
    case "key.rotate":
      return objectionToRotating(body, view);
    case "door.set":
      return objectionToDoor(matter, body);
    case "node.rename":
      return byRecovery ? "not-allowed" : undefined;
  }
}

type Said<Type> = Extract<AuthoredBody, { readonly type: Type }>;

function objectionToAdding(
  { crypto, view }: Matter,
  { epoch, pass }: Said<"node.add">,
): InertReason | undefined {
  const then = view.judgement;
  if (epoch !== epochInForce(view)) return "wrong-epoch";
  const target = judgePass(crypto, doorInForce(view).sign, pass);
  if (target === undefined) return "no-pass";
  if (then.revoked.has(target)) return "target-revoked";
  if (then.members.has(target)) return "already-a-member";
  return then.members.size >= nodesPerAccountMax ? "account-full" : undefined;
}

function objectionToRevoking(
  deed: Extract<Deed, { readonly type: "revoke" }>,
  then: Judgement,
): InertReason | undefined {
  if (!then.known.has(deed.target)) return "unknown-target";
  const mayRevoke =
    deed.level < 2 || deed.target === deed.author || then.dependsOn(deed.target, deed.author);
  return mayRevoke ? undefined : "not-allowed";
}

function objectionToRotating(
  { epoch, boxes }: Said<"key.rotate">,
  view: View,
): InertReason | undefined {
  if (epoch !== nextEpoch(view)) return "wrong-epoch";
  return isForAll(boxes, view.judgement) ? undefined : "wrong-recipients";
}

/** A node alone never changes the words: a thief would make itself the one who knows them. */
function objectionToDoor(
  { crypto, deed, view }: Matter,
  said: Said<"door.set">,
): InertReason | undefined {
  if (deed.type !== "door" || deed.level === 2) return "not-allowed";
  const proven = crypto.hash("door set", ...doorSetParts(said));
  if (!crypto.verify(said.door.sign, proven, said.proof)) return "no-proof";
  if (equal(said.door.sign, doorInForce(view).sign)) return "not-allowed";
  return isForAll(said.boxes, view.judgement) ? undefined : "wrong-recipients";
}

/** What the new door signs: where it stands, and who puts it there. */
export function doorSetParts(
  said: Pick<Said<"door.set">, "log" | "author" | "door">,
): ReadonlyArray<Bytes> {
  return [bytesOf(said.log), bytesOf(said.author), said.door.sign, said.door.box];
}

function isForAll(boxes: NodeBoxes, { members }: Judgement): boolean {
  return boxes.length === members.size && boxes.every(({ node }) => members.has(node));
}
