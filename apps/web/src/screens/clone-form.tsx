/** Asks for the address of a repository at an ordinary git host, or says why there is none to ask for. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { useQuestion } from "../parts/door-context.ts";
import { Field } from "../parts/pieces.tsx";

export function CloneForm({
  onClone,
}: {
  readonly onClone: (ask: { readonly name: string; readonly url: string }) => void;
}): JSX.Element | null {
  const asked = useQuestion("git-hosts", {});
  const [url, setUrl] = useState("");
  if (asked.phase !== "answered") return null;
  const { hosts } = asked.answer;
  if (hosts.length === 0)
    return (
      <section class="clone-form" aria-label={copy.importing.cloneTitle}>
        <h3>{copy.importing.cloneTitle}</h3>
        <p class="hint">{copy.importing.noHosts}</p>
      </section>
    );
  const submit = (event: Event): void => {
    event.preventDefault();
    const address = url.trim();
    if (address !== "") onClone({ name: nameOfAddress(address), url: address });
  };
  return (
    <form class="clone-form" aria-label={copy.importing.cloneTitle} onSubmit={submit}>
      <h3>{copy.importing.cloneTitle}</h3>
      <Field
        label={copy.importing.address}
        hint={copy.importing.addressHint(hosts)}
        value={url}
        type="url"
        inputMode="url"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        placeholder={copy.importing.placeholder}
        onInput={(event) => setUrl(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={url.trim() === ""}>
        {copy.importing.clone}
      </button>
    </form>
  );
}

/** As git names the folder it clones into. */
function nameOfAddress(address: string): string {
  const last = address.replace(/\/+$/u, "").split("/").at(-1) ?? "";
  return last.replace(/\.git$/u, "");
}
