/**
 * What the relay decides about frames: who gets them, what is answered, who has said too much.
 *
 * Knows no sockets, no timers and no clock. A member's way out is handed in; time comes with every call.
 * Frames are whatever came from outside: the worst of them end in a refusal or a closing, never in an exception.
 */

import { presenceBlobsMax } from "@skein/protocol/limits";
import { relayOps } from "@skein/protocol/relay-frame";
import type { RefusedReason } from "@skein/protocol/relay-frames/refused";

import { openBudget, type Budget } from "./budget.ts";
import { openDiscovery } from "./discovery.ts";
import * as read from "./frame-reader.ts";
import * as write from "./frame-writer.ts";
import type { Limits } from "./limits.ts";
import { frameMessage, type Framed } from "./outbox.ts";
import { openTagTable, type TagKey } from "./tag-table.ts";

/** The way to one connection. */
export interface Exit {
  readonly push: (framed: Framed) => void;
  readonly backlogBytes: () => number;
  readonly close: (code: CloseCode) => void;
}

/** 1003 text where only binary is spoken, 1008 against the rules, 1013 too slow: try again later. */
export type CloseCode = 1003 | 1008 | 1013;

export interface Now {
  /** Never goes back. */
  readonly monotonicMillis: number;
  /** Since the epoch. */
  readonly wallMillis: number;
}

/** One connection, from the upgrade to its end. */
export interface Member {
  readonly exit: Exit;
  readonly tags: Set<TagKey>;
  readonly budgets: Budgets;
  /** Until when a refusal for haste is not repeated, by op. */
  readonly hushedUntil: Map<number, number>;
  heardMillis: number;
  hasSpoken: boolean;
  isClosing: boolean;
}

interface Budgets {
  readonly publishes: Budget;
  readonly publishBytes: Budget;
  readonly bulkBytes: Budget;
  readonly requests: Budget;
  readonly violations: Budget;
  readonly speedings: Budget;
}

export interface Hub {
  readonly join: (exit: Exit, now: Now) => Member;
  readonly receive: (member: Member, frame: Buffer, nowMillis: number) => void;
  readonly receiveText: (member: Member) => void;
  readonly ping: (member: Member, nonce: number) => void;
  readonly leave: (member: Member) => void;
  /** Forgets announcements that have run out, and cuts the slowest readers while too much waits for all of them. */
  readonly sweep: (nowMillis: number) => void;
  readonly members: () => ReadonlySet<Member>;
  readonly counts: () => { readonly tags: number; readonly announcements: number };
}

export interface HubRules {
  readonly limits: Limits;
  readonly iceServers: ReadonlyArray<string>;
}

export function openHub({ limits, iceServers }: HubRules): Hub {
  const members = new Set<Member>();
  const table = openTagTable<Member>(limits);
  const discovery = openDiscovery<Member>(limits);

  function receive(member: Member, frame: Buffer, nowMillis: number): void {
    if (member.isClosing) return;
    member.heardMillis = nowMillis;
    const fault = read.judgeFrame(frame, limits.payloadBytesMax);
    const op = frame[0] ?? 0;
    if (fault !== undefined) {
      violate(member, { reason: fault, op, nowMillis });
      return;
    }
    member.hasSpoken = true;
    if (op === relayOps.publish || op === relayOps.bulk) forward(member, frame, nowMillis);
    else answer(member, frame, nowMillis);
  }

  function forward(member: Member, frame: Buffer, nowMillis: number): void {
    const isBulk = frame[0] === relayOps.bulk;
    const audience = table.subscribers(read.tagOf(frame));
    const listeners = audience instanceof Set ? audience.size : audience === undefined ? 0 : 1;
    const cost = frame.length * Math.max(1, listeners);
    const { budgets } = member;
    const waitMillis = isBulk
      ? budgets.bulkBytes.spend(cost, nowMillis)
      : budgets.publishes.spend(1, nowMillis) || budgets.publishBytes.spend(cost, nowMillis);
    if (waitMillis > 0) {
      hasten(member, { op: frame[0] ?? 0, waitMillis, nowMillis });
      return;
    }
    if (audience === undefined || audience === member) return;
    const framed = frameMessage(frame);
    if (!(audience instanceof Set)) deliver(audience, framed, isBulk);
    else
      for (const reader of audience) {
        if (reader !== member) deliver(reader, framed, isBulk);
      }
  }

  function deliver(reader: Member, framed: Framed, isBulk: boolean): void {
    const backlogBytes = reader.exit.backlogBytes() + framed.length;
    if (isBulk && backlogBytes > limits.bulkBacklogBytesMax) return;
    if (backlogBytes > limits.backlogBytesMax) close(reader, 1013);
    else reader.exit.push(framed);
  }

  /** Carries out everything but forwarding. */
  function answer(member: Member, frame: Buffer, nowMillis: number): void {
    const op = frame[0] ?? 0;
    const waitMillis = member.budgets.requests.spend(costOf(frame), nowMillis);
    if (waitMillis > 0) {
      hasten(member, { op, waitMillis, nowMillis });
      return;
    }
    switch (op) {
      case relayOps.subscribe:
        subscribe(member, frame);
        return;
      case relayOps.unsubscribe:
        for (let index = 0; index < read.tagCountOf(frame); index++)
          forget(member, read.tagAt(frame, index));
        return;
      case relayOps.announce:
        announce(member, frame, nowMillis);
        return;
      case relayOps.lookup:
        found(member, frame, { want: read.wantOf(frame), nowMillis });
        return;
      case relayOps.withdraw:
        discovery.withdraw(read.tagOf(frame), member);
        return;
      case relayOps.ping:
        say(member, write.writePong(read.nonceOf(frame)));
        return;
      default:
    }
  }

  /** All tags of the frame or as many as fit; one refusal says that some did not. */
  function subscribe(member: Member, frame: Buffer): void {
    let refusal: RefusedReason | undefined;
    for (let index = 0; index < read.tagCountOf(frame); index++) {
      const tag = read.tagAt(frame, index);
      if (member.tags.has(tag)) continue;
      if (member.tags.size >= limits.tagsPerConnectionMax) refusal = "too-many-tags";
      else {
        const outcome = table.subscribe(tag, member);
        if (outcome === "subscribed") member.tags.add(tag);
        else if (outcome !== "known") refusal = outcome;
      }
    }
    if (refusal !== undefined)
      say(member, write.writeRefused(refusal, { retryMillis: crowdedMillis, op: frame[0] ?? 0 }));
  }

  function announce(member: Member, frame: Buffer, nowMillis: number): void {
    const { seconds, want, blob } = read.announceOf(frame);
    const kept = Math.min(seconds, limits.announceSecondsMax);
    const expiresMillis = nowMillis + kept * 1000;
    const tag = read.tagOf(frame);
    const outcome = discovery.announce({ tag, owner: member, blob, expiresMillis });
    if (outcome === "full")
      say(member, write.writeRefused("full", { retryMillis: crowdedMillis, op: frame[0] ?? 0 }));
    else found(member, frame, { want, nowMillis });
  }

  function found(
    member: Member,
    frame: Buffer,
    { want, nowMillis }: { readonly want: number; readonly nowMillis: number },
  ): void {
    const most = Math.min(want, presenceBlobsMax);
    const question = { tag: read.tagOf(frame), asker: member, want: most, nowMillis };
    say(member, write.writeFound(frame, discovery.lookup(question)));
  }

  /** Refuses what came too fast. The first is answered; until its time is over more of the kind are left out in silence. */
  function hasten(
    member: Member,
    { op, waitMillis, nowMillis }: { op: number; waitMillis: number; nowMillis: number },
  ): void {
    if (member.budgets.speedings.spend(1, nowMillis) > 0) {
      close(member, 1008);
      return;
    }
    if (nowMillis < (member.hushedUntil.get(op) ?? 0)) return;
    member.hushedUntil.set(op, nowMillis + Math.min(waitMillis, 1000));
    say(member, write.writeRefused("too-fast", { retryMillis: waitMillis, op }));
  }

  function violate(
    member: Member,
    { reason, op, nowMillis }: { reason: RefusedReason; op: number; nowMillis: number },
  ): void {
    if (member.budgets.violations.spend(1, nowMillis) > 0) close(member, 1008);
    else say(member, write.writeRefused(reason, { retryMillis: 0, op }));
  }

  /** Replies are never left out: a reader that lets them pile up is cut like any other. */
  function say(member: Member, message: Uint8Array): void {
    deliver(member, frameMessage(message), false);
  }

  function close(member: Member, code: CloseCode): void {
    if (member.isClosing) return;
    leave(member);
    member.exit.close(code);
  }

  function forget(member: Member, tag: TagKey): void {
    if (member.tags.delete(tag)) table.unsubscribe(tag, member);
  }

  function leave(member: Member): void {
    member.isClosing = true;
    members.delete(member);
    for (const tag of member.tags) table.unsubscribe(tag, member);
    member.tags.clear();
    discovery.withdrawAll(member);
  }

  function sweep(nowMillis: number): void {
    discovery.sweep(nowMillis);
    const slowestFirst = [...members]
      .map((member) => ({ member, bytes: member.exit.backlogBytes() }))
      .toSorted((a, b) => b.bytes - a.bytes);
    let total = slowestFirst.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { member, bytes } of slowestFirst) {
      if (total <= limits.backlogTotalBytesMax) return;
      close(member, 1013);
      total -= bytes;
    }
  }

  return {
    join: (exit, { monotonicMillis, wallMillis }) => {
      const member = openMember(exit, limits, monotonicMillis);
      members.add(member);
      say(member, write.writeHello({ limits, iceServers, wallMillis }));
      return member;
    },
    receive,
    receiveText: (member) => close(member, 1003),
    ping: (member, nonce) => say(member, write.writePing(nonce)),
    leave,
    sweep,
    members: () => members,
    counts: () => ({ tags: table.size(), announcements: discovery.size() }),
  };
}

function openMember(exit: Exit, limits: Limits, nowMillis: number): Member {
  const budget = (perSecond: number, burst: number): Budget =>
    openBudget({ perSecond, burst }, nowMillis);
  return {
    exit,
    tags: new Set(),
    budgets: {
      publishes: budget(limits.publishesPerSecond, limits.publishesBurst),
      publishBytes: budget(limits.publishBytesPerSecond, limits.publishBytesBurst),
      bulkBytes: budget(limits.bulkBytesPerSecond, limits.bulkBytesBurst),
      requests: budget(limits.requestsPerSecond, limits.requestsBurst),
      violations: budget(1000 / limits.violationForgivenMillis, limits.violationsMax),
      speedings: budget(limits.speedingsForgivenPerSecond, limits.speedingsMax),
    },
    hushedUntil: new Map(),
    heardMillis: nowMillis,
    hasSpoken: false,
    isClosing: false,
  };
}

/** What a request costs of the request budget: long tag lists count for several. */
function costOf(frame: Buffer): number {
  return 1 + Math.floor(frame.length / 512);
}

/** When to ask again for what was full: others leave or run out meanwhile. */
const crowdedMillis = 30_000;
