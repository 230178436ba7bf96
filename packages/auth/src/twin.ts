/** Twins: two programs that run with one node's keys find out about each other, whatever a relay says again. */

import { formatHex } from "@skein/protocol/bytes";
import type { Instant } from "@skein/protocol/ids";
import type { Twin } from "@skein/protocol/topic-messages/twin";
import type { Random } from "./crypto/random.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";

export interface TwinWatch {
  /** What is said when something looks like a twin; absent where that was asked a moment ago. */
  readonly ask: (now: Instant) => Twin | undefined;
  /** `met`: somebody else holds our keys, and was running after we began. `answer`: what is said in turn. */
  readonly hear: (
    twin: Twin,
    now: Instant,
  ) => { readonly met: boolean; readonly answer: Twin | undefined };
}

/** For one run of a program: nothing of it is stored, so that nobody could have answered it before it began. */
export function openTwinWatch({
  crypto,
  keys,
  random,
}: {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly random: Random;
}): TwinWatch {
  const run = random.bytes(runBytes);
  const mine = formatHex(run);
  const met = new Set<string>();
  const answered = new Map<string, Instant>();
  let askedAt: Instant | undefined;

  const say = (to: Twin["to"]): Twin => ({ run, to, signature: keys.sign("twin", run, to) });
  const isOurs = ({ run: from, to, signature }: Twin): boolean =>
    crypto.verify(keys.signPublic, crypto.hash("twin", from, to), signature);
  const meet = (from: string): boolean => {
    if (met.has(from) || met.size >= runsMax) return false;
    met.add(from);
    return true;
  };
  const mayAnswer = (from: string, now: Instant): boolean => {
    if (!isPast(answered.get(from), now, answerMillis)) return false;
    answered.delete(from);
    answered.set(from, now);
    const [oldest] = answered.keys();
    if (answered.size > runsMax && oldest !== undefined) answered.delete(oldest);
    return true;
  };

  return {
    ask: (now) => {
      if (!isPast(askedAt, now, askMillis)) return undefined;
      askedAt = now;
      return say(nobody);
    },
    hear: (twin, now) => {
      const [from, to] = [formatHex(twin.run), formatHex(twin.to)];
      if (from === mine || !isOurs(twin)) return nothing;
      if (to === mine) return meet(from) ? { met: true, answer: say(twin.run) } : nothing;
      return to === formatHex(nobody) && mayAnswer(from, now)
        ? { met: false, answer: say(twin.run) }
        : nothing;
    },
  };
}

/** Also where the clock was set back meanwhile. */
function isPast(before: Instant | undefined, now: Instant, millis: number): boolean {
  return before === undefined || Math.abs(now - before) >= millis;
}

const nothing = { met: false, answer: undefined } as const;
const runBytes = 16;
const nobody = new Uint8Array(runBytes);
/** A relay that shows old blobs again does not make us chatter. */
const askMillis = 10_000;
const answerMillis = 60_000;
/** Runs that are remembered: more copies of one profile are told of no more than once each. */
const runsMax = 32;
