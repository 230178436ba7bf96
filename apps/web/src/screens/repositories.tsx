/** The first screen of an open account: every repository, where its copies are, and how to get another. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { RepositoryView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatAgo } from "../format.ts";
import { Refusal } from "../parts/banner.tsx";
import { now, useDoor, useOrder, useQuestion } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { Empty } from "../parts/pieces.tsx";
import { ImportDialog } from "./import-dialog.tsx";
import { NewRepositoryDialog } from "./new-repository-dialog.tsx";

export function Repositories(): JSX.Element {
  const { repositories, account } = useDoor().views;
  const [dialog, setDialog] = useState<"new" | "import">();
  const close = (): void => setDialog(undefined);
  const mayWrite = account.value.phase === "open" && account.value.role === "writer";
  const shown = repositories.value.toSorted((a, b) => b.changedAt - a.changedAt);
  const actions = mayWrite && <Actions open={dialog !== undefined} onOpen={setDialog} />;
  return (
    <>
      <div class="page-head">
        <h1>{copy.repositories.title}</h1>
        {shown.length > 0 && actions}
      </div>
      {shown.length === 0 ? (
        <Empty icon="repository" title={copy.repositories.emptyTitle}>
          <p>{mayWrite ? copy.repositories.empty : copy.repositories.emptyReadOnly}</p>
          {actions}
        </Empty>
      ) : (
        <ul class="repo-grid">
          {shown.map((repository) => (
            <li key={repository.id} class="card repo-card">
              <Card repository={repository} />
            </li>
          ))}
        </ul>
      )}
      <Removed key={shown.length} />
      {dialog === "new" && <NewRepositoryDialog onClose={close} />}
      {dialog === "import" && <ImportDialog onClose={close} />}
    </>
  );
}

/** While a dialog is open these buttons are out of reach for everybody, also for those who do not see the backdrop. */
function Actions({
  open,
  onOpen,
}: {
  readonly open: boolean;
  readonly onOpen: (dialog: "new" | "import") => void;
}): JSX.Element {
  return (
    <div class="button-row" inert={open} aria-hidden={open}>
      <button type="button" class="button" onClick={() => onOpen("import")}>
        <Icon name="download" />
        {copy.repositories.import}
      </button>
      <button type="button" class="button button-primary" onClick={() => onOpen("new")}>
        <Icon name="plus" />
        {copy.repositories.new}
      </button>
    </div>
  );
}

/** What was taken off this device and is still on others. */
function Removed(): JSX.Element | null {
  const answer = useQuestion("removed-repositories", {});
  const order = useOrder("bring-back-repository");
  const forget = useOrder("forget-repository");
  const [forgotten, setForgotten] = useState<ReadonlyArray<string>>([]);
  const giveUp = async (id: string): Promise<void> => {
    if ((await forget.give({ id }))?.ok === true) setForgotten([...forgotten, id]);
  };
  const known = answer.phase === "answered" ? answer.answer.repositories : [];
  const removed = known.filter(({ id }) => !forgotten.includes(id));
  if (removed.length === 0) return null;
  return (
    <section class="removed" aria-labelledby="removed-title">
      <h2 id="removed-title">{copy.keep.removed}</h2>
      <Refusal refused={order.refused ?? forget.refused} />
      <ul class="card">
        {removed.map(({ id, name, holders }) => (
          <li key={id}>
            <span>
              {name}
              {holders === 0 && <small class="quiet">{copy.keep.nobodyHere}</small>}
            </span>
            {holders === 0 && (
              <button
                type="button"
                class="button button-quiet"
                disabled={forget.busy}
                aria-label={copy.keep.forgetOf(name)}
                onClick={() => void giveUp(id)}
              >
                {copy.keep.forget}
              </button>
            )}
            <button
              type="button"
              class="button"
              disabled={order.busy}
              aria-label={copy.keep.bringBackOf(name)}
              onClick={() => void order.give({ id })}
            >
              {copy.keep.bringBack}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Card({ repository }: { readonly repository: RepositoryView }): JSX.Element {
  const diverged = repository.remotes.some(({ branches }) =>
    branches.some(({ name, relation }) => relation === "diverged" && name === repository.head),
  );
  return (
    <>
      <div>
        <h2>
          <a href={`/r/${repository.id}`}>{repository.name}</a>
        </h2>
        <p class="repo-meta">
          <span>
            <Icon name="branch" />
            {repository.head ?? copy.repositories.noBranch}
          </span>
          <span>{copy.repositories.changed(formatAgo(repository.changedAt, now.value))}</span>
        </p>
      </div>
      <p class="repo-meta">
        <Copies copies={repository.copies} />
        {diverged && (
          <span class="badge" data-tone="accent">
            <Icon name="merge" />
            {copy.remotes.relation.diverged}
          </span>
        )}
      </p>
    </>
  );
}

/** Where the only copies are: never a comfort, always the count. */
export function Copies({ copies }: { readonly copies: number }): JSX.Element {
  return (
    <span class="badge" data-tone={copies === 0 ? "warn" : "good"}>
      <Icon name={copies === 0 ? "warning" : "devices"} />
      {copies === 0 ? copy.repositories.onlyHere : copy.repositories.copies(copies)}
    </span>
  );
}
