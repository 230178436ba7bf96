/** What other nodes' branches look like, each as the git remote it is. */

import type { JSX } from "preact";
import type { RemoteView } from "@skein/peer/views";
import { copy } from "../../copy.ts";
import { formatAgo, shortOid } from "../../format.ts";
import { Banner } from "../../parts/banner.tsx";
import { now } from "../../parts/door-context.ts";
import { Empty } from "../../parts/pieces.tsx";
import { SaveProof } from "../../parts/proofs.tsx";
import type { Place } from "./place.ts";
import { addressOf } from "./place.ts";

export function Remotes({ place }: { readonly place: Place }): JSX.Element {
  const { remotes } = place.repository;
  if (remotes.length === 0)
    return (
      <Empty icon="devices" title={copy.remotes.none}>
        <p>{copy.remotes.noneText}</p>
      </Empty>
    );
  return (
    <>
      {remotes.map((remote) => (
        <section key={remote.remote} class="card remote">
          <header>
            <h2>{remote.nodeName}</h2>
            <code class="quiet">{remote.remote}</code>
            {remote.heardAt !== undefined && (
              <span class="quiet">{copy.remotes.heard(formatAgo(remote.heardAt, now.value))}</span>
            )}
          </header>
          <Standing remote={remote} repository={place.repository.id} />
          <ul>
            {remote.branches.map(({ name, oid, relation }) => (
              <li key={name}>
                <a href={addressOf(place, { tab: "files", branch: `${remote.remote}/${name}` })}>
                  {name}
                </a>
                <code class="quiet">{shortOid(oid)}</code>
                <span class="badge" data-tone={toneOf[relation]}>
                  {copy.remotes.relation[relation]}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** Said only where something is not as it should be. */
function Standing({
  remote: { node, standing },
  repository,
}: {
  readonly remote: RemoteView;
  readonly repository: string;
}): JSX.Element | null {
  if (standing === "fresh" || standing === "away") return null;
  return (
    <Banner tone={standing === "forked" ? "bad" : "warn"} icon="warning">
      <p>{copy.remotes[standing]}</p>
      {standing === "forked" && <SaveProof node={node} repository={repository} />}
    </Banner>
  );
}

const toneOf = {
  same: "good",
  ahead: "accent",
  behind: undefined,
  diverged: "warn",
  "only-there": undefined,
} satisfies Record<RemoteView["branches"][number]["relation"], string | undefined>;
