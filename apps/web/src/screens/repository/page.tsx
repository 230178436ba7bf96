/** One repository: which branch is shown, where its tip is, and its files, history and remotes. */

import type { JSX } from "preact";
import { useLocation, useRoute } from "preact-iso/router";
import type { RepositoryView } from "@skein/peer/views";
import { copy } from "../../copy.ts";
import { formatAgo } from "../../format.ts";
import { Refusal } from "../../parts/banner.tsx";
import { now, useDoor, useOrder } from "../../parts/door-context.ts";
import { Icon } from "../../parts/icons.tsx";
import { saveFile } from "../../parts/save-file.ts";
import { CopyButton, Empty } from "../../parts/pieces.tsx";
import { Copies } from "../repositories.tsx";
import { BranchPicker } from "./branch-picker.tsx";
import { Diverged } from "./diverged.tsx";
import { Files } from "./files.tsx";
import { History } from "./history.tsx";
import type { Place, Tab } from "./place.ts";
import { addressOf, placeOf } from "./place.ts";
import { Remotes } from "./remotes.tsx";

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
  const { repository, ref, tab } = place;
  const { account } = useDoor().views;
  const mayWrite = account.value.phase === "open" && account.value.role === "writer";
  return (
    <>
      <Head repository={repository} />
      <div class="repo-bar">
        <BranchPicker place={place} mayWrite={mayWrite} />
        {ref !== undefined && <Tip oid={ref.oid} />}
        <span class="small quiet">
          {copy.repositories.changed(formatAgo(repository.changedAt, now.value))}
        </span>
      </div>
      <Tabs place={place} />
      {ref !== undefined && <Diverged key={ref.name} place={place} mayWrite={mayWrite} />}
      {ref === undefined ? (
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

function Head({ repository }: { readonly repository: RepositoryView }): JSX.Element {
  const bundle = useOrder("export-bundle");
  const download = async (): Promise<void> => {
    const made = await bundle.give({ id: repository.id });
    if (made?.ok === true) saveFile(made.value.file, `${repository.name}.bundle`);
  };
  return (
    <>
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
          <button
            type="button"
            class="button"
            disabled={bundle.busy}
            onClick={() => void download()}
          >
            <Icon name="download" />
            {copy.repository.download}
          </button>
        </div>
      </div>
      <Refusal refused={bundle.refused} />
    </>
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
  const tabs: ReadonlyArray<Tab> = ["files", "history", "remotes"];
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
