/** What can be done with a whole repository or a branch: downloads, names, removal. */

import type { ComponentChildren, JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useEffect, useRef, useState } from "preact/hooks";
import type { RepositoryView } from "@skein/peer/views";
import { copy } from "../../copy.ts";
import { shortOid } from "../../format.ts";
import { Refusal } from "../../parts/banner.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { useOrder } from "../../parts/door-context.ts";
import type { IconName } from "../../parts/icons.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Field } from "../../parts/pieces.tsx";
import { saveFile } from "../../parts/save-file.ts";
import type { Place } from "./place.ts";
import { addressOf } from "./place.ts";

export function DownloadMenu({ place }: { readonly place: Place }): JSX.Element {
  const { repository, ref } = place;
  const bundle = useOrder("export-bundle");
  const zip = useOrder("download-zip");
  const takeBundle = async (): Promise<void> => {
    const made = await bundle.give({ id: repository.id });
    if (made?.ok === true) saveFile(made.value.file, `${repository.name}.bundle`);
  };
  const takeZip = async (commit: string): Promise<void> => {
    const made = await zip.give({ id: repository.id, commit });
    if (made?.ok === true) saveFile(made.value.file, made.value.name);
  };
  return (
    <>
      <Menu icon="download" label={copy.downloads.title}>
        <Item busy={bundle.busy} onPress={() => void takeBundle()}>
          {copy.downloads.bundle}
        </Item>
        {ref !== undefined && (
          <Item busy={zip.busy} onPress={() => void takeZip(ref.oid)}>
            {copy.downloads.zip}
          </Item>
        )}
      </Menu>
      <Refusal refused={bundle.refused ?? zip.refused} />
    </>
  );
}

export function RepositoryMenu({
  repository,
  mayWrite,
}: {
  readonly repository: RepositoryView;
  readonly mayWrite: boolean;
}): JSX.Element {
  const [asking, setAsking] = useState<"rename" | "remove">();
  const close = (): void => setAsking(undefined);
  return (
    <>
      <Menu icon="repository" label={copy.keep.more}>
        {mayWrite && <Item onPress={() => setAsking("rename")}>{copy.keep.rename}</Item>}
        <Item onPress={() => setAsking("remove")}>{copy.keep.remove}</Item>
      </Menu>
      {asking === "rename" && <Rename repository={repository} onClose={close} />}
      {asking === "remove" && <Remove repository={repository} onClose={close} />}
    </>
  );
}

export function BranchMenu({ place }: { readonly place: Place }): JSX.Element | null {
  const { repository, ref } = place;
  const [asking, setAsking] = useState<"rename" | "delete" | "tag">();
  const untag = useOrder("delete-tag");
  const { route } = useLocation();
  if (ref === undefined) return null;
  const close = (): void => setAsking(undefined);
  const tag = ref.name.startsWith("tags/") && !ref.local ? ref.name.slice(5) : undefined;
  const deleteTag = async (name: string): Promise<void> => {
    const done = await untag.give({ id: repository.id, name });
    if (done?.ok === true) route(addressOf(place, { branch: repository.head }));
  };
  return (
    <>
      <Menu icon="branch" label={copy.branches.actions} small>
        {ref.local && <Item onPress={() => setAsking("rename")}>{copy.branches.rename}</Item>}
        {ref.local && ref.name !== repository.head && (
          <Item onPress={() => setAsking("delete")}>{copy.branches.delete}</Item>
        )}
        {tag === undefined ? (
          <Item onPress={() => setAsking("tag")}>{copy.branches.tag}</Item>
        ) : (
          <Item onPress={() => void deleteTag(tag)}>{copy.branches.deleteTag}</Item>
        )}
      </Menu>
      <Refusal refused={untag.refused} />
      {asking === "rename" && <RenameBranch place={place} name={ref.name} onClose={close} />}
      {asking === "delete" && <DeleteBranch place={place} name={ref.name} onClose={close} />}
      {asking === "tag" && <MakeTag place={place} oid={ref.oid} onClose={close} />}
    </>
  );
}

function Rename({
  repository,
  onClose,
}: {
  readonly repository: RepositoryView;
  readonly onClose: () => void;
}): JSX.Element {
  const order = useOrder("rename-repository");
  return (
    <NameDialog
      title={copy.keep.renameTitle}
      label={copy.keep.name}
      hint={copy.keep.renameHint}
      first={repository.name}
      order={order}
      submit={copy.branches.save}
      onClose={onClose}
      onName={async (name) => (await order.give({ id: repository.id, name }))?.ok}
    />
  );
}

function RenameBranch({
  place,
  name,
  onClose,
}: {
  readonly place: Place;
  readonly name: string;
  readonly onClose: () => void;
}): JSX.Element {
  const order = useOrder("rename-branch");
  const { route } = useLocation();
  return (
    <NameDialog
      title={copy.branches.rename}
      label={copy.repository.newBranchName}
      first={name}
      order={order}
      submit={copy.branches.save}
      onClose={onClose}
      onName={async (to) => {
        const done = await order.give({ id: place.repository.id, name, to });
        if (done?.ok === true) route(addressOf(place, { branch: to }));
        return done?.ok;
      }}
    />
  );
}

function MakeTag({
  place,
  oid,
  onClose,
}: {
  readonly place: Place;
  readonly oid: string;
  readonly onClose: () => void;
}): JSX.Element {
  const order = useOrder("new-tag");
  return (
    <NameDialog
      title={copy.branches.tag}
      label={copy.branches.tagName}
      hint={copy.branches.tagHint(shortOid(oid))}
      first=""
      order={order}
      submit={copy.branches.make}
      onClose={onClose}
      onName={async (name) =>
        (await order.give({ id: place.repository.id, name, commit: oid }))?.ok
      }
    />
  );
}

function DeleteBranch({
  place,
  name,
  onClose,
}: {
  readonly place: Place;
  readonly name: string;
  readonly onClose: () => void;
}): JSX.Element {
  const order = useOrder("delete-branch");
  const { route } = useLocation();
  const remove = async (): Promise<void> => {
    const done = await order.give({ id: place.repository.id, name });
    if (done?.ok === true) route(addressOf(place, { branch: place.repository.head }));
  };
  return (
    <Dialog title={copy.branches.deleteTitle(name)} onClose={onClose}>
      <p>{copy.branches.deleteText}</p>
      <Refusal refused={order.refused} />
      <Actions onClose={onClose}>
        <button
          type="button"
          class="button button-danger"
          disabled={order.busy}
          onClick={() => void remove()}
        >
          {copy.branches.delete}
        </button>
      </Actions>
    </Dialog>
  );
}

/** Says whether it is the only copy, and what that means. */
function Remove({
  repository,
  onClose,
}: {
  readonly repository: RepositoryView;
  readonly onClose: () => void;
}): JSX.Element {
  const order = useOrder("remove-repository");
  const { route } = useLocation();
  const { copies, id, name } = repository;
  const remove = async (): Promise<void> => {
    const done = await order.give({ id, evenIfOnly: copies === 0 });
    if (done?.ok === true) route("/");
  };
  return (
    <Dialog title={copy.keep.removeTitle(name)} onClose={onClose}>
      <p>{copies === 0 ? copy.keep.removeOnly : copy.keep.removeText(copies)}</p>
      <Refusal refused={order.refused} />
      <Actions onClose={onClose}>
        <button
          type="button"
          class="button button-danger"
          disabled={order.busy}
          onClick={() => void remove()}
        >
          {copies === 0 ? copy.keep.removeAnyway : copy.keep.remove}
        </button>
      </Actions>
    </Dialog>
  );
}

function NameDialog({
  title,
  label,
  hint,
  first,
  submit,
  order,
  onClose,
  onName,
}: {
  readonly title: string;
  readonly label: string;
  readonly hint?: string;
  readonly first: string;
  readonly submit: string;
  readonly order: Pick<ReturnType<typeof useOrder>, "busy" | "refused">;
  readonly onClose: () => void;
  readonly onName: (name: string) => Promise<boolean | undefined>;
}): JSX.Element {
  const [name, setName] = useState(first);
  const give = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (name.trim() !== "" && (await onName(name.trim())) === true) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="dialog-form" onSubmit={(event) => void give(event)}>
        <Field
          label={label}
          hint={hint}
          value={name}
          autofocus
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Refusal refused={order.refused} />
        <Actions onClose={onClose}>
          <button type="submit" class="button button-primary" disabled={order.busy}>
            {submit}
          </button>
        </Actions>
      </form>
    </Dialog>
  );
}

function Actions({
  onClose,
  children,
}: {
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="dialog-actions">
      <button type="button" class="button button-quiet" onClick={onClose}>
        {copy.cancel}
      </button>
      {children}
    </div>
  );
}

/** A button and what it discloses. Closes on Esc, after a choice, and when the focus goes elsewhere. */
function Menu({
  icon,
  label,
  small = false,
  children,
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly small?: boolean;
  readonly children: ComponentChildren;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const leave = (event: Event): void => {
      const inside = event.target instanceof Node && menu.current?.contains(event.target) === true;
      if (!inside) setOpen(false);
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
    };
  }, [open]);
  return (
    <div
      ref={menu}
      class="menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button
        ref={button}
        type="button"
        class={small ? "button button-quiet button-icon" : "button"}
        aria-expanded={open}
        aria-label={small ? label : undefined}
        title={small ? label : undefined}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
        {!small && label}
      </button>
      {open && (
        <div class="menu-items card" onClick={() => setOpen(false)}>
          {children}
        </div>
      )}
    </div>
  );
}

function Item({
  busy = false,
  onPress,
  children,
}: {
  readonly busy?: boolean;
  readonly onPress: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <button type="button" class="button button-quiet" disabled={busy} onClick={onPress}>
      {children}
    </button>
  );
}
