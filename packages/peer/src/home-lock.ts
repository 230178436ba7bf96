/** The lock on this node: set and taken off by its person, closed when asked to or when nobody was here for long, opened by passkey or words. */

import { SecretKey } from "@skein/auth/crypto/secret";
import { lockMachine, type Event, type State } from "@skein/auth/lock";
import type { Passkey } from "@skein/auth/key-store";
import { formatHex } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import type { Alarms } from "./alarms.ts";
import type { HomeVault } from "./home-vault.ts";
import type { Ports } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Tasks } from "./tasks.ts";
import type { LockView } from "./views.ts";
import { deriveDoor } from "./words.ts";

/** What a person brings to open it: what their passkey derived, or their words. */
export type GivenKey = { readonly derived: Uint8Array } | { readonly words: string };

interface HomeLockOptions {
  readonly vault: HomeVault;
  readonly ports: Pick<Ports, "clock" | "crypto" | "unlocker">;
  readonly alarms: Alarms;
  readonly changed: () => void;
  /** Work that a person began is under way: the lock does not end it under their absence. */
  readonly tasks: Pick<Tasks, "isPersonsUnderWay">;
  /** Whatever is in memory has to go now. */
  readonly lock: () => void;
}

export class HomeLock {
  readonly #options: HomeLockOptions;
  #state: State = lockMachine.initial;

  constructor(options: HomeLockOptions) {
    this.#options = options;
  }

  view(): LockView {
    const { vault } = this.#options;
    const salt = formatHex(vault.salt());
    const lock = vault.lock();
    return {
      keys: vault.kind,
      salt,
      set: lock && { passkey: lock.passkey, patience: lock.patience },
    };
  }

  /** The program began, and the vault is locked. */
  found(): void {
    this.#tell({ type: "found-locked", patience: this.#options.vault.patience() });
  }

  /** One try at a time. It opens only if that is still wanted when it is known that the key fits. */
  async unlock(given: GivenKey, isWanted: () => boolean): Promise<boolean> {
    if (this.#state.phase !== "locked") throw notLocked();
    this.#tell({ type: "unlock-tried" });
    let fits = false;
    try {
      fits = (await this.#try(given)) && isWanted();
    } finally {
      if (!fits) this.#options.vault.forget();
      this.#tell({ type: "vault-answered", fits, at: this.#now() });
    }
    return fits;
  }

  /** `door`: that of the words, which open it too. */
  async set(door: Uint8Array, passkey: Passkey | undefined): Promise<void> {
    const { vault } = this.#options;
    await vault.setLock({ door, passkey });
    this.#tell({ type: "lock-set", patience: vault.patience(), at: this.#now() });
  }

  async remove(): Promise<void> {
    await this.#options.vault.setLock(undefined);
    this.#tell({ type: "lock-removed" });
  }

  async setPatience(patience: number | undefined): Promise<void> {
    this.personActed();
    if (this.#state.phase !== "open") throw noLock();
    await this.#options.vault.setPatience(patience);
    this.#tell({ type: "patience-set", patience, at: this.#now() });
  }

  personActed(): void {
    if (this.#state.phase !== "open") return;
    const type = this.#options.tasks.isPersonsUnderWay() ? "work-went-on" : "person-acted";
    this.#tell({ type, at: this.#now() });
  }

  lockNow(): void {
    if (this.#state.phase !== "open") throw noLock();
    this.#tell({ type: "lock-asked" });
  }

  close(): void {
    this.#options.alarms.cancel("lock");
  }

  #tell(event: Event): void {
    const { alarms, lock, changed } = this.#options;
    const [next, effects] = step(lockMachine, this.#state, event);
    this.#state = next;
    for (const effect of effects)
      if (effect.type === "wipe-keys") lock();
      else alarms.set("lock", instant(effect.at), (at) => this.#timePassed(at));
    changed();
  }

  async #try(given: GivenKey): Promise<boolean> {
    const { vault, ports } = this.#options;
    if ("derived" in given) {
      using derived = new SecretKey(Uint8Array.from(given.derived));
      return await vault.unlock({ derived });
    }
    using door = await deriveDoor(ports, given.words);
    return await vault.unlock({ door });
  }

  #timePassed(at: number): void {
    if (this.#options.tasks.isPersonsUnderWay()) this.#tell({ type: "work-went-on", at });
    this.#tell({ type: "time-passed", at });
  }

  #now(): number {
    return this.#options.ports.clock.now();
  }
}

function noLock(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This device has no lock.",
    safe: "Nothing was changed.",
    next: "Set one first, under Devices.",
  });
}

function notLocked(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This device is not locked, or is being unlocked just now.",
    safe: "Nothing was changed.",
  });
}
