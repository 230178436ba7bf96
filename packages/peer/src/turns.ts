/** One at a time: work on one thing waits for the work before it, so that reading, deciding and writing are never interleaved. */

export interface Turns {
  readonly take: <T>(work: () => Promise<T>) => Promise<T>;
}

export function openTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take: (work) => {
      const mine = last.then(work, work);
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}
