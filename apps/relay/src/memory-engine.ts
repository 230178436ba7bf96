/** An engine for relays of one process: the same order and the same losses as a real one, with no network. */

import type { Bucket, Engine, EngineEars } from "./engine.ts";

export interface MemoryEngines {
  readonly join: () => Engine;
  /** Takes the engine down or brings it back, for everyone. */
  readonly turn: (isUp: boolean) => void;
}

interface Joined {
  readonly buckets: Set<Bucket>;
  ears: EngineEars | undefined;
}

export function openMemoryEngines(): MemoryEngines {
  const all = new Set<Joined>();
  let isUp = true;

  function join(): Engine {
    const me: Joined = { buckets: new Set<Bucket>(["everyone"]), ears: undefined };
    return {
      isUp: () => isUp,
      publish: (bucket, bytes) => {
        if (!isUp) return false;
        const sent = new Uint8Array(bytes);
        for (const other of all)
          if (other !== me && other.buckets.has(bucket)) setImmediate(() => other.ears?.hear(sent));
        return true;
      },
      pressure: () => 0,
      listen: (bucket) => void me.buckets.add(bucket),
      unlisten: (bucket) => void me.buckets.delete(bucket),
      open: (ears) => {
        me.ears = ears;
        all.add(me);
        setImmediate(ears.changed);
      },
      close: async () => {
        me.ears = undefined;
        all.delete(me);
      },
    };
  }

  return {
    join,
    turn: (next) => {
      isUp = next;
      for (const { ears } of all) ears?.changed();
    },
  };
}
