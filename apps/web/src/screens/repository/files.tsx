/** The files of what is shown: the tree, one open file, and what has been changed but not committed. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useId, useState } from "preact/hooks";
import { copy } from "../../copy.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { useDoor } from "../../parts/door-context.ts";
import { readDropped, readPicked, type PathFile } from "../../parts/dropped-files.ts";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Field, Skeleton } from "../../parts/pieces.tsx";
import { Changes } from "./changes.tsx";
import { useRestoredDraft } from "./draft-keeping.ts";
import { putInDraft, readDraft, textFile, textOf } from "./draft.ts";
import type { Place, ShownRef } from "./place.ts";
import { addressOf } from "./place.ts";
import { Tree } from "./tree.tsx";
import { Viewer } from "./viewer.tsx";

interface FilesProps {
  readonly place: Place;
  readonly shown: ShownRef;
  readonly mayWrite: boolean;
}

export function Files({ place, shown, mayWrite }: FilesProps): JSX.Element {
  const { path } = place;
  const key = { repository: place.repository.id, branch: shown.name };
  const draft = mayWrite ? readDraft(key) : undefined;
  // After a commit a file is shown, not edited: the viewer starts anew.
  const [commits, setCommits] = useState(0);
  const addFiles = useAddFiles({ place, shown, mayWrite });
  const ready = useRestoredDraft(key, mayWrite);
  if (!ready) return <Skeleton lines={8} />;
  return (
    <div
      class="files"
      data-open={path !== undefined}
      onDragOver={(event) => mayWrite && event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        if (event.dataTransfer !== null) void readDropped(event.dataTransfer).then(addFiles);
      }}
    >
      <nav class="files-pane" aria-label={copy.files.tree}>
        {mayWrite && <Tools place={place} shown={shown} onFiles={addFiles} />}
        <div class="tree">
          <Tree place={place} commit={shown.oid} />
        </div>
      </nav>
      <div class="files-shown">
        {path === undefined ? (
          draft === undefined && (
            <div class="card only-wide">
              <Empty icon="file" title={copy.files.choose}>
                <p>{copy.files.chooseText}</p>
              </Empty>
            </div>
          )
        ) : (
          <Viewer
            key={`${shown.name}\n${path}\n${commits}`}
            place={place}
            shown={shown}
            path={path}
            mayWrite={mayWrite}
          />
        )}
        {mayWrite && (
          <Changes place={place} shown={shown} onCommit={() => setCommits(commits + 1)} />
        )}
      </div>
    </div>
  );
}

/** Dropped and picked files become part of the draft, each compared with what it replaces. */
function useAddFiles({
  place,
  shown,
  mayWrite,
}: FilesProps): (files: ReadonlyArray<PathFile>) => Promise<void> {
  const door = useDoor();
  const id = place.repository.id;
  const add = async ({ path, file }: PathFile): Promise<void> => {
    const [buffer, there] = await Promise.all([
      file.arrayBuffer(),
      door.ask("read-file", { id, commit: shown.oid, path }),
    ]);
    const bytes = new Uint8Array(buffer);
    const before = there.ok ? { oid: there.value.oid, text: textOf(there.value.bytes) } : undefined;
    putInDraft(
      { repository: id, branch: shown.name },
      {
        onto: shown.oid,
        path,
        file: { kind: "write", bytes, text: textOf(bytes), before },
      },
    );
  };
  return async (files) => {
    if (mayWrite) await Promise.all(files.map(add));
  };
}

function Tools({
  place,
  shown,
  onFiles,
}: {
  readonly place: Place;
  readonly shown: ShownRef;
  readonly onFiles: (files: ReadonlyArray<PathFile>) => Promise<void>;
}): JSX.Element {
  const [making, setMaking] = useState(false);
  const id = useId();
  return (
    <div class="files-tools">
      <button type="button" class="button" onClick={() => setMaking(true)}>
        <Icon name="plus" />
        {copy.files.new}
      </button>
      <div class="button file-button">
        <Icon name="upload" />
        <label for={id}>{copy.files.add}</label>
        <input
          id={id}
          type="file"
          multiple
          onChange={(event) => void onFiles(readPicked(event.currentTarget.files))}
        />
      </div>
      {making && <NewFile place={place} shown={shown} onClose={() => setMaking(false)} />}
    </div>
  );
}

function NewFile({
  place,
  shown,
  onClose,
}: {
  readonly place: Place;
  readonly shown: ShownRef;
  readonly onClose: () => void;
}): JSX.Element {
  const door = useDoor();
  const { route } = useLocation();
  const [path, setPath] = useState("");
  const [error, setError] = useState<string>();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const wanted = path.trim().replace(/^\/+/u, "");
    if (!isPath(wanted)) return setError(copy.files.badPath);
    const id = place.repository.id;
    const there = await door.ask("read-file", { id, commit: shown.oid, path: wanted });
    if (there.ok) return setError(copy.files.exists);
    const key = { repository: id, branch: shown.name };
    putInDraft(key, { onto: shown.oid, path: wanted, file: textFile("", undefined) });
    onClose();
    return route(addressOf(place, { tab: "files", path: wanted }));
  };
  return (
    <Dialog title={copy.files.newTitle} onClose={onClose}>
      <form class="dialog-form" onSubmit={(event) => void submit(event)}>
        <Field
          label={copy.files.newPath}
          hint={copy.files.newHint}
          error={error}
          value={path}
          autofocus
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => {
            setPath(event.currentTarget.value);
            setError(undefined);
          }}
        />
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onClose}>
            {copy.cancel}
          </button>
          <button type="submit" class="button button-primary">
            {copy.files.newSubmit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What a person can mean by a path. Git's own rules are judged by the peer. */
function isPath(path: string): boolean {
  return path !== "" && path.split("/").every((name) => !["", ".", "..", ".git"].includes(name));
}
