/** All repositories at this node: opened from storage, made here, or heard of from other nodes. */

import { judgeRepoGenesis, makeRepoGenesis } from "@skein/auth/repo";
import { openRepository, type Repository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, type Instant, type NodeId, type RepoId } from "@skein/protocol/ids";
import { repositoriesPerAccountMax, repoGenesisBytesMax } from "@skein/protocol/limits";
import type { RepoHeads } from "@skein/protocol/node-messages/repo-heads";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { FlowFailedError, NoSourceError, type Source } from "./flows.ts";
import { joinParts, type StoredRepository } from "./ledger.ts";
import type { Ports } from "./ports.ts";
import { RepositoryNode, type RepositoryWorld } from "./repository-node.ts";

export interface Repositories {
  readonly all: () => ReadonlyArray<RepositoryNode>;
  readonly find: (id: string) => RepositoryNode | undefined;
  /** `fill` stores objects and moves refs; only after it has resolved does the repository exist. */
  readonly create: (
    name: string,
    fill: (git: Repository) => Promise<void>,
  ) => Promise<RepositoryNode>;
  readonly heard: (from: NodeId, heads: RepoHeads) => void;
  readonly connected: (node: NodeId) => void;
  readonly gone: (node: NodeId) => void;
  readonly membershipChanged: () => void;
  /** Answers streams. Throws `NoSourceError`. */
  readonly source: (
    request: Exclude<StreamRequest, { readonly type: "entries" }>,
  ) => Promise<Source>;
  readonly close: () => void;
}

export async function openRepositories(
  world: RepositoryWorld,
  ports: Ports,
): Promise<Repositories> {
  const { crypto, keys, log, clock, scope, inbox, ledger } = world;
  const nodes = new Map<RepoId, RepositoryNode>();
  const geneses = new Map<RepoId, Bytes>();
  const connected = new Set<NodeId>();
  /** Repositories whose genesis is being fetched, with what was heard of them meanwhile. */
  const arriving = new Map<RepoId, Map<NodeId, RepoHeads>>();

  const open = async (
    stored: StoredRepository,
    git: Repository,
    born: { readonly name: string; readonly at: Instant },
  ): Promise<RepositoryNode> => {
    const node = await RepositoryNode.open(world, stored, { git, ...born });
    nodes.set(stored.id, node);
    geneses.set(stored.id, stored.genesis);
    for (const peer of connected) node.connected(peer);
    world.changed();
    return node;
  };

  const openGit = async (id: RepoId): Promise<Repository> =>
    openRepository({ files: await ports.openFiles(id), breathe: ports.breathe });

  const create: Repositories["create"] = async (name, fill) => {
    const at = clock.now();
    const made = makeRepoGenesis({
      crypto,
      keys,
      account: log.account,
      name,
      at,
      random: ports.random,
    });
    const git = await openGit(made.repo);
    await fill(git);
    await ledger.writeGenesis(made.repo, made.bytes);
    const stored = {
      id: made.repo,
      genesis: made.bytes,
      streams: new Map(),
      held: new Map(),
      copies: [],
    };
    return open(stored, git, { name, at });
  };

  const heard = (from: NodeId, heads: RepoHeads): void => {
    const known = nodes.get(heads.repo);
    if (known !== undefined) return known.heard(from, heads.streams);
    const waiting = arriving.get(heads.repo);
    if (waiting !== undefined) {
      waiting.set(from, heads);
      return;
    }
    if (nodes.size + arriving.size >= repositoriesPerAccountMax) return;
    arriving.set(heads.repo, new Map([[from, heads]]));
    scope.start((signal) => arrive(from, heads.repo, signal));
  };

  const arrive = async (from: NodeId, repo: RepoId, signal: AbortSignal): Promise<void> => {
    try {
      const bytes = await world.ask(
        from,
        { type: "genesis", repo },
        { bytesMax: repoGenesisBytesMax, signal },
      );
      const judged = judgeRepoGenesis({ crypto, bytes, account: log.account });
      const { nodes: members, revoked } = log.state();
      if (judged?.repo !== repo) return;
      if (!members.has(judged.creator) && !revoked.has(judged.creator)) return;
      await ledger.writeGenesis(repo, bytes);
      const stored = { id: repo, genesis: bytes, streams: new Map(), held: new Map(), copies: [] };
      const node = await open(stored, await openGit(repo), judged);
      const waiting = arriving.get(repo);
      inbox.post(() => {
        for (const [peer, heads] of waiting ?? [])
          if (connected.has(peer)) node.heard(peer, heads.streams);
      });
    } catch (error) {
      if (!(error instanceof FlowFailedError)) throw error;
    } finally {
      arriving.delete(repo);
    }
  };

  const source: Repositories["source"] = async (request) => {
    const node = nodes.get(request.repo);
    const genesis = geneses.get(request.repo);
    if (node === undefined || genesis === undefined) throw new NoSourceError("not-here");
    switch (request.type) {
      case "genesis":
        return { bytes: genesis, objects: 0 };
      case "records":
        return { bytes: joinParts(await node.records(request)), objects: 0 };
      case "pack": {
        for (const want of request.wants)
          if (!(await node.git.objects.has(want))) throw new NoSourceError("not-here");
        return node.git.objects.buildPack({
          wants: request.wants,
          haves: request.haves,
          signal: scope.signal,
        });
      }
    }
  };

  for (const stored of await ledger.readRepositories()) {
    const judged = judgeRepoGenesis({ crypto, bytes: stored.genesis, account: log.account });
    const born = { name: judged?.name ?? stored.id.slice(0, 8), at: judged?.at ?? instant(0) };
    await open(stored, await openGit(stored.id), born);
  }

  return {
    all: () => [...nodes.values()],
    find: (id) => [...nodes.values()].find((node) => node.id === id),
    create,
    heard,
    connected: (node) => {
      connected.add(node);
      for (const repository of nodes.values()) repository.connected(node);
    },
    gone: (node) => {
      connected.delete(node);
      for (const repository of nodes.values()) repository.gone(node);
    },
    membershipChanged: () => {
      for (const repository of nodes.values()) repository.membershipChanged();
    },
    source,
    close: () => {
      for (const repository of nodes.values()) repository.close();
    },
  };
}
