/** An account that cannot be opened, or from which this device was signed out, and the ways back. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AccountView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { Refusal } from "../parts/banner.tsx";
import { useOrder } from "../parts/door-context.ts";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";
import { Gate } from "./gate.tsx";
import { KitSignIn } from "./kit-sign-in.tsx";
import { SignIn } from "./sign-in.tsx";

type StoppedAccount = AccountView & { readonly phase: "stopped" };

export function Stopped({ account }: { readonly account: StoppedAccount }): JSX.Element {
  const [at, setAt] = useState<"why" | "words" | "kit">("why");
  switch (at) {
    case "why":
      return <Why account={account} onSignIn={() => setAt("words")} />;
    case "words":
      return <SignIn onBack={() => setAt("why")} onKit={() => setAt("kit")} />;
    case "kit":
      return <KitSignIn onBack={() => setAt("words")} />;
  }
}

function Why({
  account,
  onSignIn,
}: {
  readonly account: StoppedAccount;
  readonly onSignIn: () => void;
}): JSX.Element {
  const { what, safe, next, signIn, takeBackFrom } = account;
  return (
    <Gate>
      <section class="card gate-card">
        <h1>{copy.stopped.title}</h1>
        <Refusal refused={{ code: "stopped", what, safe, next }} />
        <div class="button-row">
          {signIn ? (
            <button type="button" class="button button-primary" onClick={onSignIn}>
              {copy.stopped.signIn}
            </button>
          ) : (
            <button
              type="button"
              class="button button-primary"
              onClick={() => globalThis.location.reload()}
            >
              {copy.stopped.reload}
            </button>
          )}
        </div>
        {takeBackFrom !== undefined && <TakeBack from={takeBackFrom} />}
      </section>
    </Gate>
  );
}

function TakeBack({ from }: { readonly from: string }): JSX.Element {
  const order = useOrder("take-back");
  const draft = usePassphrase();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = await draft.read();
    if (words !== undefined) await order.give({ words });
  };
  return (
    <details>
      <summary>{copy.stopped.takeBack(from)}</summary>
      <form class="settings" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <p>{copy.stopped.takeBackText}</p>
        <PassphraseField draft={draft} label={copy.signIn.label} hint={copy.signIn.hint} />
        <Refusal refused={order.refused} />
        <div class="button-row">
          <button
            type="submit"
            class="button button-danger"
            disabled={order.busy || draft.words.length === 0}
          >
            {copy.stopped.takeBackSubmit}
          </button>
        </div>
      </form>
    </details>
  );
}
