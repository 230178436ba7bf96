/** All repositories at this node: opened from storage, made here, or heard of from other nodes. */

import type { RefFrontier } from "@skein/auth/membership-entry";
import { judgeRepoGenesis, makeRepoGenesis } from "@skein/auth/repo";
import { openRepository, type Repository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, type Instant, type NodeId, type RepoId } from "@skein/protocol/ids";
import { repositoriesPerAccountMax, repoGenesisBytesMax } from "@skein/protocol/limits";
import type { RepoHeads } from "@skein/protocol/node-messages/repo-heads";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { FlowFailedError, NoSourceError, type Source } from "./flows.ts";
import type { StoredRepository } from "./ledger.ts";
import { joinParts } from "./parts.ts";
import type { Ports } from "./ports.ts";
import { RepositoryNode, type RepositoryWorld } from "./repository-node.ts";

type Asked = Exclude<StreamRequest, { readonly type: "entries" }>;

interface Birth {
  readonly name: string;
  readonly at: Instant;
}

interface Opened {
  readonly node: RepositoryNode;
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
    const { crypto, log, ledger } = this.#world;
    const here = await this.#ports.storedRepositories();
    const repositories = await ledger.readRepositories();
    for (const stored of repositories) {
      const judged = judgeRepoGenesis({ crypto, bytes: stored.genesis, account: log.account });
      const born = { name: judged?.name ?? stored.id.slice(0, 8), at: judged?.at ?? instant(0) };
      // oxlint-disable-next-line no-await-in-loop -- a phone opens a hundred databases one after another, not at once.
      await this.#openStored(stored, born);
    }
    const known = new Set<string>(repositories.map(({ id }) => id));
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
    const files = await this.#ports.openFiles(made.repo);
    const git = await openRepository({ files, breathe: this.#ports.breathe });
    try {
      await fill(git);
      await ledger.writeGenesis(made.repo, made.bytes);
    } catch (error) {
      await files.close();
      await this.#sweep([made.repo]);
      throw error;
    }
    return this.#add(newborn(made.repo, made.bytes), git, { name, at });
  }

  // --- What other nodes say. ---

  heard(from: NodeId, heads: RepoHeads): void {
    const known = this.#opened.get(heads.repo);
    if (known !== undefined) return known.node.heard(from, heads.streams);
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

  connected(node: NodeId): void {
    this.#connected.add(node);
    for (const repository of this.all()) repository.connected(node);
  }

  gone(node: NodeId): void {
    this.#connected.delete(node);
    for (const repository of this.all()) repository.gone(node);
  }

  membershipChanged(): void {
    for (const repository of this.all()) repository.membershipChanged();
    const again = [...this.#unplaced.values()];
    this.#unplaced.clear();
    for (const heard of again)
      for (const [node, heads] of heard) if (this.#connected.has(node)) this.heard(node, heads);
  }

  /** Answers streams. Throws `NoSourceError`. */
  async source(request: Asked, signal: AbortSignal): Promise<Source> {
    const opened = this.#opened.get(request.repo);
    if (opened === undefined) throw new NoSourceError("not-here");
    switch (request.type) {
      case "genesis":
        return { bytes: opened.genesis, objects: 0 };
      case "records":
        return { bytes: joinParts(await opened.node.records(request)), objects: 0 };
      case "pack":
        return this.#pack(opened.node.git, request, signal);
    }
  }

  /** How far a node's ref records are here: what its removal vouches for. */
  frontierOf(node: NodeId): RefFrontier {
    return this.all()
      .flatMap((repository) => {
        const stream = repository.streams().get(node);
        return stream === undefined
          ? []
          : [{ repo: repository.id, seq: stream.seq, hash: stream.hash }];
      })
      .toSorted((a, b) => (a.repo < b.repo ? -1 : 1));
  }

  close(): void {
    for (const repository of this.all()) repository.close();
  }

  // --- Opening and being told of. ---

  async #add(stored: StoredRepository, git: Repository, born: Birth): Promise<RepositoryNode> {
    const node = await RepositoryNode.open(this.#world, stored, { git, ...born });
    this.#opened.set(stored.id, { node, genesis: stored.genesis });
    for (const peer of this.#connected) node.connected(peer);
    this.#world.changed();
    return node;
  }

  async #openGit(id: RepoId): Promise<Repository> {
    const files = await this.#ports.openFiles(id);
    return openRepository({ files, breathe: this.#ports.breathe });
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

  async #pack(
    git: Repository,
    { wants, haves }: Extract<Asked, { readonly type: "pack" }>,
    signal: AbortSignal,
  ): Promise<Source> {
    const here = await Promise.all(wants.map((want) => git.objects.has(want)));
    if (here.includes(false)) throw new NoSourceError("not-here");
    return git.objects.buildPack({ wants, haves, signal });
  }
}

function newborn(id: RepoId, genesis: Bytes): StoredRepository {
  return { id, genesis, streams: new Map(), held: new Map(), copies: [] };
}

/** Whoever has the passphrase can make any number of them; the honest case is one or two. */
const unplacedMax = 64;
