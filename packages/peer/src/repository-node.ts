/** One repository at this node: its objects and refs, everybody's ref records, and what is fetched from whom. */

import { judgeRecord, signRecord, type RefRecord } from "@skein/auth/repo";
import type { MembershipLog } from "@skein/auth/membership";
import type { NodeKeys } from "@skein/auth/identity";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { PackRejectedError } from "@skein/git/pack-rejected";
import type { Repository } from "@skein/git/repository";
import type { RefChange } from "@skein/git/refs";
import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import {
  instant,
  type Instant,
  type NodeId,
  type ObjectId,
  type RefName,
  type RepoId,
} from "@skein/protocol/ids";
import {
  objectIdsPerWantMax,
  packBytesMax,
  refRecordBytesMax,
  logBytesMax,
} from "@skein/protocol/limits";
import { step } from "@skein/protocol/machine";
import type { NodeMessage } from "@skein/protocol/node-message";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import {
  describeSync,
  repoSync,
  type RepoSyncEffect,
  type RepoSyncEvent,
  type RepoSyncState,
  type StreamHead,
} from "@skein/replication/repo-sync";
import type { Alarms } from "./alarms.ts";
import { FlowFailedError, type Flows } from "./flows.ts";
import type { Inbox } from "./inbox.ts";
import { splitParts, type Ledger, type StoredRepository, type StoredStream } from "./ledger.ts";
import { applyRecord, branchOf, changesTowards, planAdvance } from "./ref-moves.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";
import type { Task, Tasks } from "./tasks.ts";
import { openTurns } from "./turns.ts";

/** What a repository needs from the rest of the peer. */
export interface RepositoryWorld {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly log: MembershipLog;
  readonly clock: Clock;
  readonly seed: () => number;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly ledger: Ledger;
  readonly tasks: Tasks;
  readonly ask: Flows["ask"];
  readonly send: (node: NodeId, message: NodeMessage) => void;
  readonly drop: (node: NodeId) => void;
  readonly nameOf: (node: NodeId) => string;
  /** A view of this repository changed. */
  readonly changed: () => void;
  /** Storage is full or broken: said once, in words. */
  readonly storageFailed: (cause: unknown) => void;
}

/** The tip of a branch moved while something was being prepared on top of it. */
export type Moved = "done" | "moved" | "read-only";

export interface RepositoryNode {
  readonly id: RepoId;
  readonly git: Repository;
  readonly name: () => string;
  readonly refs: () => ReadonlyMap<RefName, ObjectId>;
  readonly head: () => RefName | undefined;
  readonly streams: () => ReadonlyMap<NodeId, StoredStream>;
  readonly sync: () => ReturnType<typeof describeSync>;
  readonly copies: () => ReadonlySet<NodeId>;
  readonly changedAt: () => Instant;
  /** Signs, stores, then moves. Everybody is told after. */
  readonly moveRefs: (
    changes: ReadonlyArray<RefChange>,
    options?: { readonly head?: RefName | undefined; readonly name?: string | undefined },
  ) => Promise<Moved>;
  readonly connected: (node: NodeId) => void;
  readonly gone: (node: NodeId) => void;
  readonly heard: (from: NodeId, streams: ReadonlyArray<StreamHead>) => void;
  readonly membershipChanged: () => void;
  readonly records: (
    request: Extract<StreamRequest, { readonly type: "records" }>,
  ) => Promise<ReadonlyArray<Bytes>>;
  readonly close: () => void;
}

export async function openRepositoryNode(
  world: RepositoryWorld,
  stored: StoredRepository,
  {
    git,
    name,
    createdAt,
  }: { readonly git: Repository; readonly name: string; readonly createdAt: Instant },
): Promise<RepositoryNode> {
  const { crypto, keys, log, clock, ledger, inbox, scope } = world;
  const me = keys.id;
  const repo = stored.id;
  const turns = openTurns();
  const streams = new Map(stored.streams);
  /** Streams whose objects are all here, as they were when the last of them was stored. */
  const ready = new Map<NodeId, StoredStream>();
  const copies = new Set(stored.copies);
  let refs = await git.refs();
  let head = await git.head();
  let changedAt = newest(
    [...streams.values()].map((stream) => stream.at),
    createdAt,
  );

  const machine = repoSync({
    me,
    seed: world.seed(),
    held: [...streams].map(([node, { seq, hash }]) => ({
      node,
      records: { seq, hash },
      objects: stored.held.get(node),
    })),
  });
  let state: RepoSyncState = machine.initial;

  const tell = (event: RepoSyncEvent): void => {
    const [next, effects] = step(machine, state, event);
    state = next;
    for (const effect of effects) perform(effect);
  };

  const perform = (effect: RepoSyncEffect): void => {
    switch (effect.type) {
      case "tell-heads":
        return world.send(effect.to, { type: "repo-heads", repo, streams: effect.streams });
      case "ask-records":
        return scope.start((signal) => askRecords(effect, signal));
      case "judge-record":
        return scope.start(() => judge(effect));
      case "ask-objects":
        return scope.start((signal) => askObjects(effect, signal));
      case "advance":
        return scope.start(() => advance(effect.of));
      case "penalise":
        return world.drop(effect.node);
      case "wake-at":
        return world.alarms.set(`repository ${repo}`, effect.at, (now) =>
          tell({ type: "time-passed", now }),
        );
    }
  };

  const post = (event: (now: Instant) => RepoSyncEvent): void =>
    inbox.post(() => tell(event(clock.now())));

  const askRecords = async (
    { from, of, since }: Extract<RepoSyncEffect, { readonly type: "ask-records" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    try {
      const request = { type: "records", repo, node: of, from: since } as const;
      const bytes = await world.ask(from, request, { bytesMax: logBytesMax, signal });
      const records = splitParts(bytes, { partBytesMax: refRecordBytesMax });
      post((now) =>
        records === undefined
          ? { type: "records-failed", from, of, now }
          : { type: "records-came", from, of, records, now },
      );
    } catch (error) {
      if (!(error instanceof FlowFailedError)) throw error;
      post((now) => ({ type: "records-failed", from, of, now }));
    }
  };

  const judge = async ({
    of,
    bytes,
  }: Extract<RepoSyncEffect, { readonly type: "judge-record" }>): Promise<void> => {
    const signPublic = log.state().nodes.get(of)?.sign;
    const last = streams.get(of);
    if (signPublic === undefined)
      return post((now) => ({
        type: "ref-record-judged",
        of,
        verdict: "refused",
        why: "unknown-writer",
        now,
      }));
    const judged = judgeRecord({ crypto, bytes, signPublic, repo, node: of, last });
    if (judged.verdict !== "accepted") {
      const why = refusals[judged.verdict];
      return post((now) => ({ type: "ref-record-judged", of, verdict: "refused", why, now }));
    }
    const stream = applyRecord(last, judged.record, judged.hash);
    if (stream === undefined)
      return post((now) => ({
        type: "ref-record-judged",
        of,
        verdict: "refused",
        why: "forged",
        now,
      }));
    await ledger.writeRecord(repo, of, { bytes, stream });
    streams.set(of, stream);
    post((now) => ({
      type: "ref-record-judged",
      of,
      verdict: "accepted",
      seq: stream.seq,
      hash: stream.hash,
      now,
    }));
  };

  const askObjects = async (
    { from, of }: Extract<RepoSyncEffect, { readonly type: "ask-objects" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    const target = streams.get(of);
    if (target === undefined) return;
    try {
      await fetchObjects(target, from, signal);
      ready.set(of, target);
      post((now) => ({
        type: "objects-stored",
        of,
        from,
        seq: target.seq,
        hash: target.hash,
        now,
      }));
    } catch (error) {
      if (signal.aborted) return;
      const blame =
        error instanceof FlowFailedError || error instanceof PackRejectedError
          ? "peer"
          : "environment";
      if (blame === "environment") world.storageFailed(error);
      post((now) => ({ type: "objects-failed", of, from, blame, now }));
    }
  };

  const lacking = async (target: StoredStream): Promise<ReadonlyArray<ObjectId>> => {
    const lacked = new Set<ObjectId>();
    for (const { oid } of target.refs)
      if (!lacked.has(oid) && !(await git.objects.has(oid))) lacked.add(oid);
    return [...lacked];
  };

  const fetchObjects = async (
    target: StoredStream,
    from: NodeId,
    signal: AbortSignal,
  ): Promise<void> => {
    for (let wants = await lacking(target); wants.length > 0; wants = await lacking(target)) {
      const asked = wants.slice(0, objectIdsPerWantMax);
      const haves = [...new Set(refs.values())].slice(0, objectIdsPerWantMax);
      let task: Task | undefined;
      try {
        const bytes = await world.ask(
          from,
          { type: "pack", repo, wants: asked, haves },
          {
            bytesMax: packBytesMax,
            signal,
            onProgress: (done) => {
              if (done.bytesAll < tellProgressFromBytes) return;
              task ??= world.tasks.start(`Copying ${nameNow()} from ${world.nameOf(from)}`, {
                cancellable: false,
              });
              task.tell({
                phase: "Receiving",
                share: done.bytes / done.bytesAll,
                detail: `${megabytes(done.bytes)} of ${megabytes(done.bytesAll)} MB, ${done.objects} objects`,
              });
            },
          },
        );
        task?.tell({ phase: "Checking and storing" });
        await git.objects.storePack({ bytes, tips: asked, signal });
      } finally {
        task?.[Symbol.dispose]();
      }
    }
  };

  /** Shows another node's refs as the remote they are; follows it where that only means going forward. */
  const advance = (of: NodeId): Promise<void> =>
    turns.take(async () => {
      const target = ready.get(of);
      if (target === undefined || of === me) return;
      await git.updateRefs(changesTowards(refs, of, target));
      refs = await git.refs();
      const plan = await planAdvance({ git, refs, target });
      if (plan.length > 0)
        await move(plan, { head: refsHere().size === 0 ? target.head : undefined });
      await ledger.writeHeld(repo, of, { seq: target.seq, hash: target.hash });
      changedAt = newest([target.at], changedAt);
      world.changed();
    });

  const isWriter = (): boolean => log.state().nodes.has(me);
  const refsHere = (): ReadonlyMap<RefName, ObjectId> =>
    new Map(
      [...refs].filter(([ref]) => branchOf(ref) !== undefined || ref.startsWith("refs/tags/")),
    );

  /** The record first, the ref after: what is told to others is never ahead of what is durable here. */
  const move = async (
    changes: ReadonlyArray<RefChange>,
    options: { readonly head?: RefName | undefined; readonly name?: string | undefined },
  ): Promise<"done" | "moved"> => {
    const stands = changes.every(({ ref, from }) => refs.get(ref) === from);
    if (!stands) return "moved";
    const signed = isWriter() ? await sign(changes, options) : undefined;
    const done = await git.updateRefs(changes, { head: options.head });
    refs = await git.refs();
    head = await git.head();
    if (signed !== undefined) {
      copies.clear();
      post((now) => ({ type: "record-made", seq: signed.seq, hash: signed.hash, now }));
    }
    changedAt = clock.now();
    world.changed();
    return done;
  };

  const sign = async (
    changes: ReadonlyArray<RefChange>,
    options: { readonly head?: RefName | undefined; readonly name?: string | undefined },
  ): Promise<StoredStream> => {
    const last = streams.get(me);
    const target = new Map(refsHere());
    for (const { ref, to } of changes) {
      if (to === undefined) target.delete(ref);
      else target.set(ref, to);
    }
    const before = new Map((last?.refs ?? []).map(({ ref, oid }) => [ref, oid]));
    const set = [...target]
      .filter(([ref, oid]) => before.get(ref) !== oid)
      .map(([ref, oid]) => ({ ref, oid }));
    const del = [...before.keys()].filter((ref) => !target.has(ref));
    let stream = last;
    do {
      const record: RefRecord = {
        version: 1,
        repo,
        node: me,
        seq: (stream?.seq ?? 0) + 1,
        prev: stream?.hash,
        authHeads: log.heads().slice(0, authHeadsMax),
        at: clock.now(),
        format: "sha1",
        set: set.splice(0, changesPerRecordMax),
        del: del.splice(0, changesPerRecordMax),
        head: options.head ?? last?.head ?? head,
        name: options.name ?? last?.name,
      };
      const { bytes, hash } = signRecord({ crypto, keys, record });
      stream = applyRecord(stream, record, hash);
      assert(stream !== undefined, "our own record applies to our own stream");
      await ledger.writeRecord(repo, me, { bytes, stream });
      streams.set(me, stream);
    } while (set.length > 0 || del.length > 0);
    await ledger.writeHeld(repo, me, { seq: stream.seq, hash: stream.hash });
    return stream;
  };

  /** After a crash between record and ref, the ref follows; after becoming a writer, the record follows. */
  const mend = (): Promise<void> =>
    turns.take(async () => {
      const mine = streams.get(me);
      const changes: RefChange[] = [];
      for (const { ref, oid } of mine?.refs ?? [])
        if (refs.get(ref) !== oid && (await git.objects.has(oid)))
          changes.push({ ref, from: refs.get(ref), to: oid });
      if (changes.length > 0) {
        await git.updateRefs(changes, { head: mine?.head });
        refs = await git.refs();
        head = await git.head();
      }
      const recorded = new Map((mine?.refs ?? []).map(({ ref, oid }) => [ref, oid]));
      const here = refsHere();
      const differs =
        here.size !== recorded.size || [...here].some(([ref, oid]) => recorded.get(ref) !== oid);
      if (isWriter() && differs) await move([], {});
    });

  const nameNow = (): string => {
    const named = [...streams.values()].filter((stream) => stream.name !== undefined);
    const last = named.toSorted((a, b) => b.at - a.at)[0];
    return last?.name ?? name;
  };

  const noteCopies = (from: NodeId, heads: ReadonlyArray<StreamHead>): void => {
    const mine = streams.get(me);
    const all = [...streams].every(([node, { seq }]) =>
      heads.some((theirs) => theirs.node === node && theirs.seq >= seq),
    );
    if (streams.size === 0 || (mine === undefined && !all) || copies.has(from) === all) return;
    if (all) copies.add(from);
    else copies.delete(from);
    scope.start(() => ledger.writeCopies(repo, [...copies]));
    world.changed();
  };

  await mend();
  return {
    id: repo,
    git,
    name: nameNow,
    refs: () => refs,
    head: () => head,
    streams: () => streams,
    sync: () => describeSync(state),
    copies: () => copies,
    changedAt: () => changedAt,
    moveRefs: (changes, options = {}) =>
      turns.take(() =>
        isWriter() ? move(changes, options) : Promise.resolve("read-only" as const),
      ),
    connected: (node) => tell({ type: "peer-connected", node, now: clock.now() }),
    gone: (node) => tell({ type: "peer-gone", node, now: clock.now() }),
    heard: (from, heads) => {
      noteCopies(from, heads);
      tell({ type: "heads-heard", from, streams: heads, now: clock.now() });
    },
    membershipChanged: () => {
      tell({ type: "membership-changed", now: clock.now() });
      scope.start(mend);
    },
    records: async ({ node, from }) => {
      const to = describeSync(state).held.find((held) => held.node === node)?.objects?.seq ?? 0;
      return ledger.readRecords(repo, node, { from, to, bytesMax: logBytesMax });
    },
    close: () => world.alarms.cancel(`repository ${repo}`),
  };
}

function newest(times: ReadonlyArray<number>, least: Instant): Instant {
  return times.reduce<Instant>((latest, at) => (at > latest ? instant(at) : latest), least);
}

function megabytes(count: number): string {
  return (count / 1_000_000).toFixed(1);
}

const refusals = {
  known: "known",
  rollback: "known",
  equivocation: "equivocation",
  gap: "gap",
  forged: "forged",
  graft: "forged",
  downgrade: "forged",
  malformed: "forged",
} as const;

/** So that a record stays well below its limit in bytes, whatever the names. */
const changesPerRecordMax = 100;
/** Enough to say which membership its author knew. */
const authHeadsMax = 16;
/** Below this a copy is over before a person could read about it. */
const tellProgressFromBytes = 512 * 1024;
