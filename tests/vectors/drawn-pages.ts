/** The pages of docs/ that are drawn from the code: machines from their tables, attacks from the titles of tests. */

import { approvalApprover } from "@skein/auth/approval-approver";
import {
  approvalAsker,
  type Asked,
  type AskerEvent,
  type AskerState,
} from "@skein/auth/approval-asker";
import { lockMachine, type Event as LockEvent } from "@skein/auth/lock";
import { keyDebtMachine, type Event as DebtEvent } from "@skein/auth/membership-debts";
import { recoveryExport, type Event as ExportEvent } from "@skein/auth/recovery-export";
import { sessionMachine } from "@skein/auth/session-machine";
import type { Event as SessionEvent } from "@skein/auth/session-state";
import { formatUtf8 } from "@skein/protocol/bytes";
import { instant, later, parseNodeId, type Instant } from "@skein/protocol/ids";
import { edges, step, type Machine } from "@skein/protocol/machine";
import type { RelayHello } from "@skein/protocol/relay-frames/hello";
import { directPath, type DirectPathEvent } from "@skein/peer/direct-path";
import { repoSync } from "@skein/replication/repo-sync";
import { relayLink, type RelayLinkEvent } from "@skein/transport/relay-link";
import { streamsBetween, type StreamsEvent } from "@skein/transport/streams";

interface Phase {
  readonly phase: string;
}

interface Typed {
  readonly type: string;
}

/** A machine, and facts that are tried on it to see where they lead. */
export interface Subject {
  readonly file: string;
  readonly title: string;
  readonly says: string;
  readonly source: string;
  readonly lines: ReadonlyArray<string>;
  readonly initial: string;
  readonly arrows: ReadonlySet<string>;
}

function draw<State extends Phase, Event extends Typed, Effect>(
  machine: Machine<State, Event, Effect>,
  page: Pick<Subject, "file" | "title" | "says" | "source">,
  facts: (state: State, now: Instant) => ReadonlyArray<Event>,
): Subject {
  return {
    ...page,
    lines: edges(machine),
    initial: machine.initial.phase,
    arrows: explore(machine, facts),
  };
}

/** Every `phase --> phase: event` that was seen while the facts were tried on every state they lead to. */
function explore<State extends Phase, Event extends Typed, Effect>(
  machine: Machine<State, Event, Effect>,
  facts: (state: State, now: Instant) => ReadonlyArray<Event>,
): ReadonlySet<string> {
  const arrows = new Set<string>();
  const seen = new Set<string>();
  const queue: Array<readonly [State, Instant]> = [[machine.initial, instant(1_000_000)]];
  for (const [state, now] of queue) {
    if (queue.length > statesMax) break;
    for (const pause of pauses) {
      const then = later(now, pause);
      for (const event of facts(state, then)) {
        const [next] = step(machine, state, event);
        arrows.add(`${state.phase} --> ${next.phase}: ${event.type}`);
        const print = JSON.stringify(next, plain);
        if (seen.has(print)) continue;
        seen.add(print);
        queue.push([next, then]);
      }
    }
  }
  return arrows;
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...value];
  return value instanceof Set ? [...value] : value;
}

/** One page: what the machine is for, the picture, and what it answers in each phase. */
export function pageOf({ title, says, source, lines, initial, arrows }: Subject): string {
  const moves = [...arrows].filter((arrow) => !/^(\S+) --> \1:/u.test(arrow)).toSorted();
  const moved = new Set(moves.map((arrow) => arrow.replace(/ --> \S+:/u, " :")));
  const stays = lines.filter((line) => !moved.has(line));
  const phases = new Set(lines.map((line) => line.replace(/ : .*/u, "")));
  const eventOf = (line: string): string => line.replace(/^.* : /u, "");
  const isEverywhere = (event: string): boolean =>
    phases.size > 1 && stays.filter((line) => eventOf(line) === event).length === phases.size;
  const everywhere = [...new Set(stays.map(eventOf))].filter(isEverywhere);
  return [
    `# ${title}`,
    "",
    says,
    "",
    `Source: [${source}](../../${source}).`,
    "",
    "Drawn from the machine's table by [drawn-pages.ts](../../tests/vectors/drawn-pages.ts). Arrows were seen to be",
    "taken; what is listed inside a phase is answered there without leaving it. Whatever is not shown is out of turn.",
    "",
    "```mermaid",
    "stateDiagram-v2",
    `  [*] --> ${initial}`,
    ...moves.map((arrow) => `  ${arrow}`),
    ...stays.filter((line) => !isEverywhere(eventOf(line))).map((line) => `  ${line}`),
    "```",
    "",
    ...(everywhere.length === 0
      ? []
      : [
          `In every phase, without leaving it: ${everywhere.map((event) => `\`${event}\``).join(", ")}.`,
          "",
        ]),
  ].join("\n");
}

const id = Uint8Array.of(1);
const other = Uint8Array.of(2);
const node = parseNodeId("aa".repeat(32));
if (node === undefined) throw new Error("sixty-four hex digits are a node id");

const asked: Asked = {
  id,
  nonce: id,
  commitment: id,
  handshakeHash: id,
  name: "",
  platform: "",
  askedAt: instant(1_000_000),
};

const idOf = (state: AskerState): Uint8Array<ArrayBuffer> =>
  state.phase === "asking" || state.phase === "comparing" ? state.asked.id : other;

const hello: RelayHello = {
  version: 1,
  now: 0,
  payloadBytesMax: 65_536,
  tagsMax: 256,
  publishesPerSecond: 50,
  bulkBytesPerSecond: 1_000_000,
  pingMillis: 25_000,
  announceSecondsMax: 3_600,
  keepSecondsMax: 0,
  iceServers: [],
};

const attempts = ["ours", "theirs"] as const;
const statesMax = 2_000;
/** A moment, a retry, a patience, a life. */
const pauses = [0, 30_000, 400_000] as const;

export const subjects: ReadonlyArray<Subject> = [
  draw(
    sessionMachine,
    {
      file: "session.md",
      title: "Session",
      says: "When to greet another node, whom to believe and when to give up ([3. Sessions](../protocol/3-sessions.md)).",
      source: "packages/auth/src/session-machine.ts",
    },
    (state, now): ReadonlyArray<SessionEvent> => {
      const when = { at: now, clock: now, chance: 0.5 };
      const link = state.phase === "greeting" ? state.greeting.link : (state.next?.id ?? 0);
      return [
        { type: "session-wanted", ...when },
        {
          type: "message-offered",
          queued: { message: formatUtf8("hi"), path: undefined },
          ...when,
        },
        { type: "hello-received", stamp: now * 2, hello: "one", run: "run", ...when },
        { type: "welcome-received", link, run: "run", ...when },
        { type: "stale-received", link, seen: now * 3, ...when },
        { type: "data-received", link: state.current?.id ?? link, isEmpty: true, ...when },
        { type: "stray-received", ...when },
        { type: "path-restored", ...when },
        { type: "time-passed", ...when },
      ];
    },
  ),
  draw(
    keyDebtMachine,
    {
      file: "key-debt.md",
      title: "Key debt",
      says: "Who renews the read key, and when ([5. Membership](../protocol/5-membership.md)).",
      source: "packages/auth/src/membership-debts.ts",
    },
    (_state, now): ReadonlyArray<DebtEvent> => [
      { type: "account-changed", owes: true, rank: 1, at: now, chance: 0.5 },
      { type: "account-changed", owes: false, rank: 1, at: now, chance: 0.5 },
      { type: "time-passed", at: now },
    ],
  ),
  draw(
    recoveryExport,
    {
      file: "recovery-export.md",
      title: "Writing the recovery kit down",
      says: "Shown once, typed back, and only then forgotten here ([5. Membership](../protocol/5-membership.md)).",
      source: "packages/auth/src/recovery-export.ts",
    },
    (state): ReadonlyArray<ExportEvent> =>
      // A person who never types it right has as many tries as they like.
      state.phase === "asked" && state.tries > 2
        ? []
        : [
            { type: "kit-opened" },
            { type: "kit-put-away" },
            { type: "kit-returned", fits: true },
            { type: "kit-returned", fits: false },
            { type: "left" },
          ],
  ),
  draw(
    lockMachine,
    {
      file: "lock.md",
      title: "Lock",
      says: "When a node locks itself, and how it is opened again.",
      source: "packages/auth/src/lock.ts",
    },
    (_state, now): ReadonlyArray<LockEvent> => [
      { type: "lock-set", patience: 60_000, at: now },
      { type: "lock-removed" },
      { type: "found-locked", patience: 60_000 },
      { type: "person-acted", at: now },
      { type: "work-went-on", at: now },
      { type: "patience-set", patience: 60_000, at: now },
      { type: "lock-asked" },
      { type: "unlock-tried" },
      { type: "vault-answered", fits: true, at: now },
      { type: "vault-answered", fits: false, at: now },
      { type: "time-passed", at: now },
    ],
  ),
  draw(
    approvalAsker,
    {
      file: "approval-asker.md",
      title: "Approval, the asker",
      says: "A replica asks one member to be let in ([5. Membership](../protocol/5-membership.md)).",
      source: "packages/auth/src/approval-asker.ts",
    },
    (state, now): ReadonlyArray<AskerEvent> => [
      { type: "approval-wanted", asked, now },
      { type: "nonce-received", id: idOf(state), nonce: id, now },
      { type: "news-received", id: idOf(state), step: "denied", triesLeft: 0, now },
      { type: "admitted", now },
      { type: "approval-withdrawn", now },
      { type: "time-passed", now },
    ],
  ),
  draw(
    approvalApprover,
    {
      file: "approval-approver.md",
      title: "Approval, the approver",
      says: "A member keeps the requests that wait for its person ([5. Membership](../protocol/5-membership.md)).",
      source: "packages/auth/src/approval-approver.ts",
    },
    () => [],
  ),
  draw(
    streamsBetween({ opens: "odd", start: 0 }),
    {
      file: "streams.md",
      title: "Streams",
      says: "The streams of one session, both ways ([4. Messages](../protocol/4-messages.md)).",
      source: "packages/transport/src/streams.ts",
    },
    (_state, now): ReadonlyArray<StreamsEvent> => [
      { type: "session-up", now },
      { type: "session-lost", now },
    ],
  ),
  draw(
    relayLink({ seed: 1 }),
    {
      file: "relay-link.md",
      title: "Relay link",
      says: "A node's link to a relay, dialled again when it breaks ([1. Relay](../protocol/1-relay.md)).",
      source: "packages/transport/src/relay-link.ts",
    },
    (_state, now): ReadonlyArray<RelayLinkEvent> => [
      { type: "started", now },
      { type: "stopped", now },
      { type: "try-now", now },
      { type: "socket-opened", now },
      { type: "frame-received", frame: { type: "hello", ...hello }, now },
      { type: "socket-closed", code: 1006, now },
      { type: "time-passed", now },
    ],
  ),
  draw(
    directPath,
    {
      file: "direct-path.md",
      title: "Direct path",
      says: "When to try WebRTC with one node, and whether it can be used ([4. Messages](../protocol/4-messages.md)).",
      source: "packages/peer/src/direct-path.ts",
    },
    (_state, now): ReadonlyArray<DirectPathEvent> => [
      { type: "session-up", opens: true, fresh: "ours", now },
      { type: "session-up", opens: false, fresh: "ours", now },
      { type: "session-down", now },
      ...attempts.flatMap((attempt) => [
        { type: "attempt-heard", attempt, now } as const,
        { type: "connected", attempt, now } as const,
        { type: "stalled", attempt, now } as const,
        { type: "closed", attempt, chance: 0.5, now } as const,
      ]),
      { type: "try-now", fresh: "ours", now },
      { type: "time-passed", fresh: "ours", now },
    ],
  ),
  draw(
    repoSync({ me: node, seed: 1, held: [] }),
    {
      file: "replication.md",
      title: "Replication",
      says: "One repository at one node: who holds what, and what is asked of whom ([6. Refs](../protocol/6-refs.md)).",
      source: "packages/replication/src/repo-sync.ts",
    },
    () => [],
  ),
];
