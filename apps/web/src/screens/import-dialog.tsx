/** Takes a git bundle, a zip or a folder, by picking or dropping, or the address of a git host. Picking it starts it. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useId, useState } from "preact/hooks";
import type { Answer, Ask, CommandName, Refused } from "@skein/peer/commands";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { useDoor } from "../parts/door-context.ts";
import {
  dropsGitFolder,
  isInGitFolder,
  readDropped,
  readPicked,
  type PathFile,
} from "../parts/dropped-files.ts";
import { Task } from "../parts/frame.tsx";
import { Icon } from "../parts/icons.tsx";
import { askToKeep } from "../parts/keep-storage.ts";
import { CopyButton, DropZone, Progress } from "../parts/pieces.tsx";
import { CloneForm } from "./clone-form.tsx";
import {
  Imported,
  importedFiles,
  importedRefs,
  isWhole,
  type ImportedThings,
} from "./imported.tsx";

export function ImportDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const imports = useImports();
  const { step, refused } = imports;
  const { tasks } = useDoor().views;
  // Whatever else is under way was so before.
  const [before] = useState(() => new Set(tasks.value.map(({ id }) => id)));
  const task = tasks.value.findLast(({ id }) => !before.has(id));
  return (
    <Dialog title={copy.importing.title} onClose={onClose}>
      {step.kind === "busy" ? (
        task === undefined ? (
          <div class="task">
            <strong>{copy.importing.reading(step.name)}</strong>
            <Progress label={copy.importing.reading(step.name)} share={undefined} />
            <p class="small quiet">{copy.importing.starting}</p>
          </div>
        ) : (
          <Task task={task} />
        )
      ) : step.kind === "here-already" ? (
        <Here
          name={step.name}
          onOpen={() => imports.open(step.id)}
          onAgain={() => void imports.bundle(step.file, true)}
        />
      ) : step.kind === "imported" ? (
        <Imported {...step.imported} onOpen={() => imports.open(step.imported.id)} />
      ) : (
        <>
          <Pick
            onFile={(file) => void imports.file(file)}
            onFolder={(files) => void imports.folder(files)}
            onDrop={(transfer) => void imports.drop(transfer)}
          />
          <CloneForm onClone={(ask) => void imports.clone(ask)} />
        </>
      )}
      <Refusal refused={refused} />
    </Dialog>
  );
}

type Step =
  | { readonly kind: "picking" }
  | { readonly kind: "busy"; readonly name: string }
  | {
      readonly kind: "here-already";
      readonly name: string;
      readonly id: string;
      readonly file: File;
    }
  | { readonly kind: "imported"; readonly imported: ImportedThings };

interface Imports {
  readonly step: Step;
  readonly refused: Refused | undefined;
  readonly open: (id: string) => void;
  readonly bundle: (file: File, again: boolean) => Promise<void>;
  readonly file: (file: File | undefined) => Promise<void>;
  readonly folder: (files: FileList | null) => Promise<void>;
  readonly drop: (transfer: DataTransfer) => Promise<void>;
  readonly clone: (ask: Ask<"clone">) => Promise<void>;
}

/** What was picked, how far it is, and what became of it. */
function useImports(): Imports {
  const door = useDoor();
  const { route } = useLocation();
  const [step, setStep] = useState<Step>({ kind: "picking" });
  const [refused, setRefused] = useState<Refused>();
  const open = (id: string): void => route(`/r/${id}`);
  const give = async <Name extends CommandName>(
    command: Name,
    ask: Ask<Name> & { readonly name: string },
  ): Promise<Answer<Name> | undefined> => {
    askToKeep(door);
    setRefused(undefined);
    setStep({ kind: "busy", name: ask.name });
    const outcome = await door.ask(command, ask);
    if (outcome.ok) return outcome.value;
    setRefused(outcome.refused);
    setStep({ kind: "picking" });
    return undefined;
  };
  const tell = (imported: ImportedThings): void =>
    isWhole(imported) ? open(imported.id) : setStep({ kind: "imported", imported });
  const bundle = async (file: File, again: boolean): Promise<void> => {
    const name = nameOf(file);
    const done = await give("import-bundle", { name, file, again });
    if (done?.kind === "imported") tell(importedRefs(name, done));
    else if (done !== undefined) setStep({ kind: "here-already", name, id: done.id, file });
  };
  const take = async (ask: Ask<"import-files">, hadGit: boolean): Promise<void> => {
    const done = await give("import-files", ask);
    if (done !== undefined) tell(importedFiles(ask.name, done, hadGit));
  };
  const folder = async (files: ReadonlyArray<PathFile>, hadGit: boolean): Promise<void> => {
    if (files.length > 0) await take({ name: folderOf(files), files }, hadGit);
  };
  const file = async (picked: File | undefined): Promise<void> => {
    if (picked === undefined) return undefined;
    if (await isZip(picked)) return take({ name: nameOf(picked), zip: picked }, false);
    return bundle(picked, false);
  };
  return {
    step,
    refused,
    open,
    bundle,
    file,
    folder: (list) => folder(readPicked(list), Array.from(list ?? []).some(isOfGit)),
    drop: async (transfer) => {
      const one = onlyFileOf(transfer);
      if (one !== undefined) return file(one);
      const [files, hadGit] = await Promise.all([readDropped(transfer), dropsGitFolder(transfer)]);
      return folder(files, hadGit);
    },
    clone: async (ask) => {
      const done = await give("clone", ask);
      if (done !== undefined) tell(importedRefs(ask.name, done));
    },
  };
}

function onlyFileOf({ items, files }: DataTransfer): File | undefined {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry());
  const isFolder = entries.some((entry) => entry?.isDirectory === true);
  return !isFolder && files.length === 1 ? files[0] : undefined;
}

function folderOf(files: ReadonlyArray<PathFile>): string {
  const [top = "", ...below] = files[0]?.path.split("/") ?? [];
  return below.length === 0 ? copy.importing.folderName : top;
}

function isOfGit({ webkitRelativePath }: File): boolean {
  return isInGitFolder(webkitRelativePath);
}

/** By what stands at its start, whatever it is called. */
async function isZip(file: File): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return start[0] === 0x50 && start[1] === 0x4b && (start[2] === 3 || start[2] === 5);
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
  return file.name.replace(/\.(?:bundle|bdl|zip)$/iu, "");
}

/** No attribute that the types know. */
function pickFolders(input: HTMLInputElement | null): void {
  if (input !== null) input.webkitdirectory = true;
}

function Pick({
  onFile,
  onFolder,
  onDrop,
}: {
  readonly onFile: (file: File | undefined) => void;
  readonly onFolder: (files: FileList | null) => void;
  readonly onDrop: (transfer: DataTransfer) => void;
}): JSX.Element {
  const [file, folder] = [useId(), useId()];
  return (
    <>
      <DropZone onDrop={onDrop}>
        <Icon name="download" />
        <label for={file} class="visually-hidden">
          {copy.importing.label}
        </label>
        <p>{copy.importing.drop}</p>
        <input
          id={file}
          class="file-input"
          type="file"
          autofocus
          onChange={(event) => onFile(event.currentTarget.files?.[0])}
        />
        <span class="folder-input">
          <input
            id={folder}
            class="visually-hidden"
            type="file"
            ref={pickFolders}
            onChange={(event) => onFolder(event.currentTarget.files)}
          />
          <label for={folder} class="button">
            <Icon name="folder" />
            {copy.importing.folder}
          </label>
        </span>
      </DropZone>
      <p class="bundle-how">
        {copy.importing.how} <code>{copy.importing.command}</code>
        <CopyButton text={copy.importing.command} label={copy.words.copy} />
      </p>
      <p class="hint">{copy.importing.limits}</p>
    </>
  );
}
