/** The life of an account in this browser: none, being made, being signed in to, open. */

import { makeKnock } from "@skein/auth/knock";
import { openDoor, type Door } from "@skein/auth/door";
import { mintNodeKeys, openNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { createAccount } from "@skein/auth/membership-proposals";
import { openLog } from "@skein/auth/membership";
import { cleanName, makePass } from "@skein/auth/pass";
import { parsePassphrase } from "@skein/auth/passphrase";
import { SecretKey } from "@skein/auth/crypto/secret";
import { assert } from "@skein/protocol/errors";
import type { Instant } from "@skein/protocol/ids";
import type { Alarms } from "./alarms.ts";
import { openHome, type Home, type Identity, type Stage } from "./home.ts";
import type { Inbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import type { Notices } from "./notices.ts";
import type { DoorSecrets, Ports } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import { readLog, startSignIn, type SignIn, type SignInEnd } from "./sign-in.ts";
import type { Tasks } from "./tasks.ts";
import type { AccountView } from "./views.ts";

export type Life =
  | { readonly phase: "opening" | "none" }
  | {
      readonly phase: "words-shown";
      readonly words: ReadonlyArray<string>;
      readonly ask: ReadonlyArray<number>;
      readonly nodeName: string;
      readonly platform: string;
    }
  | { readonly phase: "unlocking"; readonly share: number }
  | {
      readonly phase: "signing-in";
      readonly signIn: SignIn;
      readonly network: Network;
      readonly since: Instant;
      readonly abandon: () => void;
    }
  | { readonly phase: "open"; readonly home: Home }
  | {
      readonly phase: "stopped";
      readonly what: string;
      readonly safe: string;
      readonly next: string;
    };

export interface Account {
  readonly life: () => Life;
  readonly open: () => Promise<void>;
  readonly create: (ask: NodeNames) => Promise<void>;
  readonly confirm: (words: ReadonlyArray<string>) => Promise<void>;
  readonly forgetWords: () => void;
  readonly signIn: (ask: NodeNames & { readonly words: string }) => Promise<void>;
  readonly stopSignIn: () => void;
  readonly close: () => void;
}

interface NodeNames {
  readonly nodeName: string;
  readonly platform: string;
}

export interface AccountWorld {
  readonly ports: Ports;
  readonly ledger: Ledger;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly tasks: Tasks;
  readonly notices: Notices;
  readonly changed: () => void;
}

export function openAccount(world: AccountWorld): Account {
  const { ports, ledger, alarms, inbox, scope, notices, changed } = world;
  const { crypto, clock, random, unlocker } = ports;
  let life: Life = { phase: "opening" };

  const live = (next: Life): void => {
    life = next;
    changed();
  };

  /** What the network tells goes to the stage of life that is on. */
  const dial = (
    keys: NodeKeys,
    meeting: SecretKey,
    options: { readonly pass: Identity["pass"]; readonly first: Stage },
  ): { readonly network: Network; readonly enter: (stage: Stage) => void } => {
    let stage = options.first;
    /** Heard before there was a home to deal with it. */
    const missed: Array<() => void> = [];
    const network = new Network({
      ports,
      keys,
      meeting,
      pass: () => options.pass,
      mayConnect: (introduction) => stage.mayConnect(introduction),
      acquaintances: () => stage.acquaintances(),
      find: (node, request) => stage.find(node, request),
      alarms,
      inbox,
      scope,
      news: {
        up: (node) => stage.up(node),
        down: (node) => stage.down(node),
        message: (node, message) => {
          if (stage !== options.first) stage.message(node, message);
          else if (missed.length < missedMax) missed.push(() => stage.message(node, message));
        },
        knock: (knock) => stage.knock(knock),
        self: () =>
          notices.add({
            tone: "warning",
            what: "Another copy of this browser profile is connected to your account.",
            safe: "Nothing was lost.",
            next: "Use one of the two only: sign in on the other one as a new device.",
          }),
        changed: () => {
          if (life.phase === "signing-in") life.signIn.relayChanged();
          changed();
        },
      },
    });
    return {
      network,
      enter: (next) => {
        stage = next;
        for (const [node, { introduction }] of network.connections()) {
          if (next.mayConnect(introduction)) next.up(node);
          else network.drop(node);
        }
        for (const tell of missed.splice(0)) tell();
      },
    };
  };

  const moveIn = async (
    identity: Identity,
    { network, enter }: { readonly network: Network; readonly enter: (stage: Stage) => void },
  ): Promise<void> => {
    const home = await openHome({ ...world, identity, network });
    live({ phase: "open", home });
    enter(home.stage);
    network.moveIn(identity.readKey);
  };

  const openIdentity = (identity: Identity): Promise<void> =>
    moveIn(
      identity,
      dial(identity.keys, identity.meeting, { pass: identity.pass, first: nobodyHome }),
    );

  const unlock = async (words: ReadonlyArray<string>): Promise<Door> => {
    live({ phase: "unlocking", share: 0 });
    const secrets: DoorSecrets = await unlocker.derive(words, (share) => {
      if (life.phase === "unlocking") live({ phase: "unlocking", share });
    });
    return openDoor(crypto, secrets);
  };

  const open = async (): Promise<void> => {
    const stored = await ledger.readNode();
    if (stored === undefined) return live({ phase: "none" });
    const entries = await ledger.readEntries();
    const log = readLog(crypto, [stored.genesis, ...entries]);
    assert(log !== undefined, "the genesis that was stored is a genesis");
    await openIdentity({
      keys: openNodeKeys(crypto, {
        signSeed: new SecretKey(stored.signSeed),
        boxSeed: new SecretKey(stored.boxSeed),
      }),
      meeting: new SecretKey(stored.meeting),
      readKey: new SecretKey(stored.readKey),
      log,
      pass: stored.pass,
      nodeName: stored.nodeName,
      platform: stored.platform,
      author: { name: stored.authorName, email: stored.authorEmail },
    });
  };

  const create = async ({ nodeName, platform }: NodeNames): Promise<void> => {
    if (life.phase !== "none") throw notNow();
    const words = await unlocker.mint();
    live({
      phase: "words-shown",
      words,
      ask: threePositions(random.bytes(12)),
      nodeName: cleanName(nodeName),
      platform: cleanName(platform),
    });
  };

  const confirm = async (typed: ReadonlyArray<string>): Promise<void> => {
    if (life.phase !== "words-shown") throw notNow();
    const shown = life;
    const right = shown.ask.every(
      (position, index) => typed[index]?.trim().toLowerCase() === shown.words[position - 1],
    );
    if (!right)
      throw new CommandRefusedError("wrong_words", {
        what: "These are not the words that were shown.",
        safe: "Nothing is lost: the words are still here.",
        next: "Look at your note again, or go back and copy the words once more.",
      });
    const door = await unlock(shown.words);
    const keys = mintNodeKeys(crypto, random);
    const made = createAccount({
      crypto,
      random,
      door,
      keys,
      name: shown.nodeName,
      platform: shown.platform,
      at: clock.now(),
    });
    const log = openLog({ crypto, genesis: made.genesis });
    assert(log !== undefined, "the genesis we made is a genesis");
    const identity: Identity = {
      keys,
      meeting: door.meeting.copy(),
      readKey: made.readKey,
      log,
      pass: undefined,
      nodeName: shown.nodeName,
      platform: shown.platform,
      author: { name: shown.nodeName, email: localEmail },
    };
    door[Symbol.dispose]();
    await storeIdentity(ledger, identity);
    await openIdentity(identity);
  };

  const signIn = async (ask: NodeNames & { readonly words: string }): Promise<void> => {
    if (life.phase !== "none" && life.phase !== "stopped") throw notNow();
    const read = parsePassphrase(ask.words);
    if (!read.ok || !(await unlocker.checksumFits(read.words)))
      throw new CommandRefusedError("wrong_passphrase", {
        what: read.ok
          ? "One of the words is not the right one: together they do not make a passphrase."
          : "This is not a passphrase of twelve words.",
        safe: "Nothing was sent.",
        next: "Compare the words with your note, one by one.",
      });
    const door = await unlock(read.words);
    const keys = mintNodeKeys(crypto, random);
    const nodeName = cleanName(ask.nodeName);
    const platform = cleanName(ask.platform);
    const pass = makePass({ door, keys, name: nodeName, platform, at: clock.now() });
    const meeting = door.meeting.copy();

    const ended = async (end: SignInEnd): Promise<void> => {
      door[Symbol.dispose]();
      if (end.kind === "two-accounts") {
        dialled.network.close();
        return live(twoAccounts);
      }
      const identity: Identity = {
        keys,
        meeting,
        readKey: end.readKey,
        log: end.log,
        pass,
        nodeName,
        platform,
        author: { name: nodeName, email: localEmail },
      };
      await storeIdentity(ledger, identity);
      await moveIn(identity, dialled);
    };

    const starting = startSignIn({
      crypto,
      clock,
      alarms,
      scope,
      door,
      knock: makeKnock(pass, random),
      network: () => dialled.network,
      changed,
      ended: (end) => scope.start(() => ended(end)),
    });
    const dialled = dial(keys, meeting, { pass, first: starting.stage });
    live({
      phase: "signing-in",
      signIn: starting,
      network: dialled.network,
      since: clock.now(),
      abandon: () => {
        starting.close();
        dialled.network.close();
        door[Symbol.dispose]();
      },
    });
  };

  return {
    life: () => life,
    open,
    create,
    confirm,
    forgetWords: () => {
      if (life.phase === "words-shown") live({ phase: "none" });
    },
    signIn,
    stopSignIn: () => {
      if (life.phase === "stopped") return live({ phase: "none" });
      if (life.phase !== "signing-in") return undefined;
      life.abandon();
      return live({ phase: "none" });
    },
    close: () => {
      if (life.phase === "open") {
        life.home.close();
        life.home.network.close();
      } else if (life.phase === "signing-in") life.abandon();
    },
  };
}

/** Stores who this node is. Everything else can be fetched again; this cannot. */
export async function storeIdentity(ledger: Ledger, identity: Identity): Promise<void> {
  const { keys, meeting, readKey, log, pass, nodeName, platform, author } = identity;
  const { signSeed, boxSeed } = keys.exportSeeds();
  const copy = (secret: SecretKey): Uint8Array<ArrayBuffer> =>
    secret.reveal((bytes) => bytes.slice());
  await ledger.writeEntries(log.all());
  await ledger.writeNode({
    signSeed: copy(signSeed),
    boxSeed: copy(boxSeed),
    meeting: copy(meeting),
    readKey: copy(readKey),
    genesis: log.genesis,
    pass,
    nodeName,
    platform,
    authorName: author.name,
    authorEmail: author.email,
  });
  signSeed[Symbol.dispose]();
  boxSeed[Symbol.dispose]();
}

export function viewOfLife(
  life: Exclude<Life, { readonly phase: "open" }>,
): Exclude<AccountView, { readonly phase: "open" }> {
  switch (life.phase) {
    case "words-shown":
      return { phase: "words-shown", words: life.words, ask: life.ask };
    case "signing-in":
      return { phase: "signing-in", step: life.signIn.step(), since: life.since };
    default:
      return life;
  }
}

const nobodyHome: Stage = {
  mayConnect: () => false,
  acquaintances: () => [],
  find: () => Promise.reject(new Error("nobody is home yet")),
  up: () => undefined,
  down: () => undefined,
  message: () => undefined,
  knock: () => undefined,
};

const twoAccounts: Life = {
  phase: "stopped",
  what: "Two different accounts answer to this passphrase.",
  safe: "Nothing was copied to this device, and nothing was changed on the others.",
  next: "Somebody else knows your words. Open Skein on a device you already use and check its list of devices.",
};

function notNow(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This browser already has an account, or is about to.",
    safe: "Nothing was changed.",
  });
}

/** Three different positions from 1 to 12, in order. */
function threePositions(chance: Uint8Array): ReadonlyArray<number> {
  const positions = Array.from({ length: 12 }, (_, index) => index + 1);
  return positions
    .map((position, index) => ({ position, key: chance[index] ?? 0 }))
    .toSorted((a, b) => a.key - b.key || a.position - b.position)
    .slice(0, 3)
    .map(({ position }) => position)
    .toSorted((a, b) => a - b);
}

/** Nodes say what they hold once, right after they connect: about one message a repository. */
const missedMax = 2_000;
/** Until the person sets one: git wants an address, and this is nobody's. */
const localEmail = "skein@localhost";
