/**
 * Whether this node signs nothing, because another program holds its keys: from the moment that it is known until its person
 * says how to go on, also after a restart. What is written meanwhile is kept as a draft.
 */

import { instant, type Instant, type NodeId } from "@skein/protocol/ids";
import type { Ledger, StoredStandstill } from "./ledger.ts";
import type { Clock } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Scope } from "./scope.ts";

interface StandstillOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly changed: () => void;
}

export class Standstill {
  readonly #options: StandstillOptions;
  #now: StoredStandstill | undefined;
  /** Its person knows of the copy, which stands still too: until the next start they are asked no more. */
  #goesOn: NodeId | undefined;

  constructor(options: StandstillOptions) {
    this.#options = options;
  }

  /** Since when; `undefined`: it does not stand still. */
  since(): Instant | undefined {
    return this.#now && instant(this.#now.since);
  }

  /** Takes up what an earlier program of this node knew. A device that signed in anew is another node. */
  async restore(me: NodeId): Promise<void> {
    const stored = await this.#options.ledger.readStandstill();
    // It may have met its copy meanwhile.
    if (this.#now?.node !== me) this.#now = stored?.node === me ? stored : undefined;
  }

  /** Another program showed just now that it holds the keys of `me`. */
  begin(me: NodeId): void {
    if (this.#now?.node === me || this.#goesOn === me) return;
    const { clock, ledger, scope, changed } = this.#options;
    const now = { node: me, since: clock.now() };
    this.#now = now;
    scope.start(() => ledger.writeStandstill(now));
    changed();
  }

  /** A person said that it is this one that goes on. */
  async end(): Promise<void> {
    await this.#options.ledger.forgetStandstill();
    this.#goesOn = this.#now?.node;
    this.#now = undefined;
    this.#options.changed();
  }

  /** Throws what a person is told who would have something signed. */
  assertNone(): void {
    if (this.#now !== undefined) throw twoPlaces();
  }
}

/** Also where two different records of this node were found: a choice cannot undo that. */
export function twoPlaces(): CommandRefusedError {
  return new CommandRefusedError("two_places", {
    what: "This device's keys are in two places, so nothing is signed here.",
    safe: "Nothing was changed. What you wrote is kept on this device as a draft.",
    next: "The top of the page says how this device can go on.",
  });
}
