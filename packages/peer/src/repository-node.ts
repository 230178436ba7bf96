/** One repository at this node: its objects and refs, everybody's ref records, and what is fetched from whom. */

import { cleanName } from "@skein/auth/pass";
import { PackRejectedError } from "@skein/git/pack-rejected";
import type { RefChange } from "@skein/git/refs";
import type { Repository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import {
  instant,
  type Instant,
  type NodeId,
  type ObjectId,
  type RefName,
  type RepoId,
} from "@skein/protocol/ids";
import { logBytesMax } from "@skein/protocol/limits";
import { step } from "@skein/protocol/machine";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { describeSync, type RepoSyncState } from "@skein/replication/repo-sync";
import type { RepoSyncEffect, RepoSyncEvent, StreamHead } from "@skein/replication/sync-events";
import { openCatchingUp, type CatchingUp } from "./catching-up.ts";
import { ConnectedAsking } from "./connected-asking.ts";
import { Copies } from "./copies.ts";
import { FlowFailedError } from "./flows.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { StoredRepository, StoredStream } from "./ledger.ts";
import { openObjectCopying, type Fetch } from "./object-copying.ts";
import { OwnGiving, twoPlaces } from "./own-giving.ts";
import { openPackKeeping, type PackKeeping } from "./pack-keeping.ts";
import { fetchRecords } from "./record-fetching.ts";
import {
  changesOwed,
  changesTowards,
  havesTowards,
  isRecorded,
  planAdvance,
  sharedRefs,
  tipsOf,
  type MoveOptions,
  type MoveOutcome,
} from "./ref-moves.ts";
import { RefStreams } from "./ref-streams.ts";
import type { RepositoryWorld } from "./repository-world.ts";
import { syncOf } from "./stored-sync.ts";
import { openTurns } from "./turns.ts";

type Ordered<T extends RepoSyncEffect["type"]> = Extract<RepoSyncEffect, { readonly type: T }>;

export class RepositoryNode {
  readonly id: RepoId;
  readonly git: Repository;
  readonly heartbeats: Heartbeats;
  readonly #world: RepositoryWorld;
  readonly #bornAs: string;
  readonly #streams: RefStreams;
  readonly #own: OwnGiving;
  readonly #turns = openTurns();
  readonly #copying = openObjectCopying((asked) => {
    this.#post({ type: "objects-moved", ...asked, now: this.#now() });
    this.#catching.moved();
  });
  readonly #catching: CatchingUp;
  /** Streams as they were when all that they name was here. */
  readonly #ready = new Map<NodeId, StoredStream>();
  readonly #copies: Copies;
  readonly #keeping: PackKeeping;
  readonly #asking = new ConnectedAsking();
  readonly #sync: ReturnType<typeof syncOf>;
  #state: RepoSyncState;
  #refs: ReadonlyMap<RefName, ObjectId> = new Map();
  #head: RefName | undefined;
  #changedAt: Instant;
  #retired = false;

  /** Opens what is stored, and mends what a crash left half-said. */
  static async open(
    world: RepositoryWorld,
    stored: StoredRepository,
    born: { readonly git: Repository; readonly name: string; readonly at: Instant },
  ): Promise<RepositoryNode> {
    const node = new RepositoryNode(world, stored, born);
    await node.#own.restore(stored.given);
    await node.#readRefs();
    await node.#mendLater();
    if (node.#own.isForked()) world.notice(twoPlaces(node.name()));
    node.#keeping.opened();
    return node;
  }

  private constructor(
    world: RepositoryWorld,
    stored: StoredRepository,
    born: { readonly git: Repository; readonly name: string; readonly at: Instant },
  ) {
    this.id = stored.id;
    this.#world = world;
    this.#bornAs = born.name;
    this.#streams = new RefStreams(world, stored);
    const { id: repo, heartbeats } = stored;
    this.#own = new OwnGiving(world, this.#streams, repo);
    this.heartbeats = new Heartbeats(world, {
      repo,
      stored: heartbeats,
      given: () => this.#own.given(),
      streamOf: (node) => this.#streams.all().get(node),
      forked: (of) => world.scope.start(() => this.#freeze(of)),
    });
    this.#copies = new Copies(stored.copies);
    this.#keeping = openPackKeeping({
      ...world,
      id: stored.id,
      git: born.git,
      tips: () => this.#tips(),
      turns: this.#turns,
      isRetired: () => this.#retired,
    });
    this.git = this.#keeping.git;
    this.#catching = openCatchingUp({
      ...world,
      id: stored.id,
      git: this.git,
      turns: this.#turns,
      own: this.#own,
      copying: this.#copying,
      guard: this.#keeping.guard,
      name: () => this.name(),
      refs: () => this.#refs,
      ownRefs: () => this.#ownRefs(),
      isRetired: () => this.#retired,
      fetching: (target, rest) => this.#fetching(world.keys.id, target, rest),
      tellMade: (stream) => this.#tellMade(stream),
      move: (plan, why) => this.#move(plan, { why }),
    });
    this.#changedAt = instant(
      Math.max(born.at, ...[...stored.streams.values()].map((stream) => stream.at)),
    );
    this.#sync = syncOf(world, stored);
    this.#state = this.#sync.initial;
  }

  // --- What screens see. ---

  /** What the repository is called now: the newest name that any writer gave it. */
  name(): string {
    const named = [...this.#streams.all().values()].filter(({ name }) => name !== undefined);
    return cleanName(named.toSorted((a, b) => b.at - a.at)[0]?.name ?? this.#bornAs);
  }

  refs(): ReadonlyMap<RefName, ObjectId> {
    return this.#refs;
  }

  head(): RefName | undefined {
    return this.#head;
  }

  streams(): ReadonlyMap<NodeId, StoredStream> {
    return this.#streams.all();
  }

  sync(): ReturnType<typeof describeSync> {
    return describeSync(this.#state);
  }

  /** Nodes that hold everything that is here. */
  copies(): ReadonlySet<NodeId> {
    return this.#copies.holders();
  }

  changedAt(): Instant {
    return this.#changedAt;
  }

  // --- What happens here. ---

  /** Signs, stores, then moves. Others are told after. */
  moveRefs(changes: ReadonlyArray<RefChange>, options: MoveOptions = {}): Promise<MoveOutcome> {
    return this.#turns.take(async () => {
      if (this.#isInTwoPlaces()) return "two-places";
      return this.#isWriter() ? await this.#move(changes, options) : "read-only";
    });
  }

  /** Lets go of what nobody can reach. `busy`: not now. */
  freeSpace(signal: AbortSignal): ReturnType<PackKeeping["collect"]> {
    return this.#keeping.collect({ signal, worthBytes: 1, unfinished: "goes" });
  }

  // --- What other nodes say. ---

  connected(node: NodeId): void {
    this.#tell({ type: "peer-connected", node, now: this.#now() });
    this.heartbeats.connected(node);
  }

  gone(node: NodeId): void {
    this.#asking.end(node, "the node is gone");
    this.#tell({ type: "peer-gone", node, now: this.#now() });
    this.heartbeats.gone(node);
    this.#own.gone(node);
  }

  heard(from: NodeId, heads: ReadonlyArray<StreamHead>): void {
    this.#copies.claimed(from, heads);
    this.#recountCopies(false);
    if (this.#own.told(from, heads) && this.#isWriter())
      this.#whileConnected(from, (until) => this.#catching.from(from, until));
    this.#tell({ type: "heads-heard", from, streams: heads, now: this.#now() });
  }

  membershipChanged(): void {
    this.#tell({ type: "membership-changed", now: this.#now() });
    this.signOwed();
  }

  /** Signs what its refs are, if that was not signed. */
  signOwed(): void {
    this.#world.scope.start(() => this.#mendLater());
  }

  /** Ref records for another node, as far as their objects are here. */
  records(
    { node, from }: Extract<StreamRequest, { readonly type: "records" }>,
    asking: NodeId,
  ): Promise<ReadonlyArray<Bytes>> {
    const read = (upTo: number): Promise<ReadonlyArray<Bytes>> => {
      const held = this.sync().held.find((stream) => stream.node === node);
      const to = Math.min(upTo, held?.objects?.seq ?? 0);
      return this.#world.ledger.readRecords(this.id, node, { from, to, bytesMax: logBytesMax });
    };
    if (node !== this.#world.keys.id) return read(Number.MAX_SAFE_INTEGER);
    // Neither signed nor replaced between the word that they may be given and their reading.
    return this.#turns.take(async () => {
      const upTo = await this.#own.give(asking, from);
      return upTo === undefined ? [] : await read(upTo);
    });
  }

  /** It is taken off this device: nothing more happens to it, and what was happening has ended. */
  retire(): Promise<void> {
    this.#retired = true;
    this.#asking.endAll("the repository is removed");
    this.close();
    return this.#turns.take(() => Promise.resolve());
  }

  close(): void {
    this.heartbeats.close();
    this.#keeping.close();
    this.#world.alarms.cancel(`repository ${this.id}`);
  }

  // --- The machine and its orders. ---

  #tell(event: RepoSyncEvent): void {
    if (this.#retired) return;
    const [next, effects] = step(this.#sync, this.#state, event);
    this.#state = next;
    for (const effect of effects) this.#perform(effect);
  }

  #post(event: RepoSyncEvent): void {
    this.#world.inbox.post(() => this.#tell(event));
  }

  #perform(effect: RepoSyncEffect): void {
    const { send, scope, drop, alarms } = this.#world;
    switch (effect.type) {
      case "tell-heads":
        return send(effect.to, { type: "repo-heads", repo: this.id, streams: effect.streams });
      case "ask-records":
        return this.#whileConnected(effect.from, (until) => this.#askRecords(effect, until));
      case "judge-record":
        return scope.start(() => this.#judge(effect));
      case "ask-objects":
        return this.#whileConnected(effect.from, (until) => this.#askObjects(effect, until));
      case "stop-objects":
        return this.#copying.stop(effect.of, effect.from);
      case "advance":
        return scope.start(() => this.#turns.take(() => this.#advance(effect.of)));
      case "penalise":
        // Whoever only fails to deliver may have a bad line; whoever lies is not spoken with.
        return effect.why === "empty-promises" ? undefined : drop(effect.node);
      case "wake-at":
        return alarms.set(`repository ${this.id}`, effect.at, (now) =>
          this.#tell({ type: "time-passed", now }),
        );
    }
  }

  #whileConnected(node: NodeId, ask: (until: AbortSignal) => Promise<void>): void {
    this.#world.scope.start((signal) => this.#asking.whileConnected(node, signal, ask));
  }

  async #askRecords(
    { from, of, since }: Ordered<"ask-records">,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const wanted = { repo: this.id, node: of, from: since, signal };
      const records = await fetchRecords(this.#world.ask, from, wanted);
      this.#post({ type: "records-came", from, of, records, now: this.#now() });
    } catch (error) {
      if (!(error instanceof FlowFailedError)) throw error;
      this.#post({ type: "records-failed", from, of, now: this.#now() });
    }
  }

  async #judge({ of, bytes }: Ordered<"judge-record">): Promise<void> {
    const judged = await this.#streams.judge(of, bytes).catch((error: unknown) => {
      // Asked for again later, from wherever it is.
      this.#world.storageFailed(error);
      return "gap" as const;
    });
    const said = { type: "ref-record-judged", of, now: this.#now() } as const;
    if (typeof judged === "string") this.#post({ ...said, verdict: "refused", why: judged });
    else this.#post({ ...said, verdict: "accepted", seq: judged.seq, hash: judged.hash });
  }

  async #askObjects(
    { from, of, seq: wanted }: Ordered<"ask-objects">,
    signal: AbortSignal,
  ): Promise<void> {
    const target = this.#streams.at(of, wanted);
    if (target === undefined) return this.#missObjects(of, from, "environment");
    const { nameOf, storageFailed } = this.#world;
    try {
      const title = `Copying ${this.name()} from ${nameOf(from)}`;
      const arrived = (): void => void this.#ready.set(of, target);
      const fetching = () => this.#fetching(of, target, { title, arrived });
      await this.#copying.copy({ of, from, signal, fetching });
      const { seq, hash } = target;
      this.#post({ type: "objects-stored", of, from, seq, hash, now: this.#now() });
    } catch (error) {
      const misbehaved = error instanceof FlowFailedError && error.why === "misbehaved";
      const blame = misbehaved || error instanceof PackRejectedError ? "peer" : "environment";
      const isStorage = !(error instanceof FlowFailedError) && blame === "environment";
      if (isStorage && !signal.aborted) storageFailed(error);
      this.#missObjects(of, from, blame);
    }
  }

  #fetching(of: NodeId, target: StoredStream, rest: Pick<Fetch, "title" | "arrived">): Fetch {
    // What came for another stream is here, though no ref shows it yet.
    const came = [...this.#ready.values()].flatMap(({ refs }) => refs.map(({ oid }) => oid));
    const haves = [...havesTowards(this.#refs, of, target), ...came];
    const { id: repo, git } = this;
    return { ...this.#world, ...rest, repo, git, guard: this.#keeping.guard, target, haves };
  }

  #missObjects(of: NodeId, from: NodeId, blame: "peer" | "environment"): void {
    this.#post({ type: "objects-failed", of, from, blame, now: this.#now() });
  }

  /** Shows another node's refs as the remote they are; follows it where that only means going forward. */
  async #advance(of: NodeId): Promise<void> {
    const target = this.#ready.get(of);
    if (target === undefined || of === this.#world.keys.id) return;
    await this.git.updateRefs(changesTowards(this.#refs, of, target));
    await this.#readRefs();
    const plan = await planAdvance({ git: this.git, refs: this.#refs, target });
    const isFirst = this.#ownRefs().size === 0;
    if (plan.length > 0)
      await this.#move(plan, {
        head: isFirst ? target.head : undefined,
        why: `came from ${this.#world.nameOf(of)}`,
        followed: true,
      });
    await this.#world.ledger.writeHeld(this.id, of, { seq: target.seq, hash: target.hash });
    this.#changedAt = instant(Math.max(this.#changedAt, target.at));
    this.#recountCopies(true);
    this.#keeping.changed();
    this.#world.changed();
  }

  /** Another node said two things in one place. */
  async #freeze(of: NodeId): Promise<void> {
    this.#post({ type: "fork-proven", of, now: this.#now() });
    await this.#streams.convict(of).catch((error: unknown) => this.#world.storageFailed(error));
  }

  // --- Refs. ---

  #isWriter(): boolean {
    return this.#world.log.state().nodes.has(this.#world.keys.id) && !this.#isInTwoPlaces();
  }

  #isInTwoPlaces(): boolean {
    return this.#own.isForked() || this.#world.standsStill();
  }

  async #readRefs(): Promise<void> {
    this.#refs = await this.git.refs();
    this.#head = await this.git.head();
  }

  #ownRefs(): ReadonlyMap<RefName, ObjectId> {
    return sharedRefs(this.#refs);
  }

  /** The record first, the ref after: what others are told is never ahead of what is durable here. */
  async #move(
    changes: ReadonlyArray<RefChange>,
    { head, name, why, followed }: MoveOptions,
  ): Promise<"done" | "moved"> {
    if (changes.some(({ ref, from }) => this.#refs.get(ref) !== from)) return "moved";
    const refs = new Map(this.#ownRefs());
    for (const { ref, to } of changes) {
      if (to === undefined) refs.delete(ref);
      else refs.set(ref, to);
    }
    const signed = this.#isWriter()
      ? await this.#streams.sign({ refs, head: head ?? this.#head, name })
      : undefined;
    const done = await this.git.updateRefs(changes, { head, why, followed });
    await this.#readRefs();
    this.#changedAt = this.#now();
    if (signed !== undefined) {
      this.#recountCopies(true);
      this.#tellMade(signed);
    }
    this.#keeping.changed();
    this.#world.changed();
    return done;
  }

  #tellMade({ seq, hash }: StoredStream): void {
    this.#post({ type: "record-made", seq, hash, now: this.#now() });
  }

  /** What is owed stays owed while there is no room for it: the repository can be read all the same. */
  async #mendLater(): Promise<void> {
    try {
      await this.#mend();
    } catch (error) {
      this.#world.storageFailed(error);
    }
  }

  /** After a crash between record and ref, the ref follows. After becoming a writer, or after an import, the record follows. */
  #mend(): Promise<void> {
    return this.#turns.take(async () => {
      const mine = this.#streams.all().get(this.#world.keys.id);
      const changes = await changesOwed(this.git, this.#refs, mine);
      if (changes.length > 0) await this.git.updateRefs(changes, { head: mine?.head });
      await this.#readRefs();
      if (this.#isWriter() && !isRecorded(mine, this.#ownRefs())) await this.#move([], {});
    });
  }

  /** What other nodes were told is here, and what a person has begun: kept, whatever refs say. */
  async #tips(): Promise<ReadonlyArray<ObjectId>> {
    const drafts = await this.#world.ledger.readDrafts(this.id);
    return tipsOf([...this.#streams.remembered(), ...this.#ready.values()], drafts);
  }

  #recountCopies(grown: boolean): void {
    if (!this.#copies.compare(this.#streams.all(), grown)) return;
    const { scope, ledger, changed } = this.#world;
    scope.start(() => ledger.writeCopies(this.id, [...this.#copies.holders()]));
    changed();
  }

  #now(): Instant {
    return this.#world.clock.now();
  }
}
