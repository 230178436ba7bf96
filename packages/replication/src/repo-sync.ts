/**
 * One repository at one node: who holds what, what is asked of whom, and what is passed on.
 *
 * Rule 1. What is told is only what is here, records and objects both, and was judged here.
 * Rule 2. A thing is asked of one node at a time. Where one fails, another that claims it is asked at once.
 * Rule 3. Whoever breaks promises is asked less and less; nobody who keeps them ever waits for that.
 * Rule 4. Everything may be lost, repeated or late. What is said again every half minute repairs it.
 *
 * Spec: docs/protocol/6-refs.md
 */

import { later, type Instant, type NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Machine, Step } from "@skein/protocol/machine";
import { candidatesFor, type Candidate } from "./choice.ts";
import { hear, newNeighbour, told, withNews, type Neighbour } from "./neighbours.ts";
import type { Head, HeldStream, RepoSyncEffect, RepoSyncEvent, StreamHead } from "./sync-events.ts";
import { emptyPromisesMax, failed, struck, type Trust } from "./trust.ts";
import { emptyStream, keepPending, type Unjudged, type WriterStream } from "./writer-stream.ts";

/** Whoever runs the machine needs its words too. */
export type {
  Head,
  HeldStream,
  RecordRefusal,
  RepoSyncEffect,
  RepoSyncEvent,
  StreamHead,
} from "./sync-events.ts";

export interface RepoSyncState {
  readonly phase: "syncing";
  readonly me: NodeId;
  readonly chance: number;
  readonly writers: ReadonlyMap<NodeId, WriterStream>;
  readonly neighbours: ReadonlyMap<NodeId, Neighbour>;
  /** Nodes that lied, whether they are connected or not. */
  readonly liars: ReadonlyMap<NodeId, Trust>;
  readonly wakeAt: Instant | undefined;
}

/** `seed` is any random number: it spreads this node's repeats apart from those of others. */
export function repoSync({
  me,
  seed,
  held,
  forked = new Set(),
}: {
  readonly me: NodeId;
  readonly seed: number;
  readonly held: ReadonlyArray<HeldStream>;
  /** Writers that were convicted before this program began. */
  readonly forked?: ReadonlySet<NodeId>;
}): Machine<RepoSyncState, RepoSyncEvent, RepoSyncEffect> {
  const writers = new Map<NodeId, WriterStream>();
  for (const node of forked) writers.set(node, { ...emptyStream, frozen: true });
  for (const { node, records, objects } of held)
    writers.set(node, { ...emptyStream, records, objects, frozen: forked.has(node) });
  return {
    initial: {
      phase: "syncing",
      me,
      chance: seed,
      writers,
      neighbours: new Map(),
      liars: new Map(),
      wakeAt: undefined,
    },
    table: {
      syncing: {
        "peer-connected": answer(meet),
        "peer-gone": answer(part),
        "heads-heard": answer(hearHeads),
        "records-came": answer(takeRecords),
        "records-failed": answer(missRecords),
        "ref-record-judged": answer(takeVerdict),
        "objects-stored": answer(takeObjects),
        "objects-failed": answer(missObjects),
        "objects-moved": answer(waitOn),
        "record-made": answer(addOwn),
        "fork-proven": answer(freeze),
        "membership-changed": answer(judgeAgain),
        "time-passed": answer(letTimePass),
      },
    },
    otherwise: (state) => [state, []],
  };
}

/** What this node holds of each writer's stream, and what each connected node said it holds: for the screens. */
export function describeSync(state: RepoSyncState): SyncDescription {
  const writers = [...state.writers];
  return {
    held: writers.flatMap(([node, { records, objects }]) =>
      records === undefined ? [] : [{ node, records, objects }],
    ),
    claims: new Map(
      [...state.neighbours].map(([node, { claims }]) => [
        node,
        [...claims].map(([of, { seq, hash }]) => ({ node: of, seq, hash })),
      ]),
    ),
    frozen: writers.filter(([, { frozen }]) => frozen).map(([node]) => node),
    fetching: writers.flatMap(([of, stream]) =>
      (["records", "objects"] as const).flatMap((what) => {
        const fetch = what === "records" ? stream.recordsFetch : stream.objectsFetch;
        return fetch === undefined ? [] : [{ of, from: fetch.from, what }];
      }),
    ),
  };
}

export interface SyncDescription {
  readonly held: ReadonlyArray<HeldStream>;
  readonly claims: ReadonlyMap<NodeId, ReadonlyArray<StreamHead>>;
  /** Writers whose streams fork. */
  readonly frozen: ReadonlyArray<NodeId>;
  /** Who is asked for what now. */
  readonly fetching: ReadonlyArray<{
    readonly of: NodeId;
    readonly from: NodeId;
    readonly what: "records" | "objects";
  }>;
}

/** One step under way: copies of what may change, and the orders so far. */
interface Draft {
  readonly now: Instant;
  readonly me: NodeId;
  readonly writers: Map<NodeId, WriterStream>;
  readonly neighbours: Map<NodeId, Neighbour>;
  readonly liars: Map<NodeId, Trust>;
  readonly effects: RepoSyncEffect[];
  chance: number;
}

type Told<Type> = Extract<RepoSyncEvent, { readonly type: Type }>;

function answer<E extends RepoSyncEvent>(
  act: (draft: Draft, event: E) => void,
): (state: RepoSyncState, event: E) => Step<RepoSyncState, RepoSyncEffect> {
  return (state, event) => {
    const draft: Draft = {
      now: event.now,
      me: state.me,
      writers: new Map(state.writers),
      neighbours: new Map(state.neighbours),
      liars: new Map(state.liars),
      effects: [],
      chance: state.chance,
    };
    act(draft, event);
    tellWhoIsDue(draft);
    const retryAt = pursueAll(draft);
    // A clock may ring a little early: what it was asked for is asked for again.
    const wakeAtBefore = event.type === "time-passed" ? undefined : state.wakeAt;
    const wakeAt = nextWaking(draft, retryAt);
    if (wakeAt !== undefined && wakeAt !== wakeAtBefore)
      draft.effects.push({ type: "wake-at", at: wakeAt });
    const { effects, now: _now, ...body } = draft;
    return [{ phase: "syncing", ...body, wakeAt }, effects];
  };
}

function nextWaking(draft: Draft, retryAt: Instant | undefined): Instant | undefined {
  const due = [...draft.neighbours.values()].map(({ tellAt }) => tellAt);
  if (retryAt !== undefined) due.push(retryAt);
  for (const { recordsFetch, objectsFetch } of draft.writers.values()) {
    if (recordsFetch !== undefined) due.push(later(recordsFetch.since, recordsMillisMax));
    if (objectsFetch !== undefined) due.push(later(objectsFetch.since, objectsMillisMax));
  }
  const soonest = later(draft.now, 1);
  const least = due.reduce<Instant | undefined>(
    (a, b) => (a === undefined || b < a ? b : a),
    undefined,
  );
  return least !== undefined && least < soonest ? soonest : least;
}

function meet(draft: Draft, { node }: Told<"peer-connected">): void {
  const known = draft.neighbours.get(node);
  draft.neighbours.set(
    node,
    known === undefined ? newNeighbour(draft.now) : withNews(known, draft.now),
  );
}

function part(draft: Draft, { node }: Told<"peer-gone">): void {
  draft.neighbours.delete(node);
  for (const [of, stream] of draft.writers) {
    // Going away is no lie: nothing is counted.
    const recordsFetch = stream.recordsFetch?.from === node ? undefined : stream.recordsFetch;
    const objectsFetch = stream.objectsFetch?.from === node ? undefined : stream.objectsFetch;
    draft.writers.set(of, { ...stream, recordsFetch, objectsFetch });
  }
}

function hearHeads(draft: Draft, { from, streams, now }: Told<"heads-heard">): void {
  const neighbour = draft.neighbours.get(from);
  if (neighbour !== undefined)
    draft.neighbours.set(from, hear(neighbour, { streams, held: heldHeads(draft), now }));
}

function takeRecords(draft: Draft, { from, of, records }: Told<"records-came">): void {
  const stream = draft.writers.get(of);
  if (stream?.recordsFetch?.from !== from) return;
  const next = { ...stream, recordsFetch: undefined, accepted: 0 };
  draft.writers.set(of, next);
  const batch = records.slice(0, recordsPerBatchMax).map((bytes) => ({ from, bytes }));
  if (batch.length === 0) noteFailure(draft, of, from);
  else judge(draft, of, batch);
}

function missRecords(draft: Draft, { from, of }: Told<"records-failed">): void {
  const stream = draft.writers.get(of);
  if (stream?.recordsFetch?.from !== from) return;
  draft.writers.set(of, { ...stream, recordsFetch: undefined });
  noteFailure(draft, of, from);
}

function judge(draft: Draft, of: NodeId, batch: ReadonlyArray<Unjudged>): void {
  const [first] = batch;
  draft.writers.set(of, { ...(draft.writers.get(of) ?? emptyStream), judging: batch });
  if (first !== undefined) draft.effects.push({ type: "judge-record", of, ...first });
}

function takeVerdict(draft: Draft, event: Told<"ref-record-judged">): void {
  const { of } = event;
  const stream = draft.writers.get(of);
  const judged = stream?.judging[0];
  if (stream === undefined || judged === undefined) return;
  const rest = stream.judging.slice(1);
  if (event.verdict === "accepted") {
    const records = farther(stream.records, event);
    draft.writers.set(of, { ...stream, records, accepted: stream.accepted + 1 });
    return rest.length > 0 ? judge(draft, of, rest) : endBatch(draft, of, judged.from);
  }
  if (event.why === "known" && rest.length > 0) return judge(draft, of, rest);
  if (event.why === "unknown-writer") {
    const waiting = [...draft.writers.values()].filter(({ pending }) => pending.length > 0).length;
    const pending = waiting < pendingWritersMax ? keepPending(stream.judging) : [];
    draft.writers.set(of, { ...stream, judging: [], unknown: true, pending });
    return;
  }
  if (event.why === "equivocation") draft.writers.set(of, { ...stream, frozen: true });
  if (event.why === "forged") strike(draft, judged.from, "forged-record");
  endBatch(draft, of, judged.from);
}

/** All that came together was judged. Who gave nothing new has not kept its promise. */
function endBatch(draft: Draft, of: NodeId, from: NodeId): void {
  const stream = draft.writers.get(of) ?? emptyStream;
  draft.writers.set(of, { ...stream, judging: [], accepted: 0 });
  if (stream.accepted > 0) noteSuccess(draft, of, from);
  else noteFailure(draft, of, from);
}

function takeObjects(draft: Draft, { of, from, seq, hash }: Told<"objects-stored">): void {
  const stream = draft.writers.get(of) ?? emptyStream;
  const asked = stream.objectsFetch !== undefined && stream.objectsFetch.from === from;
  const isNew = seq > (stream.objects?.seq ?? 0);
  draft.writers.set(of, {
    ...stream,
    objectsFetch: asked ? undefined : stream.objectsFetch,
    objects: isNew ? { seq, hash } : stream.objects,
  });
  if (asked && from !== undefined) (isNew ? noteSuccess : noteFailure)(draft, of, from);
  if (!isNew) return;
  draft.effects.push({ type: "advance", of, seq, hash });
  spreadNews(draft);
}

function missObjects(draft: Draft, { of, from, blame }: Told<"objects-failed">): void {
  const stream = draft.writers.get(of);
  if (stream?.objectsFetch?.from !== from) return;
  draft.writers.set(of, { ...stream, objectsFetch: undefined });
  if (blame === "peer") strike(draft, from, "bad-objects");
  noteFailure(draft, of, from);
}

function waitOn(draft: Draft, { of, from, now }: Told<"objects-moved">): void {
  const stream = draft.writers.get(of);
  if (stream?.objectsFetch?.from === from)
    draft.writers.set(of, { ...stream, objectsFetch: { from, since: now } });
}

function addOwn(draft: Draft, { seq, hash }: Told<"record-made">): void {
  const stream = draft.writers.get(draft.me) ?? emptyStream;
  if (seq <= (stream.objects?.seq ?? 0)) return;
  const records = farther(stream.records, { seq, hash });
  draft.writers.set(draft.me, { ...stream, records, objects: { seq, hash } });
  spreadNews(draft);
}

function freeze(draft: Draft, { of }: Told<"fork-proven">): void {
  draft.writers.set(of, { ...(draft.writers.get(of) ?? emptyStream), frozen: true });
}

function judgeAgain(draft: Draft): void {
  for (const [of, stream] of draft.writers) {
    if (!stream.unknown) continue;
    draft.writers.set(of, { ...stream, unknown: false, pending: [], accepted: 0 });
    judge(draft, of, stream.pending);
  }
}

function letTimePass(draft: Draft): void {
  for (const [of, { recordsFetch, objectsFetch }] of draft.writers) {
    const { now } = draft;
    if (recordsFetch !== undefined && now >= later(recordsFetch.since, recordsMillisMax))
      missRecords(draft, { type: "records-failed", of, from: recordsFetch.from, now });
    if (objectsFetch !== undefined && now >= later(objectsFetch.since, objectsMillisMax)) {
      const { from } = objectsFetch;
      draft.effects.push({ type: "stop-objects", of, from });
      missObjects(draft, { type: "objects-failed", of, from, blame: "environment", now });
    }
  }
}

function farther(known: Head | undefined, { seq, hash }: Head): Head {
  return known === undefined || seq > known.seq ? { seq, hash } : known;
}

function noteSuccess(draft: Draft, of: NodeId, from: NodeId): void {
  const stream = draft.writers.get(of);
  if (stream === undefined || !stream.trust.has(from)) return;
  const trust = new Map(stream.trust);
  trust.delete(from);
  draft.writers.set(of, { ...stream, trust });
}

function noteFailure(draft: Draft, of: NodeId, from: NodeId): void {
  const stream = draft.writers.get(of);
  if (stream === undefined) return;
  const trust = failed(stream.trust.get(from), draft.now, roll(draft));
  draft.writers.set(of, { ...stream, trust: new Map(stream.trust).set(from, trust) });
  if (trust.failures % emptyPromisesMax === 0) strike(draft, from, "empty-promises");
}

function strike(
  draft: Draft,
  node: NodeId,
  why: "forged-record" | "empty-promises" | "bad-objects",
): void {
  const trust = struck(draft.liars.get(node), draft.now);
  draft.liars.delete(node);
  draft.liars.set(node, trust);
  const [oldest] = draft.liars.keys();
  if (draft.liars.size > liarsMax && oldest !== undefined) draft.liars.delete(oldest);
  draft.effects.push({ type: "penalise", node, why });
}

function spreadNews(draft: Draft): void {
  for (const [node, neighbour] of draft.neighbours)
    draft.neighbours.set(node, withNews(neighbour, draft.now));
}

function tellWhoIsDue(draft: Draft): void {
  const streams = heldHeads(draft);
  for (const [to, neighbour] of draft.neighbours) {
    if (draft.now < neighbour.tellAt) continue;
    draft.effects.push({ type: "tell-heads", to, streams });
    draft.neighbours.set(to, told(neighbour, draft.now, roll(draft)));
  }
}

function heldHeads({ writers }: Draft): ReadonlyArray<StreamHead> {
  return [...writers]
    .flatMap(([node, { objects }]) => (objects === undefined ? [] : [{ node, ...objects }]))
    .slice(0, streamsToldMax);
}

/** Asks for whatever is promised and not here. Answers when to try again what nobody can be asked for now. */
function pursueAll(draft: Draft): Instant | undefined {
  const load = new Map<NodeId, number>();
  for (const { recordsFetch, objectsFetch } of draft.writers.values())
    for (const fetch of [recordsFetch, objectsFetch])
      if (fetch !== undefined) load.set(fetch.from, (load.get(fetch.from) ?? 0) + 1);
  const promised = new Set(draft.writers.keys());
  for (const { claims } of draft.neighbours.values())
    for (const of of claims.keys()) promised.add(of);
  let retryAt: Instant | undefined;
  for (const of of promised) {
    const at = pursue(draft, of, load);
    if (at !== undefined && (retryAt === undefined || at < retryAt)) retryAt = at;
  }
  return retryAt;
}

function pursue(draft: Draft, of: NodeId, load: Map<NodeId, number>): Instant | undefined {
  // What others have of our own stream is no news, or a restored storage: that is seen to apart.
  if (of === draft.me) return undefined;
  const known = draft.writers.get(of);
  if (known === undefined && !makeRoom(draft)) return undefined;
  const candidates = candidatesFor(of, known ?? emptyStream, draft);
  const free = candidates.filter(
    ({ from, restUntil }) => restUntil === undefined && (load.get(from) ?? 0) < fetchesPerNodeMax,
  );
  askForRecords(draft, of, { load, from: free.find(({ records }) => records)?.from });
  askForObjects(draft, of, { load, best: free.find((one) => one.objectsUpTo !== undefined) });
  return candidates.reduce<Instant | undefined>(
    (least, { restUntil }) =>
      restUntil !== undefined && (least === undefined || restUntil < least) ? restUntil : least,
    undefined,
  );
}

function askForRecords(
  draft: Draft,
  of: NodeId,
  { load, from }: { readonly load: Map<NodeId, number>; readonly from: NodeId | undefined },
): void {
  const stream = draft.writers.get(of) ?? emptyStream;
  if (from === undefined || stream.recordsFetch !== undefined || stream.judging.length > 0) return;
  draft.writers.set(of, { ...stream, recordsFetch: { from, since: draft.now } });
  const last = stream.records?.seq ?? 0;
  const isOther = draft.neighbours.get(from)?.claims.get(of)?.seq === last;
  draft.effects.push({ type: "ask-records", from, of, since: isOther ? last : last + 1 });
  load.set(from, (load.get(from) ?? 0) + 1);
}

function askForObjects(
  draft: Draft,
  of: NodeId,
  { load, best }: { readonly load: Map<NodeId, number>; readonly best: Candidate | undefined },
): void {
  const stream = draft.writers.get(of) ?? emptyStream;
  if (best?.objectsUpTo === undefined || stream.objectsFetch !== undefined) return;
  const { from, objectsUpTo: seq } = best;
  draft.writers.set(of, { ...stream, objectsFetch: { from, since: draft.now } });
  draft.effects.push({ type: "ask-objects", from, of, seq });
  load.set(from, (load.get(from) ?? 0) + 1);
}

/** Whether one more stream may be known. What brought nothing so far makes room. */
function makeRoom({ writers }: Draft): boolean {
  if (writers.size < writersMax) return true;
  for (const [of, { records, recordsFetch, judging, frozen }] of writers)
    if (records === undefined && recordsFetch === undefined && judging.length === 0 && !frozen)
      return writers.delete(of);
  return false;
}

/** From 0 to 1, from the seed: good enough to spread nodes apart. */
function roll(draft: Draft): number {
  draft.chance = (Math.imul(draft.chance, 1_664_525) + 1_013_904_223) >>> 0;
  return draft.chance / 2 ** 32;
}

/** What one `repo-heads` carries. */
const streamsToldMax = nodesPerAccountMax * 2;
/** Streams known at once: those of members, and as many that strangers speak of. */
const writersMax = streamsToldMax * 2;
/** Strangers whose records wait here for the membership log. */
const pendingWritersMax = 8;
const liarsMax = 64;
const recordsPerBatchMax = 1_024;
const fetchesPerNodeMax = 4;
/** A stream gives up on its own after a minute of silence; this is for one that trickles. */
const recordsMillisMax = 2 * 60_000;
/** From one slice to the next, as slow as a line may be. */
const objectsMillisMax = 60 * 60_000;
