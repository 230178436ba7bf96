/** All repositories at this node: opened from storage, made here, or heard of from other nodes. */

import type { RefFrontier } from "@skein/auth/membership-entry";
import { judgeRepoGenesis, makeRepoGenesis } from "@skein/auth/repo";
import { cleanName } from "@skein/auth/pass";
import type { Files } from "@skein/git/files";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { openRepository, type Repository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, type Instant, type NodeId, type RepoId } from "@skein/protocol/ids";
import { repositoriesPerAccountMax, repoGenesisBytesMax } from "@skein/protocol/limits";
import type { RefHeartbeats } from "@skein/protocol/node-messages/ref-heartbeats";
import type { RepoHeads } from "@skein/protocol/node-messages/repo-heads";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { FlowFailedError, NoSourceError } from "./flows.ts";
import { sourceOf, type Source } from "./sources.ts";
import type { StoredRepository } from "./ledger.ts";
import { fetchObjects } from "./object-fetching.ts";
import { findPack } from "./object-sending.ts";
import { joinParts } from "./parts.ts";
import type { Ports } from "./ports.ts";
import { knownAt } from "./ref-streams.ts";
import { RepositoryNode } from "./repository-node.ts";
import type { RepositoryWorld } from "./repository-world.ts";

type Asked = Exclude<StreamRequest, { readonly type: "entries" }>;

interface Birth {
  readonly name: string;
  readonly at: Instant;
}

interface OpenedGit {
  readonly git: Repository;
  readonly files: Files;
}

interface Opened {
  readonly node: RepositoryNode;
  readonly files: Files;
  readonly genesis: Bytes;
}

export type RepositoryPorts = Pick<
  Ports,
  "random" | "openFiles" | "storedRepositories" | "removeFiles" | "breathe"
>;

export class Repositories {
  readonly #world: RepositoryWorld;
  readonly #ports: RepositoryPorts;
  /** Stored here, and not to be opened: whatever others say of them waits until the next start. */
  readonly #shut = new Set<RepoId>();
  readonly #opened = new Map<RepoId, Opened>();
  readonly #connected = new Set<NodeId>();
  /** Repositories that a person took off this device, with what must not be forgotten of them. */
  readonly #removed = new Map<RepoId, StoredRepository>();
  /** Who has what of those. */
  readonly #elsewhere = new Map<RepoId, Map<NodeId, RepoHeads>>();
  /** Repositories whose genesis is being fetched, with what was heard of them meanwhile. */
  readonly #arriving = new Map<RepoId, Map<NodeId, RepoHeads>>();
  /** Repositories by somebody whom the log does not know: the entry that admits them may be on its way. */
  readonly #unplaced = new Map<RepoId, ReadonlyMap<NodeId, RepoHeads>>();

  constructor(world: RepositoryWorld, ports: RepositoryPorts) {
    this.#world = world;
    this.#ports = ports;
  }

  /** Opens what is stored. */
  async open(): Promise<void> {
    const { ledger } = this.#world;
    const here = await this.#ports.storedRepositories();
    const repositories = await ledger.readRepositories();
    for (const stored of repositories) {
      if (stored.removed) this.#removed.set(stored.id, stored);
      // oxlint-disable-next-line no-await-in-loop -- a phone opens a hundred databases one after another, not at once.
      else await this.#openStored(stored, this.#birthOf(stored));
    }
    const kept = repositories.filter(({ removed }) => !removed);
    const known = new Set<string>(kept.map(({ id }) => id));
    this.#world.scope.start(() => this.#sweep(here.filter((id) => !known.has(id))));
  }

  /** One that cannot be opened keeps nobody from the others. */
  async #openStored(stored: StoredRepository, born: Birth): Promise<void> {
    try {
      await this.#add(stored, await this.#openGit(stored.id), born);
    } catch (error) {
      this.#shut.add(stored.id);
      this.#world.cannotOpen(born.name, error);
    }
  }

  /** A tab that was closed in the middle of an import leaves objects that nothing names. */
  async #sweep(leftovers: ReadonlyArray<string>): Promise<void> {
    await Promise.allSettled(leftovers.map((id) => this.#ports.removeFiles(id)));
  }

  all(): ReadonlyArray<RepositoryNode> {
    return [...this.#opened.values()].map(({ node }) => node);
  }

  find(id: string): RepositoryNode | undefined {
    return this.all().find((node) => node.id === id);
  }

  /** `fill` stores objects and moves refs; only after it has resolved does the repository exist. */
  async create(name: string, fill: (git: Repository) => Promise<void>): Promise<RepositoryNode> {
    const { crypto, keys, log, clock, ledger } = this.#world;
    const { random } = this.#ports;
    const at = clock.now();
    const made = makeRepoGenesis({ crypto, keys, account: log.account, name, at, random });
    const opened = await this.#openGit(made.repo);
    try {
      await fill(opened.git);
      await ledger.writeGenesis(made.repo, made.bytes);
    } catch (error) {
      await opened.files.close();
      await this.#sweep([made.repo]);
      throw error;
    }
    return this.#add(newborn(made.repo, made.bytes), opened, { name, at });
  }

  // --- Where a person wants it kept. ---

  /** With how many connected nodes have it. What was forgotten shows once one has. */
  removed(): ReadonlyArray<{
    readonly id: string;
    readonly name: string;
    readonly holders: number;
  }> {
    return [...this.#removed.values()].flatMap((stored) => {
      const holders = this.#elsewhere.get(stored.id)?.size ?? 0;
      if (stored.forgotten && holders === 0) return [];
      const named = [...stored.streams.values()].filter(({ name }) => name !== undefined);
      const newest = named.toSorted((a, b) => b.at - a.at)[0]?.name;
      return { id: stored.id, name: cleanName(newest ?? this.#birthOf(stored).name), holders };
    });
  }

  /** Gives up one that was taken off. What this node signed in it stays known here. */
  async forget(id: string): Promise<void> {
    const stored = [...this.#removed.values()].find((one) => one.id === id);
    if (stored === undefined) return;
    await this.#world.ledger.writeForgotten(stored.id);
    this.#removed.set(stored.id, { ...stored, forgotten: true });
    this.#world.changed();
  }

  /** Takes it off this device. Other nodes are told that nothing of it is here any more. */
  async remove(id: RepoId): Promise<void> {
    const { ledger, changed } = this.#world;
    const opened = this.#opened.get(id);
    if (opened === undefined) return;
    await ledger.writeRemoved(id);
    const stored = (await ledger.readRepositories()).find((one) => one.id === id);
    this.#opened.delete(id);
    if (stored !== undefined) this.#removed.set(id, stored);
    const claims = [...opened.node.sync().claims].filter(([, streams]) => streams.length > 0);
    this.#elsewhere.set(
      id,
      new Map(claims.map(([node, streams]) => [node, { repo: id, streams }] as const)),
    );
    await opened.node.retire();
    for (const peer of this.#connected) this.#tellNothingHere(peer, id);
    changed();
    await opened.files.close();
    // What cannot be removed now is swept at the next start.
    await this.#sweep([id]);
  }

  /** Copies it here again, from whoever is connected and has what this node had. */
  async bringBack(id: string, signal: AbortSignal): Promise<boolean> {
    const stored = [...this.#removed.values()].find((one) => one.id === id);
    if (stored === undefined) return false;
    const { ledger, keys, inbox } = this.#world;
    const heard = this.#elsewhere.get(stored.id) ?? new Map<NodeId, RepoHeads>();
    const opened = await this.#openGit(stored.id);
    const mine = stored.streams.get(keys.id);
    for (const from of heard.keys()) {
      // oxlint-disable-next-line no-await-in-loop -- the first that has all is enough.
      if (!(await this.#fetchOwn(opened.git, stored, { from, signal }))) continue;
      const held = new Map(
        mine === undefined ? [] : [[keys.id, { seq: mine.seq, hash: mine.hash }]],
      );
      // oxlint-disable-next-line no-await-in-loop
      for (const [node, head] of held) await ledger.writeHeld(stored.id, node, head);
      // oxlint-disable-next-line no-await-in-loop
      await ledger.writeBroughtBack(stored.id);
      this.#removed.delete(stored.id);
      this.#elsewhere.delete(stored.id);
      // oxlint-disable-next-line no-await-in-loop
      const node = await this.#add({ ...stored, held }, opened, this.#birthOf(stored));
      inbox.post(() => {
        for (const [peer, { streams }] of heard)
          if (this.#connected.has(peer)) node.heard(peer, streams);
      });
      return true;
    }
    await opened.files.close();
    await this.#sweep([stored.id]);
    return false;
  }

  /** What this node's own branches and tags were when the repository was taken off. */
  async #fetchOwn(
    git: Repository,
    stored: StoredRepository,
    { from, signal }: { readonly from: NodeId; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { keys, nameOf } = this.#world;
    const target = stored.streams.get(keys.id);
    if (!this.#connected.has(from)) return false;
    if (target === undefined) return true;
    const title = `Copying ${this.#birthOf(stored).name} from ${nameOf(from)}`;
    const repo = stored.id;
    try {
      const fetching = { ...this.#world, repo, git, title, from, target, haves: [], signal };
      // It is not open yet: nothing is collected.
      await fetchObjects({ ...fetching, guard: (work) => work(), arrived: () => {} });
      return true;
    } catch (error) {
      if (error instanceof FlowFailedError || error instanceof PackRejectedError) return false;
      throw error;
    }
  }

  #birthOf({ id, genesis }: StoredRepository): Birth {
    const { crypto, log } = this.#world;
    const judged = judgeRepoGenesis({ crypto, bytes: genesis, account: log.account });
    return { name: judged?.name ?? id.slice(0, 8), at: judged?.at ?? instant(0) };
  }

  #tellNothingHere(to: NodeId, repo: RepoId): void {
    this.#world.send(to, { type: "repo-heads", repo, streams: [] });
  }

  // --- What other nodes say. ---

  heard(from: NodeId, heads: RepoHeads): void {
    const known = this.#opened.get(heads.repo);
    if (known !== undefined) return known.node.heard(from, heads.streams);
    if (this.#removed.has(heads.repo)) return this.#heardElsewhere(from, heads);
    const waiting = this.#arriving.get(heads.repo);
    if (waiting !== undefined) {
      waiting.set(from, heads);
      return undefined;
    }
    const count = this.#opened.size + this.#arriving.size + this.#shut.size;
    if (this.#shut.has(heads.repo) || count >= repositoriesPerAccountMax) return undefined;
    this.#arriving.set(heads.repo, new Map([[from, heads]]));
    return this.#world.scope.start((signal) => this.#arrive(heads.repo, signal));
  }

  heardHeartbeats(from: NodeId, { repo, heartbeats }: RefHeartbeats): void {
    this.#opened.get(repo)?.node.heartbeats.heard(from, heartbeats);
  }

  connected(node: NodeId): void {
    this.#connected.add(node);
    for (const repository of this.all()) repository.connected(node);
    for (const repo of this.#removed.keys()) this.#tellNothingHere(node, repo);
  }

  gone(node: NodeId): void {
    this.#connected.delete(node);
    for (const repository of this.all()) repository.gone(node);
    for (const heard of this.#elsewhere.values()) heard.delete(node);
  }

  /** Signs what this node's refs are where it was not signed. */
  signOwed(): void {
    for (const repository of this.all()) repository.signOwed();
  }

  membershipChanged(): void {
    for (const repository of this.all()) repository.membershipChanged();
    const again = [...this.#unplaced.values()];
    this.#unplaced.clear();
    for (const heard of again)
      for (const [node, heads] of heard) if (this.#connected.has(node)) this.heard(node, heads);
  }

  /** Answers streams. Throws `NoSourceError`. */
  async source(to: NodeId, request: Asked, signal: AbortSignal): Promise<Source> {
    const opened = this.#opened.get(request.repo);
    if (opened === undefined) throw new NoSourceError("not-here");
    switch (request.type) {
      case "genesis":
        return sourceOf(opened.genesis);
      case "records":
        return sourceOf(joinParts(await opened.node.records(request, to)));
      case "pack":
      case "slice":
        return findPack(opened.node.git, request, signal);
    }
  }

  /** How far a node's ref records are here, or were at an instant: what its removal vouches for. */
  async frontierOf(node: NodeId, at: Instant | undefined): Promise<RefFrontier> {
    const known = this.all().map(async (repository) => {
      const { id: repo } = repository;
      const last = repository.streams().get(node);
      if (last === undefined) return [];
      const { seq, hash } = last;
      if (at === undefined) return [{ repo, seq, hash }];
      const head = await knownAt(this.#world, { repo, node, last, at });
      return head === undefined ? [] : [{ repo, ...head }];
    });
    return (await Promise.all(known)).flat().toSorted((a, b) => (a.repo < b.repo ? -1 : 1));
  }

  close(): void {
    for (const repository of this.all()) repository.close();
  }

  // --- Opening and being told of. ---

  #heardElsewhere(from: NodeId, heads: RepoHeads): void {
    const heard = this.#elsewhere.get(heads.repo) ?? new Map<NodeId, RepoHeads>();
    this.#elsewhere.set(heads.repo, heard);
    if (heads.streams.length === 0) heard.delete(from);
    else heard.set(from, heads);
  }

  async #add(
    stored: StoredRepository,
    { git, files }: OpenedGit,
    born: Birth,
  ): Promise<RepositoryNode> {
    const node = await RepositoryNode.open(this.#world, stored, { git, ...born });
    this.#opened.set(stored.id, { node, files, genesis: stored.genesis });
    for (const peer of this.#connected) node.connected(peer);
    this.#world.changed();
    return node;
  }

  async #openGit(id: RepoId): Promise<OpenedGit> {
    const files = await this.#ports.openFiles(id);
    const { now } = this.#world.clock;
    const mended = (): void => this.#world.notice(mendedRefs);
    const { breathe } = this.#ports;
    return { files, git: await openRepository({ files, breathe, now, mended }) };
  }

  async #arrive(repo: RepoId, signal: AbortSignal): Promise<void> {
    const { ledger, inbox } = this.#world;
    const waiting = this.#arriving.get(repo) ?? new Map<NodeId, RepoHeads>();
    try {
      const found = await this.#fetchGenesis(repo, waiting, signal);
      if (found === undefined) return;
      await ledger.writeGenesis(repo, found.bytes);
      const node = await this.#add(newborn(repo, found.bytes), await this.#openGit(repo), found);
      inbox.post(() => {
        for (const [peer, heads] of waiting)
          if (this.#connected.has(peer)) node.heard(peer, heads.streams);
      });
    } finally {
      this.#arriving.delete(repo);
    }
  }

  /** Asks one node after another of those that spoke of it, also those that speak of it meanwhile. */
  async #fetchGenesis(
    repo: RepoId,
    waiting: ReadonlyMap<NodeId, RepoHeads>,
    signal: AbortSignal,
  ): Promise<({ readonly bytes: Bytes } & Birth) | undefined> {
    const { crypto, log, ask } = this.#world;
    for (const from of waiting.keys()) {
      try {
        const request = { type: "genesis", repo } as const;
        // oxlint-disable-next-line no-await-in-loop -- the first that tells the truth is enough.
        const bytes = await ask(from, request, { bytesMax: repoGenesisBytesMax, signal });
        const judged = judgeRepoGenesis({ crypto, bytes, account: log.account });
        if (judged?.repo !== repo) continue;
        const { nodes, revoked } = log.state();
        if (nodes.has(judged.creator) || revoked.has(judged.creator))
          return { bytes, name: judged.name, at: judged.at };
        if (this.#unplaced.size < unplacedMax) this.#unplaced.set(repo, waiting);
        return undefined;
      } catch (error) {
        if (!(error instanceof FlowFailedError)) throw error;
      }
    }
    return undefined;
  }
}

function newborn(id: RepoId, genesis: Bytes): StoredRepository {
  return {
    id,
    genesis,
    streams: new Map(),
    held: new Map(),
    copies: [],
    heartbeats: new Map(),
    given: undefined,
    forked: new Set(),
    removed: false,
    forgotten: false,
  };
}

const mendedRefs = {
  tone: "warning",
  what: "The list of branches and tags of a repository was damaged on this device.",
  safe: "It was made anew from where each of them went last. No branch, tag or commit is missing.",
  next: "If it happens again, download your repositories as bundles: the storage of this device may be failing.",
} as const;

/** Whoever has the passphrase can make any number of them; the honest case is one or two. */
const unplacedMax = 64;
