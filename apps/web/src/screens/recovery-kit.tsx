/** The recovery kit: opened with the passphrase, saved as a file with a sheet of words, and asked for before it is forgotten here. */

import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { AccountView, KitView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { formatDateTime } from "../format.ts";
import { now, useDoor, useOrder } from "../parts/door-context.ts";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";
import { saveFile } from "../parts/save-file.ts";
import { UseKit } from "./use-kit.tsx";
import { WordSheet } from "./words.tsx";

type Open = AccountView & { readonly phase: "open" };

export function RecoveryKit({ account }: { readonly account: Open }): JSX.Element {
  return (
    <div class="narrow">
      <div class="page-head">
        <h1>{copy.kit.title}</h1>
        <p class="quiet small">
          {copy.devices.account} <code>{account.mark}</code>
        </p>
      </div>
      {account.role === "writer" ? <Kit kit={account.kit} mark={account.mark} /> : <UseKit />}
    </div>
  );
}

function Kit({ kit, mark }: { readonly kit: KitView; readonly mark: string }): JSX.Element {
  switch (kit.phase) {
    case "kept":
      return <Kept />;
    case "former-words":
      return <Kept changedAt={kit.changedAt} />;
    case "shown":
      return <Shown words={kit.words} mark={mark} />;
    case "asked":
      return <Asked />;
    case "written":
      return (
        <Banner tone="good" icon="check" title={copy.kit.written}>
          <p>{copy.kit.writtenText}</p>
        </Banner>
      );
    case "elsewhere":
      return (
        <Banner icon="info" title={copy.kit.elsewhere}>
          <p>{copy.kit.elsewhereText}</p>
        </Banner>
      );
  }
}

/** `changedAt`: since then other words are in force than those that open it. */
function Kept({ changedAt }: { readonly changedAt?: number }): JSX.Element {
  const show = useOrder("show-kit");
  const draft = usePassphrase();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = await draft.read();
    if (words !== undefined) await show.give({ words });
  };
  return (
    <form class="card panel settings" autocomplete="off" onSubmit={(event) => void submit(event)}>
      <p>{copy.kit.text}</p>
      <p>{copy.kit.limits}</p>
      {changedAt !== undefined && (
        <Banner tone="warn" icon="lock" title={copy.kit.former(formatDateTime(changedAt))}>
          <p>{copy.kit.formerText}</p>
        </Banner>
      )}
      <PassphraseField
        draft={draft}
        label={changedAt === undefined ? copy.signIn.label : copy.kit.formerLabel}
        hint={copy.signIn.hint}
      />
      <Refusal refused={show.refused} />
      <div class="button-row">
        <button
          type="submit"
          class="button button-primary"
          disabled={show.busy || draft.words.length === 0}
        >
          {copy.kit.open}
        </button>
      </div>
    </form>
  );
}

function Shown({
  words,
  mark,
}: {
  readonly words: ReadonlyArray<string>;
  readonly mark: string;
}): JSX.Element {
  const door = useDoor();
  const file = useOrder("kit-file");
  const save = async (): Promise<void> => {
    const outcome = await file.give({});
    if (outcome?.ok === true) saveFile(outcome.value.file, `skein-${mark}.kit`);
  };
  return (
    <section class="card panel settings">
      <h2 class="no-print">{copy.kit.fileTitle}</h2>
      <p class="no-print">{copy.kit.fileText}</p>
      <div class="button-row">
        <button
          type="button"
          class="button button-primary"
          disabled={file.busy}
          onClick={() => void save()}
        >
          {copy.kit.save}
        </button>
      </div>
      <Refusal refused={file.refused} />
      <h2 class="no-print">{copy.kit.sheetTitle}</h2>
      <p class="no-print">{copy.kit.sheetText}</p>
      <WordSheet words={words} printed={copy.kit.printed(mark, formatDateTime(now.value))} />
      <div class="dialog-actions">
        <button
          type="button"
          class="button button-quiet"
          onClick={() => void door.ask("leave-kit", {})}
        >
          {copy.kit.leave}
        </button>
        <button
          type="button"
          class="button button-primary"
          onClick={() => void door.ask("put-kit-away", {})}
        >
          {copy.kit.next}
        </button>
      </div>
    </section>
  );
}

function Asked(): JSX.Element {
  const door = useDoor();
  const verify = useOrder("verify-kit");
  const id = useId();
  return (
    <section class="card panel settings">
      <p>{copy.kit.verify}</p>
      <div class="field">
        <label for={id}>{copy.kit.file}</label>
        <input
          class="input"
          id={id}
          type="file"
          disabled={verify.busy}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) void verify.give({ words: "", file });
          }}
        />
      </div>
      <Refusal refused={verify.refused} />
      <div class="button-row">
        <button
          type="button"
          class="button button-quiet"
          onClick={() => void door.ask("leave-kit", {})}
        >
          {copy.kit.again}
        </button>
      </div>
    </section>
  );
}
