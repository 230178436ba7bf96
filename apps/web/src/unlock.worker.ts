/** The throw-away worker that holds a passphrase: it lives for one mint, check or derivation and is ended after it. */

import { openUnlock } from "@skein/auth/unlock";
import type { UnlockAnswer, UnlockAsk } from "./unlock.ts";

globalThis.addEventListener("message", (event: MessageEvent<UnlockAsk>) => void answer(event.data));

async function answer(ask: UnlockAsk): Promise<void> {
  try {
    const unlock = await openUnlock();
    post({ kind: "done", result: await perform(unlock, ask) });
  } catch (cause) {
    post({ kind: "failed", what: cause instanceof Error ? cause.message : String(cause) });
  }
}

async function perform(
  unlock: Awaited<ReturnType<typeof openUnlock>>,
  ask: UnlockAsk,
): Promise<unknown> {
  switch (ask.kind) {
    case "mint":
      return unlock.mint({
        bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
      });
    case "check":
      return unlock.checksumFits(ask.words);
    case "derive":
      return unlock.derive(ask.words, (share: number) => post({ kind: "progress", share }));
  }
}

function post(message: UnlockAnswer): void {
  globalThis.postMessage(message);
}
