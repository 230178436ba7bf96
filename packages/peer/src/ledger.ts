/** What a node must never lose, as typed records in one database: its keys, the membership log, ref records, settings. */

import type { Files } from "@skein/git/files";
import { concat, type Bytes } from "@skein/protocol/bytes";
import {
  bytes,
  decode,
  encode,
  fixed,
  list,
  optional,
  struct,
  text,
  u32,
  u48,
  u8,
  type Codec,
  type Decoded,
} from "@skein/protocol/codec";
import { nodeId, objectId, recordHash, refName } from "@skein/protocol/fields";
import { parseNodeId, parseRepoId, type NodeId, type RepoId } from "@skein/protocol/ids";
import { membershipEntryBytesMax, refsPerNodeMax } from "@skein/protocol/limits";
import { Pass } from "@skein/protocol/topic-messages/pass";

/** This node: its secrets and what its person calls it. The genesis of its account is the first of `entries`. */
export type StoredNode = Decoded<typeof StoredNode>;
const StoredNode = struct({
  version: u8,
  signSeed: fixed(32),
  boxSeed: fixed(32),
  meeting: fixed(32),
  readKey: fixed(32),
  genesis: bytes(membershipEntryBytesMax),
  pass: optional(Pass),
  nodeName: text(256),
  platform: text(256),
  authorName: text(256),
  authorEmail: text(256),
});

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

/** Nodes that hold everything this node had when they last said so. */
const StoredCopies = list(nodeId, 64);

/** When each node was last heard, and the nodes that are replicas. */
export type StoredContact = Decoded<typeof StoredContact>;
const StoredContact = struct({ node: nodeId, lastSeen: u48, pass: optional(Pass) });

export interface StoredRepository {
  readonly id: RepoId;
  readonly genesis: Bytes;
  readonly streams: ReadonlyMap<NodeId, StoredStream>;
  readonly held: ReadonlyMap<NodeId, StoredHead>;
  readonly copies: ReadonlyArray<NodeId>;
}

export interface Ledger {
  readonly readNode: () => Promise<StoredNode | undefined>;
  readonly writeNode: (node: Omit<StoredNode, "version">) => Promise<void>;
  readonly readEntries: () => Promise<ReadonlyArray<Bytes>>;
  /** The whole log, parents before children. */
  readonly writeEntries: (entries: ReadonlyArray<Bytes>) => Promise<void>;
  readonly readContacts: () => Promise<ReadonlyArray<StoredContact>>;
  readonly writeContact: (contact: StoredContact) => Promise<void>;
  readonly readRepositories: () => Promise<ReadonlyArray<StoredRepository>>;
  readonly writeGenesis: (repo: RepoId, genesis: Bytes) => Promise<void>;
  /** The record and what it makes of its stream, as one change. */
  readonly writeRecord: (
    repo: RepoId,
    node: NodeId,
    record: { readonly bytes: Bytes; readonly stream: StoredStream },
  ) => Promise<void>;
  readonly writeHeld: (repo: RepoId, node: NodeId, head: StoredHead) => Promise<void>;
  readonly writeCopies: (repo: RepoId, nodes: ReadonlyArray<NodeId>) => Promise<void>;
  /** Records `from` and after, in order, up to `bytesMax` of them in all. */
  readonly readRecords: (
    repo: RepoId,
    node: NodeId,
    range: { readonly from: number; readonly to: number; readonly bytesMax: number },
  ) => Promise<ReadonlyArray<Bytes>>;
}

export function openLedger(files: Files): Ledger {
  const put = (path: string, contents: Uint8Array): Promise<void> =>
    files.commit({ put: [[path, contents]], delete: [] }, { durability: "strict" });

  const read = async <T>(path: string, codec: Codec<T>): Promise<T | undefined> => {
    const contents = await files.read(path);
    return contents === undefined ? undefined : decode(codec, contents);
  };

  const readAll = async <T, K>(
    folder: string,
    codec: Codec<T>,
    parse: (name: string) => K | undefined,
  ): Promise<Map<K, T>> => {
    const found = new Map<K, T>();
    for (const name of await files.list(folder)) {
      const key = parse(name);
      const value = key === undefined ? undefined : await read(`${folder}/${name}`, codec);
      if (key !== undefined && value !== undefined) found.set(key, value);
    }
    return found;
  };

  const readRepository = async (id: RepoId): Promise<StoredRepository | undefined> => {
    const folder = `repositories/${id}`;
    const genesis = await files.read(`${folder}/genesis`);
    if (genesis === undefined) return undefined;
    return {
      id,
      genesis,
      streams: await readAll(`${folder}/streams`, StoredStream, parseNodeId),
      held: await readAll(`${folder}/held`, StoredHead, parseNodeId),
      copies: (await read(`${folder}/copies`, StoredCopies)) ?? [],
    };
  };

  return {
    readNode: () => read("node", StoredNode),
    writeNode: (node) => put("node", encode(StoredNode, { version: 1, ...node })),
    readEntries: async () => {
      const names = await files.list("entries");
      const entries = await Promise.all(names.map((name) => files.read(`entries/${name}`)));
      return entries.filter((entry) => entry !== undefined);
    },
    writeEntries: (entries) =>
      files.commit(
        { put: entries.map((entry, index) => [entryPath(index), entry]), delete: [] },
        { durability: "strict" },
      ),
    readContacts: async () => [...(await readAll("contacts", StoredContact, parseNodeId)).values()],
    writeContact: (contact) => put(`contacts/${contact.node}`, encode(StoredContact, contact)),
    readRepositories: async () => {
      const names = await files.list("repositories");
      const ids = names.map((name) => parseRepoId(name.replace(/\/$/u, "")));
      const found = await Promise.all(
        ids.map((id) => (id === undefined ? Promise.resolve(undefined) : readRepository(id))),
      );
      return found.filter((repository) => repository !== undefined);
    },
    writeGenesis: (repo, genesis) => put(`repositories/${repo}/genesis`, genesis),
    writeRecord: (repo, node, record) =>
      files.commit(
        {
          put: [
            [recordPath(repo, node, record.stream.seq), record.bytes],
            [`repositories/${repo}/streams/${node}`, encode(StoredStream, record.stream)],
          ],
          delete: [],
        },
        { durability: "strict" },
      ),
    writeHeld: (repo, node, head) =>
      put(`repositories/${repo}/held/${node}`, encode(StoredHead, head)),
    writeCopies: (repo, nodes) => put(`repositories/${repo}/copies`, encode(StoredCopies, nodes)),
    readRecords: async (repo, node, { from, to, bytesMax }) => {
      const records: Bytes[] = [];
      let length = 0;
      for (let seq = from; seq <= to; seq++) {
        const record = await files.read(recordPath(repo, node, seq));
        if (record === undefined || length + record.length > bytesMax) break;
        length += record.length + recordOverheadBytes;
        records.push(record);
      }
      return records;
    },
  };
}

/** Several byte strings as one: how membership entries and ref records travel in a stream. */
export function joinParts(parts: ReadonlyArray<Bytes>): Bytes {
  return concat(...parts.flatMap((part) => [encode(partLength, part.length), part]));
}

/** The reverse, for bytes from another node: `undefined` if they are not that. */
export function splitParts(
  joined: Uint8Array,
  { partBytesMax }: { readonly partBytesMax: number },
): ReadonlyArray<Bytes> | undefined {
  const parts: Bytes[] = [];
  for (let offset = 0; offset < joined.length;) {
    const start = offset + 4;
    if (start > joined.length) return undefined;
    const length = decode(partLength, joined.subarray(offset, start));
    if (length > partBytesMax || start + length > joined.length) return undefined;
    parts.push(Uint8Array.from(joined.subarray(start, start + length)));
    offset = start + length;
  }
  return parts;
}

/** Each part's length, in front of it. */
const partLength = u32;
/** What `joinParts` adds to each. */
const recordOverheadBytes = 4;

function entryPath(index: number): string {
  return `entries/${String(index).padStart(6, "0")}`;
}

/** Padded, so that the order of names is the order of numbers. */
function recordPath(repo: RepoId, node: NodeId, seq: number): string {
  return `repositories/${repo}/records/${node}/${String(seq).padStart(15, "0")}`;
}
