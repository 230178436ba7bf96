/** One file: text with colours, an image, or a plain word about what it is. Text can be edited in place. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { FileView } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { formatPath, formatSize } from "../../format.ts";
import { Refusal } from "../../parts/banner.tsx";
import { useQuestion } from "../../parts/door-context.ts";
import type { IconName } from "../../parts/icons.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Skeleton } from "../../parts/pieces.tsx";
import { saveFile } from "../../parts/save-file.ts";
import { Blame } from "./blame.tsx";
import { CodeHost } from "./code-host.tsx";
import type { DraftFile } from "./draft.ts";
import { discardFromDraft, putInDraft, readDraft, textFile, textOf } from "./draft.ts";
import type { Place, ShownRef } from "./place.ts";
import { addressOf } from "./place.ts";

interface ViewerProps {
  readonly place: Place;
  readonly shown: ShownRef;
  readonly path: string;
  readonly mayWrite: boolean;
}

export function Viewer(props: ViewerProps): JSX.Element {
  const { place, shown, path } = props;
  const drafted = readDraft({ repository: place.repository.id, branch: shown.name })?.files.get(
    path,
  );
  if (drafted?.kind === "delete")
    return (
      <Shell place={place} path={path} note={copy.files.deleted}>
        <Empty icon="trash" title={copy.files.deleted} />
      </Shell>
    );
  if (drafted?.kind === "write" && drafted.before === undefined)
    return <Fresh {...props} text={drafted.text} />;
  return <Stored {...props} drafted={drafted} />;
}

/** A file that no commit has yet. */
function Fresh({
  place,
  shown,
  path,
  text,
}: ViewerProps & { readonly text: string | undefined }): JSX.Element {
  const key = { repository: place.repository.id, branch: shown.name };
  return (
    <Shell place={place} path={path} note={copy.changes.added}>
      {text === undefined ? (
        <Empty icon="file" title={copy.files.binary} />
      ) : (
        <CodeHost
          text={text}
          path={path}
          label={copy.files.contents}
          onChange={(typed) =>
            putInDraft(key, { onto: shown.oid, path, file: textFile(typed, undefined) })
          }
        />
      )}
    </Shell>
  );
}

function Stored({
  place,
  shown,
  path,
  mayWrite,
  drafted,
}: ViewerProps & { readonly drafted: DraftFile | undefined }): JSX.Element {
  const id = place.repository.id;
  const draft = { repository: id, branch: shown.name };
  const onto = ontoOf(draft, drafted) ?? shown.oid;
  const file = useQuestion("read-file", { id, commit: onto, path });
  const [editing, setEditing] = useState(drafted !== undefined);
  const [blaming, setBlaming] = useState(false);
  if (file.phase === "asking") return <Skeleton lines={10} />;
  if (file.phase === "refused") return <Refusal refused={file.refused} />;
  const text = textOfFile(file.answer);
  const before = { oid: file.answer.oid, text };
  const change = (typed: string): void => {
    if (typed === text) discardFromDraft(draft, path);
    else putInDraft(draft, { onto, path, file: textFile(typed, before) });
  };
  const toDelete = (): void => putInDraft(draft, { onto, path, file: { kind: "delete", before } });
  const mayEdit = mayWrite && isEditable(file.answer) && !blaming;
  const tools = (
    <Tools
      path={path}
      file={file.answer}
      history={addressOf(place, { tab: "history", path })}
      blame={toggleOf(text !== undefined && !editing, blaming, setBlaming)}
      edit={toggleOf(mayEdit, editing, setEditing)}
      onDelete={mayWrite ? toDelete : undefined}
    />
  );
  return (
    <Shell place={place} path={path} note={noteOf(file.answer, text)} tools={tools}>
      {blaming ? (
        <Blame place={place} commit={onto} path={path} text={text ?? ""} />
      ) : (
        <Contents
          path={path}
          file={file.answer}
          text={textShown(drafted, text)}
          onChange={editing && mayEdit ? change : undefined}
        />
      )}
    </Shell>
  );
}

function toggleOf(may: boolean, on: boolean, toggle: Toggle["toggle"]): Toggle | undefined {
  return may ? { on, toggle } : undefined;
}

function Contents({
  path,
  file,
  text,
  onChange,
}: {
  readonly path: string;
  readonly file: FileView;
  readonly text: string | undefined;
  readonly onChange: ((text: string) => void) | undefined;
}): JSX.Element {
  if (file.lfs !== undefined)
    return (
      <Empty icon="file" title={copy.files.lfs}>
        <p>{copy.files.lfsText(formatSize(file.lfs.size))}</p>
      </Empty>
    );
  if (text !== undefined)
    return <CodeHost text={text} path={path} label={copy.files.contents} onChange={onChange} />;
  if (file.kind === "image") return <Picture bytes={file.bytes} path={path} />;
  return (
    <Empty icon="file" title={copy.files.binary}>
      <p>{copy.files.binaryText(formatSize(file.size))}</p>
    </Empty>
  );
}

interface Toggle {
  readonly on: boolean;
  readonly toggle: (on: boolean) => void;
}

function Tools({
  path,
  file,
  history,
  blame,
  edit,
  onDelete,
}: {
  readonly path: string;
  readonly file: FileView;
  /** The address of this file's history. */
  readonly history: string;
  readonly blame: Toggle | undefined;
  readonly edit: Toggle | undefined;
  readonly onDelete: (() => void) | undefined;
}): JSX.Element {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return (
    <div class="button-row viewer-tools">
      {edit !== undefined && (
        <Tool
          icon={edit.on ? "check" : "edit"}
          label={edit.on ? copy.files.stopEditing : copy.files.edit}
          onClick={() => edit.toggle(!edit.on)}
        />
      )}
      {blame !== undefined && (
        <Tool
          icon="pen"
          label={blame.on ? copy.blame.hide : copy.blame.show}
          onClick={() => blame.toggle(!blame.on)}
        />
      )}
      <a class="button button-quiet" href={history}>
        <Icon name="clock" />
        {copy.files.history}
      </a>
      <Tool
        icon="download"
        label={copy.files.save}
        onClick={() => saveFile(new Blob([file.bytes]), name)}
      />
      {onDelete !== undefined && <Tool icon="trash" label={copy.files.delete} onClick={onDelete} />}
    </div>
  );
}

function Shell({
  place,
  path,
  note,
  tools,
  children,
}: {
  readonly place: Place;
  readonly path: string;
  readonly note: string;
  readonly tools?: JSX.Element;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="card viewer" aria-label={formatPath(path)}>
      <div class="viewer-head">
        <div>
          <a class="only-narrow small" href={addressOf(place, { tab: "files" })}>
            ← {copy.files.back}
          </a>
          <h2>{formatPath(path)}</h2>
          <p>{note}</p>
        </div>
        {tools}
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
  return (
    <div class="viewer-image">{url !== undefined && <img src={url} alt={formatPath(path)} />}</div>
  );
}

function textOfFile(file: FileView): string | undefined {
  return file.kind === "text" ? textOf(file.bytes) : undefined;
}

/** What the draft of this file was begun on. */
function ontoOf(
  draft: Parameters<typeof readDraft>[0],
  drafted: DraftFile | undefined,
): string | undefined {
  return drafted === undefined ? undefined : readDraft(draft)?.onto;
}

/** What is drafted goes before what is stored. */
function textShown(file: DraftFile | undefined, text: string | undefined): string | undefined {
  return (file?.kind === "write" ? file.text : undefined) ?? text;
}

/** What a link or a pointer says is not edited by hand here. */
function isEditable(file: FileView): boolean {
  return !file.link && file.lfs === undefined && textOfFile(file) !== undefined;
}

function noteOf(file: FileView, text: string | undefined): string {
  const size = formatSize(file.size);
  if (file.link) return copy.files.linkNote;
  if (file.lfs !== undefined) return copy.files.lfsNote(formatSize(file.lfs.size));
  return text === undefined ? size : copy.files.size(size, linesOf(text));
}

function linesOf(text: string): number {
  if (text === "") return 0;
  const breaks = text.split("\n").length;
  return text.endsWith("\n") ? breaks - 1 : breaks;
}
