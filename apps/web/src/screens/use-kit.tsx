/** The words of the recovery kit at a device that may only read: they let it write, when no other device is left to ask. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";
import { KeptNodes } from "./kit-nodes.tsx";

export function UseKit(): JSX.Element {
  const order = useOrder("use-kit");
  const writers = useDoor().views.devices.value.filter(
    ({ role, revoked }) => role === "writer" && revoked === undefined,
  );
  const draft = usePassphrase();
  const [keep, setKeep] = useState<ReadonlyArray<string>>([]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = await draft.read();
    if (words !== undefined) await order.give({ words, keep });
  };
  return (
    <form class="card panel settings" autocomplete="off" onSubmit={(event) => void submit(event)}>
      <p>{copy.kit.useText}</p>
      <PassphraseField draft={draft} label={copy.kit.useLabel} hint={copy.kit.useHint} />
      <KeptNodes nodes={writers} keep={keep} onKeep={setKeep} />
      <Banner tone="warn" icon="warning">
        <p>{copy.kitSignIn.warningKept}</p>
      </Banner>
      <Refusal refused={order.refused} />
      <div class="button-row">
        <button
          type="submit"
          class="button button-primary"
          disabled={order.busy || draft.words.length === 0}
        >
          {copy.kit.useSubmit}
        </button>
      </div>
    </form>
  );
}
