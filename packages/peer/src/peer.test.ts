import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { plainKeyStore } from "@skein/auth/plain-key-store";
import { StorageFullError, type Files } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { MalformedMessageError } from "@skein/protocol/errors";
import { instant } from "@skein/protocol/ids";
import { draftBytesMax } from "@skein/protocol/limits";
import { failAtCommit } from "@skein/testkit/failing-files";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openPeer, type Peer } from "./peer.ts";
import type { DoorSecrets, Ports } from "./ports.ts";

const crypto = await openCrypto();
const words = Array.from({ length: 12 }, () => "abandon");
const names = { nodeName: "alice", platform: "test" };
const signIn = { ...names, words: words.join(" ") };

/** A browser that reaches nobody; its disk may be given, so that it is opened again. */
function lonely({
  ledger = openMemoryFiles(),
  ...others
}: Partial<Omit<Ports, "unlocker">> & {
  readonly derive?: () => Promise<DoorSecrets>;
  readonly bugs?: unknown[];
} = {}): Ports & { readonly alarmsSet: Set<object> } {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const alarmsSet = new Set<object>();
  const socket = { send: () => undefined, bufferedAmount: () => 0, close: () => undefined };
  return {
    alarmsSet,
    clock: {
      now: () => instant(1_795_262_400_000),
      wake: () => {
        const alarm = {};
        alarmsSet.add(alarm);
        return () => alarmsSet.delete(alarm);
      },
    },
    random: simulation,
    crypto,
    unlocker: {
      mint: () => Promise.resolve(words),
      checksumFits: () => Promise.resolve(true),
      derive: others.derive ?? (() => Promise.resolve(secrets())),
    },
    keyStore: plainKeyStore(),
    restart: () => undefined,
    ledger,
    openFiles: () => Promise.resolve(openMemoryFiles()),
    storedRepositories: () => Promise.resolve([]),
    removeFiles: () => Promise.resolve(),
    sockets: { open: () => socket },
    relayUrls: ["ws://rita/relay"],
    channels: {
      supported: false,
      open: () => undefined,
      signal: () => undefined,
      send: () => false,
      close: () => undefined,
      nudge: () => undefined,
      listen: () => undefined,
    },
    breathe: () => Promise.resolve(),
    offsetMinutes: () => 0,
    report: (cause) => {
      if (others.bugs === undefined) throw cause;
      others.bugs.push(cause);
    },
  };
}

function secrets(): DoorSecrets {
  const secret = (name: string): SecretKey =>
    new SecretKey(crypto.hash("door sign", formatUtf8(name)));
  return { sign: secret("sign"), box: secret("box"), meeting: secret("meeting") };
}

async function haveAccount(peer: Peer): Promise<void> {
  await peer.ask("create-account", names);
  expect(await peer.ask("confirm-words", { words: words.slice(0, 3) })).toEqual({ ok: true });
}

const phaseOf = (peer: Peer): string => peer.views.current().account.phase;
const codeOf = (outcome: Awaited<ReturnType<Peer["ask"]>>): string =>
  outcome.ok ? "done" : outcome.refused.code;

test("Alice's account and the name on her commits outlive a restart", async () => {
  const disk = new Map<string, Bytes>();
  const first = await openPeer(lonely({ ledger: openMemoryFiles(disk) }));
  await haveAccount(first);
  const author = { name: "Alice Liddell", email: "alice@example.org" };
  await first.ask("set-author", author);
  expect(first.views.current().account).toMatchObject({ phase: "open", author });
  await first[Symbol.asyncDispose]();
  const again = await openPeer(lonely({ ledger: openMemoryFiles(disk) }));
  expect(again.views.current().account).toMatchObject({ phase: "open", role: "writer", author });
  await again[Symbol.asyncDispose]();
});

test("what Alice wrote and did not commit outlives a restart, branch by branch", async () => {
  const disks = new Map<string, Map<string, Bytes>>();
  const disk = (name: string): Files => {
    const contents = disks.get(name) ?? new Map<string, Bytes>();
    disks.set(name, contents);
    return openMemoryFiles(contents);
  };
  const open = (): Promise<Peer> =>
    openPeer({
      ...lonely({ ledger: disk("ledger") }),
      openFiles: (id) => Promise.resolve(disk(id)),
    });
  const first = await open();
  await haveAccount(first);
  const made = await first.ask("new-repository", { name: "notes", files: [] });
  if (!made.ok) throw new Error("it is made");
  const { id } = made.value;
  const onto = first.views.current().repositories[0]?.branches[0]?.oid ?? "";
  const draft = {
    onto,
    message: "Half a mess",
    changes: [
      { path: "new.txt", kind: "write", bytes: formatUtf8("half a th") },
      { path: "README.md", kind: "delete" },
    ],
  } as const;
  const key = { id, branch: "topics/one" };
  expect(await first.ask("read-draft", key)).toEqual({ ok: true, value: {} });
  expect(await first.ask("write-draft", { ...key, draft })).toMatchObject({ ok: true });
  await first[Symbol.asyncDispose]();
  const again = await open();
  expect(await again.ask("read-draft", key)).toEqual({ ok: true, value: { draft } });
  expect(await again.ask("read-draft", { id, branch: "topics" })).toEqual({ ok: true, value: {} });
  const bytes = new Uint8Array(draftBytesMax + 1);
  const large = { ...draft, changes: [{ path: "film", kind: "write", bytes }] } as const;
  expect(codeOf(await again.ask("write-draft", { ...key, draft: large }))).toBe("too_large");
  expect(await again.ask("read-draft", key)).toMatchObject({ value: { draft } });
  await again.ask("drop-draft", key);
  expect(await again.ask("read-draft", key)).toEqual({ ok: true, value: {} });
  await again[Symbol.asyncDispose]();
});

test("Alice stops a merge, a look at conflicts and a pick while they work, and nothing has moved", async () => {
  let whileWorking = (): void => undefined;
  const breathe = async (): Promise<void> => whileWorking();
  const peer = await openPeer({ ...lonely(), breathe });
  await haveAccount(peer);
  const made = await peer.ask("new-repository", { name: "notes", files: [] });
  if (!made.ok) throw new Error("it is made");
  const { id } = made.value;
  const tipOf = (branch: string): string =>
    peer.views.current().repositories[0]?.branches.find(({ name }) => name === branch)?.oid ?? "";
  const write = async (branch: string, name: string): Promise<string> => {
    const changes = Array.from({ length: 200 }, (_, folder) => ({
      path: `${folder}/${name}`,
      kind: "write" as const,
      bytes: formatUtf8(name),
    }));
    const onto = tipOf(branch);
    const outcome = await peer.ask("commit", { id, branch, onto, message: name, changes });
    return outcome.ok ? outcome.value.oid : codeOf(outcome);
  };
  await write("main", "base");
  await peer.ask("new-branch", { id, name: "side", from: tipOf("main") });
  const ours = await write("main", "ours");
  const theirs = await write("side", "theirs");
  const seen: string[] = [];
  whileWorking = () => {
    for (const task of peer.views.current().tasks) {
      seen.push(`${task.title}: ${task.phase}`);
      void peer.ask("cancel-task", { id: task.id });
    }
  };
  const on = { id, branch: "main" };
  const pick = { ...on, onto: ours, commit: theirs, resolutions: [] };
  const outcomes = [
    await peer.ask("merge", { ...on, theirs }),
    await peer.ask("conflicts", { id, ours, theirs }),
    await peer.ask("merge-resolved", { ...on, ours, theirs, resolutions: [] }),
    await peer.ask("cherry-pick", pick),
    await peer.ask("revert", { ...pick, onto: theirs, branch: "side" }),
  ];
  expect(outcomes.map(codeOf)).toEqual(outcomes.map(() => "cancelled"));
  expect([tipOf("main"), tipOf("side")]).toEqual([ours, theirs]);
  expect([...new Set(seen)]).toEqual([
    "Merging into main: Comparing what both sides have",
    "Comparing two sides of notes: Comparing what both sides have",
    "Cherry-picking onto main: Comparing what both sides have",
    "Reverting on side: Comparing what both sides have",
  ]);
  whileWorking = () => undefined;
  expect(await peer.ask("merge", { ...on, theirs })).toMatchObject({ value: { kind: "merged" } });
  await peer[Symbol.asyncDispose]();
});

test("forty commits are a few packs, and all of them can be read after a restart", async () => {
  const disks = new Map<string, Map<string, Bytes>>();
  const disk = (name: string): Map<string, Bytes> => {
    const contents = disks.get(name) ?? new Map<string, Bytes>();
    disks.set(name, contents);
    return contents;
  };
  const open = (): Promise<Peer> =>
    openPeer({
      ...lonely({ ledger: openMemoryFiles(disk("ledger")) }),
      openFiles: (id) => Promise.resolve(openMemoryFiles(disk(id))),
    });
  const first = await open();
  await haveAccount(first);
  const made = await first.ask("new-repository", { name: "notes", files: [] });
  if (!made.ok) throw new Error("it is made");
  const { id } = made.value;
  const tipOf = (peer: Peer): string =>
    peer.views.current().repositories[0]?.branches[0]?.oid ?? "";
  for (let index = 0; index < 40; index++) {
    const outcome = await first.ask("commit", {
      id,
      branch: "main",
      onto: tipOf(first),
      message: `Commit ${index}`,
      changes: [{ path: `${index}.txt`, kind: "write", bytes: formatUtf8(`${index}`) }],
    });
    expect(outcome.ok).toBe(true);
  }
  await first[Symbol.asyncDispose]();
  const packs = [...disk(id).keys()].filter((path) => path.endsWith(".pack"));
  expect(packs.length).toBeLessThan(15);
  const again = await open();
  const history = await again.ask("history", { id, commit: tipOf(again), limit: 100 });
  expect(history.ok ? history.value.commits.length : 0).toBe(41);
  const read = { id, commit: tipOf(again), path: "0.txt" };
  expect(await again.ask("read-file", read)).toMatchObject({ ok: true, value: { size: 1 } });
  await again[Symbol.asyncDispose]();
});

test("a bundle that was imported before is not imported again unless Alice says so", async () => {
  const peer = await openPeer(lonely());
  await haveAccount(peer);
  const made = await peer.ask("new-repository", { name: "notes", files: [] });
  if (!made.ok) throw new Error("it is made");
  const bundle = await peer.ask("export-bundle", { id: made.value.id });
  if (!bundle.ok) throw new Error("it is exported");
  const { file } = bundle.value;
  const imported = await peer.ask("import-bundle", { name: "notes", file });
  expect(imported).toEqual({ ok: true, value: { kind: "here-already", id: made.value.id } });
  const others = [
    await peer.ask("import-bundle", { name: "notes", file, again: true }),
    await peer.ask("import-bundle", { name: "other notes", file }),
  ];
  expect(others).toMatchObject([
    { value: { kind: "imported", skipped: [], skippedCount: 0 } },
    { value: { kind: "imported" } },
  ]);
  expect(peer.views.current().repositories).toHaveLength(3);
  await peer[Symbol.asyncDispose]();
});

test("a bundle that was cut short is refused in words that say each thing once", async () => {
  const peer = await openPeer(lonely());
  await haveAccount(peer);
  const made = await peer.ask("new-repository", { name: "notes", files: [] });
  if (!made.ok) throw new Error("it is made");
  const bundle = await peer.ask("export-bundle", { id: made.value.id });
  if (!bundle.ok) throw new Error("it is exported");
  // Some end between two objects, and some in the middle of one.
  for (const missing of [21, 30, 45, 60, 100]) {
    const file = bundle.value.file.slice(0, bundle.value.file.size - missing);
    expect(await peer.ask("import-bundle", { name: "short", file })).toEqual({
      ok: false,
      refused: {
        code: "pack_rejected",
        what: expect.stringMatching(
          /^The bundle (was cut short|is damaged or was cut short: [^:]+ at byte \d+)\.$/u,
        ),
        safe: "Nothing was changed.",
        next: "The copy is damaged or forged; get it from somewhere else.",
      },
    });
  }
  const sha256 = new Blob(["# v3 git bundle\n@object-format=sha256\n\n"]);
  const other = await peer.ask("import-bundle", { name: "sha256", file: sha256 });
  expect(other.ok ? "" : other.refused.next).not.toContain("bundle create");
  await peer[Symbol.asyncDispose]();
});

test("whoever asks twice at once to sign in signs in once", async () => {
  const peer = await openPeer(lonely());
  const outcomes = await Promise.all([peer.ask("sign-in", signIn), peer.ask("sign-in", signIn)]);
  expect(outcomes.map(codeOf).toSorted()).toEqual(["done", "not_now"]);
  expect(phaseOf(peer)).toBe("signing-in");
  await peer[Symbol.asyncDispose]();
});

test("new words never take the place of a sign-in that began meanwhile", async () => {
  const peer = await openPeer(lonely());
  const outcomes = [peer.ask("sign-in", signIn), peer.ask("create-account", names)];
  expect((await Promise.all(outcomes)).map(codeOf).toSorted()).toEqual(["done", "not_now"]);
  await peer[Symbol.asyncDispose]();
});

test("an unlock worker that dies leaves Alice where she was, to try again", async () => {
  const bugs: unknown[] = [];
  const died = new Error("the worker ended");
  const peer = await openPeer(lonely({ bugs, derive: () => Promise.reject(died) }));
  expect(codeOf(await peer.ask("sign-in", signIn))).toBe("bug");
  expect(phaseOf(peer)).toBe("none");
  await peer.ask("create-account", names);
  expect(codeOf(await peer.ask("confirm-words", { words: words.slice(0, 3) }))).toBe("bug");
  expect(phaseOf(peer)).toBe("words-shown");
  expect(bugs).toEqual([died, died]);
  await peer[Symbol.asyncDispose]();
});

test("an account that a full disk cannot keep is not made, and its words stay on the screen", async () => {
  const full = { failing: 1, moment: "before", error: new StorageFullError("no room") } as const;
  const ledger: Files = failAtCommit(openMemoryFiles(), full);
  const peer = await openPeer(lonely({ ledger }));
  await peer.ask("create-account", names);
  expect(codeOf(await peer.ask("confirm-words", { words: words.slice(0, 3) }))).toBe(
    "storage_full",
  );
  expect(phaseOf(peer)).toBe("words-shown");
  await peer[Symbol.asyncDispose]();
});

test("a sign-in that Alice stopped leaves no alarm behind", async () => {
  const ports = lonely();
  const peer = await openPeer(ports);
  await peer.ask("sign-in", signIn);
  expect(ports.alarmsSet.size).toBeGreaterThan(0);
  await peer.ask("stop-sign-in", {});
  expect(phaseOf(peer)).toBe("none");
  expect(ports.alarmsSet.size).toBe(0);
  await peer[Symbol.asyncDispose]();
});

test("a peer that was closed rings no more and refuses what it is asked", async () => {
  const ports = lonely();
  const peer = await openPeer(ports);
  await haveAccount(peer);
  await peer[Symbol.asyncDispose]();
  expect(ports.alarmsSet.size).toBe(0);
  expect(codeOf(await peer.ask("new-repository", { name: "notes", files: [] }))).toBe("owner_gone");
});

test("a peer that is closed while its words are stretched never reaches for the network", async () => {
  let give = (_secrets: DoorSecrets): void => undefined;
  const derive = (): Promise<DoorSecrets> => new Promise((resolve) => (give = resolve));
  let dialled = 0;
  const alone = lonely({ derive });
  const sockets = {
    open: (...given: Parameters<Ports["sockets"]["open"]>) => {
      dialled++;
      return alone.sockets.open(...given);
    },
  };
  const peer = await openPeer({ ...alone, sockets });
  const asked = peer.ask("sign-in", signIn);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await peer[Symbol.asyncDispose]();
  give(secrets());
  expect(codeOf(await asked)).toBe("owner_gone");
  expect([dialled, alone.alarmsSet.size]).toEqual([0, 0]);
});

test("a browser whose storage is damaged is told so, and nothing goes on behind it", async () => {
  const disk = new Map<string, Bytes>();
  const first = await openPeer(lonely({ ledger: openMemoryFiles(disk) }));
  await haveAccount(first);
  await first[Symbol.asyncDispose]();
  disk.set(`contacts/${"b0".repeat(32)}`, formatUtf8("no contact"));
  const ports = lonely({ ledger: openMemoryFiles(disk) });
  await expect(openPeer(ports)).rejects.toBeInstanceOf(MalformedMessageError);
  expect(ports.alarmsSet.size).toBe(0);
});
