/** What authorisation costs: signing, verifying, sessions, passphrases, and logs that grow; beside @localfirst/auth. */

import { execFile } from "node:child_process";
import { diffieHellman, generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { instant } from "@skein/protocol/ids";
import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { bytesOf } from "@skein/auth/identity";
import { formatEntry, parseEntry } from "@skein/auth/membership-entry";
import { proposeRename, proposeRevoke } from "@skein/auth/membership-proposals";
import type { MembershipLog } from "@skein/auth/membership";
import { openSessions, type Sessions } from "@skein/auth/session";
import { makeUpAccount, type MadeUpAccount } from "@skein/auth/testing/account";
import { parsePassphrase } from "@skein/auth/passphrase";
import { openUnlock } from "@skein/auth/unlock";
import { judge, median, type Row } from "../rows.ts";

interface Told {
  readonly say: (progress: string) => void;
}

const peerVersion = "6.0.0";
const peerName = `@localfirst/auth ${peerVersion}`;
/** The last is as full as a log gets by what members say, with the passphrase at the end. */
const sizes = [100, 500, 1_900];
/** The peer's cost grows with the square: beyond this it would take minutes. */
const peerSizes = [100, 300];

export async function measure({ say }: Told): Promise<ReadonlyArray<Row>> {
  const crypto = await openCrypto();
  const world = makeUpAccount(crypto, 1);
  say("Measuring signatures and sessions.");
  const rows = [...signatures(world), handshake(world)];
  say("Measuring passphrases.");
  rows.push(await passphrase());
  say("Measuring logs.");
  return [...rows, ...logs(world)];
}

/** Installed and loaded with this module: the loader of the benches is gone by the time that `measure` is called. */
const peer = await openPeer((text) => process.stderr.write(`${text}\n`));

/** What of the peer is measured. */
interface Peer {
  readonly sign: (payload: string, secretKey: string) => string;
  readonly verify: (signed: {
    readonly payload: string;
    readonly signature: string;
    readonly publicKey: string;
  }) => boolean;
  readonly keyPair: () => { readonly publicKey: string; readonly secretKey: string };
  readonly stretch: (password: string) => unknown;
  /** A team, and what adds one link to it; loading it anew from what it saves. */
  readonly openTeam: () => { readonly add: (name: string) => void; readonly reload: () => void };
}

async function openPeer(say: Told["say"]): Promise<Peer> {
  const folder = join(import.meta.dirname, "..", ".peers", "auth");
  const installed = join(folder, "node_modules", "@localfirst", "auth", "package.json");
  if (!existsSync(installed)) {
    say(`Installing ${peerName}.`);
    mkdirSync(folder, { recursive: true });
    // Its own install script refuses npm, and the libsodium it names does not load in Node.
    const overrides = { "libsodium-wrappers-sumo": "0.8.4" };
    const dependencies = { "@localfirst/auth": peerVersion };
    const manifest = { name: "peers", private: true, type: "module", overrides, dependencies };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    const options = ["i", "--ignore-scripts", "--no-audit", "--no-fund"];
    await promisify(execFile)("npm", options, { cwd: folder });
  }
  const load = async (name: string): Promise<Readonly<Record<string, unknown>>> => {
    const entry = join(folder, "node_modules", "@localfirst", name, "dist", "index.js");
    return import(/* @vite-ignore */ pathToFileURL(entry).href);
  };
  // oxlint-disable typescript/no-unsafe-type-assertion -- it is not there when types are checked.
  const { createUser, createDevice, createTeam, loadTeam } = (await load(
    "auth",
  )) as unknown as Teams;
  const { signatures: signing, stretch } = (await load("crypto")) as unknown as {
    readonly signatures: Pick<Peer, "sign" | "verify" | "keyPair">;
    readonly stretch: Peer["stretch"];
  };
  // oxlint-enable typescript/no-unsafe-type-assertion
  const openTeam = (): ReturnType<Peer["openTeam"]> => {
    const user = createUser("alice");
    const device = createDevice({ userId: user.userId, deviceName: "laptop" });
    const context = { user, device };
    const team = createTeam("Alice", context);
    return {
      add: (name) => team.addRole(name),
      reload: () => loadTeam(team.save(), context, team.teamKeyring()),
    };
  };
  return { ...signing, stretch, openTeam };
}

interface Teams {
  readonly createUser: (name: string) => { readonly userId: string };
  readonly createDevice: (named: {
    readonly userId: string;
    readonly deviceName: string;
  }) => unknown;
  readonly createTeam: (name: string, context: unknown) => Team;
  readonly loadTeam: (saved: Uint8Array, context: unknown, keyring: unknown) => void;
}

interface Team {
  readonly addRole: (name: string) => void;
  readonly save: () => Uint8Array;
  readonly teamKeyring: () => unknown;
}

function signatures({ first, crypto }: MadeUpAccount): Row[] {
  const message = randomBytes(256);
  const text = message.toString("base64");
  const { publicKey, secretKey } = peer.keyPair();
  const ours = first.sign("entry", message);
  const theirs = peer.sign(text, secretKey);
  const digest = crypto.hash("entry", message);
  const common = { unit: "ms", better: "lower", against: peerName } as const;
  return [
    judge({
      ...common,
      name: "sign 256 bytes",
      ours: time(() => first.sign("entry", message)),
      peer: time(() => peer.sign(text, secretKey)),
      goal: 1.2,
    }),
    judge({
      ...common,
      name: "verify 256 bytes",
      ours: time(() => crypto.verify(first.signPublic, digest, ours)),
      peer: time(() => peer.verify({ payload: text, signature: theirs, publicKey })),
      goal: 1.2,
    }),
  ];
}

/** From nothing to both sides up, on one core. */
function handshake({ crypto, mint }: MadeUpAccount): Row {
  const random = { bytes: (length: number) => Uint8Array.from(randomBytes(length)) };
  const [alice, bob] = [mint(), mint()];
  const psk = new SecretKey(new Uint8Array(32));
  const open = (keys: typeof alice): Sessions =>
    openSessions({
      crypto,
      keys,
      psks: () => [psk],
      pass: () => undefined,
      mayConnect: () => true,
      random,
    });
  const now = instant(1_700_000_000_000);
  const meet = (): void => {
    const [one, two] = [open(alice), open(bob)];
    let sent = one.connect({ node: bob.id, box: bob.boxPublic }, now);
    for (let turn = 0; sent.length > 0; turn++) {
      const to = turn % 2 === 0 ? two : one;
      sent = sent.flatMap((output) =>
        output.type === "packet" ? to.receive(output.packet, "relay", now) : [],
      );
    }
  };
  const mine = generateKeyPairSync("x25519");
  const yours = generateKeyPairSync("x25519");
  const agree = (): void => {
    for (let count = 0; count < 8; count++)
      diffieHellman({ privateKey: mine.privateKey, publicKey: yours.publicKey });
  };
  return judge({
    name: "session handshake, both sides",
    ours: time(meet, 60),
    peer: time(agree, 60),
    against:
      "the eight X25519 agreements of a handshake by Node's OpenSSL (the peer's own handshake does not finish here)",
    unit: "ms",
    goal: 15,
    better: "lower",
  });
}

async function passphrase(): Promise<Row> {
  const unlock = await openUnlock();
  const minted = unlock.mint({ bytes: (length) => Uint8Array.from(randomBytes(length)) });
  const words = parsePassphrase(minted.join(" "));
  if (!words.ok) throw new Error("what was minted is a passphrase");
  return judge({
    name: "passphrase to keys (Argon2id, 64 MiB, 3 passes)",
    ours: time(() => unlock.derive(words), 3),
    // It remembers what it stretched, and does not stretch sixteen bytes or more.
    peer: time(() => peer.stretch(`pass ${randomBytes(3).toString("hex")}`), 3),
    against: `${peerName}, a password below 16 bytes: longer ones it does not stretch`,
    unit: "ms",
    goal: 1.5,
    better: "lower",
  });
}

function logs(world: MadeUpAccount): Row[] {
  const ours = sizes.map((size) => Object.assign(measureLog(world, size), { size }));
  const theirs = peerSizes.map((size) => Object.assign(measureTeam(size), { size }));
  const own = ours.map(({ size, add, whole }) =>
    row(`add one entry at ${size}`, [add, whole], {
      against: "taking in the whole log anew, signatures and all",
      size,
      goal: 0.1,
    }),
  );
  const judged = ours.map(({ size, add, again }) =>
    row(`add one entry at ${size}, judged`, [add, again], {
      against: "judging the whole log anew, its signatures known to be good",
      size,
      // One signature is checked in it, which alone costs more than judging a short log.
      goal: size < 1_000 ? 2 : 0.5,
    }),
  );
  const beside = theirs.flatMap(({ size, add, whole }) => {
    const log = measureLog(world, size);
    const on = { against: peerName, size };
    return [
      row(`add one entry at ${size}, beside`, [log.add, add], { ...on, goal: 0.5 }),
      row(`load a log of ${size}, beside`, [log.whole, whole], { ...on, goal: 0.5 }),
    ];
  });
  return [...own, ...judged, ...beside];
}

function row(
  name: string,
  [ours, peers]: readonly [ours: number, peer: number],
  on: { readonly against: string; readonly size: number; readonly goal: number },
): Row {
  const { against, size, goal } = on;
  const sized = { entries: size };
  return judge({
    name,
    ours,
    peer: peers,
    against,
    unit: "ms",
    goal,
    better: "lower",
    sizes: sized,
  });
}

/** Names, additions, and revocations with the passphrase; signing is not counted, checking is. */
function measureLog(
  world: MadeUpAccount,
  size: number,
): { readonly add: number; readonly whole: number; readonly again: number } {
  const log = world.open();
  const members = [world.first];
  const samples: number[] = [];
  for (let count = 0; log.size() < size; count++) {
    const said = nextEntry(world, log, { members, count });
    const entry = log.size() < cosignedFrom ? said : cosigned(world, log, said);
    const began = performance.now();
    const { kind } = log.add(entry);
    log.state();
    samples.push(performance.now() - began);
    if (kind !== "accepted")
      throw new Error(`entry ${count} is ${kind}: only what is taken counts`);
  }
  const all = log.all();
  const again = Array.from({ length: 9 }, () => {
    const forked = log.fork();
    const began = performance.now();
    forked.state();
    return performance.now() - began;
  });
  const whole = time(() => world.open(all).state(), 3);
  return { add: median(samples.slice(-60)), whole, again: median(again) };
}

/** Somewhat before a log has room only for what is said with the passphrase. */
const cosignedFrom = 1_700;

/** As it is when the passphrase was typed for it. */
function cosigned({ door }: MadeUpAccount, log: MembershipLog, said: Uint8Array): Uint8Array {
  const signed = parseEntry(said)?.signed;
  if (signed === undefined) throw new Error("what was said is an entry");
  const { body } = signed;
  const account = bytesOf(log.account);
  return formatEntry({ ...signed, door: door.sign("membership entry door", account, body) });
}

function nextEntry(
  world: MadeUpAccount,
  log: MembershipLog,
  { members, count }: { readonly members: Array<typeof world.first>; readonly count: number },
): Uint8Array {
  const author = members[count % members.length] ?? world.first;
  if (count % 4 === 0 && members.length < 24) {
    const joined = world.mint();
    members.push(joined);
    return world.add(log, author, joined);
  }
  const [gone] = count % 4 === 2 && members.length > 20 ? members.splice(1, 1) : [];
  if (gone === undefined) return proposeRename({ ...world.change(log, author), name: `${count}` });
  const change = world.change(log, world.first);
  return proposeRevoke({ ...change, target: gone.id, reason: "lost", door: world.door });
}

function measureTeam(size: number): { readonly add: number; readonly whole: number } {
  const team = peer.openTeam();
  const samples: number[] = [];
  for (let count = 1; count < size; count++) {
    const began = performance.now();
    team.add(`role ${count}`);
    samples.push(performance.now() - began);
  }
  return { add: median(samples.slice(-20)), whole: time(() => team.reload(), 2) };
}

/** The median, in milliseconds, after one run that does not count. */
function time(act: () => unknown, runs = 200): number {
  act();
  const samples = Array.from({ length: runs }, () => {
    const began = performance.now();
    act();
    return performance.now() - began;
  });
  return median(samples);
}
