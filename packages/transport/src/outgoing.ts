/** What waits to go out to a relay: messages, which are few and urgent, and bulk, which is neither. Both are bounded. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, Tag } from "@skein/protocol/ids";
import { affords, affordsAt, refill, spend, type Allowance } from "./allowance.ts";

export interface Waiting {
  readonly tag: Tag;
  readonly payload: Bytes;
  readonly at: Instant;
  /** Worth holding so long for a reader who is away, where the relay does that. */
  readonly keepSeconds?: number;
}

export interface Outgoing {
  readonly messages: ReadonlyArray<Waiting>;
  readonly bulk: ReadonlyArray<Waiting>;
  /** Let go of since the last report. */
  readonly dropped: number;
}

export const nothingOutgoing: Outgoing = { messages: [], bulk: [], dropped: 0 };

/** What the relay allows now. */
export interface Pace {
  readonly messages: Allowance;
  readonly bulk: Allowance;
  /** It refused some: not before this. */
  readonly messagesFrom: Instant;
  readonly bulkFrom: Instant;
}

export function withMessage(outgoing: Outgoing, added: Waiting): Outgoing {
  const [messages, dropped] = bounded([...outgoing.messages, added], messagesBytesMax);
  return { ...outgoing, messages, dropped: outgoing.dropped + dropped };
}

export function withBulk(outgoing: Outgoing, added: Waiting): Outgoing {
  const [bulk, dropped] = bounded([...outgoing.bulk, added], bulkBytesMax);
  return { ...outgoing, bulk, dropped: outgoing.dropped + dropped };
}

/** Without a link bulk is let go of: streams ask for it again, and on another path perhaps. */
export function withoutBulk(outgoing: Outgoing): Outgoing {
  return { ...outgoing, bulk: [], dropped: outgoing.dropped + outgoing.bulk.length };
}

/** Takes what may go out now: messages first, then bulk where the socket has room. */
export function release(
  { messages, bulk, dropped }: Outgoing,
  pace: Pace,
  { now, socketRoom }: { readonly now: Instant; readonly socketRoom: boolean },
): {
  readonly outgoing: Outgoing;
  readonly pace: Pace;
  readonly sendMessages: ReadonlyArray<Waiting>;
  readonly sendBulk: ReadonlyArray<Waiting>;
} {
  const fresh = messages.filter(({ at }) => now - at < staleMillis);
  const first = takeWhileAfforded(fresh, refill(pace.messages, now), {
    open: now >= pace.messagesFrom,
    costOf: () => 1,
  });
  const second = takeWhileAfforded(bulk, refill(pace.bulk, now), {
    open: socketRoom && now >= pace.bulkFrom,
    costOf: ({ payload }) => payload.length,
  });
  return {
    outgoing: {
      messages: first.rest,
      bulk: second.rest,
      dropped: dropped + messages.length - fresh.length,
    },
    pace: { ...pace, messages: first.allowance, bulk: second.allowance },
    sendMessages: first.taken,
    sendBulk: second.taken,
  };
}

/** When `release` would let more go, if nothing else happens. */
export function releaseAt(
  outgoing: Outgoing,
  pace: Pace,
  socketRoom: boolean,
): Instant | undefined {
  const [message] = outgoing.messages;
  const [bulk] = outgoing.bulk;
  const messageAt =
    message === undefined ? undefined : latest(affordsAt(pace.messages, 1), pace.messagesFrom);
  const bulkAt =
    bulk === undefined || !socketRoom
      ? undefined
      : latest(affordsAt(pace.bulk, bulk.payload.length), pace.bulkFrom);
  if (messageAt === undefined || bulkAt === undefined) return messageAt ?? bulkAt;
  return messageAt < bulkAt ? messageAt : bulkAt;
}

export function bulkBytes({ bulk }: Outgoing): number {
  return sizeOf(bulk);
}

function takeWhileAfforded(
  waiting: ReadonlyArray<Waiting>,
  allowance: Allowance,
  { open, costOf }: { readonly open: boolean; readonly costOf: (one: Waiting) => number },
): {
  readonly taken: ReadonlyArray<Waiting>;
  readonly rest: ReadonlyArray<Waiting>;
  readonly allowance: Allowance;
} {
  let left = allowance;
  let count = 0;
  for (const one of open ? waiting : []) {
    if (!affords(left, costOf(one))) break;
    left = spend(left, costOf(one));
    count += 1;
  }
  return { taken: waiting.slice(0, count), rest: waiting.slice(count), allowance: left };
}

/** The newest that fit in `bytesMax`, and how many older ones do not. */
function bounded(
  waiting: ReadonlyArray<Waiting>,
  bytesMax: number,
): readonly [kept: ReadonlyArray<Waiting>, dropped: number] {
  let bytes = sizeOf(waiting);
  let dropped = Math.max(0, waiting.length - waitingMax);
  for (const { payload } of waiting.slice(0, dropped)) bytes -= payload.length;
  while (bytes > bytesMax && dropped < waiting.length) {
    bytes -= waiting[dropped]?.payload.length ?? 0;
    dropped += 1;
  }
  return [dropped === 0 ? waiting : waiting.slice(dropped), dropped];
}

function sizeOf(waiting: ReadonlyArray<Waiting>): number {
  return waiting.reduce((sum, { payload }) => sum + payload.length, 0);
}

function latest(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

const waitingMax = 256;
const messagesBytesMax = 1024 * 1024;
const bulkBytesMax = 512 * 1024;
const staleMillis = 30_000;
