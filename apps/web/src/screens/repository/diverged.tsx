/** Both sides committed: says so plainly, offers the merge and tells how it went. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Answer } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { formatPath } from "../../format.ts";
import { Banner, Refusal } from "../../parts/banner.tsx";
import { useOrder } from "../../parts/door-context.ts";
import type { Place } from "./place.ts";
import { addressOf } from "./place.ts";

export function Diverged({
  place,
  mayWrite,
}: {
  readonly place: Place;
  readonly mayWrite: boolean;
}): JSX.Element {
  const merge = useOrder("merge");
  const [result, setResult] = useState<{ readonly of: string; readonly merged: Answer<"merge"> }>();
  const { repository, ref } = place;
  const others = ref?.local === true ? divergedFrom(place) : [];
  const start = async (theirs: string): Promise<void> => {
    setResult(undefined);
    const merged = await merge.give({ id: repository.id, branch: ref?.name ?? "", theirs });
    if (merged?.ok === true) setResult({ of: theirs, merged: merged.value });
  };
  return (
    <div class="repo-banners">
      {result !== undefined && <Merged kind={result.merged.kind} />}
      {others.map(({ oid, nodes, shownAs }) => (
        <Banner
          key={oid}
          tone="accent"
          icon="merge"
          title={copy.diverged.title(ref?.name ?? "")}
          live
        >
          <p>{copy.diverged.text(ref?.name ?? "", nodes)}</p>
          <p>
            {copy.diverged.theirs}{" "}
            <a href={addressOf(place, { branch: shownAs })}>
              <code>{shownAs}</code>
            </a>
            .
          </p>
          {result?.of === oid && result.merged.kind === "conflict" && (
            <Conflict
              paths={result.merged.paths}
              resolve={mayWrite ? addressOf(place, { merging: oid }) : undefined}
            />
          )}
          {mayWrite && (
            <div class="button-row">
              <button
                type="button"
                class="button button-primary"
                disabled={merge.busy}
                onClick={() => void start(oid)}
              >
                {copy.diverged.merge}
              </button>
            </div>
          )}
        </Banner>
      ))}
      <Refusal refused={merge.refused} />
    </div>
  );
}

function Merged({ kind }: { readonly kind: Answer<"merge">["kind"] }): JSX.Element | null {
  if (kind === "conflict") return null;
  return (
    <Banner tone="good" icon="check" live>
      <p>{kind === "up-to-date" ? copy.diverged.upToDate : copy.diverged.merged}</p>
    </Banner>
  );
}

function Conflict({
  paths,
  resolve,
}: {
  readonly paths: ReadonlyArray<string>;
  readonly resolve: string | undefined;
}): JSX.Element {
  return (
    <div role="alert">
      <p class="banner-title">{copy.diverged.conflictTitle}</p>
      <ul class="conflict-paths">
        {paths.map((path) => (
          <li key={path}>
            <code>{formatPath(path)}</code>
          </li>
        ))}
      </ul>
      <p>{copy.diverged.conflictText}</p>
      {resolve !== undefined && (
        <p class="button-row">
          <a class="button button-primary" href={resolve}>
            {copy.diverged.resolve}
          </a>
        </p>
      )}
    </div>
  );
}

/** Nodes that stand at the same commit are one other side. */
function divergedFrom({ repository, ref }: Place): ReadonlyArray<{
  readonly oid: string;
  readonly nodes: string;
  readonly shownAs: string;
}> {
  const found = repository.remotes.flatMap(({ remote, nodeName, branches }) =>
    branches
      .filter(({ name, relation }) => relation === "diverged" && name === ref?.name)
      .map(({ name, oid }) => ({ oid, nodeName, shownAs: `${remote}/${name}` })),
  );
  return Array.from(
    Map.groupBy(found, ({ oid }) => oid),
    ([oid, sides]) => ({
      oid,
      nodes: listOf.format(sides.map(({ nodeName }) => nodeName)),
      shownAs: sides[0]?.shownAs ?? oid,
    }),
  );
}

const listOf = new Intl.ListFormat("en");
