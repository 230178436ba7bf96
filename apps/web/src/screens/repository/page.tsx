/** One repository: which branch is shown, where its tip is, and its files, history and remotes. */

import type { JSX } from "preact";
import { useLocation, useRoute } from "preact-iso/router";
import { copy } from "../../copy.ts";
import { formatAgo } from "../../format.ts";
import { now, useDoor } from "../../parts/door-context.ts";
import { CopyButton, Empty } from "../../parts/pieces.tsx";
import { Copies } from "../repositories.tsx";
import { BranchPicker } from "./branch-picker.tsx";
import { Diverged } from "./diverged.tsx";
import { Files } from "./files.tsx";
import { History } from "./history.tsx";
import { BranchMenu, DownloadMenu, RepositoryMenu } from "./menus.tsx";
import { Merging } from "./merging.tsx";
import type { Place } from "./place.ts";
import { addressOf, placeOf, tabs } from "./place.ts";
import { Remotes } from "./remotes.tsx";
import { Undo } from "./undo.tsx";

export function RepositoryPage(): JSX.Element {
  const { params, query } = useRoute();
  const { repositories } = useDoor().views;
  const repository = repositories.value.find(({ id }) => id === params["id"]);
  if (repository === undefined)
    return (
      <Empty alone icon="repository" title={copy.repository.missingTitle}>
        <p>{copy.repository.missing}</p>
        <p>
          <a href="/">{copy.repository.all}</a>
        </p>
      </Empty>
    );
  return <Repository key={repository.id} place={placeOf(repository, query)} />;
}

function Repository({ place }: { readonly place: Place }): JSX.Element {
  const { repository, ref } = place;
  const { account } = useDoor().views;
  const mayWrite = account.value.phase === "open" && account.value.role === "writer";
  return (
    <>
      <Head place={place} mayWrite={mayWrite} />
      <div class="repo-bar">
        <BranchPicker place={place} mayWrite={mayWrite} />
        {mayWrite && <BranchMenu key={ref?.name} place={place} />}
        {ref !== undefined && <Tip oid={ref.oid} />}
        <span class="small quiet">
          {copy.repositories.changed(formatAgo(repository.changedAt, now.value))}
        </span>
      </div>
      <Tabs place={place} />
      <Shown place={place} mayWrite={mayWrite} />
    </>
  );
}

function Shown({
  place,
  mayWrite,
}: {
  readonly place: Place;
  readonly mayWrite: boolean;
}): JSX.Element {
  const { ref, tab, merging } = place;
  if (ref?.local === true && merging !== undefined && mayWrite)
    return <Merging key={`${ref.name} ${merging}`} place={place} shown={ref} theirs={merging} />;
  return (
    <>
      {ref !== undefined && <Diverged key={ref.name} place={place} mayWrite={mayWrite} />}
      {tab === "undo" ? (
        <Undo place={place} mayWrite={mayWrite} />
      ) : ref === undefined ? (
        <Empty icon="branch" title={copy.repository.noCommits} />
      ) : tab === "files" ? (
        <Files place={place} shown={ref} mayWrite={mayWrite && ref.local} />
      ) : tab === "history" ? (
        <History place={place} shown={ref} />
      ) : (
        <Remotes place={place} />
      )}
    </>
  );
}

function Head({
  place,
  mayWrite,
}: {
  readonly place: Place;
  readonly mayWrite: boolean;
}): JSX.Element {
  const { repository } = place;
  return (
    <div class="page-head">
      <div class="crumbs">
        <a href="/">{copy.nav.repositories}</a>
        <span aria-hidden="true" class="quiet">
          /
        </span>
        <h1>{repository.name}</h1>
        <Copies copies={repository.copies} />
      </div>
      <div class="button-row">
        <DownloadMenu place={place} />
        <RepositoryMenu repository={repository} mayWrite={mayWrite} />
      </div>
    </div>
  );
}

function Tip({ oid }: { readonly oid: string }): JSX.Element {
  return (
    <span class="head-oid">
      <span class="small">{copy.repository.tip}</span>
      <code data-testid="head-oid" title={oid}>
        {oid}
      </code>
      <CopyButton text={oid} label={copy.repository.copyOid} />
    </span>
  );
}

function Tabs({ place }: { readonly place: Place }): JSX.Element {
  const { url } = useLocation();
  return (
    <nav class="tabs" aria-label={copy.repository.tabs} data-url={url}>
      {tabs.map((tab) => (
        <a
          key={tab}
          href={addressOf(place, { tab })}
          aria-current={place.tab === tab ? "page" : undefined}
        >
          {copy.repository[tab]}
          {tab === "remotes" && place.repository.remotes.length > 0 && (
            <span class="badge">{place.repository.remotes.length}</span>
          )}
        </a>
      ))}
    </nav>
  );
}
