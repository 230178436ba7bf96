/** Lets one piece of work through at a time, in the order they were asked for. */

export type Turnstile = <Result>(work: () => Promise<Result>) => Promise<Result>;

export function openTurnstile(): Turnstile {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  };
}
