/** Keeps what was used last, up to so many bytes. */

export interface ByteCache<Key, Value extends { readonly bytes: Uint8Array }> {
  readonly read: (key: Key) => Value | undefined;
  readonly write: (key: Key, value: Value) => void;
  readonly clear: () => void;
}

export function openByteCache<Key, Value extends { readonly bytes: Uint8Array }>(
  bytesMax: number,
): ByteCache<Key, Value> {
  const entries = new Map<Key, Value>();
  let total = 0;
  const drop = (key: Key, value: Value): void => {
    entries.delete(key);
    total -= value.bytes.length + entryOverheadBytes;
  };
  return {
    read: (key) => {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      // A Map remembers the order of insertion: what is used moves to the end.
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    write: (key, value) => {
      const before = entries.get(key);
      if (before !== undefined) drop(key, before);
      // One value that would push out half of the rest is not worth it.
      if (value.bytes.length > bytesMax / 2) return;
      entries.set(key, value);
      total += value.bytes.length + entryOverheadBytes;
      for (const [oldest, old] of entries) {
        if (total <= bytesMax) break;
        drop(oldest, old);
      }
    },
    clear: () => {
      entries.clear();
      total = 0;
    },
  };
}

/** About what a Map entry, an object and a typed array's header take. */
const entryOverheadBytes = 200;
