/** What a node must never lose, as typed records in one database: the membership log, ref records, settings. Its secrets are in the vault. */

import { endedMax } from "@skein/auth/approval-approver";
import type { Files } from "@skein/git/files";
import { formatHex, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import {
  bytes,
  decode,
  encode,
  list,
  optional,
  struct,
  text,
  u48,
  u8,
  type Codec,
  type Decoded,
} from "@skein/protocol/codec";
import { accountId, entryId, nodeId, objectId, recordHash, refName } from "@skein/protocol/fields";
import {
  instant,
  parseNodeId,
  parseRepoId,
  type AccountId,
  type Instant,
  type NodeId,
  type RefName,
  type RepoId,
} from "@skein/protocol/ids";
import {
  draftBytesMax,
  draftFilesMax,
  draftMessageBytesMax,
  membershipEntriesMax,
  pathBytesMax,
  refHeartbeatBytesMax,
  refsPerNodeMax,
  relaysPerNodeMax,
  relayUrlBytesMax,
} from "@skein/protocol/limits";
import { Pass } from "@skein/protocol/topic-messages/pass";
import { partLengthBytes } from "./parts.ts";

/** Relays that a person added, and those they left out of the ones that come with the app. */
export type StoredRelays = Decoded<typeof StoredRelays>;
const StoredRelays = struct({
  added: list(text(relayUrlBytesMax), relaysPerNodeMax),
  left: list(text(relayUrlBytesMax), relaysPerNodeMax),
});

/** More than a person reads; the oldest go. */
export const noticesMax = 20;

/** News that a person has not dismissed yet, and that must not be missed. */
export type StoredNotice = Decoded<typeof StoredNotice>;
const noticeText = text(2_048);
const StoredNotice = struct({
  tone: u8,
  what: noticeText,
  safe: optional(noticeText),
  next: optional(noticeText),
  revoke: optional(nodeId),
  at: u48,
});
const StoredNotices = list(StoredNotice, noticesMax);

/** Keys whose request was denied here, and that may not ask again. */
const StoredDenials = list(nodeId, endedMax);

/** How far one node's ref records are known here, and the refs that the last of them names. */
export type StoredStream = Decoded<typeof StoredStream>;
const StoredStream = struct({
  seq: u48,
  hash: recordHash,
  version: u8,
  at: u48,
  head: optional(refName),
  name: optional(text(256)),
  refs: list(struct({ ref: refName, oid: objectId }), refsPerNodeMax),
});

/** How far the objects of one node's stream are here too. */
export type StoredHead = Decoded<typeof StoredHead>;
const StoredHead = struct({ seq: u48, hash: recordHash });

/** The last word of where a node's stream ends. Both moments are by this node's clock. */
export type StoredHeartbeat = Decoded<typeof StoredHeartbeat>;
const StoredHeartbeat = struct({
  bytes: bytes(refHeartbeatBytesMax),
  heardAt: u48,
  /** Since when such words have spoken of records that are not here, if they do. */
  lateSince: u48,
});

/** Nodes that hold everything this node had when they last said so. */
const StoredCopies = list(nodeId, 64);

/** When this node first saw each entry of the membership log, by its own clock. */
export type StoredSeen = Decoded<typeof StoredSeen>;
const StoredSeen = list(struct({ entry: entryId, at: u48 }), membershipEntriesMax);

/** Since when this node signs nothing. */
export type StoredStandstill = Decoded<typeof StoredStandstill>;
const StoredStandstill = struct({ node: nodeId, since: u48 });

/** When each node was last heard, and the nodes that are replicas. */
export type StoredContact = Decoded<typeof StoredContact>;
const StoredContact = struct({ node: nodeId, lastSeen: u48, pass: optional(Pass) });

/** What is written on top of a branch and not committed yet. A file without bytes is one to delete. */
export type StoredDraft = Decoded<typeof StoredDraft>;
const StoredDraft = struct({
  onto: optional(objectId),
  message: text(draftMessageBytesMax),
  files: list(
    struct({ path: text(pathBytesMax), bytes: optional(bytes(draftBytesMax)) }),
    draftFilesMax,
  ),
});

export interface StoredRepository {
  readonly id: RepoId;
  readonly genesis: Bytes;
  readonly streams: ReadonlyMap<NodeId, StoredStream>;
  readonly held: ReadonlyMap<NodeId, StoredHead>;
  readonly copies: ReadonlyArray<NodeId>;
  readonly heartbeats: ReadonlyMap<NodeId, StoredHeartbeat>;
  /** How far this node's own records were given to others. */
  readonly given: StoredHead | undefined;
  /** Nodes that signed two things in one place. */
  readonly forked: ReadonlySet<NodeId>;
  /** A person took it off this device: only what must never be forgotten is here, such as this node's own records. */
  readonly removed: boolean;
  /** It is taken off, and nobody had it when its person gave it up. */
  readonly forgotten: boolean;
}

export class Ledger {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  // --- The account. ---

  async readRelays(): Promise<StoredRelays> {
    return (await this.#read("relays", StoredRelays)) ?? { added: [], left: [] };
  }

  writeRelays(relays: StoredRelays): Promise<void> {
    return this.#write(["relays", encode(StoredRelays, relays)]);
  }

  async readEntries(): Promise<ReadonlyArray<Bytes>> {
    const names = await this.#files.list("entries");
    const entries = await Promise.all(names.map((name) => this.#files.read(`entries/${name}`)));
    return entries.filter((entry) => entry !== undefined);
  }

  /** The whole log, parents before children, and when each of them was first seen here, as far as that is known. */
  writeEntries(entries: ReadonlyArray<Bytes>, seen?: StoredSeen): Promise<void> {
    return this.#write(
      ...entries.map((entry, index) => [entryPath(index), entry] as const),
      ...(seen === undefined
        ? []
        : [["entries-seen", encode(StoredSeen, seen.slice(0, membershipEntriesMax))] as const]),
    );
  }

  async readSeen(): Promise<StoredSeen> {
    return (await this.#read("entries-seen", StoredSeen)) ?? [];
  }

  /** Another account that answers to this one's passphrase, if one was found since this node signed in. */
  readSecondAccount(): Promise<AccountId | undefined> {
    return this.#read("second-account", accountId);
  }

  writeSecondAccount(account: AccountId): Promise<void> {
    return this.#write(["second-account", encode(accountId, account)]);
  }

  forgetSecondAccount(): Promise<void> {
    return this.#files.commit({ put: [], delete: ["second-account"] }, { durability: "strict" });
  }

  readStandstill(): Promise<StoredStandstill | undefined> {
    return this.#read("standstill", StoredStandstill);
  }

  writeStandstill(standstill: StoredStandstill): Promise<void> {
    return this.#write(["standstill", encode(StoredStandstill, standstill)]);
  }

  forgetStandstill(): Promise<void> {
    return this.#files.commit({ put: [], delete: ["standstill"] }, { durability: "strict" });
  }

  async readContacts(): Promise<ReadonlyArray<StoredContact>> {
    const contacts = await this.#readAll("contacts", StoredContact, parseNodeId);
    return [...contacts.values()];
  }

  writeContact(contact: StoredContact): Promise<void> {
    return this.#write([`contacts/${contact.node}`, encode(StoredContact, contact)]);
  }

  async readNotices(): Promise<ReadonlyArray<StoredNotice>> {
    return (await this.#read("notices", StoredNotices)) ?? [];
  }

  writeNotices(notices: ReadonlyArray<StoredNotice>): Promise<void> {
    return this.#write(["notices", encode(StoredNotices, notices)]);
  }

  async readDenials(): Promise<ReadonlyArray<NodeId>> {
    return (await this.#read("denials", StoredDenials)) ?? [];
  }

  writeDenials(nodes: ReadonlyArray<NodeId>): Promise<void> {
    return this.#write(["denials", encode(StoredDenials, nodes)]);
  }

  forgetContact(node: NodeId): Promise<void> {
    return this.#files.commit({ put: [], delete: [`contacts/${node}`] }, { durability: "strict" });
  }

  // --- Repositories. ---

  async readRepositories(): Promise<ReadonlyArray<StoredRepository>> {
    const names = await this.#files.list("repositories");
    const ids = names.map((name) => parseRepoId(name.replace(/\/$/u, "")));
    const found = await Promise.all(
      ids.filter((id) => id !== undefined).map((id) => this.#readRepository(id)),
    );
    return found.filter((repository) => repository !== undefined);
  }

  writeGenesis(repo: RepoId, genesis: Bytes): Promise<void> {
    return this.#write([`repositories/${repo}/genesis`, genesis]);
  }

  /** The record and what it makes of its stream, as one change. */
  writeRecord(
    repo: RepoId,
    node: NodeId,
    {
      bytes: record,
      stream,
      held,
      seenAt,
    }: {
      readonly bytes: Bytes;
      readonly stream: StoredStream;
      /** When it came here, by this node's clock. */
      readonly seenAt: Instant;
      /** All that it names is here already. */
      readonly held: boolean;
    },
  ): Promise<void> {
    return this.#write(
      [recordPath(repo, node, stream.seq), record],
      [seenPath(repo, node, stream.seq), encode(u48, seenAt)],
      [`repositories/${repo}/streams/${node}`, encode(StoredStream, stream)],
      ...(held ? [heldEntry(repo, node, stream)] : []),
    );
  }

  async readRecordSeen(repo: RepoId, node: NodeId, seq: number): Promise<Instant | undefined> {
    const at = await this.#read(seenPath(repo, node, seq), u48);
    return at === undefined ? undefined : instant(at);
  }

  writeHeld(repo: RepoId, node: NodeId, head: StoredHead): Promise<void> {
    return this.#write(heldEntry(repo, node, head));
  }

  /** `records` end with the one that leaves the stream as `stream`. Others of the same numbers, and up to `before`, go. */
  replaceRecords(
    repo: RepoId,
    node: NodeId,
    {
      records,
      stream,
      before,
    }: {
      readonly records: ReadonlyArray<Bytes>;
      readonly stream: StoredStream;
      readonly before: number;
    },
  ): Promise<void> {
    const first = stream.seq - records.length + 1;
    const gone = Array.from({ length: Math.max(0, before - stream.seq) }, (_, index) =>
      recordPath(repo, node, stream.seq + 1 + index),
    );
    const put = [
      ...records.map((record, index) => [recordPath(repo, node, first + index), record] as const),
      [`repositories/${repo}/streams/${node}`, encode(StoredStream, stream)] as const,
      heldEntry(repo, node, stream),
      givenEntry(repo, stream),
    ];
    return this.#files.commit({ put, delete: gone }, { durability: "strict" });
  }

  /** Before our records are given away, so that nothing else is ever signed in their place. */
  writeGiven(repo: RepoId, given: StoredHead): Promise<void> {
    return this.#write(givenEntry(repo, given));
  }

  writeHeartbeat(repo: RepoId, node: NodeId, heartbeat: StoredHeartbeat): Promise<void> {
    const path = `repositories/${repo}/heartbeats/${node}`;
    const put = [[path, encode(StoredHeartbeat, heartbeat)]] as const;
    return this.#files.commit({ put, delete: [] }, { durability: "relaxed" });
  }

  /** That a node signed two records with one number. */
  writeProof(repo: RepoId, node: NodeId, proof: Bytes): Promise<void> {
    return this.#write([`repositories/${repo}/proofs/${node}`, proof]);
  }

  /** The same where there are no two records to show for it. */
  writeFork(repo: RepoId, node: NodeId): Promise<void> {
    return this.#write([`repositories/${repo}/forks/${node}`, new Uint8Array()]);
  }

  /** All of them that are kept for one repository. */
  async readProofs(repo: RepoId): Promise<ReadonlyArray<Bytes>> {
    const folder = `repositories/${repo}/proofs`;
    const names = await this.#files.list(folder);
    const proofs = await Promise.all(names.map((name) => this.#files.read(`${folder}/${name}`)));
    return proofs.filter((proof) => proof !== undefined);
  }

  /** From now on its objects need not be here. Its records stay: a node that forgets what it signed signs it twice. */
  async writeRemoved(repo: RepoId): Promise<void> {
    const folder = `repositories/${repo}`;
    const held = (await this.#files.list(`${folder}/held`)).map((name) => `${folder}/held/${name}`);
    await this.#files.commit(
      { put: [[`${folder}/removed`, new Uint8Array()]], delete: [...held, `${folder}/copies`] },
      { durability: "strict" },
    );
  }

  /** It is not spoken of any more, and its records stay all the same. */
  writeForgotten(repo: RepoId): Promise<void> {
    return this.#write([`repositories/${repo}/removed`, Uint8Array.of(forgottenMark)]);
  }

  writeBroughtBack(repo: RepoId): Promise<void> {
    return this.#files.commit(
      { put: [], delete: [`repositories/${repo}/removed`] },
      { durability: "strict" },
    );
  }

  writeCopies(repo: RepoId, nodes: ReadonlyArray<NodeId>): Promise<void> {
    return this.#write([`repositories/${repo}/copies`, encode(StoredCopies, nodes)]);
  }

  /** Records `from` and after, in order, up to `bytesMax` of them in all. */
  async readRecords(
    repo: RepoId,
    node: NodeId,
    {
      from,
      to,
      bytesMax,
    }: { readonly from: number; readonly to: number; readonly bytesMax: number },
  ): Promise<ReadonlyArray<Bytes>> {
    const records: Bytes[] = [];
    let length = 0;
    for (let seq = from; seq <= to; seq++) {
      // oxlint-disable-next-line no-await-in-loop -- how many fit is known only as they are read.
      const record = await this.#files.read(recordPath(repo, node, seq));
      length += partLengthBytes + (record?.length ?? 0);
      if (record === undefined || length > bytesMax) break;
      records.push(record);
    }
    return records;
  }

  // --- Drafts. ---

  readDraft(repo: RepoId, branch: RefName): Promise<StoredDraft | undefined> {
    return this.#read(draftPath(repo, branch), StoredDraft);
  }

  /** All drafts of a repository. */
  async readDrafts(repo: RepoId): Promise<ReadonlyArray<StoredDraft>> {
    const folder = `drafts/${repo}`;
    const names = await this.#files.list(folder);
    const drafts = names.map((name) => this.#read(`${folder}/${name}`, StoredDraft));
    return (await Promise.all(drafts)).flatMap((draft) => draft ?? []);
  }

  /** It changes at every pause in typing: the end of the tab must not take it, losing power may. */
  writeDraft(repo: RepoId, branch: RefName, draft: StoredDraft): Promise<void> {
    const put = [[draftPath(repo, branch), encode(StoredDraft, draft)]] as const;
    return this.#files.commit({ put, delete: [] }, { durability: "relaxed" });
  }

  dropDraft(repo: RepoId, branch: RefName): Promise<void> {
    const path = draftPath(repo, branch);
    return this.#files.commit({ put: [], delete: [path] }, { durability: "relaxed" });
  }

  // --- Files. ---

  async #readRepository(id: RepoId): Promise<StoredRepository | undefined> {
    const folder = `repositories/${id}`;
    const genesis = await this.#files.read(`${folder}/genesis`);
    if (genesis === undefined) return undefined;
    const removed = await this.#files.read(`${folder}/removed`);
    return {
      id,
      genesis,
      streams: await this.#readAll(`${folder}/streams`, StoredStream, parseNodeId),
      held: await this.#readAll(`${folder}/held`, StoredHead, parseNodeId),
      copies: (await this.#read(`${folder}/copies`, StoredCopies)) ?? [],
      heartbeats: await this.#readAll(`${folder}/heartbeats`, StoredHeartbeat, parseNodeId),
      given: await this.#read(`${folder}/given`, StoredHead),
      forked: await this.#forkedIn(folder),
      removed: removed !== undefined,
      forgotten: removed?.[0] === forgottenMark,
    };
  }

  async #forkedIn(folder: string): Promise<ReadonlySet<NodeId>> {
    const kinds = ["proofs", "forks"].map((kind) => this.#files.list(`${folder}/${kind}`));
    const names = (await Promise.all(kinds)).flat();
    return new Set(names.map(parseNodeId).filter((node) => node !== undefined));
  }

  async #read<T>(path: string, codec: Codec<T>): Promise<T | undefined> {
    const contents = await this.#files.read(path);
    return contents === undefined ? undefined : decode(codec, contents);
  }

  async #readAll<T, K>(
    folder: string,
    codec: Codec<T>,
    parse: (name: string) => K | undefined,
  ): Promise<Map<K, T>> {
    const names = await this.#files.list(folder);
    const values = await Promise.all(names.map((name) => this.#read(`${folder}/${name}`, codec)));
    const found = new Map<K, T>();
    for (const [index, name] of names.entries()) {
      const key = parse(name);
      const value = values[index];
      if (key !== undefined && value !== undefined) found.set(key, value);
    }
    return found;
  }

  #write(...put: ReadonlyArray<readonly [path: string, contents: Uint8Array]>): Promise<void> {
    return this.#files.commit({ put, delete: [] }, { durability: "strict" });
  }
}

/** A branch's name may hold slashes: as hex it is one name. */
function draftPath(repo: RepoId, branch: RefName): string {
  return `drafts/${repo}/${formatHex(formatUtf8(branch))}`;
}

function entryPath(index: number): string {
  return `entries/${String(index).padStart(6, "0")}`;
}

function heldEntry(repo: RepoId, node: NodeId, head: StoredHead): [path: string, bytes: Bytes] {
  return [`repositories/${repo}/held/${node}`, encode(StoredHead, head)];
}

function givenEntry(repo: RepoId, { seq, hash }: StoredHead): [path: string, bytes: Bytes] {
  return [`repositories/${repo}/given`, encode(StoredHead, { seq, hash })];
}

/** Padded, so that the order of names is the order of numbers. */
function recordPath(repo: RepoId, node: NodeId, seq: number): string {
  return `repositories/${repo}/records/${node}/${String(seq).padStart(15, "0")}`;
}

function seenPath(repo: RepoId, node: NodeId, seq: number): string {
  return `repositories/${repo}/seen/${node}/${String(seq)}`;
}

const forgottenMark = 1;
