/** What can be done with one commit: its change taken back, or made once more on the branch that is shown. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { CommitView, PickAnswer, ResolutionAsk } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { formatDateTime, shortOid } from "../../format.ts";
import { Banner, Refusal } from "../../parts/banner.tsx";
import { useDoor, useOrder } from "../../parts/door-context.ts";
import { Icon } from "../../parts/icons.tsx";
import { ConflictEditor, type Side } from "./conflict-editor.tsx";
import type { Place } from "./place.ts";
import { addressOf } from "./place.ts";

type Deed = "revert" | "cherry-pick";

interface Under {
  readonly deed: Deed;
  readonly mainline: number | undefined;
  /** The branch and its tip when the person began. */
  readonly branch: string;
  readonly onto: string;
  readonly answer: PickAnswer;
}

export function PickActions({
  place,
  commit,
}: {
  readonly place: Place;
  readonly commit: CommitView;
}): JSX.Element | null {
  const { repository } = place;
  const { account } = useDoor().views;
  const orders = { revert: useOrder("revert"), "cherry-pick": useOrder("cherry-pick") };
  const [under, setUnder] = useState<Under>();
  const { route } = useLocation();
  const onto = targetOf(place);
  if (onto === undefined || account.value.phase !== "open" || account.value.role !== "writer")
    return null;
  const busy = orders.revert.busy || orders["cherry-pick"].busy;
  const give = async (
    deed: Deed,
    more: {
      readonly mainline?: number | undefined;
      readonly resolutions?: ReadonlyArray<ResolutionAsk>;
    },
  ): Promise<void> => {
    const { mainline, resolutions = [] } = more;
    const target = resolutions.length > 0 && under !== undefined ? under : onto;
    const asked = {
      id: repository.id,
      branch: target.branch,
      onto: target.onto,
      commit: commit.oid,
      resolutions,
      ...(mainline !== undefined && { mainline }),
    };
    const given = await orders[deed].give(asked);
    if (given?.ok !== true) return;
    setUnder({ deed, mainline, branch: target.branch, onto: target.onto, answer: given.value });
    if (given.value.kind === "picked")
      route(addressOf(place, { tab: "history", branch: target.branch, commit: given.value.oid }));
  };
  return (
    <div class="pick">
      <Deeds branch={onto.branch} busy={busy} onDeed={(deed) => void give(deed, {})} />
      <Refusal refused={orders.revert.refused ?? orders["cherry-pick"].refused} />
      {under !== undefined && (
        <Answered
          under={under}
          commit={commit}
          nodeName={account.value.nodeName}
          busy={busy}
          onGive={(more) => void give(under.deed, { mainline: under.mainline, ...more })}
        />
      )}
    </div>
  );
}

function Deeds({
  branch,
  busy,
  onDeed,
}: {
  readonly branch: string;
  readonly busy: boolean;
  readonly onDeed: (deed: Deed) => void;
}): JSX.Element {
  return (
    <div class="button-row">
      {(["revert", "cherry-pick"] as const).map((deed) => (
        <button
          key={deed}
          type="button"
          class="button"
          disabled={busy}
          onClick={() => onDeed(deed)}
        >
          <Icon name={deed === "revert" ? "back" : "copy"} />
          {deed === "revert" ? copy.pick.revert : copy.pick.cherryPick}
        </button>
      ))}
      <span class="small quiet">{copy.pick.onto(branch)}</span>
    </div>
  );
}

function Answered({
  under: { answer, branch, deed },
  commit,
  nodeName,
  busy,
  onGive,
}: {
  readonly under: Under;
  readonly commit: CommitView;
  readonly nodeName: string;
  readonly busy: boolean;
  readonly onGive: (more: {
    readonly mainline?: number;
    readonly resolutions?: ReadonlyArray<ResolutionAsk>;
  }) => void;
}): JSX.Element | null {
  switch (answer.kind) {
    case "picked":
      return null;
    case "nothing-to-pick":
      return (
        <Banner icon="info" live>
          <p>{copy.pick.nothing(branch)}</p>
        </Banner>
      );
    case "which-parent":
      return (
        <Banner icon="merge" title={copy.pick.parents} live>
          <div class="button-row">
            {answer.parents.map((parent, index) => (
              <button
                key={parent}
                type="button"
                class="button"
                disabled={busy}
                onClick={() => onGive({ mainline: index + 1 })}
              >
                {copy.pick.parent(shortOid(parent))}
              </button>
            ))}
          </div>
        </Banner>
      );
    case "conflict":
      return (
        <section aria-label={copy.conflicts.pickTitle(commit.title)}>
          <h3>{copy.conflicts.pickTitle(commit.title)}</h3>
          <p class="quiet">{copy.conflicts.text}</p>
          <ConflictEditor
            conflicts={answer.conflicts}
            sides={{ ours: { node: nodeName, when: branch }, theirs: changeOf(commit, deed) }}
            busy={busy}
            onMerge={(resolutions) => onGive({ resolutions })}
          />
        </section>
      );
  }
}

/** What the change leads to: the commit, or what was before it. */
function changeOf(commit: CommitView, deed: Deed): Side {
  if (deed === "revert") return { node: commit.title, when: copy.conflicts.before };
  return { node: commit.authorName, when: formatDateTime(commit.at) };
}

/** The branch that is shown; where another node's is shown, this node's of the same name or its first. */
function targetOf({
  repository,
  ref,
}: Place): { readonly branch: string; readonly onto: string } | undefined {
  const name = ref?.name ?? "";
  const find = (wanted: string | undefined): { branch: string; onto: string } | undefined => {
    const found = repository.branches.find((branch) => branch.name === wanted);
    return found && { branch: found.name, onto: found.oid };
  };
  return find(name) ?? find(name.slice(name.indexOf("/") + 1)) ?? find(repository.head);
}
