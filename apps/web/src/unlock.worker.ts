/** The throw-away worker that holds a passphrase: it lives for one mint, check or derivation and is ended after it. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import { parsePassphrase } from "@skein/auth/passphrase";
import type { Unlock } from "@skein/auth/unlock";
import { openUnlock } from "@skein/auth/unlock";
import { webcryptoRandom } from "@skein/auth/webcrypto-random";
import type { UnlockAnswer, UnlockAsk } from "./unlock.ts";

globalThis.addEventListener("message", (event: MessageEvent<UnlockAsk>) => void answer(event.data));

async function answer(ask: UnlockAsk): Promise<void> {
  try {
    const unlock = await openUnlock();
    if (ask.kind === "derive")
      post({ kind: "expects", millis: unlock.expectMillis(() => performance.now()) });
    post({ kind: "done", result: perform(unlock, ask) });
  } catch (cause) {
    post({ kind: "failed", what: cause instanceof Error ? cause.message : String(cause) });
  }
}

function perform(unlock: Unlock, ask: UnlockAsk): unknown {
  if (ask.kind === "mint") return unlock.mint(webcryptoRandom);
  const passphrase = parsePassphrase(ask.words.join(" "));
  const fits = passphrase.ok && unlock.checksumFits(passphrase);
  if (ask.kind === "check") return fits;
  if (!fits) throw new TypeError("these words do not belong together");
  const { sign, box, meeting } = unlock.derive(passphrase);
  return { sign: lend(sign), box: lend(box), meeting: lend(meeting) };
}

/** The bytes go to the peer's worker; this realm ends with all its copies right after. */
function lend(secret: SecretKey): Uint8Array<ArrayBuffer> {
  const bytes = secret.reveal((bytes) => bytes.slice());
  secret[Symbol.dispose]();
  return bytes;
}

function post(message: UnlockAnswer): void {
  globalThis.postMessage(message);
}
