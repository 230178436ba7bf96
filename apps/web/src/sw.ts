/** The service worker: keeps the app's own files so that it opens without a network. It never sees a repository. */

import {
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  precacheAndRoute,
} from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";

declare const self: {
  readonly __WB_MANIFEST: Parameters<typeof precacheAndRoute>[0];
  skipWaiting(): Promise<void>;
  readonly clients: {
    matchAll(options: {
      readonly type: "window";
      readonly includeUncontrolled: true;
    }): Promise<ReadonlyArray<Tab>>;
  };
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  addEventListener(type: "notificationclick", listener: (event: Chosen) => void): void;
};

interface Tab {
  postMessage(message: unknown): void;
  focus(): Promise<unknown>;
}

interface Chosen {
  readonly notification: { readonly data: unknown; close(): void };
  waitUntil(work: Promise<unknown>): void;
}

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();
registerRoute(
  new NavigationRoute(createHandlerBoundToURL("/index.html"), { denylist: [/^\/healthz/u] }),
);

// The page asks for this when the person chose "Reload to update".
self.addEventListener("message", (event) => {
  if (event.data === "update") void self.skipWaiting();
});

// A person chose what called them: the tabs are told which request it is for, and one of them comes to the front.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data));
});

async function show(data: unknown): Promise<void> {
  // Also tabs from before this worker was installed.
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const tab of tabs) tab.postMessage(data);
  // The browser may not let us; then the person goes there.
  await tabs[0]?.focus().catch(() => undefined);
}
