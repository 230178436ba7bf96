/** With a recovery kit read: which of the account's devices stay, and whether the passphrase does. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AccountView, KitNodeView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatDateTime } from "../format.ts";
import { iconOf } from "../parts/approval.tsx";
import { Banner, Refusal } from "../parts/banner.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";
import { Gate } from "./gate.tsx";

type KitOpened = AccountView & { readonly phase: "kit-opened" };

export function KitNodes({ account }: { readonly account: KitOpened }): JSX.Element {
  const door = useDoor();
  const order = useOrder("choose-nodes");
  const draft = usePassphrase();
  const [knows, setKnows] = useState(false);
  const [keep, setKeep] = useState<ReadonlyArray<string>>([]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = knows ? await draft.read() : "";
    if (words !== undefined) await order.give({ keep: knows ? keep : [], words });
  };
  return (
    <Gate>
      <form class="card gate-card" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <div>
          <h1>{copy.kitSignIn.chooseTitle}</h1>
          <p class="quiet small">
            {copy.devices.account} <code>{account.mark}</code> ·{" "}
            {copy.kitSignIn.made(formatDateTime(account.madeAt))}
          </p>
        </div>
        <fieldset class="choices">
          <legend>{copy.kitSignIn.words}</legend>
          <Choice checked={!knows} onChoose={() => setKnows(false)}>
            {copy.kitSignIn.newWords}
          </Choice>
          <Choice checked={knows} onChoose={() => setKnows(true)}>
            {copy.kitSignIn.sameWords}
          </Choice>
        </fieldset>
        {knows && (
          <>
            <PassphraseField draft={draft} label={copy.signIn.label} hint={copy.signIn.hint} />
            <KeptNodes nodes={account.nodes} keep={keep} onKeep={setKeep} />
          </>
        )}
        <Banner tone="warn" icon="warning">
          <p>{knows ? copy.kitSignIn.warningKept : copy.kitSignIn.warning}</p>
        </Banner>
        <Refusal refused={order.refused} />
        <div class="dialog-actions">
          <button
            type="button"
            class="button button-quiet"
            onClick={() => void door.ask("forget-words", {})}
          >
            {copy.signIn.back}
          </button>
          <button
            type="submit"
            class="button button-primary"
            disabled={order.busy || (knows && draft.words.length === 0)}
          >
            {copy.kitSignIn.submit}
          </button>
        </div>
      </form>
    </Gate>
  );
}

/** Whatever is not ticked is revoked. */
export function KeptNodes({
  nodes,
  keep,
  onKeep,
}: {
  readonly nodes: ReadonlyArray<Pick<KitNodeView, "node" | "name" | "platform">>;
  readonly keep: ReadonlyArray<string>;
  readonly onKeep: (keep: ReadonlyArray<string>) => void;
}): JSX.Element {
  return (
    <fieldset class="choices">
      <legend>{copy.kitSignIn.stay}</legend>
      {nodes.map(({ node, name, platform }) => (
        <label class="check" key={node}>
          <input
            type="checkbox"
            checked={keep.includes(node)}
            onChange={(event) =>
              onKeep(
                event.currentTarget.checked
                  ? [...keep, node]
                  : keep.filter((kept) => kept !== node),
              )
            }
          />
          <span>
            <Icon name={iconOf(platform)} /> {name}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Choice({
  checked,
  onChoose,
  children,
}: {
  readonly checked: boolean;
  readonly onChoose: () => void;
  readonly children: string;
}): JSX.Element {
  return (
    <label class="check">
      <input type="radio" name="words" checked={checked} onChange={onChoose} />
      <span>{children}</span>
    </label>
  );
}
