/** The recovery kit at this node: opened with the words, shown, asked for, and only then forgotten here. */

import type { Crypto } from "@skein/auth/crypto/sodium";
import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Door } from "@skein/auth/door";
import { recoveryExport, type Event, type State } from "@skein/auth/recovery-export";
import { formatRecoveryFile, isRecoveryOf, parseRecoveryFile } from "@skein/auth/recovery-file";
import {
  formatRecoveryWords,
  openRecoverySecret,
  parseRecoveryWords,
} from "@skein/auth/recovery-key";
import type { Bytes } from "@skein/protocol/bytes";
import { step } from "@skein/protocol/machine";
import type { Identity } from "./identity.ts";
import type { StoredSafety } from "./home-vault.ts";
import type { Clock } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { KitView } from "./views.ts";

interface RecoveryKitOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly safety: () => StoredSafety;
  readonly keep: (change: Partial<StoredSafety>) => Promise<void>;
}

export class RecoveryKit {
  readonly #options: RecoveryKitOptions;
  #state: State = recoveryExport.initial;
  #secret: SecretKey | undefined;
  #file: Bytes | undefined;

  constructor(options: RecoveryKitOptions) {
    this.#options = options;
  }

  view(): KitView {
    const { safety, crypto } = this.#options;
    if (safety().kitWritten === 1) return { phase: "written" };
    if (safety().sealedKit === undefined) return { phase: "elsewhere" };
    if (this.#state.phase === "shown" && this.#secret !== undefined)
      return { phase: "shown", words: formatRecoveryWords(crypto, this.#secret) };
    if (this.#state.phase === "asked") return { phase: "asked", tries: this.#state.tries };
    return { phase: "kept" };
  }

  /** Shows it, if this door opens what is kept. */
  show(door: Door): void {
    const { crypto, identity, safety, clock } = this.#options;
    const { log } = identity;
    const { recovery } = log.state();
    const sealed = safety().sealedKit;
    const secret =
      recovery === undefined || sealed === undefined
        ? undefined
        : openRecoverySecret({ crypto, door, recovery }, sealed);
    if (secret === undefined)
      throw new CommandRefusedError("wrong_passphrase", {
        what: "These are not the words of this account.",
        safe: "Nothing was changed.",
        next: "Compare the words with your note, one by one.",
      });
    this.#forget();
    this.#secret = secret;
    this.#file = formatRecoveryFile(crypto, { secret, log, at: clock.now() });
    this.#tell({ type: "kit-opened" });
  }

  /** The kit as a file, while it is shown. */
  file(): Bytes {
    if (this.#file === undefined || this.#state.phase !== "shown") throw notShown();
    return this.#file;
  }

  putAway(): void {
    this.#tell({ type: "kit-put-away" });
  }

  leave(): void {
    this.#tell({ type: "left" });
    if (this.#state.phase === "kept") this.#forget();
  }

  /** What came back: the words, or the file. */
  async verify(returned: string | Uint8Array): Promise<void> {
    if (this.#state.phase !== "asked") throw notShown();
    const fits = this.#fits(returned);
    this.#tell({ type: "kit-returned", fits });
    if (!fits)
      throw new CommandRefusedError("wrong_kit", {
        what: "This is not the kit that was shown.",
        safe: "Nothing is lost: you can look at it again.",
        next: "Compare it with your sheet, or show the kit once more.",
      });
    this.#forget();
    await this.#options.keep({ sealedKit: undefined, kitWritten: 1 });
  }

  #fits(returned: string | Uint8Array): boolean {
    const { crypto, identity } = this.#options;
    if (typeof returned !== "string") {
      const read = parseRecoveryFile(crypto, returned);
      if (read.ok) read.file.secret[Symbol.dispose]();
      // A file from before this node was let in would not know it.
      return (
        read.ok &&
        read.file.log.account === identity.log.account &&
        read.file.log.state().nodes.has(identity.keys.id)
      );
    }
    const read = parseRecoveryWords(crypto, returned);
    if (!read.ok) return false;
    using secret = read.secret;
    return isRecoveryOf(crypto, identity.log, secret);
  }

  #tell(event: Event): void {
    [this.#state] = step(recoveryExport, this.#state, event);
  }

  #forget(): void {
    this.#secret?.[Symbol.dispose]();
    this.#file?.fill(0);
    this.#secret = undefined;
    this.#file = undefined;
  }
}

function notShown(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "The recovery kit is not open.",
    safe: "Nothing was changed.",
    next: "Open it with your passphrase first.",
  });
}
