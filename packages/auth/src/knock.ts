/** Knocks: a new node at the door shows its pass to whoever is at home. */

import type { Instant, NodeId } from "@skein/protocol/ids";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Random } from "./crypto/random.ts";
import type { Crypto } from "./crypto/sodium.ts";
import { judgePass } from "./pass.ts";

/** The same knock is repeated until it is answered: its id tells a repetition from a second attempt. */
export function makeKnock(pass: Pass, random: Random): Knock {
  return { id: random.bytes(16), pass };
}

export interface KnockJudgement {
  readonly crypto: Crypto;
  readonly doorSignPublic: Uint8Array;
  readonly knock: Knock;
  readonly now: Instant;
}

export type JudgedKnock =
  | { readonly verdict: "answer"; readonly node: NodeId }
  /** Genuine, but a replay, or made by a clock that is wrong: no reason not to answer, nor one to say that somebody is there. */
  | { readonly verdict: "untimely"; readonly node: NodeId }
  /** Whoever made it did not know the passphrase. */
  | { readonly verdict: "forged" };

export function judgeKnock({ crypto, doorSignPublic, knock, now }: KnockJudgement): JudgedKnock {
  const node = judgePass(crypto, doorSignPublic, knock.pass);
  if (node === undefined) return { verdict: "forged" };
  const timely = Math.abs(now - knock.pass.at) <= knockAgeMillisMax;
  return { verdict: timely ? "answer" : "untimely", node };
}

/** What two clocks and a patient person may differ by. */
const knockAgeMillisMax = 15 * 60_000;
