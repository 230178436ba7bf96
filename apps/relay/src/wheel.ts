/** One turning wheel instead of a timer for each connection: items come due when their slot comes by. */

export interface Wheel<Item> {
  /** Makes the item come due in `turns` ticks from now, at least one. */
  readonly place: (item: Item, turns: number) => void;
  readonly remove: (item: Item) => void;
  /** Turns by one tick and takes out what is due. */
  readonly turn: () => ReadonlyArray<Item>;
}

export function openWheel<Item>(slotCount: number): Wheel<Item> {
  const slots = Array.from({ length: slotCount }, () => new Set<Item>());
  const slotOf = new Map<Item, Set<Item>>();
  let position = 0;

  function remove(item: Item): void {
    slotOf.get(item)?.delete(item);
    slotOf.delete(item);
  }

  return {
    place: (item, turns) => {
      remove(item);
      const ahead = Math.min(slotCount - 1, Math.max(1, Math.round(turns)));
      const slot = slots[(position + ahead) % slotCount];
      if (slot === undefined) return;
      slot.add(item);
      slotOf.set(item, slot);
    },
    remove,
    turn: () => {
      position = (position + 1) % slotCount;
      const due = [...(slots[position] ?? [])];
      for (const item of due) remove(item);
      return due;
    },
  };
}
