/** When this node first saw each entry of the membership log, by its own clock. An author dates its entries as it likes. */

import type { MembershipLog } from "@skein/auth/membership";
import { instant, type EntryId, type Instant } from "@skein/protocol/ids";
import type { Ledger, StoredSeen } from "./ledger.ts";
import type { Clock } from "./ports.ts";

export class FirstSeen {
  readonly #log: MembershipLog;
  readonly #clock: Clock;
  readonly #at: Map<EntryId, Instant>;

  static async open({
    log,
    clock,
    ledger,
  }: {
    readonly log: MembershipLog;
    readonly clock: Clock;
    readonly ledger: Ledger;
  }): Promise<FirstSeen> {
    const stored = await ledger.readSeen();
    return new FirstSeen(log, clock, stored);
  }

  private constructor(log: MembershipLog, clock: Clock, stored: StoredSeen) {
    this.#log = log;
    this.#clock = clock;
    this.#at = new Map(stored.map(({ entry, at }) => [entry, instant(at)]));
  }

  at(entry: EntryId): Instant | undefined {
    return this.#at.get(entry);
  }

  /** What is in the log and was not before is seen now. Answers whether there was any. */
  note(): boolean {
    const now = this.#clock.now();
    let isNews = false;
    for (const { id } of this.#log.told()) {
      if (this.#at.has(id)) continue;
      this.#at.set(id, now);
      isNews = true;
    }
    // A flooded log puts entries aside.
    for (const id of this.#at.keys()) if (!this.#log.has(id)) this.#at.delete(id);
    return isNews;
  }

  stored(): StoredSeen {
    return [...this.#at].map(([entry, at]) => ({ entry, at }));
  }
}
