/** The replication of one repository as it goes on from what is stored: how far each stream is here, and whose are frozen. */

import { repoSync } from "@skein/replication/repo-sync";
import type { StoredRepository } from "./ledger.ts";
import type { RepositoryWorld } from "./repository-world.ts";

export function syncOf(
  { keys, seed }: Pick<RepositoryWorld, "keys" | "seed">,
  { streams, held, forked }: Pick<StoredRepository, "streams" | "held" | "forked">,
): ReturnType<typeof repoSync> {
  return repoSync({
    me: keys.id,
    seed: seed(),
    held: [...streams].map(([node, { seq, hash }]) => ({
      node,
      records: { seq, hash },
      objects: held.get(node),
    })),
    forked,
  });
}
