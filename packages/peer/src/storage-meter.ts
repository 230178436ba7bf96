/** How full this device's storage is, measured now and then while something changes. */

import { later, type Instant } from "@skein/protocol/ids";
import type { Ports } from "./ports.ts";
import type { Scope } from "./scope.ts";
import type { StorageView } from "./views.ts";

export class StorageMeter {
  readonly #measure: Ports["measureStorage"];
  readonly #now: () => Instant;
  readonly #scope: Scope;
  readonly #changed: () => void;
  #view: StorageView = { usedBytes: undefined, quotaBytes: undefined, persisted: undefined };
  #dueAt: Instant | undefined;

  constructor({
    ports,
    scope,
    changed,
  }: {
    readonly ports: Pick<Ports, "measureStorage" | "clock">;
    readonly scope: Scope;
    readonly changed: () => void;
  }) {
    this.#measure = ports.measureStorage;
    this.#now = () => ports.clock.now();
    this.#scope = scope;
    this.#changed = changed;
  }

  view(): StorageView {
    return this.#view;
  }

  keep(kept: Pick<StorageView, "persisted">): void {
    this.#view = { ...this.#view, ...kept };
    this.#changed();
  }

  /** Something changed. `much`: enough to measure at once. */
  look({ much }: { readonly much: boolean }): void {
    const measure = this.#measure;
    const now = this.#now();
    if (measure === undefined || (!much && this.#dueAt !== undefined && now < this.#dueAt)) return;
    this.#dueAt = later(now, betweenMillis);
    this.#scope.start(async () => {
      const { usedBytes, quotaBytes } = await measure();
      if (usedBytes === this.#view.usedBytes && quotaBytes === this.#view.quotaBytes) return;
      this.#view = { ...this.#view, usedBytes, quotaBytes };
      this.#changed();
    });
  }
}

/** Browsers count slowly and roughly. */
const betweenMillis = 30_000;
