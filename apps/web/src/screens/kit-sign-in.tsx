/** Having an account again with its recovery kit, when no device is left. */

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { Refusal } from "../parts/banner.tsx";
import { useOrder } from "../parts/door-context.ts";
import { platformOf } from "../platform.ts";
import { Gate } from "./gate.tsx";

export function KitSignIn({ onBack }: { readonly onBack: () => void }): JSX.Element {
  const open = useOrder("open-kit");
  const [file, setFile] = useState<File>();
  const id = useId();
  const submit = (event: Event): void => {
    event.preventDefault();
    const platform = platformOf(navigator.userAgent);
    if (file !== undefined) void open.give({ file, nodeName: platform, platform });
  };
  return (
    <Gate>
      <form class="card gate-card" onSubmit={submit}>
        <h1>{copy.kitSignIn.title}</h1>
        <p>{copy.kitSignIn.text}</p>
        <div class="field">
          <label for={id}>{copy.kit.file}</label>
          <input
            class="input"
            id={id}
            type="file"
            onChange={(event) => setFile(event.currentTarget.files?.[0])}
          />
        </div>
        <details class="small">
          <summary>{copy.kitSignIn.noFile}</summary>
          <p>{copy.kitSignIn.noFileText}</p>
        </details>
        <Refusal refused={open.refused} />
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onBack}>
            {copy.signIn.back}
          </button>
          <button
            type="submit"
            class="button button-primary"
            disabled={open.busy || file === undefined}
          >
            {copy.kitSignIn.read}
          </button>
        </div>
      </form>
    </Gate>
  );
}
