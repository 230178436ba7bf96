/** The session with one other node as the machine sees it: what it remembers, what it is told, what it orders. No keys. */

import type { Bytes } from "@skein/protocol/bytes";

// --- State ---

/** Milliseconds that have passed here: never jumps, whatever the clock on the wall does. */
export type Elapsed = number;

/** One handshake's keys, by the number under which the edge holds them. */
export interface Link {
  readonly id: number;
  readonly weGreeted: boolean;
  /** Names the run of the other side's program: another one has forgotten all that was said before. */
  readonly run: string;
  readonly born: Elapsed;
  readonly heard: Elapsed;
  readonly sent: number;
}

export interface Queued {
  readonly message: Bytes;
  readonly path: string | undefined;
}

/** A HELLO of ours that is still unanswered. */
interface Greeting {
  readonly link: number;
  readonly stamp: number;
  readonly retryAt: Elapsed;
}

interface Common {
  /** Whether our node id is the higher one: it decides between equal stamps. */
  readonly outranks: boolean;
  /** The last stamp we used. */
  readonly stamp: number;
  /** The highest stamp of theirs that we accepted, and the HELLO that bore it. */
  readonly seen: number;
  readonly seenHello: string | undefined;
  readonly current: Link | undefined;
  /** Accepted from for a little longer: packets overtake each other. */
  readonly previous: (Link & { readonly replaced: Elapsed }) | undefined;
  /** Answered by us, not yet confirmed by them: nothing is sent on it. */
  readonly next: Link | undefined;
  readonly queue: ReadonlyArray<Queued>;
  /** Somebody asked for a session that there is not yet. */
  readonly wanted: boolean;
  readonly isUp: boolean;
  /** Since when we have been greeting without hearing anything. */
  readonly tryingSince: Elapsed | undefined;
  readonly tries: number;
  /** Since when something we sent may have been for nothing. */
  readonly unansweredSince: Elapsed | undefined;
  /** Since when we have been hearing without saying anything. */
  readonly owedSince: Elapsed | undefined;
  readonly staleAt: Elapsed;
  readonly nudgedAt: Elapsed;
  readonly links: number;
}

export type Quiet = Common & { readonly phase: "quiet" };
export type Greets = Common & { readonly phase: "greeting"; readonly greeting: Greeting };
export type State = Quiet | Greets;

export function initialState({ outranks }: { readonly outranks: boolean }): State {
  return {
    phase: "quiet",
    outranks,
    stamp: 0,
    seen: 0,
    seenHello: undefined,
    current: undefined,
    previous: undefined,
    next: undefined,
    queue: [],
    wanted: false,
    isUp: false,
    tryingSince: undefined,
    tries: 0,
    unansweredSince: undefined,
    owedSince: undefined,
    staleAt: Number.NEGATIVE_INFINITY,
    nudgedAt: Number.NEGATIVE_INFINITY,
    links: 0,
  };
}

// --- Event ---

/** When it happened, by both clocks, and a number from 0 to 1 that chance gave. */
export interface Happening {
  readonly at: Elapsed;
  /** What the clock on the wall says, right or wrong. */
  readonly clock: number;
  readonly chance: number;
}

export type Occurrence =
  | { readonly type: "session-wanted" }
  | { readonly type: "message-offered"; readonly queued: Queued }
  /** Authentic, from a node we may connect to. `hello` tells it from every other. */
  | {
      readonly type: "hello-received";
      readonly stamp: number;
      readonly hello: string;
      readonly run: string;
    }
  /** Authentic, the answer to the greeting of that link. */
  | { readonly type: "welcome-received"; readonly link: number; readonly run: string }
  | { readonly type: "stale-received"; readonly link: number; readonly seen: number }
  /** Authentic and not heard before. */
  | { readonly type: "data-received"; readonly link: number; readonly isEmpty: boolean }
  /** A packet for a session that we do not have. */
  | { readonly type: "stray-received" }
  | { readonly type: "path-restored" }
  | { readonly type: "time-passed" };

export type Event = Occurrence & Happening;

// --- Effect ---

export type Effect =
  | { readonly type: "send-hello"; readonly link: number; readonly stamp: number }
  | { readonly type: "send-welcome"; readonly link: number }
  | { readonly type: "send-stale"; readonly seen: number }
  /** Without a message: an empty packet, which confirms the key or says "still here". */
  | { readonly type: "send-data"; readonly link: number; readonly queued: Queued | undefined }
  | { readonly type: "deliver-message" }
  | { readonly type: "refuse-message"; readonly message: Bytes }
  | { readonly type: "tell-up"; readonly link: number }
  | { readonly type: "tell-down"; readonly why: "silent" | "restarted" }
  | { readonly type: "forget-link"; readonly link: number };
