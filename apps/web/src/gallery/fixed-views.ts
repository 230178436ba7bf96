/** Views and answers that never change, for looking at every state of every screen. */

import type { RefMoveView } from "@skein/peer/answers";
import type { Answer, CommitView, FileView } from "@skein/peer/commands";
import type { AccountView, RepositoryView, RequestView, TaskView, Views } from "@skein/peer/views";

export const present = Date.UTC(2026, 10, 21, 9, 30);
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
export const tip = "9f2c41d07b6e5a3f8c1d2e4b6a7980f1c3d5e7a9";
export const theirTip = "c41d07b6e5a3f8c1d2e4b6a7980f1c3d5e7a99f2";

export const writer: AccountView & { readonly phase: "open" } = {
  phase: "open",
  account: "a1",
  mark: "7Q4F-M2KD",
  node: "n1",
  nodeName: "Firefox on Ubuntu",
  platform: "Firefox on Ubuntu",
  role: "writer",
  author: { name: "Alice Marten", email: "alice@example.org" },
  approval: { phase: "none" },
  kit: { phase: "kept" },
  words: { phase: "none" },
  lock: { keys: "wrapped", salt: "00".repeat(32), set: undefined },
  standstill: undefined,
  forks: 0,
};

export const locked: AccountView & { readonly phase: "locked" } = {
  phase: "locked",
  mark: "7Q4F-M2KD",
  passkey: { id: "00", salt: "00".repeat(32) },
};

export const kitOpened: AccountView = {
  phase: "kit-opened",
  mark: "7Q4F-M2KD",
  madeAt: present - 60 * day,
  nodes: [
    {
      node: "n1",
      name: "Firefox on Ubuntu",
      platform: "Firefox on Ubuntu",
      addedAt: present - 90 * day,
    },
    { node: "n2", name: "Pixel 9", platform: "Chrome on Android", addedAt: present - 18 * day },
  ],
};

export const replica: AccountView & { readonly phase: "open" } = {
  ...writer,
  role: "read-only",
  nodeName: "Chrome on Android",
  platform: "Chrome on Android",
  approval: {
    phase: "asked",
    expiresAt: present + 272_000,
    numbers: [{ nodeName: "Firefox on Ubuntu", digits: "482107" }],
    opened: true,
  },
};

export const words =
  "velvet orbit canyon lemon script harvest window pelican marble ocean timber quiet".split(" ");

const skein: RepositoryView = {
  id: "r1",
  name: "skein",
  branches: [
    { name: "main", oid: tip },
    { name: "faster-packs", oid: theirTip },
  ],
  tags: [{ name: "v0.1.0", oid: theirTip }],
  head: "main",
  remotes: [
    {
      remote: "p2p-3fa94c02d1be",
      node: "n2",
      nodeName: "Pixel 9",
      standing: "fresh",
      heardAt: present - 4 * minute,
      branches: [
        { name: "main", oid: theirTip, relation: "diverged" },
        { name: "faster-packs", oid: theirTip, relation: "same" },
      ],
    },
    {
      remote: "p2p-88d1be03fa94",
      node: "n3",
      nodeName: "Workshop laptop",
      standing: "behind",
      heardAt: present - 3 * hour,
      branches: [{ name: "main", oid: tip, relation: "same" }],
    },
    {
      remote: "p2p-41d00b7e6c2a",
      node: "n4",
      nodeName: "Old tablet",
      standing: "forked",
      heardAt: present - 20 * day,
      branches: [{ name: "main", oid: theirTip, relation: "behind" }],
    },
  ],
  copies: 2,
  changedAt: present - 4 * minute,
};

const repositories: ReadonlyArray<RepositoryView> = [
  skein,
  { ...skein, id: "r2", name: "notes", copies: 0, remotes: [], changedAt: present - 3 * hour },
  { ...skein, id: "r3", name: "thesis", copies: 1, remotes: [], changedAt: present - 2 * day },
  { ...skein, id: "r4", name: "dotfiles", copies: 2, remotes: [], changedAt: present - 40 * day },
];

export const request: RequestView = {
  id: "q1",
  node: "n2",
  name: "Chrome on Android",
  platform: "Chrome on Android",
  askedAt: present - 12_000,
  expiresAt: present + 288_000,
  path: "direct",
  fingerprint: "M2KD-7Q4F",
  triesLeft: 3,
  silent: false,
  wrong: false,
  waiting: false,
  repositories: 4,
};

export const task: TaskView = {
  id: "t1",
  title: "Importing linux-small",
  phase: "Checking objects",
  share: 0.42,
  detail: "6,924 of 16,486 objects · 6.1 of 14.3 MB",
  cancellable: true,
};

const node = { platform: "Chrome on Android", role: "writer", whose: "mine", lacking: [] } as const;

export const full: Views = {
  account: writer,
  repositories,
  network: {
    relay: { phase: "connected", url: "wss://relay.example.org/relay", since: present - 2 * hour },
    relays: [
      {
        url: "wss://relay.example.org/relay",
        from: "app",
        state: { phase: "connected", since: present - 2 * hour },
        slowUntil: undefined,
        keepSecondsMax: 86_400,
        iceServers: 2,
      },
      {
        url: "wss://friends.example.net/relay",
        from: "person",
        state: { phase: "connected", since: present - 3 * minute },
        slowUntil: present + 8_000,
        keepSecondsMax: 0,
        iceServers: 0,
      },
      {
        url: "wss://old.example.com/relay",
        from: "person",
        state: {
          phase: "away",
          since: present - 12 * minute,
          retryAt: present + 41_000,
          why: "busy",
        },
        slowUntil: undefined,
        keepSecondsMax: 0,
        iceServers: 0,
      },
    ],
    nodes: [
      {
        ...node,
        node: "n1",
        name: "Firefox on Ubuntu",
        platform: "Firefox on Ubuntu",
        whose: "this-device",
        path: { kind: "none", lastSeen: undefined },
      },
      { ...node, node: "n2", name: "Pixel 9", path: { kind: "direct", roundTripMillis: 12.3 } },
      {
        ...node,
        node: "n3",
        name: "Workshop laptop",
        platform: "Safari on macOS",
        path: { kind: "relayed", roundTripMillis: 84 },
        lacking: [{ repository: "r1", records: 3 }],
      },
      {
        ...node,
        node: "n4",
        name: "Old tablet",
        platform: "Chrome on Android",
        role: "read-only",
        path: { kind: "none", lastSeen: present - 41 * day },
      },
    ],
  },
  devices: [
    {
      node: "n1",
      name: "Firefox on Ubuntu",
      platform: "Firefox on Ubuntu",
      thisDevice: true,
      role: "writer",
      addedBy: undefined,
      addedAt: undefined,
      addedSeenAt: undefined,
      connected: false,
      lastSeen: undefined,
      denied: false,
      fingerprint: "7Q4F-M2KD",
      revoked: undefined,
      revoke: "nothing",
      approved: ["Pixel 9"],
      deeds: [],
    },
    {
      node: "n2",
      name: "Pixel 9",
      platform: "Chrome on Android",
      thisDevice: false,
      role: "writer",
      addedBy: "Firefox on Ubuntu",
      addedAt: present - 18 * day,
      addedSeenAt: present - 18 * day + 2 * minute,
      connected: false,
      lastSeen: present - 3 * minute,
      denied: false,
      fingerprint: "M2KD-7Q4F",
      revoked: undefined,
      revoke: "passphrase",
      approved: ["Work phone"],
      deeds: [
        { kind: "let-in", name: "Work phone", at: present - 16 * day, seenAt: present - 16 * day },
        { kind: "let-in", name: "Kiosk", at: present - 17 * day, seenAt: present - 5 * hour },
        { kind: "removed", name: "Kiosk", at: present - 2 * hour, seenAt: present - 2 * hour },
      ],
    },
    {
      node: "n4",
      name: "Old tablet",
      platform: "Chrome on Android",
      thisDevice: false,
      role: "read-only",
      addedBy: undefined,
      addedAt: undefined,
      addedSeenAt: undefined,
      connected: false,
      lastSeen: present - 41 * day,
      denied: true,
      fingerprint: "KD7Q-4FM2",
      revoked: undefined,
      revoke: "not-possible",
      approved: [],
      deeds: [],
    },
    {
      node: "n5",
      name: "Stolen laptop",
      platform: "Firefox on Ubuntu",
      thisDevice: false,
      role: "read-only",
      addedBy: undefined,
      addedAt: present - 50 * day,
      addedSeenAt: undefined,
      connected: false,
      lastSeen: present - 20 * day,
      fingerprint: "2M4F-DKQ7",
      revoked: { by: "Pixel 9", at: present - 20 * day, seenAt: present - 19 * day },
      revoke: "not-possible",
      approved: [],
      deeds: [],
      denied: false,
    },
  ],
  requests: [],
  tasks: [],
  notices: [],
  storage: { usedBytes: 1_240_000_000, quotaBytes: 10_700_000_000, persisted: false },
};

export const sourceText = `/** A scope owns what is started inside it. When it ends, everything it owns has ended. */

import { Bug } from "@skein/protocol/errors";

export class Scope {
  readonly #tasks = new Set<Promise<unknown>>();

  /** Starts work that may not outlive this scope. */
  start(name: string, work: () => Promise<void>): void {
    if (this.#tasks.size > 1_000) throw new Bug(\`too many tasks: \${name}\`);
    const task = work().finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  // The first failure is the one that is reported.
  async end(): Promise<void> {
    await Promise.all(this.#tasks);
  }
}
`;

export const sourceFile: FileView = {
  oid: "e5a3f8c1d2e4b6a7980f1c3d5e7a99f2c41d07b6",
  bytes: new TextEncoder().encode(sourceText),
  size: sourceText.length,
  kind: "text",
  link: false,
};

const commit = (title: string, at: number, authorName = "Alice Marten"): CommitView => ({
  oid: `${(at % 0xffffffff).toString(16).padStart(8, "0")}${tip.slice(8)}`,
  parents: [theirTip],
  authorName,
  authorEmail: "alice@example.org",
  at,
  offsetMinutes: 60,
  title,
  body: "",
});

export const commits: ReadonlyArray<CommitView> = [
  { ...commit("Let a scope say who it waits for", present - 4 * minute), oid: tip },
  commit("Merge what both devices wrote", present - 2 * hour, "Skein merge"),
  commit("Count tasks before starting one more", present - 26 * hour, "Bob Okafor"),
  commit(
    "Keep received packs byte for byte, so that nothing is ever repacked to serve a clone",
    present - 27 * hour,
  ),
  commit("Begin", present - 40 * day, "Bob Okafor"),
];

export const commitBody =
  "A scope that hangs used to say nothing. Now it names the task, and the test\nwaits for the name instead of for a second.";

const [first = Reflect.get(commits, 0), second = first] = commits;

export const conflicts: Answer<"conflicts"> = {
  ours: first,
  theirs: second,
  conflicts: [
    {
      path: "docs/plan.md",
      reason: "text",
      hasBase: true,
      hasOurs: true,
      hasTheirs: true,
      hunks: [
        { kind: "merged", text: "# Plan\n\nWhat comes first, and why.\n" },
        {
          kind: "conflict",
          base: "Storage first.\n",
          ours: "Storage first: nothing may be lost.\n",
          theirs: "The relay first, so that two people can try it.\n",
        },
        { kind: "merged", text: "Then the screens.\n" },
        { kind: "conflict", base: "Then rest.\n", ours: "", theirs: "Then a week of rest.\n" },
      ],
    },
    {
      path: "logo.png",
      reason: "bytes",
      hasBase: true,
      hasOurs: true,
      hasTheirs: true,
      hunks: undefined,
    },
  ],
};

export const moves: ReadonlyArray<RefMoveView> = [
  {
    kind: "branch",
    name: "main",
    from: { oid: theirTip, title: second.title },
    to: { oid: tip, title: first.title },
    at: present - 4 * minute,
    why: "commit: Let a scope say who it waits for",
  },
  {
    kind: "branch",
    name: "an-idea",
    from: { oid: theirTip, title: "Try packs of a fixed size" },
    to: undefined,
    at: present - 3 * hour,
    why: "branch: deleted",
  },
  {
    kind: "tag",
    name: "v0.1.0",
    from: undefined,
    to: { oid: theirTip, title: second.title },
    at: present - 2 * day,
    why: "tag: created",
  },
];

export const blame: Answer<"blame"> = {
  lines: [
    { line: 1, count: 8, commit: second.oid },
    { line: 9, count: 2, commit: first.oid },
    { line: 11, count: 11, commit: second.oid },
  ],
  commits: [first, second],
  complete: true,
};
