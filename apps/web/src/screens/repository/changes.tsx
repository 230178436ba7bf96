/** What was changed and not committed: each difference, and the box that commits them. */

import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { copy } from "../../copy.ts";
import { formatPath, shortOid } from "../../format.ts";
import { Banner, Refusal } from "../../parts/banner.tsx";
import { DiffView } from "../../parts/diff-view.tsx";
import { useDoor, useOrder } from "../../parts/door-context.ts";
import { askToKeep } from "../../parts/keep-storage.ts";
import type { Before, Draft, DraftFile, DraftKey } from "./draft.ts";
import {
  changesOf,
  discardDraft,
  discardFromDraft,
  moveDraft,
  readDraft,
  textOf,
  writeMessage,
} from "./draft.ts";
import { whyNotKept } from "./draft-keeping.ts";
import type { Place, ShownRef } from "./place.ts";

export function Changes({
  place,
  shown,
  onCommit,
}: {
  readonly place: Place;
  readonly shown: ShownRef;
  readonly onCommit: () => void;
}): JSX.Element | null {
  const key: DraftKey = { repository: place.repository.id, branch: shown.name };
  const draft = readDraft(key);
  const [done, setDone] = useState<string>();
  const finish = (oid: string): void => {
    setDone(oid);
    onCommit();
  };
  const moved = useMovedTip(key, { draft, tip: shown.oid });
  if (draft === undefined)
    return done === undefined ? null : (
      <div class="changes-done">
        <Banner tone="good" icon="check" live>
          <p>{copy.changes.done(shortOid(done))}</p>
        </Banner>
      </div>
    );
  return (
    <section class="card changes" aria-label={copy.changes.title(draft.files.size)}>
      <div class="task-head">
        <h2>{copy.changes.title(draft.files.size)}</h2>
        <button type="button" class="button button-quiet" onClick={() => discardDraft(key)}>
          {copy.changes.discardAll}
        </button>
      </div>
      {moved !== undefined && (
        <Banner tone="warn" icon="branch" title={copy.changes.moved(shown.name)} live>
          <p>{copy.changes.movedText}</p>
          <div class="button-row">
            <button
              type="button"
              class="button"
              onClick={() => moveDraft(key, shown.oid, moved.befores)}
            >
              {copy.changes.compare}
            </button>
          </div>
        </Banner>
      )}
      <NotKept draftKey={key} />
      <CommitBox draftKey={key} draft={draft} blocked={moved !== undefined} onDone={finish} />
      {Array.from(draft.files, ([path, file]) => (
        <FileChange key={path} draftKey={key} path={path} file={file} />
      ))}
    </section>
  );
}

/** What a reload would lose is said before it happens. */
function NotKept({ draftKey }: { readonly draftKey: DraftKey }): JSX.Element | null {
  return <Refusal refused={whyNotKept(draftKey)} />;
}

function FileChange({
  draftKey,
  path,
  file,
}: {
  readonly draftKey: DraftKey;
  readonly path: string;
  readonly file: DraftFile;
}): JSX.Element {
  const after = file.kind === "write" ? file.text : "";
  const isText =
    after !== undefined && (file.before === undefined || file.before.text !== undefined);
  return (
    <DiffView
      path={path}
      kind={file.kind === "delete" ? "deleted" : file.before === undefined ? "added" : "changed"}
      before={file.before?.text}
      after={after}
      hidden={isText ? undefined : "binary"}
    >
      <button
        type="button"
        class="button button-quiet"
        aria-label={`${copy.changes.discard}: ${formatPath(path)}`}
        onClick={() => discardFromDraft(draftKey, path)}
      >
        {copy.changes.discard}
      </button>
    </DiffView>
  );
}

function CommitBox({
  draftKey,
  draft,
  blocked,
  onDone,
}: {
  readonly draftKey: DraftKey;
  readonly draft: Draft;
  readonly blocked: boolean;
  readonly onDone: (oid: string) => void;
}): JSX.Element {
  const door = useDoor();
  const order = useOrder("commit");
  const { message } = draft;
  const id = useId();
  const ready = message.trim() !== "" && !blocked && !order.busy;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!ready) return;
    const { repository, branch } = draftKey;
    const changes = changesOf(draft);
    const made = await order.give({
      id: repository,
      branch,
      onto: draft.onto,
      message: message.trim(),
      changes,
    });
    if (made?.ok !== true) return;
    discardDraft(draftKey);
    onDone(made.value.oid);
    askToKeep(door);
  };
  return (
    <form class="commit-box" onSubmit={(event) => void submit(event)}>
      <div class="field">
        <label for={id}>{copy.changes.message}</label>
        <textarea
          class="input"
          id={id}
          rows={2}
          value={message}
          placeholder={copy.changes.placeholder}
          onInput={(event) => writeMessage(draftKey, event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit(event);
          }}
        />
      </div>
      <div class="task-head">
        <Author branch={draftKey.branch} />
        <button type="submit" class="button button-primary" disabled={!ready}>
          {copy.changes.submit}
        </button>
      </div>
      <Refusal refused={order.refused} />
    </form>
  );
}

function Author({ branch }: { readonly branch: string }): JSX.Element {
  const account = useDoor().views.account.value;
  return (
    <span class="small quiet">
      {account.phase === "open" && copy.changes.as(account.author.name, branch)}
    </span>
  );
}

/**
 * The branch may move while a person writes. If none of the changed files moved with it, the draft follows by itself;
 * otherwise the person looks at the new difference before anything is committed.
 */
function useMovedTip(
  key: DraftKey,
  { draft, tip }: { readonly draft: Draft | undefined; readonly tip: string },
): { readonly befores: ReadonlyMap<string, Before | undefined> } | undefined {
  const door = useDoor();
  const [moved, setMoved] = useState<{
    readonly tip: string;
    readonly befores: ReadonlyMap<string, Before | undefined>;
  }>();
  const onto = draft?.onto;
  useEffect(() => {
    if (draft === undefined || onto === tip) return undefined;
    let wanted = true;
    const look = async (): Promise<void> => {
      const id = key.repository;
      const read = async (path: string): Promise<[string, Before | undefined]> => {
        const there = await door.ask("read-file", { id, commit: tip, path });
        return [
          path,
          there.ok ? { oid: there.value.oid, text: textOf(there.value.bytes) } : undefined,
        ];
      };
      const befores = new Map(await Promise.all(Array.from(draft.files.keys(), read)));
      if (!wanted) return;
      const untouched = Array.from(draft.files).every(
        ([path, file]) => file.before?.oid === befores.get(path)?.oid,
      );
      if (untouched) moveDraft(key, tip, befores);
      else setMoved({ tip, befores });
    };
    void look();
    return () => {
      wanted = false;
    };
  }, [door, onto, tip, draft?.files.size]);
  return draft !== undefined && onto !== tip && moved?.tip === tip ? moved : undefined;
}
