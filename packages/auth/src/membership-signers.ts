/** Whose signatures an account vouches for, and until when: for `allowed_signers` and for what nodes signed before they left. */

import type { Bytes } from "@skein/protocol/bytes";
import { instant, type Instant, type NodeId } from "@skein/protocol/ids";
import { counts, type View } from "./membership-keys.ts";
import { compareText } from "./membership-rules.ts";
import { cleanName } from "./pass.ts";

export interface Signer {
  readonly node: NodeId;
  readonly sign: Bytes;
  readonly box: Bytes;
  /** As it was first called; cleaned. */
  readonly name: string;
  readonly since: Instant;
  /** The first revocation that counts: by its author's clock. */
  readonly until: Instant | undefined;
  /** A revocation that counts says that somebody else had its keys, from some moment that no entry names. */
  readonly isCompromised: boolean;
}

export function signersIn(view: View): ReadonlyArray<Signer> {
  const { register, judgement } = view;
  const until = new Map<NodeId, number>();
  const compromised = new Set<NodeId>();
  for (const { deed, entry } of register.frontiers)
    if (deed.type === "revoke" && judgement.effective.has(deed.id)) {
      const before = until.get(deed.target) ?? Number.POSITIVE_INFINITY;
      until.set(deed.target, Math.min(before, entry.body.at));
      if (entry.body.type === "node.revoke" && entry.body.reason === "compromised")
        compromised.add(deed.target);
    }
  return [...judgement.known].toSorted(compareText).flatMap((node) => {
    const [addition] = register
      .additionsOf(node)
      .filter((held) => held.deed.index === 0 || counts(held, view))
      .toSorted((a, b) => compareText(a.deed.id, b.deed.id));
    const body = addition?.entry.body;
    if (body?.type !== "genesis" && body?.type !== "node.add") return [];
    const { sign, box, name } = body.type === "genesis" ? body.node : body.pass;
    const left = until.get(node);
    return [
      {
        node,
        sign,
        box,
        name: cleanName(name),
        since: instant(body.at),
        until: left === undefined ? undefined : instant(left),
        isCompromised: compromised.has(node),
      },
    ];
  });
}
