/** Facts from outside queue here and are told one after another, in the order they came. Nothing reacts inside the callback that brought it. */

export interface Inbox {
  /** Has `fact` told after everything that was posted before it. */
  readonly post: (fact: () => void) => void;
  /** Drops what is still queued and everything that comes later. */
  readonly close: () => void;
}

/** An inbox in another's order, which can close before it. */
export function branchInbox(inbox: Inbox): Inbox {
  let closed = false;
  return {
    post: (fact) =>
      inbox.post(() => {
        if (!closed) fact();
      }),
    close: () => {
      closed = true;
    },
  };
}

/** `failed` is told of a fact that threw: a bug of ours, reported at the very top. */
export function openInbox(failed: (cause: unknown) => void): Inbox {
  const queue: Array<() => void> = [];
  let draining = false;
  let closed = false;

  const drain = (): void => {
    for (let fact = queue.shift(); fact !== undefined; fact = queue.shift()) {
      try {
        fact();
      } catch (error) {
        failed(error);
      }
    }
    draining = false;
  };

  return {
    post: (fact) => {
      if (closed) return;
      queue.push(fact);
      if (draining) return;
      draining = true;
      void Promise.resolve().then(drain);
    },
    close: () => {
      closed = true;
      queue.length = 0;
    },
  };
}
