/** What others say of our own stream that is not here: how long that is believed without being shown, and how often it is asked for. */

import { later, type Instant, type NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";

interface Claim {
  /** When it first held something back. */
  readonly since: Instant;
  /** `shown`: the records came, signed with our key. `empty`: it was asked, and had nothing that counts. */
  readonly found: "nothing yet" | "shown" | "empty";
  readonly failures: number;
  readonly restUntil: Instant;
}

/** Each node has one claim, whatever it says how often: who lies holds us back once, and not for long. */
export class OwnClaims {
  readonly #claims = new Map<NodeId, Claim>();

  /** Whether something may be true that this node says and that is not here. */
  isBelieved(node: NodeId, now: Instant): boolean {
    const claim = this.#claimOf(node, now);
    if (claim === undefined || claim.found !== "nothing yet") return claim?.found === "shown";
    return now < later(claim.since, believedMillis);
  }

  /** Whether it is asked for now. */
  mayAsk(node: NodeId, now: Instant): boolean {
    const claim = this.#claimOf(node, now);
    return claim === undefined || now >= claim.restUntil;
  }

  shown(node: NodeId, now: Instant): void {
    this.#change(node, now, { found: "shown" });
  }

  /** `answered`: it was there, and what it said does not bear it out. */
  failed(node: NodeId, now: Instant, { answered }: { readonly answered: boolean }): void {
    const before = this.#claimOf(node, now);
    if (before === undefined) return;
    const failures = before.failures + 1;
    const rest = Math.min(restMillisMin * 2 ** (failures - 1), restMillisMax);
    const found = answered ? "empty" : before.found;
    this.#change(node, now, { found, failures, restUntil: later(now, rest) });
  }

  /** What it said is here now. */
  forget(node: NodeId): void {
    this.#claims.delete(node);
  }

  /** `undefined`: too many claim something. */
  #claimOf(node: NodeId, now: Instant): Claim | undefined {
    const known = this.#claims.get(node);
    if (known !== undefined || this.#claims.size >= claimsMax) return known;
    const claim = { since: now, found: "nothing yet", failures: 0, restUntil: now } as const;
    this.#claims.set(node, claim);
    return claim;
  }

  #change(node: NodeId, now: Instant, change: Partial<Claim>): void {
    const claim = this.#claimOf(node, now);
    if (claim !== undefined) this.#claims.set(node, { ...claim, ...change });
  }
}

/** Members, and as many replicas. */
const claimsMax = nodesPerAccountMax * 2;
/** Longer than a stream that is silent is waited for, twice. */
const believedMillis = 2 * 60_000;
/** Less than the time between two words of what a node holds: the next of them asks again. */
const restMillisMin = 15_000;
const restMillisMax = 10 * 60_000;
