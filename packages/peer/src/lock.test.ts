import { openCrypto } from "@skein/auth/crypto/sodium";
import { SecretKey } from "@skein/auth/crypto/secret";
import { mintNodeKeys } from "@skein/auth/identity";
import type { KeyStore } from "@skein/auth/key-store";
import { createAccount } from "@skein/auth/membership-proposals";
import { openDoor } from "@skein/auth/door";
import { plainKeyStore } from "@skein/auth/plain-key-store";
import { openWebCryptoKeyStore } from "@skein/auth/webcrypto-key-store";
import { openMemoryFiles } from "@skein/git/memory-files";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode } from "@skein/protocol/codec";
import { instant, later, type Instant } from "@skein/protocol/ids";
import { failAtCommit } from "@skein/testkit/failing-files";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { StoredNode } from "./home-vault.ts";
import { openPeer, type Peer } from "./peer.ts";
import type { DoorSecrets, Ports } from "./ports.ts";

const crypto = await openCrypto();
const words = Array.from({ length: 12 }, () => "abandon");
const otherWords = Array.from({ length: 12 }, () => "zoo");
const names = { nodeName: "alice", platform: "test" };
const passkey = { id: Uint8Array.of(1, 2, 3), secret: new Uint8Array(32).fill(9) };

test("what Alice's browser keeps shows nothing of her keys, whatever she does", async () => {
  const alice = await browser();
  const seeds = await alice.seedsOf(async () => {
    await haveAccount(alice.peer);
    await alice.peer.ask("set-author", { name: "Alice", email: "alice@example.org" });
    await alice.peer.ask("set-lock", { words: words.join(" "), passkey });
  });
  expect(seeds.length).toBeGreaterThan(3);
  for (const seed of seeds) expect(alice.disk()).not.toContain(seed);
  await alice.restart();
  expect(phaseOf(alice.peer)).toBe("locked");
});

test("keys that an older version left unwrapped are wrapped in one step, and nothing else is lost", async () => {
  const { disk, seeds } = unwrappedHome();
  for (const moment of ["before", "after"] as const) {
    const stopped = await browser({ disk: new Map(disk), failing: moment }).catch(() => undefined);
    expect(stopped).toBeUndefined();
  }
  const halfway = new Map(disk);
  const files = failAtCommit(openMemoryFiles(halfway), {
    failing: 1,
    moment: "before",
    error: new Error("killed"),
  });
  await expect(openPeer(portsOf({ ledger: files }))).rejects.toThrow("killed");
  expect(halfway).toEqual(disk);
  const alice = await browser({ disk: halfway });
  expect(alice.peer.views.current().account).toMatchObject({
    phase: "open",
    role: "writer",
    kit: { phase: "written" },
  });
  for (const seed of seeds) expect(alice.disk()).not.toContain(seed);
  await alice.restart();
  expect(alice.peer.views.current().account).toMatchObject({ phase: "open", nodeName: "alice" });
});

test("a copy of what is on the disk opens nothing in another browser, and says so", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  const thief = await browser({ disk: new Map(alice.contents), keyStore: await wrapped() });
  expect(thief.peer.views.current().account).toMatchObject({ phase: "stopped", signIn: true });
});

test("Alice locks her device: it shows nothing, and opens by its passkey, and by her words", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  expect(codeOf(await alice.peer.ask("lock-now", {}))).toBe("not_now");
  const given = { words: otherWords.join(" "), passkey };
  expect(codeOf(await alice.peer.ask("set-lock", given))).toBe("wrong_passphrase");
  expect(codeOf(await alice.peer.ask("set-lock", { words: words.join(" "), passkey }))).toBe(
    "done",
  );
  expect(lockOf(alice.peer)).toMatchObject({ keys: "wrapped", set: { passkey: true } });
  await alice.lock();
  expect(phaseOf(alice.peer)).toBe("locked");
  expect(alice.peer.views.current()).toMatchObject({ repositories: [], devices: [] });
  const wrong = { words: "", derived: new Uint8Array(32).fill(8) };
  expect(codeOf(await alice.peer.ask("unlock", wrong))).toBe("wrong_passkey");
  expect(codeOf(await alice.peer.ask("unlock", { words: otherWords.join(" ") }))).toBe(
    "wrong_passphrase",
  );
  expect(phaseOf(alice.peer)).toBe("locked");
  expect(codeOf(await alice.peer.ask("unlock", { words: "", derived: passkey.secret }))).toBe(
    "done",
  );
  expect(phaseOf(alice.peer)).toBe("open");
  await alice.lock();
  expect(codeOf(await alice.peer.ask("unlock", { words: words.join(" ") }))).toBe("done");
  expect(phaseOf(alice.peer)).toBe("open");
});

test("it locks by itself when Alice has been away for long enough, and not while she works", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  expect(codeOf(await alice.peer.ask("set-patience", { minutes: 5 }))).toBe("not_now");
  await alice.peer.ask("set-lock", { words: words.join(" ") });
  expect(codeOf(await alice.peer.ask("set-patience", { minutes: 0 }))).toBe("not_now");
  expect(codeOf(await alice.peer.ask("set-patience", { minutes: 5 }))).toBe("done");
  expect(lockOf(alice.peer)).toMatchObject({ set: { passkey: false, patience: 300_000 } });
  await alice.pass(4);
  await alice.peer.ask("person-acted", {});
  await alice.pass(4);
  expect(phaseOf(alice.peer)).toBe("open");
  await alice.pass(2);
  expect(phaseOf(alice.peer)).toBe("locked");
  await alice.peer.ask("unlock", { words: words.join(" ") });
  await alice.pass(6);
  expect(phaseOf(alice.peer)).toBe("locked");
});

test("a laptop that slept through its timer is locked before Alice's first move on it counts", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  await alice.peer.ask("set-lock", { words: words.join(" ") });
  await alice.peer.ask("set-patience", { minutes: 5 });
  for (const first of ["person-acted", "set-patience"] as const) {
    await alice.sleep(8 * 60, first);
    expect(phaseOf(alice.peer)).toBe("locked");
    await alice.peer.ask("unlock", { words: words.join(" ") });
    expect(lockOf(alice.peer)).toMatchObject({ set: { patience: 300_000 } });
  }
});

test("it does not lock while something that Alice began is under way, and when she asks it does", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  await alice.peer.ask("set-lock", { words: words.join(" ") });
  await alice.peer.ask("set-patience", { minutes: 5 });
  const asked = alice.peer.ask("import-bundle", { name: "slow", file: new SlowFile() });
  await soon();
  expect(alice.peer.views.current().tasks).toHaveLength(1);
  await alice.pass(6);
  await alice.pass(4);
  expect(phaseOf(alice.peer)).toBe("open");
  await alice.lock();
  expect(phaseOf(alice.peer)).toBe("locked");
  void asked;
});

test("a lock that was taken off asks no more, also after a restart", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  await alice.peer.ask("set-lock", { words: words.join(" "), passkey });
  await alice.peer.ask("remove-lock", {});
  await alice.restart();
  expect(phaseOf(alice.peer)).toBe("open");
  expect(lockOf(alice.peer)).toMatchObject({ set: undefined });
});

test("a locked device begins no second account, and stopping a sign-in leads back to the lock", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  await alice.peer.ask("set-lock", { words: words.join(" ") });
  await alice.lock();
  expect(codeOf(await alice.peer.ask("create-account", names))).toBe("not_now");
  await alice.peer.ask("sign-in", { ...names, words: words.join(" ") });
  expect(phaseOf(alice.peer)).toBe("signing-in");
  await alice.peer.ask("stop-sign-in", {});
  await soon();
  expect(phaseOf(alice.peer)).toBe("locked");
});

test("of an unlocking and a sign-in that are begun at once one goes on, and the lock can be opened afterwards", async () => {
  const alice = await browser();
  await haveAccount(alice.peer);
  await alice.peer.ask("set-lock", { words: words.join(" "), passkey });
  await alice.lock();
  const unlocking = alice.peer.ask("unlock", { words: words.join(" ") });
  const signingIn = alice.peer.ask("sign-in", { ...names, words: words.join(" ") });
  expect([codeOf(await unlocking), codeOf(await signingIn)].toSorted()).toEqual([
    "done",
    "not_now",
  ]);
  if (phaseOf(alice.peer) === "signing-in") await alice.peer.ask("stop-sign-in", {});
  await soon();
  if (phaseOf(alice.peer) === "locked")
    await alice.peer.ask("unlock", { words: "", derived: passkey.secret });
  expect(phaseOf(alice.peer)).toBe("open");
});

/** A file on a disk that does not answer. */
class SlowFile extends Blob {
  override get size(): number {
    return 1_000_000;
  }
  override slice(): Blob {
    return new SlowFile();
  }
  override arrayBuffer(): Promise<ArrayBuffer> {
    return new Promise(() => undefined);
  }
}

// --- a browser that reaches nobody: a disk, a key that stays in it, and a clock that is turned by hand ---

interface Browser {
  peer: Peer;
  readonly contents: Map<string, Bytes>;
  /** All that is on the disk, as text to look for bytes in. */
  readonly disk: () => string;
  readonly restart: () => Promise<void>;
  readonly lock: () => Promise<void>;
  readonly pass: (minutes: number) => Promise<void>;
  /** No timer rings meanwhile, and what is asked first comes before them. */
  readonly sleep: (minutes: number, first: "person-acted" | "set-patience") => Promise<void>;
  /** Every 32 bytes that chance gave meanwhile: seeds and keys are among them. */
  readonly seedsOf: (act: () => Promise<void>) => Promise<ReadonlyArray<string>>;
}

async function browser({
  disk = new Map<string, Bytes>(),
  keyStore,
  failing,
}: {
  readonly disk?: Map<string, Bytes>;
  readonly keyStore?: KeyStore;
  readonly failing?: "before" | "after";
} = {}): Promise<Browser> {
  const store = keyStore ?? (await wrapped());
  const files = openMemoryFiles(disk);
  const ledger =
    failing === undefined
      ? files
      : failAtCommit(files, { failing: 1, moment: failing, error: new Error("killed") });
  const alarms = new Map<object, { readonly at: Instant; readonly ring: () => void }>();
  const chance: string[] = [];
  let now = instant(1_795_262_400_000);
  let begun = (): void => undefined;
  const ports = portsOf({
    ledger,
    keyStore: store,
    clock: {
      now: () => now,
      wake: (at, ring) => {
        const alarm = {};
        alarms.set(alarm, { at, ring });
        return () => alarms.delete(alarm);
      },
    },
    heard: (bytes) => {
      if (bytes.length === 32) chance.push(bytes.join());
    },
    restart: () => begun(),
  });
  const alice: Browser = {
    peer: await openPeer(ports),
    contents: disk,
    disk: () => [...disk.values()].map((bytes) => bytes.join()).join("\n"),
    restart: async () => {
      await alice.peer[Symbol.asyncDispose]();
      alice.peer = await openPeer(ports);
    },
    lock: async () => {
      const over = new Promise<void>((resolve) => (begun = resolve));
      await alice.peer.ask("lock-now", {});
      expect(phaseOf(alice.peer)).toBe("locked");
      await over;
      alice.peer = await openPeer(ports);
    },
    pass: async (minutes) => {
      const over = new Promise<void>((resolve) => (begun = resolve));
      now = later(now, minutes * 60_000);
      const due = Array.from(alarms.values()).filter(({ at }) => at <= now);
      for (const { ring } of due) ring();
      await soon();
      if (phaseOf(alice.peer) !== "locked") return;
      await over;
      alice.peer = await openPeer(ports);
    },
    sleep: async (minutes, first) => {
      const over = new Promise<void>((resolve) => (begun = resolve));
      now = later(now, minutes * 60_000);
      await alice.peer.ask(first, {});
      if (phaseOf(alice.peer) !== "locked") return;
      await over;
      alice.peer = await openPeer(ports);
    },
    seedsOf: async (act) => {
      await act();
      return chance.splice(0);
    },
  };
  return alice;
}

/** As the first version stored it: the seeds as they are. */
function unwrappedHome(): {
  readonly disk: Map<string, Bytes>;
  readonly seeds: ReadonlyArray<string>;
} {
  const random = createSimulation({ seed: 3, weather: calm });
  using door = openDoor(crypto, secrets(words));
  const keys = mintNodeKeys(crypto, random);
  const at = instant(1_795_000_000_000);
  const { genesis, readKey } = createAccount({
    crypto,
    random,
    door,
    keys,
    name: "alice",
    platform: "test",
    at,
  });
  const { signSeed, boxSeed } = keys.exportSeeds();
  const [sign, box, meeting, read] = [signSeed, boxSeed, door.meeting, readKey].map((secret) =>
    secret.reveal((bytes) => bytes.slice()),
  );
  if (sign === undefined || box === undefined || meeting === undefined || read === undefined)
    throw new Error("there are four");
  const node = encode(StoredNode, {
    version: 1,
    signSeed: sign,
    boxSeed: box,
    meeting,
    readKey: read,
    genesis,
    pass: undefined,
    nodeName: "alice",
    platform: "test",
    authorName: "alice",
    authorEmail: "skein@localhost",
  });
  return {
    disk: new Map([
      ["node", node],
      ["entries/000000", genesis],
      // No kit is kept: it was written down.
      ["safety", Uint8Array.of(0, 1, 0, 0)],
    ]),
    seeds: [sign, box, meeting, read].map((bytes) => bytes.join()),
  };
}

function portsOf(
  given: Partial<Ports> & Pick<Ports, "ledger"> & { readonly heard?: (bytes: Bytes) => void },
): Ports {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const socket = { send: () => undefined, bufferedAmount: () => 0, close: () => undefined };
  return {
    clock: { now: () => instant(1_795_262_400_000), wake: () => () => undefined },
    random: {
      bytes: (length) => {
        const bytes = simulation.bytes(length);
        given.heard?.(bytes);
        return bytes;
      },
    },
    crypto,
    unlocker: {
      mint: () => Promise.resolve(words),
      checksumFits: () => Promise.resolve(true),
      derive: (typed) => Promise.resolve(secrets(typed)),
    },
    keyStore: plainKeyStore(),
    restart: () => undefined,
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
      throw cause;
    },
    ...given,
  };
}

async function wrapped(): Promise<KeyStore> {
  let kept: CryptoKey | undefined;
  return openWebCryptoKeyStore({
    read: async () => kept,
    keep: async (key) => (kept ??= key),
    wipe: async () => undefined,
  });
}

function secrets(typed: ReadonlyArray<string>): DoorSecrets {
  const secret = (name: string): SecretKey =>
    new SecretKey(crypto.hash("door sign", formatUtf8(name + typed.join())));
  return { sign: secret("sign"), box: secret("box"), meeting: secret("meeting") };
}

async function haveAccount(peer: Peer): Promise<void> {
  await peer.ask("create-account", names);
  expect(await peer.ask("confirm-words", { words: words.slice(0, 3) })).toEqual({ ok: true });
}

function lockOf(peer: Peer): unknown {
  const { account } = peer.views.current();
  return account.phase === "open" ? account.lock : undefined;
}

const phaseOf = (peer: Peer): string => peer.views.current().account.phase;
const codeOf = (outcome: Awaited<ReturnType<Peer["ask"]>>): string =>
  outcome.ok ? "done" : outcome.refused.code;
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
