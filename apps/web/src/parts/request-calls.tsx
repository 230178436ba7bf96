/** Calls a person to a request by the browser's own notifications, and opens that request when one is chosen. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { RequestView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { useDoor } from "./door-context.ts";

/** The request whose notification was chosen last. It is shown; what becomes of it is still the person's to say. */
export const calledFor = signal<{ readonly id: string } | undefined>(undefined);

/** Each request calls once, and only where nobody is looking. */
export function useRequestCalls(requests: ReadonlyArray<RequestView>): void {
  const owner = useDoor().owner.value;
  const called = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (!("serviceWorker" in navigator)) return undefined;
    const hear = ({ data }: MessageEvent<unknown>): void => {
      const id = requestOf(data);
      if (id !== undefined) calledFor.value = { id };
    };
    navigator.serviceWorker.addEventListener("message", hear);
    return () => navigator.serviceWorker.removeEventListener("message", hear);
  }, []);
  useEffect(() => {
    const calling = requests.filter(({ id, silent }) => !silent && !called.current.has(id));
    called.current = new Set(requests.map(({ id }) => id));
    if (owner !== "this-tab" || document.visibilityState === "visible") return;
    for (const { id } of calling) void call(id);
  }, [requests, owner]);
}

/** Asked for where a person wants it, never by itself. */
export function RequestCalls(): JSX.Element | null {
  const [permission, setPermission] = useState(permissionNow());
  if (permission === undefined) return null;
  const ask = async (): Promise<void> => setPermission(await Notification.requestPermission());
  return (
    <section class="section">
      <h2>{copy.calls.section}</h2>
      <div class="card panel settings">
        <p>{copy.calls[permission]}</p>
        {permission === "default" && (
          <div class="button-row">
            <button type="button" class="button" onClick={() => void ask()}>
              {copy.calls.ask}
            </button>
          </div>
        )}
      </div>
    </section>
  );
}

/** It names nobody: whoever sees the screen reads it too. */
async function call(id: string): Promise<void> {
  if (permissionNow() !== "granted") return;
  const options = { body: copy.calls.body, tag: `skein-request-${id}`, data: { request: id } };
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration !== undefined) return registration.showNotification(copy.calls.title, options);
  const notification = new Notification(copy.calls.title, options);
  notification.addEventListener("click", () => {
    globalThis.focus();
    calledFor.value = { id };
    notification.close();
  });
}

function permissionNow(): NotificationPermission | undefined {
  return "Notification" in globalThis && globalThis.isSecureContext
    ? Notification.permission
    : undefined;
}

/** What the service worker says when a notification was chosen. */
function requestOf(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("request" in message)) return undefined;
  return typeof message.request === "string" ? message.request : undefined;
}
