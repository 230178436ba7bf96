/** A scope owns what is started inside it. When it ends, everything it owns has ended. */

export interface Scope extends AsyncDisposable {
  readonly signal: AbortSignal;
  /** Starts work that may not outlive the scope. What it throws, other than the scope's own end, is told to `failed`. */
  readonly start: (work: (signal: AbortSignal) => Promise<void>) => void;
}

export function openScope(failed: (cause: unknown) => void): Scope {
  const controller = new AbortController();
  const works = new Set<Promise<void>>();

  return {
    signal: controller.signal,
    start: (work) => {
      if (controller.signal.aborted) return;
      const run = async (): Promise<void> => work(controller.signal);
      const running = run().catch((cause: unknown) => {
        if (!controller.signal.aborted) failed(cause);
      });
      works.add(running);
      void running.finally(() => works.delete(running));
    },
    [Symbol.asyncDispose]: async () => {
      controller.abort(new Error("the scope has ended"));
      await Promise.all(works);
    },
  };
}
