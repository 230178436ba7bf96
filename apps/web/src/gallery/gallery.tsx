/** A page for looking at every state: `gallery.html?state=network`. It is not part of the built app. */

import { signal } from "@preact/signals";
import { render } from "preact";
import type { Commands } from "@skein/peer/commands";
import { storageLost } from "@skein/peer/account-refusals";
import type { Views } from "@skein/peer/views";
import { App } from "../app.tsx";
import type { Door, Owner } from "../door/tab.ts";
import { emptyViews } from "../door/tab.ts";
import { now } from "../parts/door-context.ts";
import { putInDraft, textFile } from "../screens/repository/draft.ts";
import {
  blame,
  commitBody,
  commits,
  conflicts,
  moves,
  theirTip,
  full,
  kitOpened,
  locked,
  present,
  replica,
  request,
  sourceFile,
  sourceText,
  task,
  tip,
  words,
  writer,
} from "./fixed-views.ts";

interface State {
  readonly path?: string;
  readonly views: Partial<Views>;
  readonly owner?: Owner;
  readonly press?: string;
  /** Picked after that, where a file is asked for. */
  readonly pick?: File;
  /** Opened after that. */
  readonly unfold?: boolean;
  readonly draft?: boolean;
}

const away: Views["network"]["relay"] = {
  phase: "away",
  url: "wss://relay.example.org/relay",
  since: present - 90_000,
  retryAt: present + 14_000,
};

const relayAway: Views["network"]["relays"][number] = {
  url: away.url,
  from: "app",
  state: { ...away, phase: "away", why: "unreachable", retryAt: present + 14_000 },
  slowUntil: undefined,
  keepSecondsMax: 0,
  iceServers: 0,
};

const signingIn = (step: "reaching-relay" | "knocking" | "checking"): State => ({
  views: { ...full, account: { phase: "signing-in", step, since: present - 17_000 } },
});

const states: Readonly<Record<string, State>> = {
  opening: { views: { account: { phase: "opening" } } },
  welcome: { views: { account: { phase: "none" } } },
  "storage-lost": {
    views: {
      account: { phase: "none" },
      notices: [{ id: "n1", action: undefined, at: present, ...storageLost }],
    },
  },
  "sign-in": { views: { account: { phase: "none" } }, press: "Sign in on this device" },
  words: {
    views: { account: { phase: "words-shown", words, ask: [3, 7, 11], purpose: "create" } },
  },
  retype: {
    views: { account: { phase: "words-shown", words, ask: [3, 7, 11], purpose: "create" } },
    press: "Continue",
  },
  unlocking: { views: { account: { phase: "unlocking", share: 0 } } },
  knocking: signingIn("knocking"),
  "no-relay": {
    views: {
      ...signingIn("reaching-relay").views,
      network: { nodes: [], relay: away, relays: [relayAway] },
    },
  },
  stopped: {
    views: {
      account: {
        phase: "stopped",
        what: "This account was opened by a newer version of Skein.",
        safe: "Your repositories are untouched.",
        next: "Reload the page to get that version.",
        signIn: false,
        takeBackFrom: undefined,
      },
    },
  },
  "signed-out": {
    views: {
      account: {
        phase: "stopped",
        what: "You were signed out by “Pixel 9”.",
        safe: "What is on this device stays here. Nothing new comes, and nothing of it is sent.",
        next: "Sign in again with your passphrase: this device then counts as a new one.",
        signIn: true,
        takeBackFrom: "Pixel 9",
      },
    },
  },
  "two-accounts": {
    views: {
      account: {
        phase: "stopped",
        what: "Two different accounts answer to this passphrase: 7Q4F-M2KD, which this device joined, and M2KD-7Q4F.",
        safe: "What was copied here stays on this device. Nothing more is taken, nothing of it is sent, and nothing was changed on the others.",
        next: "Somebody else knows your words. On a device you already use, look which account its Devices page names, and change the passphrase there. Then sign in here again with the new words; if this device joined the wrong account, do that in another browser profile.",
        signIn: true,
        takeBackFrom: undefined,
      },
    },
  },
  standstill: { views: { ...full, account: { ...writer, standstill: present } } },
  revoke: { path: "/devices?revoke=n2", views: full },
  "revoke-stolen": {
    path: "/devices?revoke=n2",
    views: full,
    press: "Somebody else may have used it",
  },
  passphrase: { path: "/passphrase", views: full },
  "passphrase-new": {
    path: "/passphrase",
    views: { ...full, account: { ...writer, words: { phase: "shown", words, ask: [3, 7, 11] } } },
  },
  kit: { path: "/recovery-kit", views: full },
  "kit-shown": {
    path: "/recovery-kit",
    views: { ...full, account: { ...writer, kit: { phase: "shown", words } } },
  },
  "kit-asked": {
    path: "/recovery-kit",
    views: { ...full, account: { ...writer, kit: { phase: "asked", tries: 0 } } },
  },
  "kit-written": {
    path: "/recovery-kit",
    views: { ...full, account: { ...writer, kit: { phase: "written" } } },
  },
  "kit-opened": { views: { account: kitOpened } },
  "kit-opened-kept": {
    views: { account: kitOpened },
    press: "Keep it: I know it, and nobody else does. Devices may stay.",
  },
  "kit-words": { path: "/recovery-kit", views: { ...full, account: replica } },
  locked: { views: { account: locked } },
  "locked-words": { views: { account: { ...locked, passkey: undefined } } },
  "locked-elsewhere": { views: { account: locked }, owner: "other-tab" },
  lock: {
    path: "/devices",
    views: {
      ...full,
      account: {
        ...writer,
        lock: { ...writer.lock, set: { passkey: true, patience: 15 * 60_000 } },
      },
    },
  },
  "lock-new": { path: "/devices", views: full, press: "Set a lock" },
  "lock-plain": {
    path: "/devices",
    views: { ...full, account: { ...writer, lock: { ...writer.lock, keys: "plain" } } },
  },
  waiting: {
    views: { ...full, account: { ...replica, approval: { phase: "waiting", since: present } } },
  },
  sent: {
    views: {
      ...full,
      account: {
        ...replica,
        approval: { phase: "asked", expiresAt: present + 200_000, numbers: [], opened: false },
      },
    },
  },
  unanswered: {
    views: {
      ...full,
      account: { ...replica, approval: { phase: "void", why: "nobody-answered" } },
    },
  },
  empty: { views: { ...full, repositories: [] } },
  repositories: { views: full },
  offline: { views: { ...full, network: { ...full.network, relay: away } }, owner: "other-tab" },
  new: { views: full, press: "New repository" },
  import: { views: full, press: "Import" },
  "import-left-refs": {
    views: full,
    press: "Import",
    pick: new File(["# v2 git bundle"], "field-notes.bundle"),
    unfold: true,
  },
  "import-left-files": {
    views: full,
    press: "Import",
    pick: new File(["PK\u0003\u0004"], "garden.zip"),
    unfold: true,
  },
  task: { views: { ...full, tasks: [task] } },
  notice: {
    views: {
      ...full,
      notices: [
        {
          id: "n1",
          tone: "error",
          what: "The disk is full: the last pack could not be stored.",
          safe: "Everything that was there before is kept.",
          next: "Free some space, then reload.",
          action: { kind: "revoke", node: "n2" },
          at: present,
        },
      ],
    },
  },
  approval: { views: { ...full, account: replica } },
  request: { views: { ...full, requests: [request] } },
  "request-wrong": {
    views: {
      ...full,
      requests: [{ ...request, wrong: true, triesLeft: 2, silent: false, path: "relayed" }],
    },
  },
  network: { path: "/network", views: full },
  "network-away": {
    path: "/network",
    views: {
      ...full,
      network: { nodes: full.network.nodes.slice(0, 1), relay: away, relays: [relayAway] },
    },
  },
  devices: { path: "/devices", views: full },
  files: { path: "/r/r1", views: full },
  file: { path: "/r/r2?path=packages/peer/scope.ts", views: full },
  editing: { path: "/r/r2?path=packages/peer/scope.ts", views: full, draft: true },
  history: { path: "/r/r2?tab=history", views: full },
  "first-parent": { path: "/r/r2?tab=history&parents=first", views: full },
  "file-history": { path: "/r/r2?tab=history&path=packages/peer/scope.ts", views: full },
  blame: { path: "/r/r2?path=packages/peer/scope.ts", views: full, press: "Blame" },
  conflicts: { path: `/r/r1?merging=${theirTip}`, views: full },
  undo: { path: "/r/r1?tab=undo", views: full },
  downloads: { path: "/r/r1", views: full, press: "Download" },
  more: { path: "/r/r1", views: full, press: "More" },
  commit: { path: `/r/r2?tab=history&commit=${tip}`, views: full },
  remotes: { path: "/r/r1?tab=remotes", views: full },
  missing: { path: "/r/nowhere", views: full },
};

const names = ["apps", "docs", "packages"];
const files = ["README.md", "package.json", "scope.ts", "logo.svg"];
const leftRefs = ["refs/stash", "refs/heads/-new", "refs/heads/a..b", "refs/tags/v2.lock"];
const answers: { readonly [Name in keyof Commands]?: Commands[Name]["answer"] } = {
  "read-tree": {
    entries: [
      ...names.map((name) => ({ name, kind: "folder" as const, oid: tip, size: undefined })),
      ...files.map((name) => ({ name, kind: "file" as const, oid: tip, size: 812 })),
    ],
  },
  "read-draft": {},
  "import-bundle": { kind: "imported", id: "r1", skipped: leftRefs, skippedCount: 131 },
  "import-files": {
    id: "r1",
    files: 248,
    skipped: [
      { path: "garden/.DS_Store", why: "system" },
      { path: "garden/pictures/2024/git~1", why: "bad-name" },
      { path: "garden/pictures/2024/the-long-border-seen-from-the-gate.tiff", why: "too-large" },
    ],
    skippedCount: 3,
  },
  proofs: {
    proofs: [
      {
        node: "n3",
        nodeName: "Workshop laptop",
        repository: "r1",
        number: 12,
        file: new File(["SKEINTWO"], "Workshop-laptop-12.proof"),
      },
    ],
  },
  "git-hosts": { hosts: ["github.com", "git.example.org:8443"] },
  "read-file": sourceFile,
  history: { commits, paths: new Map(), more: true },
  "removed-repositories": {
    repositories: [
      { id: "r9", name: "old-site", holders: 2 },
      { id: "r8", name: "a thing of the past", holders: 0 },
    ],
  },
  merge: { kind: "conflict", paths: ["docs/plan.md", "logo.png"] },
  conflicts,
  "ref-moves": { moves, more: true },
  blame,
  "read-commit": {
    commit: {
      ...(commits[0] ?? Reflect.get(commits, 1)),
      body: commitBody,
    },
    files: [
      {
        path: "packages/peer/scope.ts",
        kind: "changed",
        before: sourceText,
        after: edited(sourceText),
        binary: false,
      },
      {
        path: "docs/scope.md",
        kind: "added",
        before: undefined,
        after: "# Scope\n",
        binary: false,
      },
      { path: "logo.png", kind: "changed", before: undefined, after: undefined, binary: true },
    ],
  },
};

function edited(text: string): string {
  return text
    .replace("too many tasks: ${name}", "more than a thousand tasks, the last is ${name}")
    .replace(
      "  // The first",
      "  /** Who is still at work. */\n  get size(): number {\n    return this.#tasks.size;\n  }\n\n  // The first",
    );
}

function show(name: string): void {
  const state = states[name];
  const place = document.querySelector("#app");
  if (state === undefined || place === null) return;
  history.replaceState(null, "", state.path ?? "/");
  now.value = present;
  const views = emptyViews();
  for (const [view, value] of Object.entries(state.views))
    Reflect.set(Reflect.get(views, view), "value", value);
  if (state.draft === true)
    putInDraft(
      { repository: "r2", branch: "main" },
      {
        onto: tip,
        path: "packages/peer/scope.ts",
        file: textFile(edited(sourceText), { oid: sourceFile.oid, text: sourceText }),
      },
    );
  const door: Door = {
    views,
    owner: signal(state.owner ?? "this-tab"),
    ask: (command) => {
      const value = answers[command];
      return value === undefined
        ? new Promise(() => {})
        : Promise.resolve(Object.assign({ ok: true as const }, { value }));
    },
  };
  render(<App door={door} updates={{ ready: signal(false), apply: () => {} }} />, place);
  void play(state);
}

/** Does what a person would do to get there. */
async function play({ press, pick, unfold = false }: State): Promise<void> {
  await drawn();
  const buttons = Array.from(document.querySelectorAll<HTMLElement>("button, summary, label"));
  buttons.find(({ textContent }) => textContent.trim() === press)?.click();
  await drawn();
  const input = document.querySelector<HTMLInputElement>(".file-input");
  if (pick !== undefined && input !== null) {
    const transfer = new DataTransfer();
    transfer.items.add(pick);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    await drawn();
  }
  if (unfold) document.querySelector<HTMLElement>("dialog summary")?.click();
}

function drawn(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 50));
}

const asked = new URLSearchParams(location.search).get("state");
if (asked === null) {
  const list = Object.keys(states).map((name) => (
    <li key={name}>
      <a href={`/gallery.html?state=${name}`}>{name}</a>
    </li>
  ));
  const place = document.querySelector("#app");
  if (place !== null) render(<ul>{list}</ul>, place);
} else show(asked);
