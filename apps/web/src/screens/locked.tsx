/** A locked device: nothing is shown, and it opens by its passkey or by the passphrase. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AccountView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import { Icon, Mark } from "../parts/icons.tsx";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";
import { askPasskey } from "../parts/passkeys.ts";
import { Gate } from "./gate.tsx";
import { KitSignIn } from "./kit-sign-in.tsx";
import { SignIn } from "./sign-in.tsx";

type LockedAccount = AccountView & { readonly phase: "locked" };

export function Locked({ account }: { readonly account: LockedAccount }): JSX.Element {
  const [at, setAt] = useState<"lock" | "words" | "kit">("lock");
  switch (at) {
    case "lock":
      return <Lock account={account} onAnew={() => setAt("words")} />;
    case "words":
      return <SignIn onBack={() => setAt("lock")} onKit={() => setAt("kit")} />;
    case "kit":
      return <KitSignIn onBack={() => setAt("words")} />;
  }
}

function Lock({
  account,
  onAnew,
}: {
  readonly account: LockedAccount;
  readonly onAnew: () => void;
}): JSX.Element {
  const isHere = useDoor().owner.value === "this-tab";
  return (
    <Gate>
      <div class="gate-mark">
        <Mark />
      </div>
      <section class="card gate-card">
        <div>
          <h1>{copy.lock.title}</h1>
          <p class="quiet small">
            {copy.devices.account} <code>{account.mark}</code>
          </p>
        </div>
        <p>{copy.lock.locked}</p>
        {isHere ? (
          <>
            {account.passkey !== undefined && <ByPasskey passkey={account.passkey} />}
            <ByWords open={account.passkey === undefined} />
            <details class="small">
              <summary>{copy.lock.neither}</summary>
              <p>{copy.lock.neitherText}</p>
              <button type="button" class="button" onClick={onAnew}>
                {copy.lock.anew}
              </button>
            </details>
          </>
        ) : (
          <Banner icon="tabs" title={copy.lock.elsewhere} />
        )}
      </section>
    </Gate>
  );
}

function ByPasskey({
  passkey,
}: {
  readonly passkey: NonNullable<LockedAccount["passkey"]>;
}): JSX.Element {
  const unlock = useOrder("unlock");
  const [declined, setDeclined] = useState(false);
  const open = async (): Promise<void> => {
    const derived = await askPasskey(passkey);
    setDeclined(derived === undefined);
    if (derived === undefined) return;
    await unlock.give({ words: "", derived });
    derived.fill(0);
  };
  return (
    <>
      <button
        type="button"
        class="button button-primary button-large"
        disabled={unlock.busy}
        onClick={() => void open()}
      >
        <Icon name="key" />
        {copy.lock.byPasskey}
      </button>
      {declined && (
        <p class="error-text" role="alert">
          {copy.lock.declined}
        </p>
      )}
      <Refusal refused={unlock.refused} />
    </>
  );
}

function ByWords({ open }: { readonly open: boolean }): JSX.Element {
  const unlock = useOrder("unlock");
  const draft = usePassphrase();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = await draft.read();
    if (words !== undefined) await unlock.give({ words });
  };
  return (
    <details open={open}>
      <summary>{copy.lock.byWords}</summary>
      <form class="settings" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <PassphraseField draft={draft} label={copy.signIn.label} hint={copy.signIn.hint} />
        <Refusal refused={unlock.refused} />
        <div class="button-row">
          <button type="submit" class="button" disabled={unlock.busy || draft.words.length === 0}>
            {copy.lock.open}
          </button>
        </div>
      </form>
    </details>
  );
}
