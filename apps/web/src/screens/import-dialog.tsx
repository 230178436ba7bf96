/** Takes a git bundle, by picking or dropping, and shows how far its import is. Picking it starts it. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useId, useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { Refusal } from "../parts/banner.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import { Task } from "../parts/frame.tsx";
import { Icon } from "../parts/icons.tsx";
import { askToKeep } from "../parts/keep-storage.ts";
import { CopyButton, DropZone, Progress } from "../parts/pieces.tsx";

export function ImportDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const order = useOrder("import-bundle");
  const door = useDoor();
  const { tasks } = door.views;
  const { route } = useLocation();
  const [picked, setPicked] = useState<File>();
  // Whatever else is under way was so before.
  const [before] = useState(() => new Set(tasks.value.map(({ id }) => id)));
  const task = tasks.value.findLast(({ id }) => !before.has(id));
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    setPicked(file);
    askToKeep(door);
    const imported = await order.give({ name: file.name.replace(/\.(?:bundle|bdl)$/iu, ""), file });
    if (imported?.ok === true) route(`/r/${imported.value.id}`);
  };
  return (
    <Dialog title={copy.importing.title} onClose={onClose}>
      {order.busy && picked !== undefined ? (
        task === undefined ? (
          <div class="task">
            <strong>{copy.importing.reading(picked.name)}</strong>
            <Progress label={copy.importing.reading(picked.name)} share={undefined} />
            <p class="small quiet">{copy.importing.starting}</p>
          </div>
        ) : (
          <Task task={task} />
        )
      ) : (
        <Pick onTake={(file) => void take(file)} />
      )}
      <Refusal refused={order.refused} />
    </Dialog>
  );
}

function Pick({ onTake }: { readonly onTake: (file: File | undefined) => void }): JSX.Element {
  const id = useId();
  return (
    <>
      <DropZone onDrop={(transfer) => onTake(transfer.files[0])}>
        <Icon name="download" />
        <label for={id} class="visually-hidden">
          {copy.importing.label}
        </label>
        <p>{copy.importing.drop}</p>
        <input
          id={id}
          class="file-input"
          type="file"
          autofocus
          onChange={(event) => onTake(event.currentTarget.files?.[0])}
        />
      </DropZone>
      <p class="bundle-how">
        {copy.importing.how} <code>{copy.importing.command}</code>
        <CopyButton text={copy.importing.command} label={copy.words.copy} />
      </p>
      <p class="hint">{copy.importing.limits}</p>
    </>
  );
}
