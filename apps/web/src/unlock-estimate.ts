/** How far a derivation should be, by the time it has taken: it cannot be asked, and tells nothing while it runs. */

export interface Estimate extends Disposable {
  /** How long it will take, once that is known. */
  readonly expect: (millis: number) => void;
}

export function openEstimate(onShare: (share: number) => void): Estimate {
  let timer: ReturnType<typeof setInterval> | undefined;
  return {
    expect: (millis) => {
      const began = performance.now();
      timer ??= setInterval(
        () => onShare(shareAfter(performance.now() - began, millis)),
        stepMillis,
      );
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** It is done only when it says so: an estimate goes up to 95 % and waits there. */
export function shareAfter(elapsedMillis: number, expectedMillis: number): number {
  if (expectedMillis <= 0) return shareMax;
  return Math.max(0, Math.min(shareMax, elapsedMillis / expectedMillis));
}

const stepMillis = 500;
const shareMax = 0.95;
