/** Registers the service worker and says when a newer version of the app is ready. */

import type { ReadonlySignal } from "@preact/signals";
import { signal } from "@preact/signals";

export interface Updates {
  /** A newer version waits; it starts when the person says so. */
  readonly ready: ReadonlySignal<boolean>;
  readonly apply: () => void;
}

export function watchUpdates(): Updates {
  const ready = signal(false);
  let waiting: ServiceWorker | null = null;
  const note = (registration: ServiceWorkerRegistration): void => {
    waiting = registration.waiting;
    // The very first install replaces nothing: there is nothing to update from.
    ready.value = waiting !== null && navigator.serviceWorker.controller !== null;
  };
  const watch = async (): Promise<void> => {
    const registration = await navigator.serviceWorker.register("/sw.js", { scope: "/" });
    note(registration);
    registration.addEventListener("updatefound", () => {
      registration.installing?.addEventListener("statechange", () => note(registration));
    });
  };
  // Without a service worker (plain http, private windows) the app works, only not without a network.
  if ("serviceWorker" in navigator && import.meta.env.PROD) watch().catch(() => {});
  return {
    ready,
    apply: () => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
      waiting?.postMessage("update");
    },
  };
}
