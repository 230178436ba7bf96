/** The lock of this device: set, changed and taken off, and used at once. */

import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { AccountView, LockView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { makePasskey, mayUsePasskeys } from "../parts/passkeys.ts";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";

type Open = AccountView & { readonly phase: "open" };

export function LockSettings({ account }: { readonly account: Open }): JSX.Element {
  const { keys, set } = account.lock;
  return (
    <div class="card panel settings">
      {keys === "wrapped" ? (
        <p>{copy.lock.wrapped}</p>
      ) : (
        <Banner tone="warn" icon="warning">
          <p>{copy.lock.plain}</p>
        </Banner>
      )}
      {set === undefined ? <NewLock account={account} /> : <Lock set={set} />}
    </div>
  );
}

function Lock({ set }: { readonly set: NonNullable<LockView["set"]> }): JSX.Element {
  const lock = useOrder("lock-now");
  const remove = useOrder("remove-lock");
  return (
    <>
      <p>{set.passkey ? copy.lock.onPasskey : copy.lock.onWords}</p>
      <Patience minutes={set.patience === undefined ? 0 : set.patience / 60_000} />
      <div class="button-row">
        <button
          type="button"
          class="button button-primary"
          disabled={lock.busy}
          onClick={() => void lock.give({})}
        >
          <Icon name="lock" />
          {copy.lock.now}
        </button>
        <button
          type="button"
          class="button"
          disabled={remove.busy}
          onClick={() => void remove.give({})}
        >
          {copy.lock.remove}
        </button>
      </div>
      <Refusal refused={lock.refused ?? remove.refused} />
    </>
  );
}

function Patience({ minutes }: { readonly minutes: number }): JSX.Element {
  const order = useOrder("set-patience");
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{copy.lock.patience}</label>
      <select
        class="input"
        id={id}
        value={minutes}
        disabled={order.busy}
        onChange={(event) => {
          const chosen = Number(event.currentTarget.value);
          void order.give(chosen === 0 ? {} : { minutes: chosen });
        }}
      >
        {patiences.map((choice) => (
          <option key={choice} value={choice}>
            {copy.lock.patienceOf(choice)}
          </option>
        ))}
      </select>
      <p class="hint">{copy.lock.patienceHint}</p>
      <Refusal refused={order.refused} />
    </div>
  );
}

function NewLock({ account }: { readonly account: Open }): JSX.Element {
  const order = useOrder("set-lock");
  const isHere = useDoor().owner.value === "this-tab";
  const draft = usePassphrase();
  const may = useMayUsePasskeys();
  const [declined, setDeclined] = useState(false);
  const set = async (withPasskey: boolean): Promise<void> => {
    const words = await draft.read();
    if (words === undefined) return;
    if (!withPasskey) return void (await order.give({ words }));
    const passkey = await makePasskey({
      name: copy.lock.passkeyName(account.nodeName),
      node: account.node,
      salt: account.lock.salt,
    });
    setDeclined(passkey === undefined);
    if (passkey === undefined) return;
    await order.give({ words, passkey });
    passkey.secret.fill(0);
  };
  if (!isHere) return <Banner icon="tabs" title={copy.lock.setElsewhere} />;
  return (
    <details>
      <summary>{copy.lock.set}</summary>
      <form class="settings" autocomplete="off" onSubmit={(event) => event.preventDefault()}>
        <p>{copy.lock.setText}</p>
        <PassphraseField draft={draft} label={copy.signIn.label} hint={copy.lock.setHint} />
        {declined && (
          <p class="error-text" role="alert">
            {copy.lock.notMade}
          </p>
        )}
        <Refusal refused={order.refused} />
        <div class="button-row">
          {may === true && (
            <button
              type="submit"
              class="button button-primary"
              disabled={order.busy || draft.words.length === 0}
              onClick={() => void set(true)}
            >
              {copy.lock.setPasskey}
            </button>
          )}
          <button
            type="submit"
            class="button"
            disabled={order.busy || draft.words.length === 0}
            onClick={() => void set(false)}
          >
            {copy.lock.setWords}
          </button>
        </div>
        {may === false && <p class="hint">{copy.lock.noPasskeys}</p>}
      </form>
    </details>
  );
}

/** `undefined` until the browser has said. */
function useMayUsePasskeys(): boolean | undefined {
  const [may, setMay] = useState<boolean>();
  useEffect(() => {
    const ask = async (): Promise<void> => setMay(await mayUsePasskeys());
    void ask();
  }, []);
  return may;
}

/** Minutes; with none it locks only when asked to. */
const patiences: ReadonlyArray<number> = [0, 1, 5, 15, 60, 240];
