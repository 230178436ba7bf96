/** On each of two copies of one device: what is so, and the choice how this one goes on. */

import type { JSX } from "preact";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "./banner.tsx";
import { useOrder } from "./door-context.ts";

export function StandstillBanner(): JSX.Element {
  const goOn = useOrder("go-on-here");
  const leave = useOrder("leave-to-copy");
  const said = copy.standstill;
  const busy = goOn.busy || leave.busy;
  return (
    <Banner tone="warn" icon="warning" title={said.title} live>
      <p>{said.text}</p>
      <p>
        <strong>{said.goOn}:</strong> {said.goOnText}
      </p>
      <p>
        <strong>{said.leave}:</strong> {said.leaveText}
      </p>
      <details>
        <summary>{said.stranger}</summary>
        <p>{said.strangerText}</p>
      </details>
      <Refusal refused={goOn.refused ?? leave.refused} />
      <div class="button-row">
        <button type="button" class="button" disabled={busy} onClick={() => void goOn.give({})}>
          {said.goOn}
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => void leave.give({})}>
          {said.leave}
        </button>
      </div>
    </Banner>
  );
}
