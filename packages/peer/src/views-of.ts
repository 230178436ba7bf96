/** Builds what screens see from what the peer knows. Reads only; decides nothing. */

import { approvedBy } from "@skein/auth/membership-changes";
import type { MembershipLog } from "@skein/auth/membership";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { accountMark, fingerprint } from "@skein/auth/identity";
import type { Instant, NodeId, ObjectId, RefName } from "@skein/protocol/ids";
import type { WaitingRequest } from "./approval-answering.ts";
import { deedsIn, type Deeds } from "./deeds.ts";
import type { Home } from "./home.ts";
import { viewOfLife, type Life } from "./life.ts";
import { revokerOf } from "./membership-news.ts";
import { together, whyAway, type RelayReport } from "./relay-status.ts";
import type { Relays } from "./relays.ts";
import { branchOf, remoteOf } from "./ref-moves.ts";
import type { Relations } from "./relations.ts";
import type { RepositoryNode } from "./repository-node.ts";
import type {
  AccountView,
  BranchView,
  DeviceView,
  LockView,
  NetworkNodeView,
  NetworkView,
  RelayView,
  RemoteView,
  RepositoryView,
  RequestView,
  Views,
} from "./views.ts";

interface Known {
  readonly crypto: Crypto;
  readonly relations: Relations;
  readonly relays: Relays;
  readonly lock: () => LockView;
  readonly standstill: () => number | undefined;
  readonly now: Instant;
}

/** All that follows from the account's life. */
export function viewsOf(
  life: Life,
  known: Known,
): Pick<Views, "account" | "repositories" | "network" | "devices" | "requests"> {
  const account = accountView(life, known);
  if (life.phase !== "open")
    return {
      account,
      repositories: [],
      network: { ...relayViews(reportsOf(life, known), known), nodes: [] },
      devices: [],
      requests: [],
    };
  const { home } = life;
  return {
    account,
    repositories: repositoryViews(known, home),
    network: networkView(known, home),
    devices: deviceViews(known, home),
    requests: requestViews(known, home),
  };
}

/** Before there is a network, relays are about to be dialled. */
function reportsOf(
  life: Exclude<Life, { readonly phase: "open" }>,
  { relays, now }: Known,
): ReadonlyArray<RelayReport> {
  if (life.phase === "signing-in") return life.network.relays();
  return relays.urls().map((url) => ({
    url,
    status: { phase: "connecting", since: now, retryAt: undefined, code: undefined },
    slow: undefined,
    keepSecondsMax: 0,
    iceServers: 0,
  }));
}

function relayViews(
  reports: ReadonlyArray<RelayReport>,
  known: Known,
): Pick<NetworkView, "relay" | "relays"> {
  const { url, status } = together(reports, known.now);
  return {
    relay:
      status.phase === "connected"
        ? { phase: "connected", url, since: status.since }
        : { phase: status.phase, url, since: status.since, retryAt: status.retryAt },
    relays: reports.map((report) => relayView(report, known)),
  };
}

function relayView(report: RelayReport, { relays }: Known): RelayView {
  const { url, status, slow, keepSecondsMax, iceServers } = report;
  return {
    url,
    from: relays.isNamed(url) ? "app" : "person",
    state:
      status.phase === "connected"
        ? { phase: "connected", since: status.since }
        : {
            phase: status.phase,
            since: status.since,
            retryAt: status.retryAt,
            why: whyAway(status.code),
          },
    slowUntil: slow?.until,
    keepSecondsMax,
    iceServers,
  };
}

function accountView(life: Life, known: Known): AccountView {
  if (life.phase !== "open") return viewOfLife(life);
  const { identity, approvals } = life.home;
  const { log, keys, platform } = identity;
  const member = log.state().nodes.get(keys.id);
  return {
    phase: "open",
    account: log.account,
    mark: accountMark(log.account),
    node: keys.id,
    nodeName: member?.name ?? identity.nodeName,
    platform,
    role: member === undefined ? "read-only" : "writer",
    author: life.home.author(),
    approval: member === undefined ? approvals.asking.view() : { phase: "none" },
    kit: life.home.safety.kit.view(),
    words: life.home.safety.newWords(),
    lock: known.lock(),
    standstill: known.standstill(),
    forks: forksAt(life.home),
  };
}

function forksAt({ identity, repositories }: Home): number {
  const inRecords = repositories.all().map((repository) => repository.sync().frozen.length);
  return inRecords.reduce((all, one) => all + one, identity.log.state().equivocations.length);
}

function repositoryViews(known: Known, home: Home): ReadonlyArray<RepositoryView> {
  return home.repositories
    .all()
    .map((repository) => repositoryView(known, home, repository))
    .toSorted((a, b) => b.changedAt - a.changedAt || (a.name < b.name ? -1 : 1));
}

function repositoryView(known: Known, home: Home, repository: RepositoryNode): RepositoryView {
  const refs = repository.refs();
  const branches = named(refs, "refs/heads/");
  const head = repository.head();
  const shown = head === undefined ? undefined : branchOf(head);
  return {
    id: repository.id,
    name: repository.name(),
    branches,
    tags: named(refs, "refs/tags/"),
    head: branches.some(({ name }) => name === shown) ? shown : branches[0]?.name,
    remotes: [...repository.streams().keys()]
      .filter((node) => node !== home.identity.keys.id)
      .map((node) => remoteView(known, home, repository, node))
      .filter((remote) => remote.branches.length > 0),
    copies: repository.copies().size,
    changedAt: repository.changedAt(),
  };
}

function remoteView(
  { relations }: Known,
  home: Home,
  repository: RepositoryNode,
  node: NodeId,
): RemoteView {
  const refs = repository.refs();
  const local = localOids(refs);
  const relation = (
    branch: string,
    theirs: ObjectId,
  ): RemoteView["branches"][number]["relation"] => {
    const ours = local.get(branch);
    if (ours === undefined) return "only-there";
    const between = relations.between(repository.git, ours, theirs) ?? "same";
    return between === "ahead" ? "behind" : between === "behind" ? "ahead" : between;
  };
  return {
    remote: remoteOf(node),
    node,
    nodeName: home.nameOf(node),
    standing: repository.sync().frozen.includes(node)
      ? "forked"
      : repository.heartbeats.standing(node, home.network.connections().get(node)?.since),
    heardAt: repository.heartbeats.heardAt(node),
    branches: oidsUnder(refs, `refs/remotes/${remoteOf(node)}/`).map(([name, oid]) => ({
      name,
      oid,
      relation: relation(name, oid),
    })),
  };
}

function networkView(known: Known, home: Home): NetworkView {
  return {
    ...relayViews(home.network.relays(), known),
    nodes: nodesOf(home).map((node) => networkNodeView(home, node)),
  };
}

function networkNodeView(home: Home, node: NodeId): NetworkNodeView {
  const connection = home.network.connections().get(node);
  const me = node === home.identity.keys.id;
  return {
    node,
    name: home.nameOf(node),
    platform: home.platformOf(node),
    whose: me ? "this-device" : "mine",
    role: home.identity.log.state().nodes.has(node) ? "writer" : "read-only",
    path:
      connection === undefined
        ? { kind: "none", lastSeen: home.contacts.all().get(node)?.lastSeen }
        : {
            kind: home.network.pathKind(node),
            roundTripMillis: home.network.roundTripMillis(node),
          },
    lacking: me ? [] : lackingFrom(home, node),
  };
}

function lackingFrom(home: Home, node: NodeId): NetworkNodeView["lacking"] {
  const left = home.letters.claimsOf(node);
  return home.repositories.all().flatMap((repository) => {
    const { held, claims } = repository.sync();
    const have = new Map(held.map((stream) => [stream.node, stream.objects?.seq ?? 0]));
    const lacks = (of: NodeId, seq: number): number => Math.max(0, seq - (have.get(of) ?? 0));
    const said = (claims.get(node) ?? []).reduce(
      (count, claim) => count + lacks(claim.node, claim.seq),
      0,
    );
    const records = Math.max(said, lacks(node, left.get(repository.id) ?? 0));
    return records === 0 ? [] : [{ repository: repository.id, records }];
  });
}

function deviceViews({ crypto }: Known, home: Home): ReadonlyArray<DeviceView> {
  const { log } = home.identity;
  const { nodes } = log.state();
  const deeds = deedsIn(home);
  const present = nodesOf(home).map((node): DeviceView => {
    const member = nodes.get(node);
    const connected = home.network.connections().has(node);
    return {
      node,
      name: home.nameOf(node),
      platform: home.platformOf(node),
      thisDevice: node === home.identity.keys.id,
      role: member === undefined ? "read-only" : "writer",
      addedBy:
        member === undefined || member.addedBy === node ? undefined : home.nameOf(member.addedBy),
      addedAt: member?.addedAt,
      addedSeenAt: deeds.additionSeenAt(node),
      connected,
      lastSeen: home.contacts.all().get(node)?.lastSeen,
      denied: member === undefined && home.approvals.answering.isDenied(node),
      fingerprint: fingerprint(crypto, node),
      revoked: undefined,
      revoke: home.safety.rightTo(node),
      approved: member === undefined ? [] : approvedBy(log, node).map((one) => home.nameOf(one)),
      deeds: deeds.of(node),
    };
  });
  return [...present, ...revokedViews(crypto, home, deeds)];
}

/** The last to go first. */
function revokedViews(crypto: Crypto, home: Home, deeds: Deeds): ReadonlyArray<DeviceView> {
  const { log } = home.identity;
  const { revoked, recovery } = log.state();
  return log
    .signers()
    .filter(({ node }) => revoked.has(node))
    .map(({ node, name, since, until }): DeviceView => {
      const by = revokerOf(log, node);
      return {
        node,
        name,
        platform: home.platformOf(node),
        thisDevice: false,
        role: "read-only",
        addedBy: undefined,
        addedAt: since,
        addedSeenAt: undefined,
        connected: false,
        lastSeen: home.contacts.all().get(node)?.lastSeen,
        fingerprint: fingerprint(crypto, node),
        revoked: {
          by: by === undefined || by === recovery ? "" : nameOfSigner(log, by),
          at: until ?? since,
          seenAt: deeds.revocationSeenAt(node),
        },
        revoke: "not-possible",
        approved: [],
        deeds: [],
        denied: false,
      };
    })
    .toSorted((a, b) => (b.revoked?.at ?? 0) - (a.revoked?.at ?? 0));
}

function nameOfSigner(log: MembershipLog, node: NodeId): string {
  const member = log.state().nodes.get(node);
  return member?.name ?? log.signers().find((signer) => signer.node === node)?.name ?? "";
}

function requestViews(known: Known, home: Home): ReadonlyArray<RequestView> {
  return home.approvals.answering.requests().map((request) => requestView(known, home, request));
}

function requestView({ crypto }: Known, home: Home, request: WaitingRequest): RequestView {
  return {
    ...request,
    path: home.network.pathKind(request.node),
    fingerprint: fingerprint(crypto, request.node),
    repositories: home.repositories.all().length,
  };
}

/** This node first, then members, then replicas. */
function nodesOf(home: Home): ReadonlyArray<NodeId> {
  const me = home.identity.keys.id;
  const { nodes, revoked } = home.identity.log.state();
  const replicas = [...home.contacts.all()]
    .filter(([node, { pass }]) => pass !== undefined && !nodes.has(node) && !revoked.has(node))
    .map(([node]) => node);
  return [...new Set([me, ...nodes.keys(), ...replicas])];
}

function localOids(refs: ReadonlyMap<RefName, ObjectId>): ReadonlyMap<string, ObjectId> {
  return new Map(oidsUnder(refs, "refs/heads/"));
}

function named(refs: ReadonlyMap<RefName, ObjectId>, prefix: string): ReadonlyArray<BranchView> {
  return oidsUnder(refs, prefix).map(([name, oid]) => ({ name, oid }));
}

function oidsUnder(
  refs: ReadonlyMap<RefName, ObjectId>,
  prefix: string,
): ReadonlyArray<readonly [name: string, oid: ObjectId]> {
  return [...refs]
    .filter(([ref]) => ref.startsWith(prefix))
    .map(([ref, oid]) => [ref.slice(prefix.length), oid] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}
