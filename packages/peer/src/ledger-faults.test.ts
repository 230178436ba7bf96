/** The ledger on IndexedDB that fails at any one write, in any way it can: each change is there wholly, or it is not. */

import { openIdbFiles } from "@skein/git/idb-files";
import { formatUtf8 } from "@skein/protocol/bytes";
import {
  instant,
  parseNodeId,
  parseObjectId,
  parseRecordHash,
  parseRefName,
  parseRepoId,
} from "@skein/protocol/ids";
import { faults, surviveFaults, type Stage, type Story } from "@skein/testkit/storage-faults";
import * as fake from "fake-indexeddb";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { Ledger } from "./ledger.ts";

beforeAll(() => {
  for (const [name, value] of Object.entries(fake))
    if (/^(?:IDB|indexedDB$)/u.test(name)) vi.stubGlobal(name, value);
});

const repo = known(parseRepoId("1".repeat(64)));
const node = known(parseNodeId("2".repeat(64)));
const branch = known(parseRefName("refs/heads/main"));
const oid = known(parseObjectId("3".repeat(40)));
const hash = known(parseRecordHash("4".repeat(64)));

const stream = (seq: number) => ({
  seq,
  hash,
  version: 1,
  at: 1_700_000_000_000 + seq,
  head: branch,
  name: "notes",
  refs: [{ ref: branch, oid }],
});
const record = (seq: number) => ({
  bytes: formatUtf8(`record ${seq}`),
  stream: stream(seq),
  held: true,
  seenAt: instant(1_700_000_000_000),
});
const draft = (text: string) => ({
  onto: oid,
  message: "Half a mess",
  files: [
    { path: "a.txt", bytes: formatUtf8(text) },
    { path: "gone.txt", bytes: undefined },
  ],
});

const stories: ReadonlyArray<readonly [name: string, steps: Story<Ledger>["steps"]]> = [
  [
    "drafts",
    [
      (ledger) => ledger.writeDraft(repo, branch, draft("half a th")),
      (ledger) => ledger.writeDraft(repo, branch, draft("half a thought")),
      (ledger) => ledger.dropDraft(repo, branch),
    ],
  ],
  [
    "records",
    [
      (ledger) => ledger.writeGenesis(repo, formatUtf8("genesis")),
      (ledger) => ledger.writeRecord(repo, node, record(1)),
      (ledger) => ledger.writeRecord(repo, node, record(2)),
      (ledger) => ledger.writeGiven(repo, { seq: 2, hash }),
      (ledger) =>
        ledger.replaceRecords(repo, node, {
          records: [formatUtf8("another")],
          stream: stream(1),
          before: 2,
        }),
      (ledger) => ledger.writeCopies(repo, [node]),
      (ledger) => ledger.writeRemoved(repo),
      (ledger) => ledger.writeBroughtBack(repo),
    ],
  ],
  [
    "the log and settings",
    [
      (ledger) => ledger.writeEntries([formatUtf8("one")], []),
      (ledger) => ledger.writeEntries([formatUtf8("one"), formatUtf8("two")], []),
      (ledger) => ledger.writeRelays({ added: ["wss://rita.example/relay"], left: [] }),
      (ledger) => ledger.writeDenials([node]),
    ],
  ],
];

const stage: Stage<Ledger> = {
  fake,
  openFiles: openIdbFiles,
  open: async (files) => new Ledger(files),
  look: async (ledger) => ({
    repositories: await ledger.readRepositories(),
    records: await ledger.readRecords(repo, node, { from: 1, to: 3, bytesMax: 10_000 }),
    drafts: await ledger.readDrafts(repo),
    entries: await ledger.readEntries(),
    seen: await ledger.readSeen(),
    relays: await ledger.readRelays(),
    denials: await ledger.readDenials(),
  }),
};

describe.each(stories)("%s", (_, steps) => {
  test.each(faults)(
    "survive a fault at every single write: %s",
    async (fault) => {
      const story = { before: new Map(), steps };
      expect(await surviveFaults(stage, story, fault)).toBeGreaterThan(2);
    },
    60_000,
  );
});

function known<T>(parsed: T | undefined): T {
  if (parsed === undefined) throw new Error("it can be parsed");
  return parsed;
}
