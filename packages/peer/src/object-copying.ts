/** Copies of objects to one repository, one at a time: none fetches what another is bringing, and each looks anew at what it lacks. */

import type { NodeId } from "@skein/protocol/ids";
import { FlowFailedError } from "./flows.ts";
import { fetchObjects, type Fetching } from "./object-fetching.ts";
import { openTurns } from "./turns.ts";

/** How it is fetched, but for what is known before it is its turn. */
export type Fetch = Omit<Fetching, "from" | "signal" | "moved">;

/** What is copied: what the stream `of` names, from a node that has it. */
export interface Copying {
  readonly of: NodeId;
  readonly from: NodeId;
  readonly signal: AbortSignal;
  /** Looked up when it is its turn. */
  readonly fetching: () => Fetch;
}

export interface ObjectCopying {
  /** Rejects as `fetchObjects` does; with `FlowFailedError` also where it ends before its turn. */
  readonly copy: (copying: Copying) => Promise<void>;
  /** Nobody waits for it any more. */
  readonly stop: (of: NodeId, from: NodeId) => void;
  /** Something else comes first. */
  readonly stopAll: () => void;
}

interface Asked {
  readonly of: NodeId;
  readonly from: NodeId;
  readonly controller: AbortController;
}

function end({ controller }: Asked): void {
  controller.abort(new FlowFailedError("stopped"));
}

/** `moved`: something came, so that none of those that are asked for waits in vain. */
export function openObjectCopying(
  moved: (asked: { readonly of: NodeId; readonly from: NodeId }) => void,
): ObjectCopying {
  const turns = openTurns();
  const all = new Set<Asked>();
  const tellAll = (): void => all.forEach((asked) => moved(asked));
  const inTurn = ({ from, fetching }: Copying, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = (): void => reject(new FlowFailedError("stopped"));
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      const mine = turns.take(async () => {
        signal.removeEventListener("abort", stop);
        if (signal.aborted) return;
        tellAll();
        await fetchObjects({ ...fetching(), from, signal, moved: tellAll });
      });
      mine.then(resolve, reject);
    });
  return {
    copy: async (copying) => {
      const { of, from, signal } = copying;
      const controller = new AbortController();
      const follow = (): void => controller.abort(signal.reason);
      if (signal.aborted) follow();
      signal.addEventListener("abort", follow, { once: true });
      const asked = { of, from, controller };
      all.add(asked);
      try {
        await inTurn(copying, controller.signal);
      } finally {
        signal.removeEventListener("abort", follow);
        all.delete(asked);
      }
    },
    stop: (of, from) => {
      for (const asked of all) if (asked.of === of && asked.from === from) end(asked);
    },
    stopAll: () => all.forEach(end),
  };
}
