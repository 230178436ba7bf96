/** A merge that needs a person: what stands between a branch and another node's, and what is to become of it. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import { copy } from "../../copy.ts";
import type { Door } from "../../door/tab.ts";
import { formatDateTime } from "../../format.ts";
import { Refusal } from "../../parts/banner.tsx";
import { useDoor, useOrder, useQuestion } from "../../parts/door-context.ts";
import { Empty, Skeleton } from "../../parts/pieces.tsx";
import { ConflictEditor, type TextAt } from "./conflict-editor.tsx";
import { textOf } from "./draft.ts";
import type { Place, ShownRef } from "./place.ts";
import { addressOf } from "./place.ts";

export function Merging({
  place,
  shown,
  theirs,
}: {
  readonly place: Place;
  readonly shown: ShownRef;
  readonly theirs: string;
}): JSX.Element {
  const { repository } = place;
  const door = useDoor();
  const { account } = door.views;
  const { route } = useLocation();
  const merge = useOrder("merge-resolved");
  // What the choices are made for does not change under the person's hands.
  const [ours] = useState(shown.oid);
  const found = useQuestion("conflicts", { id: repository.id, ours, theirs });
  if (found.phase === "asking") return <Skeleton lines={9} />;
  if (found.phase === "refused") return <Refusal refused={found.refused} />;
  const { conflicts } = found.answer;
  const sides = {
    ours: {
      node: account.value.phase === "open" ? account.value.nodeName : shown.name,
      when: formatDateTime(found.answer.ours.at),
    },
    theirs: {
      node: nodesAt(place, theirs) ?? found.answer.theirs.authorName,
      when: formatDateTime(found.answer.theirs.at),
    },
  };
  const give = async (
    resolutions: Parameters<typeof merge.give>[0]["resolutions"],
  ): Promise<void> => {
    const asked = { id: repository.id, branch: shown.name, ours, theirs, resolutions };
    const made = await merge.give(asked);
    if (made?.ok === true && made.value.kind !== "conflict")
      route(addressOf(place, { tab: "files" }));
  };
  return (
    <section class="merging" aria-labelledby="merging-title">
      <p>
        <a href={addressOf(place, {})}>← {copy.conflicts.back}</a>
      </p>
      <h2 id="merging-title">{copy.conflicts.title(shown.name)}</h2>
      <p class="quiet">{copy.conflicts.text}</p>
      <Refusal refused={merge.refused} />
      {conflicts.length === 0 ? (
        <Empty icon="merge" title={copy.conflicts.none} />
      ) : (
        <ConflictEditor
          conflicts={conflicts}
          sides={sides}
          busy={merge.busy}
          textAt={textsOf(door, { id: repository.id, ours, theirs })}
          onMerge={(resolutions) => void give(resolutions)}
        />
      )}
    </section>
  );
}

function textsOf(
  door: Door,
  { id, ...commits }: { readonly id: string; readonly ours: string; readonly theirs: string },
): TextAt {
  return async (side, path) => {
    const file = await door.ask("read-file", { id, commit: commits[side], path });
    return file.ok && file.value.kind === "text" ? textOf(file.value.bytes) : undefined;
  };
}

function nodesAt({ repository }: Place, oid: string): string | undefined {
  const nodes = repository.remotes
    .filter(({ branches }) => branches.some((branch) => branch.oid === oid))
    .map(({ nodeName }) => nodeName);
  return nodes.length === 0 ? undefined : listOf.format(nodes);
}

const listOf = new Intl.ListFormat("en");
