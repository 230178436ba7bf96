/** How long something is waited for that may never come: it ends once nothing has moved for so long. */

import { later } from "@skein/protocol/ids";
import type { Alarms } from "./alarms.ts";
import { FlowFailedError } from "./flows.ts";
import type { Clock } from "./ports.ts";

export interface Patience extends Disposable {
  /** Aborted with `FlowFailedError`, or with what its parent was. */
  readonly signal: AbortSignal;
  /** The time begins anew. */
  readonly moved: () => void;
}

/** `name` is of this piece of work alone. */
export function openPatience({
  alarms,
  clock,
  name,
  millis,
  parent,
}: {
  readonly alarms: Alarms;
  readonly clock: Pick<Clock, "now">;
  readonly name: string;
  readonly millis: number;
  readonly parent: AbortSignal;
}): Patience {
  const controller = new AbortController();
  const follow = (): void => controller.abort(parent.reason);
  if (parent.aborted) follow();
  parent.addEventListener("abort", follow, { once: true });
  const moved = (): void =>
    alarms.set(name, later(clock.now(), millis), () =>
      controller.abort(new FlowFailedError("stopped")),
    );
  moved();
  return {
    signal: controller.signal,
    moved,
    [Symbol.dispose]: () => {
      alarms.cancel(name);
      parent.removeEventListener("abort", follow);
    },
  };
}
