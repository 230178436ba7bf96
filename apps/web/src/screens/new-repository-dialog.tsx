/** Asks for a repository's name and, if wanted, the files of its first commit. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useId, useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { Refusal } from "../parts/banner.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import type { PathFile } from "../parts/dropped-files.ts";
import { readDropped, readPicked } from "../parts/dropped-files.ts";
import { Icon } from "../parts/icons.tsx";
import { DropZone, Field } from "../parts/pieces.tsx";
import { askToKeep } from "../parts/keep-storage.ts";

export function NewRepositoryDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const door = useDoor();
  const order = useOrder("new-repository");
  const { route } = useLocation();
  const [name, setName] = useState("");
  const [files, setFiles] = useState<ReadonlyArray<PathFile>>([]);
  const [missing, setMissing] = useState(false);
  const take = (taken: ReadonlyArray<PathFile>): void => {
    const { folder, inside } = withoutTopFolder(taken);
    setFiles(inside);
    if (name === "" && folder !== undefined) setName(folder);
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const wanted = name.trim();
    setMissing(wanted === "");
    if (wanted === "") return;
    askToKeep(door);
    const made = await order.give({ name: wanted, files });
    if (made?.ok === true) route(`/r/${made.value.id}`);
  };
  return (
    <Dialog title={copy.newRepository.title} onClose={onClose}>
      <form class="dialog-form" onSubmit={(event) => void submit(event)}>
        <Field
          label={copy.newRepository.name}
          value={name}
          autofocus
          autocomplete="off"
          maxLength={64}
          error={missing ? copy.newRepository.nameMissing : undefined}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <FirstFiles files={files} onTake={take} />
        <Refusal refused={order.refused} />
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onClose}>
            {copy.cancel}
          </button>
          <button type="submit" class="button button-primary" disabled={order.busy}>
            {copy.newRepository.submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function FirstFiles({
  files,
  onTake,
}: {
  readonly files: ReadonlyArray<PathFile>;
  readonly onTake: (files: ReadonlyArray<PathFile>) => void;
}): JSX.Element {
  const id = useId();
  return (
    <DropZone onDrop={(transfer) => void readDropped(transfer).then(onTake)}>
      <Icon name="upload" />
      <label for={id} class="visually-hidden">
        {copy.newRepository.pick}
      </label>
      <p>{copy.newRepository.drop}</p>
      <input
        id={id}
        class="file-input"
        type="file"
        multiple
        onChange={(event) => onTake(readPicked(event.currentTarget.files))}
      />
      <p class="hint" aria-live="polite">
        {files.length === 0 ? copy.newRepository.without : copy.newRepository.chosen(files.length)}
      </p>
    </DropZone>
  );
}

/** One dropped folder is the repository itself: its own name is not part of the paths. */
function withoutTopFolder(files: ReadonlyArray<PathFile>): {
  readonly folder: string | undefined;
  readonly inside: ReadonlyArray<PathFile>;
} {
  const [first] = files;
  const end = first?.path.indexOf("/") ?? -1;
  if (first === undefined || end < 1) return { folder: undefined, inside: files };
  const top = first.path.slice(0, end + 1);
  if (!files.every(({ path }) => path.startsWith(top))) return { folder: undefined, inside: files };
  return {
    folder: first.path.slice(0, end),
    inside: files.map(({ path, file }) => ({ path: path.slice(top.length), file })),
  };
}
