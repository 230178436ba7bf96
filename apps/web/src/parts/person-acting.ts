/** Tells the peer now and then that a person is here, so that it does not lock under their hands. */

import { useEffect } from "preact/hooks";
import { useDoor } from "./door-context.ts";

export function usePersonActing(wanted: boolean): void {
  const door = useDoor();
  useEffect(() => {
    if (!wanted) return undefined;
    let told = 0;
    const tell = ({ timeStamp }: Event): void => {
      if (timeStamp - told < tellMillisMin && told !== 0) return;
      told = timeStamp;
      void door.ask("person-acted", {});
    };
    for (const type of signs) addEventListener(type, tell, { capture: true, passive: true });
    return () => {
      for (const type of signs) removeEventListener(type, tell, { capture: true });
    };
  }, [door, wanted]);
}

const signs = ["pointerdown", "pointermove", "keydown", "wheel", "focus"];
/** The shortest patience is a minute. */
const tellMillisMin = 10_000;
