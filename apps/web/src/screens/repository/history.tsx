/** Commits by day, and one commit with everything it changed. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Answer, ChangedFileView, CommitView } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { formatAgo, formatDateTime, formatDay, shortOid } from "../../format.ts";
import { Refusal } from "../../parts/banner.tsx";
import { DiffView } from "../../parts/diff-view.tsx";
import { now, useQuestion } from "../../parts/door-context.ts";
import { CopyButton, Empty, Skeleton, Switch } from "../../parts/pieces.tsx";
import { PickActions } from "./pick-actions.tsx";
import type { Place, ShownRef } from "./place.ts";
import { addressOf } from "./place.ts";

export function History({
  place,
  shown,
}: {
  readonly place: Place;
  readonly shown: ShownRef;
}): JSX.Element {
  if (place.commit !== undefined)
    return <Commit key={place.commit} place={place} oid={place.commit} />;
  return <Commits place={place} shown={shown} />;
}

function Commits({
  place,
  shown,
}: {
  readonly place: Place;
  readonly shown: ShownRef;
}): JSX.Element {
  const [limit, setLimit] = useState(pageLength);
  const { firstParent, path } = place;
  const history = useQuestion("history", {
    id: place.repository.id,
    commit: shown.oid,
    limit,
    firstParent,
    ...(path !== undefined && { path, follow: true }),
  });
  return (
    <>
      <Bar place={place} />
      {history.phase === "asking" ? (
        <Skeleton lines={9} />
      ) : history.phase === "refused" ? (
        <Refusal refused={history.refused} />
      ) : (
        <Days place={place} of={history.answer} onMore={() => setLimit(limit + pageLength)} />
      )}
    </>
  );
}

/** What the list is of, and how much of it is listed. */
function Bar({ place }: { readonly place: Place }): JSX.Element {
  const { route } = useLocation();
  const { path, firstParent } = place;
  return (
    <div class="history-bar">
      {path !== undefined && (
        <div class="history-of">
          <h2>{copy.history.of(path)}</h2>
          <a class="small" href={addressOf(place, { tab: "history" })}>
            {copy.history.whole}
          </a>
        </div>
      )}
      <Switch
        label={copy.history.firstParent}
        hint={copy.history.firstParentHint}
        on={firstParent}
        onChange={(on) => route(addressOf(place, { path, firstParent: on }), true)}
      />
    </div>
  );
}

function Days({
  place,
  of: { commits, more, paths },
  onMore,
}: {
  readonly place: Place;
  readonly of: Answer<"history">;
  readonly onMore: () => void;
}): JSX.Element {
  if (commits.length === 0) return <Empty icon="clock" title={copy.history.none} />;
  const days = Map.groupBy(commits, ({ at }) => formatDay(at, now.value));
  return (
    <>
      {Array.from(days, ([day, ofDay]) => (
        <section key={day}>
          <h2 class="history-day">{day}</h2>
          <ol class="card commit-list">
            {ofDay.map((commit) => (
              <CommitRow
                key={commit.oid}
                commit={commit}
                place={place}
                was={paths.get(commit.oid)}
              />
            ))}
          </ol>
        </section>
      ))}
      {more && (
        <div class="button-row history-more">
          <button type="button" class="button" onClick={onMore}>
            {copy.history.more}
          </button>
        </div>
      )}
    </>
  );
}

function CommitRow({
  commit,
  place,
  was,
}: {
  readonly commit: CommitView;
  readonly place: Place;
  /** Where the file that is followed stood then. */
  readonly was: string | undefined;
}): JSX.Element {
  return (
    <li>
      <Initials name={commit.authorName} />
      <div>
        <a href={addressOf(place, { tab: "history", commit: commit.oid })}>{commit.title}</a>
        <p title={formatDateTime(commit.at)}>
          {copy.history.by(commit.authorName, formatAgo(commit.at, now.value))}
          {was !== undefined && was !== place.path && ` · ${copy.history.stood(was)}`}
        </p>
      </div>
      <code class="quiet">{shortOid(commit.oid)}</code>
    </li>
  );
}

function Commit({ place, oid }: { readonly place: Place; readonly oid: string }): JSX.Element {
  const answer = useQuestion("read-commit", { id: place.repository.id, commit: oid });
  if (answer.phase === "asking") return <Skeleton lines={9} />;
  if (answer.phase === "refused") return <Refusal refused={answer.refused} />;
  const { commit, files } = answer.answer;
  return (
    <article class="commit-view">
      <p>
        <a href={addressOf(place, { tab: "history" })}>← {copy.history.back}</a>
      </p>
      <header class="card panel commit-head">
        <Initials name={commit.authorName} />
        <div>
          <h2>{commit.title}</h2>
          <p class="quiet small">
            {commit.authorName} ·{" "}
            <time dateTime={new Date(commit.at).toISOString()}>{formatDateTime(commit.at)}</time> ·{" "}
            {copy.history.files(files.length)}
          </p>
          {commit.body !== "" && <pre>{commit.body}</pre>}
          <p class="commit-ids small quiet">
            <code>{commit.oid}</code>
            <CopyButton text={commit.oid} label={copy.repository.copyOid} />
          </p>
          {commit.parents.length > 1 && <p class="small quiet">{copy.history.merge}</p>}
        </div>
      </header>
      <PickActions place={place} commit={commit} />
      {files.map((file) => (
        <DiffView
          key={file.path}
          path={file.path}
          kind={file.kind}
          before={file.before}
          after={file.after}
          hidden={whyHidden(file)}
        />
      ))}
    </article>
  );
}

/** A side that is missing and should be there was too large to be sent here. */
function whyHidden({
  kind,
  before,
  after,
  binary,
}: ChangedFileView): "binary" | "tooLarge" | undefined {
  if (binary) return "binary";
  const lacks =
    (kind !== "added" && before === undefined) || (kind !== "deleted" && after === undefined);
  return lacks ? "tooLarge" : undefined;
}

/** A face for a name. It proves nothing: anyone may write any name into a commit. */
function Initials({ name }: { readonly name: string }): JSX.Element {
  const words = name.trim().split(/\s+/u);
  const letters = [words.at(0), words.length > 1 ? words.at(-1) : undefined]
    .map((word) => Array.from(word ?? "")[0] ?? "")
    .join("");
  return (
    <span class="initials" aria-hidden="true">
      {letters.toUpperCase()}
    </span>
  );
}

const pageLength = 50;
