/** One file: text with colours, an image, or a plain word about what it is. Text can be edited in place. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { FileView } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { formatSize } from "../../format.ts";
import { Refusal } from "../../parts/banner.tsx";
import { useQuestion } from "../../parts/door-context.ts";
import type { IconName } from "../../parts/icons.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Skeleton } from "../../parts/pieces.tsx";
import { saveFile } from "../../parts/save-file.ts";
import { CodeHost } from "./code-host.tsx";
import type { DraftKey } from "./draft.ts";
import { discardFromDraft, putInDraft, readDraft, textFile, textOf } from "./draft.ts";
import type { Place, ShownRef } from "./place.ts";
import { addressOf } from "./place.ts";

export function Viewer({
  place,
  shown,
  path,
  mayWrite,
}: {
  readonly place: Place;
  readonly shown: ShownRef;
  readonly path: string;
  readonly mayWrite: boolean;
}): JSX.Element {
  const key = { repository: place.repository.id, branch: shown.name };
  const drafted = readDraft(key)?.files.get(path);
  const isNew = drafted?.kind === "write" && drafted.before === undefined;
  const commit = (drafted === undefined ? undefined : readDraft(key)?.onto) ?? shown.oid;
  const file = useQuestion(
    "read-file",
    isNew ? undefined : { id: place.repository.id, commit, path },
  );
  if (drafted?.kind === "delete")
    return (
      <Shell place={place} path={path} note={copy.files.deleted}>
        <Empty icon="trash" title={copy.files.deleted} />
      </Shell>
    );
  if (isNew)
    return (
      <Shell place={place} path={path} note={copy.changes.added}>
        {drafted.text === undefined ? (
          <Empty icon="file" title={copy.files.binary} />
        ) : (
          <CodeHost
            text={drafted.text}
            path={path}
            label={copy.files.contents}
            onChange={(text) =>
              putInDraft(key, { onto: shown.oid, path, file: textFile(text, undefined) })
            }
          />
        )}
      </Shell>
    );
  if (file.phase === "asking") return <Skeleton lines={10} />;
  if (file.phase === "refused") return <Refusal refused={file.refused} />;
  return (
    <Stored
      place={place}
      path={path}
      onto={commit}
      draft={mayWrite ? key : undefined}
      file={file.answer}
    />
  );
}

function Stored({
  place,
  path,
  onto,
  draft,
  file,
}: {
  readonly place: Place;
  readonly path: string;
  readonly onto: string;
  /** Where changes go, if there may be any. */
  readonly draft: DraftKey | undefined;
  readonly file: FileView;
}): JSX.Element {
  const text = file.kind === "text" ? textOf(file.bytes) : undefined;
  const drafted = draft === undefined ? undefined : readDraft(draft)?.files.get(path);
  const [editing, setEditing] = useState(drafted?.kind === "write");
  const before = { oid: file.oid, text };
  const change = (typed: string): void => {
    if (draft === undefined) return;
    if (typed === text) discardFromDraft(draft, path);
    else putInDraft(draft, { onto, path, file: textFile(typed, before) });
  };
  const size = formatSize(file.size);
  const note = text === undefined ? size : copy.files.size(size, linesOf(text));
  const canEdit = draft !== undefined && text !== undefined;
  const shownText = drafted?.kind === "write" ? (drafted.text ?? "") : text;
  return (
    <Shell place={place} path={path} note={note}>
      <div class="button-row viewer-tools">
        {canEdit && (
          <Tool
            icon={editing ? "check" : "edit"}
            label={editing ? copy.files.stopEditing : copy.files.edit}
            onClick={() => setEditing(!editing)}
          />
        )}
        <Tool
          icon="download"
          label={copy.files.save}
          onClick={() => saveFile(new Blob([file.bytes]), path.slice(path.lastIndexOf("/") + 1))}
        />
        {draft !== undefined && (
          <Tool
            icon="trash"
            label={copy.files.delete}
            onClick={() => putInDraft(draft, { onto, path, file: { kind: "delete", before } })}
          />
        )}
      </div>
      {shownText !== undefined ? (
        <CodeHost
          text={shownText}
          path={path}
          label={copy.files.contents}
          {...(editing && canEdit && { onChange: change })}
        />
      ) : file.kind === "image" ? (
        <Picture bytes={file.bytes} path={path} />
      ) : (
        <Empty icon="file" title={copy.files.binary}>
          <p>{copy.files.binaryText(size)}</p>
        </Empty>
      )}
    </Shell>
  );
}

function Shell({
  place,
  path,
  note,
  children,
}: {
  readonly place: Place;
  readonly path: string;
  readonly note: string;
  readonly children: JSX.Element | ReadonlyArray<JSX.Element>;
}): JSX.Element {
  return (
    <section class="card viewer" aria-label={path}>
      <div class="viewer-head">
        <div>
          <a class="only-narrow small" href={addressOf(place, { tab: "files" })}>
            ← {copy.files.back}
          </a>
          <h2>{path}</h2>
          <p>{note}</p>
        </div>
      </div>
      {children}
    </section>
  );
}

function Tool({
  icon,
  label,
  onClick,
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly onClick: () => void;
}): JSX.Element {
  return (
    <button type="button" class="button button-quiet" onClick={onClick}>
      <Icon name={icon} />
      {label}
    </button>
  );
}

function Picture({
  bytes,
  path,
}: {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly path: string;
}): JSX.Element {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const type = path.toLowerCase().endsWith(".svg") ? "image/svg+xml" : "";
    const made = URL.createObjectURL(new Blob([bytes], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, path]);
  return <div class="viewer-image">{url !== undefined && <img src={url} alt={path} />}</div>;
}

function linesOf(text: string): number {
  if (text === "") return 0;
  const breaks = text.split("\n").length;
  return text.endsWith("\n") ? breaks - 1 : breaks;
}
