/** Gives every screen the door, and the time it is. */

import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { Answer, Ask, CommandName, Outcome, Refused } from "@skein/peer/commands";
import type { Door } from "../door/tab.ts";

export const DoorContext = createContext<Door | undefined>(undefined);

export function useDoor(): Door {
  const door = useContext(DoorContext);
  if (door === undefined) throw new Error("A screen stands inside a DoorContext.");
  return door;
}

/** The present, for "3 minutes ago". A screen that reads it is drawn again every few seconds. */
export const now = signal(Date.now());

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
  document.addEventListener("visibilitychange", () => (now.value = Date.now()));
}

export type Question<Name extends CommandName> =
  | { readonly phase: "asking" }
  | { readonly phase: "answered"; readonly answer: Answer<Name> }
  | { readonly phase: "refused"; readonly refused: Refused };

/** Asks when `ask` changes and keeps the last answer until the next one came; `undefined` asks nothing. */
export function useQuestion<Name extends CommandName>(
  name: Name,
  ask: Ask<Name> | undefined,
  /** It is asked anew when this changes. */
  since: number = 0,
): Question<Name> {
  const door = useDoor();
  const [state, setState] = useState<Question<Name>>({ phase: "asking" });
  const key = JSON.stringify(ask);
  useEffect(() => {
    if (ask === undefined) return undefined;
    let wanted = true;
    const learn = async (): Promise<void> => {
      const outcome = await door.ask(name, ask);
      if (!wanted) return;
      setState(
        outcome.ok
          ? { phase: "answered", answer: outcome.value }
          : { phase: "refused", refused: outcome.refused },
      );
    };
    void learn();
    return () => {
      wanted = false;
    };
    // The key says everything the ask says.
  }, [door, name, key, since]);
  return state;
}

export interface Order<Name extends CommandName> {
  readonly busy: boolean;
  readonly refused: Refused | undefined;
  /** How it went, or `undefined` when an earlier order is still under way. */
  readonly give: (ask: Ask<Name>) => Promise<Outcome<Name> | undefined>;
}

/** Gives an order and keeps why it was refused. A second order waits for nobody: it is dropped while the first is under way. */
export function useOrder<Name extends CommandName>(name: Name): Order<Name> {
  const door = useDoor();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refused>();
  const underWay = useRef(false);
  const give = async (ask: Ask<Name>): Promise<Outcome<Name> | undefined> => {
    if (underWay.current) return undefined;
    underWay.current = true;
    setBusy(true);
    setRefused(undefined);
    const outcome = await door.ask(name, ask);
    underWay.current = false;
    setBusy(false);
    if (!outcome.ok) setRefused(outcome.refused);
    return outcome;
  };
  return { busy, refused, give };
}
