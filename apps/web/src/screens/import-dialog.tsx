/** Takes a git bundle, by picking or dropping, and shows how far its import is. Picking it starts it. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useId, useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
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
  const [here, setHere] = useState<string>();
  const take = async (file: File | undefined, again: boolean): Promise<void> => {
    if (file === undefined) return;
    setPicked(file);
    setHere(undefined);
    askToKeep(door);
    const imported = await order.give({ name: nameOf(file), file, again });
    if (imported?.ok !== true) return;
    if (imported.value.kind === "here-already") setHere(imported.value.id);
    else route(`/r/${imported.value.id}`);
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
      ) : here !== undefined && picked !== undefined ? (
        <Here
          name={nameOf(picked)}
          onOpen={() => route(`/r/${here}`)}
          onAgain={() => void take(picked, true)}
        />
      ) : (
        <Pick onTake={(file) => void take(file, false)} />
      )}
      <Refusal refused={order.refused} />
    </Dialog>
  );
}

/** The same once more is rarely meant, and never harmful: the person says. */
function Here({
  name,
  onOpen,
  onAgain,
}: {
  readonly name: string;
  readonly onOpen: () => void;
  readonly onAgain: () => void;
}): JSX.Element {
  return (
    <Banner tone="accent" icon="info" title={copy.importing.here(name)} live>
      <p>{copy.importing.hereText}</p>
      <div class="button-row">
        <button type="button" class="button button-primary" onClick={onOpen}>
          {copy.importing.open}
        </button>
        <button type="button" class="button" onClick={onAgain}>
          {copy.importing.again}
        </button>
      </div>
    </Banner>
  );
}

function nameOf(file: File): string {
  return file.name.replace(/\.(?:bundle|bdl)$/iu, "");
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
