/** Chooses which branch is shown, and makes a new one. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useId, useState } from "preact/hooks";
import type { RepositoryView } from "@skein/peer/views";
import { copy } from "../../copy.ts";
import { Refusal } from "../../parts/banner.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { useOrder } from "../../parts/door-context.ts";
import { Icon } from "../../parts/icons.tsx";
import { Field } from "../../parts/pieces.tsx";
import type { Place } from "./place.ts";
import { addressOf } from "./place.ts";

export function BranchPicker({
  place,
  mayWrite,
}: {
  readonly place: Place;
  readonly mayWrite: boolean;
}): JSX.Element {
  const { repository, ref } = place;
  const { route } = useLocation();
  const [making, setMaking] = useState(false);
  const id = useId();
  return (
    <>
      <label for={id} class="visually-hidden">
        {copy.repository.branch}
      </label>
      <select
        id={id}
        class="select"
        value={ref?.name}
        onChange={(event) => route(addressOf(place, { branch: event.currentTarget.value }))}
      >
        <Options repository={repository} />
      </select>
      {mayWrite && ref !== undefined && (
        <button
          type="button"
          class="button button-quiet button-icon"
          aria-label={copy.repository.newBranch}
          title={copy.repository.newBranch}
          onClick={() => setMaking(true)}
        >
          <Icon name="plus" />
        </button>
      )}
      {making && <NewBranch place={place} onClose={() => setMaking(false)} />}
    </>
  );
}

function Options({ repository }: { readonly repository: RepositoryView }): JSX.Element {
  return (
    <>
      {repository.branches.map(({ name }) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
      {repository.remotes.map(({ remote, nodeName, branches }) => (
        <optgroup key={remote} label={copy.remotes.of(nodeName)}>
          {branches.map(({ name }) => (
            <option key={name} value={`${remote}/${name}`}>
              {`${remote}/${name}`}
            </option>
          ))}
        </optgroup>
      ))}
      {repository.tags.length > 0 && (
        <optgroup label={copy.repository.tags}>
          {repository.tags.map(({ name }) => (
            <option key={name} value={`tags/${name}`}>
              {name}
            </option>
          ))}
        </optgroup>
      )}
    </>
  );
}

function NewBranch({
  place,
  onClose,
}: {
  readonly place: Place;
  readonly onClose: () => void;
}): JSX.Element {
  const order = useOrder("new-branch");
  const { route } = useLocation();
  const [name, setName] = useState("");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const { repository, ref } = place;
    if (ref === undefined || name.trim() === "") return;
    const wanted = { id: repository.id, name: name.trim(), from: ref.oid };
    const made = await order.give(wanted);
    if (made?.ok === true) {
      onClose();
      route(addressOf(place, { branch: wanted.name }));
    }
  };
  return (
    <Dialog title={copy.repository.newBranch} onClose={onClose}>
      <form class="dialog-form" onSubmit={(event) => void submit(event)}>
        <Field
          label={copy.repository.newBranchName}
          hint={copy.repository.newBranchFrom(place.ref?.name ?? "")}
          value={name}
          autofocus
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Refusal refused={order.refused} />
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onClose}>
            {copy.cancel}
          </button>
          <button type="submit" class="button button-primary" disabled={order.busy}>
            {copy.repository.newBranchSubmit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
