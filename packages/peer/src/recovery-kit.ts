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
  sealRecoverySecret,
} from "@skein/auth/recovery-key";
import type { Random } from "@skein/auth/crypto/random";
import { equal, type Bytes } from "@skein/protocol/bytes";
import type { Instant } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { Identity } from "./identity.ts";
import type { StoredSafety } from "./home-vault.ts";
import type { Clock } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { KitView } from "./views.ts";

interface RecoveryKitOptions {
  readonly crypto: Crypto;
  readonly random: Random;
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
    const changedAt = this.#changedElsewhereAt();
    return changedAt === undefined ? { phase: "kept" } : { phase: "former-words", changedAt };
  }

  /** Shows it, if this door opens what is kept. From then on the words in force do. */
  async show(door: Door): Promise<void> {
    const { crypto, identity, clock } = this.#options;
    const { log } = identity;
    const secret = this.#open(door);
    if (secret === undefined) throw this.#notOpened(door);
    this.#forget();
    this.#secret = secret;
    this.#file = formatRecoveryFile(crypto, { secret, log, at: clock.now() });
    this.#tell({ type: "kit-opened" });
    await this.#sealAnew(secret);
  }

  /** Before the words are changed here: whoever is stopped in the middle has it under both. */
  async sealBoth(oldDoor: Door, newDoor: Door): Promise<void> {
    const { crypto, random, keep } = this.#options;
    using secret = this.#open(oldDoor);
    const sealed = secret && sealRecoverySecret({ crypto, random, door: newDoor }, secret);
    if (sealed !== undefined) await keep({ nextKit: { door: newDoor.signPublic, sealed } });
  }

  /** After that: only the words in force open it. */
  async settle(): Promise<void> {
    const { identity, safety, keep } = this.#options;
    const { nextKit } = safety();
    if (nextKit === undefined) return;
    const { sealed: sealedKit, door: kitDoor } = nextKit;
    const isInForce = equal(kitDoor, identity.log.state().door.sign);
    await keep({ nextKit: undefined, ...(isInForce && { sealedKit, kitDoor }) });
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
    await this.#options.keep({
      sealedKit: undefined,
      kitDoor: undefined,
      nextKit: undefined,
      kitWritten: 1,
    });
  }

  #open(door: Door): SecretKey | undefined {
    const { crypto, identity, safety } = this.#options;
    const { recovery } = identity.log.state();
    const { sealedKit, nextKit } = safety();
    if (recovery === undefined) return undefined;
    for (const sealed of [nextKit?.sealed, sealedKit]) {
      const secret = sealed && openRecoverySecret({ crypto, door, recovery }, sealed);
      if (secret !== undefined) return secret;
    }
    return undefined;
  }

  async #sealAnew(secret: SecretKey): Promise<void> {
    const { crypto, random, identity, safety, keep } = this.#options;
    const { sign: kitDoor, box: boxPublic } = identity.log.state().door;
    const { kitDoor: known, nextKit } = safety();
    if (nextKit === undefined && known !== undefined && equal(known, kitDoor)) return;
    const sealedKit = sealRecoverySecret({ crypto, random, door: { boxPublic } }, secret);
    if (sealedKit !== undefined) await keep({ sealedKit, kitDoor, nextKit: undefined });
  }

  /** When the words of the kit were replaced by others, which nobody could seal it to. `undefined`: they open it. */
  #changedElsewhereAt(): Instant | undefined {
    const { identity, safety } = this.#options;
    const { log } = identity;
    const { kitDoor, nextKit } = safety();
    const { sign } = log.state().door;
    if (kitDoor === undefined || [kitDoor, nextKit?.door].some((door) => door && equal(door, sign)))
      return undefined;
    const changes = log.told().filter(({ type, counts }) => type === "door.set" && counts);
    const before = changes.findIndex(({ door }) => door !== undefined && equal(door, kitDoor));
    return (changes[before + 1] ?? changes.at(-1))?.at;
  }

  #notOpened({ signPublic }: Door): CommandRefusedError {
    const isInForce = equal(signPublic, this.#options.identity.log.state().door.sign);
    return isInForce || this.#changedElsewhereAt() !== undefined ? formerWords() : wrongWords();
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

function wrongWords(): CommandRefusedError {
  return new CommandRefusedError("wrong_passphrase", {
    what: "These are not the words of this account.",
    safe: "Nothing was changed.",
    next: "Compare the words with your note, one by one.",
  });
}

function formerWords(): CommandRefusedError {
  return new CommandRefusedError("wrong_passphrase", {
    what: "These words do not open the kit: it is sealed under those from before the passphrase was changed on another device.",
    safe: "Nothing was changed, and a kit that you wrote down works as before.",
    next: "Type the words from before. From then on those in force open it.",
  });
}

function notShown(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "The recovery kit is not open.",
    safe: "Nothing was changed.",
    next: "Open it with your passphrase first.",
  });
}
