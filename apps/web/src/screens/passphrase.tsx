/** Changing the passphrase: the old words, the new ones, three of them typed back. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { AccountView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";
import { Retype, WordSheet } from "./words.tsx";

type Open = AccountView & { readonly phase: "open" };

export function ChangePassphrase({ account }: { readonly account: Open }): JSX.Element {
  const { phase } = account.words;
  const [began, setBegan] = useState(false);
  const [written, setWritten] = useState(false);
  useEffect(() => {
    if (phase === "shown") setBegan(true);
    else setWritten(false);
  }, [phase]);
  return (
    <div class="narrow">
      <div class="page-head">
        <h1>{copy.passphrase.title}</h1>
      </div>
      {account.words.phase === "none" ? (
        <OldWords done={began} />
      ) : written ? (
        <Retype
          command="confirm-new-words"
          words={account.words.words}
          ask={account.words.ask}
          onBack={() => setWritten(false)}
        />
      ) : (
        <NewWords words={account.words.words} onWritten={() => setWritten(true)} />
      )}
    </div>
  );
}

function OldWords({ done }: { readonly done: boolean }): JSX.Element {
  const begin = useOrder("change-passphrase");
  const draft = usePassphrase();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = await draft.read();
    if (words !== undefined) await begin.give({ words });
  };
  return (
    <form class="card panel settings" autocomplete="off" onSubmit={(event) => void submit(event)}>
      {done && (
        <Banner icon="info" live>
          <p>{copy.passphrase.ended}</p>
        </Banner>
      )}
      <p>{copy.passphrase.text}</p>
      <PassphraseField draft={draft} label={copy.passphrase.old} hint={copy.signIn.hint} />
      <Refusal refused={begin.refused} />
      <div class="button-row">
        <button
          type="submit"
          class="button button-primary"
          disabled={begin.busy || draft.words.length === 0}
        >
          {copy.passphrase.begin}
        </button>
      </div>
    </form>
  );
}

function NewWords({
  words,
  onWritten,
}: {
  readonly words: ReadonlyArray<string>;
  readonly onWritten: () => void;
}): JSX.Element {
  const door = useDoor();
  return (
    <section class="card panel settings">
      <p>{copy.passphrase.fresh}</p>
      <WordSheet words={words} />
      <div class="dialog-actions">
        <button
          type="button"
          class="button button-quiet"
          onClick={() => void door.ask("keep-old-words", {})}
        >
          {copy.passphrase.keep}
        </button>
        <button type="button" class="button button-primary" onClick={onWritten}>
          {copy.words.next}
        </button>
      </div>
    </section>
  );
}
