/** How two tips stand to each other, remembered: walking history is work, and screens ask at every change. */

import type { Relation } from "@skein/git/history-ancestry";
import type { Repository } from "@skein/git/repository";
import type { ObjectId } from "@skein/protocol/ids";
import type { Scope } from "./scope.ts";

export interface Relations {
  /** How the first stands to the second, or `undefined` while it is being found out; `changed` tells when. */
  readonly between: (
    git: Pick<Repository, "relation">,
    ours: ObjectId,
    theirs: ObjectId,
  ) => Relation | undefined;
}

export function openRelations({
  scope,
  changed,
}: {
  readonly scope: Scope;
  readonly changed: () => void;
}): Relations {
  const known = new Map<string, Relation | "finding">();
  return {
    between: (git, ours, theirs) => {
      if (ours === theirs) return "same";
      const pair = `${ours} ${theirs}`;
      const relation = known.get(pair);
      if (relation !== undefined) return relation === "finding" ? undefined : relation;
      if (known.size >= pairsMax) known.clear();
      known.set(pair, "finding");
      scope.start(async () => {
        try {
          known.set(pair, await git.relation(ours, theirs));
        } catch (error) {
          known.delete(pair);
          throw error;
        }
        changed();
      });
      return undefined;
    },
  };
}

const pairsMax = 10_000;
