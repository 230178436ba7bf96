/** The account in this browser: made, signed in to, opened again, and closed. */

import { openDoor, type Door } from "@skein/auth/door";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { makeKnock } from "@skein/auth/knock";
import { openLog } from "@skein/auth/membership";
import { createAccount } from "@skein/auth/membership-proposals";
import { cleanName, makePass } from "@skein/auth/pass";
import { parsePassphrase } from "@skein/auth/passphrase";
import type { SecretKey } from "@skein/auth/crypto/secret";
import { assert, SkeinError } from "@skein/protocol/errors";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Alarms } from "./alarms.ts";
import { Home } from "./home.ts";
import { firstAuthor, readIdentity, storeIdentity, type Identity } from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import { notKept, twoAccounts, type Life, type WordsShown } from "./life.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import { SignIn, type SignInEnd } from "./sign-in.ts";
import { StagedNetwork } from "./stage.ts";
import type { Tasks } from "./tasks.ts";

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

interface NodeNames {
  readonly nodeName: string;
  readonly platform: string;
}

/** What a node has before its account knows it. */
interface Newcomer extends NodeNames {
  readonly keys: NodeKeys;
  readonly meeting: SecretKey;
  readonly pass: Pass;
}

export class Account {
  readonly #world: AccountWorld;
  #life: Life = { phase: "opening" };
  /** The network that is dialled, whatever the phase; closed with the account. */
  #staged: StagedNetwork | undefined;

  constructor(world: AccountWorld) {
    this.#world = world;
  }

  life(): Life {
    return this.#life;
  }

  /** Opens what this browser keeps. */
  async open(): Promise<void> {
    const { ports, ledger } = this.#world;
    const identity = await readIdentity(ports.crypto, ledger);
    if (identity === undefined) return this.#live({ phase: "none" });
    return this.#moveIn(identity, this.#dial(identity));
  }

  async create({ nodeName, platform }: NodeNames): Promise<void> {
    const { random, unlocker } = this.#world.ports;
    this.#assertIn("none");
    const words = await unlocker.mint();
    // Meanwhile somebody may have signed in.
    this.#assertIn("none");
    this.#live({
      phase: "words-shown",
      words,
      ask: threePositions(random.bytes(12)),
      nodeName: cleanName(nodeName),
      platform: cleanName(platform),
    });
  }

  async confirm(typed: ReadonlyArray<string>): Promise<void> {
    const shown = this.#life;
    if (shown.phase !== "words-shown") throw notNow();
    if (!isRetyped(shown, typed)) throw wrongWords();
    using door = await this.#unlock(shown.words);
    const identity = this.#found(shown, door);
    try {
      await storeIdentity(this.#world.ledger, identity);
    } catch (error) {
      this.#live(shown);
      throw error;
    }
    await this.#moveIn(identity, this.#dial(identity));
  }

  forgetWords(): void {
    if (this.#life.phase === "words-shown") this.#live({ phase: "none" });
  }

  async signIn({ words, ...names }: NodeNames & { readonly words: string }): Promise<void> {
    const { unlocker } = this.#world.ports;
    this.#assertIn("none", "stopped");
    const read = parsePassphrase(words);
    if (!read.ok) throw wrongPassphrase("This is not a passphrase of twelve words.");
    if (!(await unlocker.checksumFits(read.words)))
      throw wrongPassphrase(
        "One of the words is not the right one: together they do not make a passphrase.",
      );
    // Asked twice, the first goes on.
    this.#assertIn("none", "stopped");
    this.#knockAt(await this.#unlock(read.words), names);
  }

  stopSignIn(): void {
    if (this.#life.phase === "signing-in") this.#life.abandon();
    else if (this.#life.phase !== "stopped") return;
    this.#live({ phase: "none" });
  }

  close(): void {
    if (this.#life.phase === "open") this.#life.home.close();
    if (this.#life.phase === "signing-in") this.#life.abandon();
    this.#hangUp();
  }

  // --- Making an account. ---

  #found({ nodeName, platform }: WordsShown, door: Door): Identity {
    const { crypto, random, clock } = this.#world.ports;
    const keys = mintNodeKeys(crypto, random);
    const made = createAccount({
      crypto,
      random,
      door,
      keys,
      name: nodeName,
      platform,
      at: clock.now(),
    });
    const log = openLog({ crypto, genesis: made.genesis });
    assert(log !== undefined, "the genesis we made is a genesis");
    return {
      keys,
      meeting: door.meeting.copy(),
      readKey: made.readKey,
      log,
      pass: undefined,
      nodeName,
      platform,
      author: firstAuthor(nodeName),
    };
  }

  // --- Signing in. ---

  #knockAt(door: Door, names: NodeNames): void {
    const { ports, alarms, scope, changed } = this.#world;
    const { crypto, clock, random } = ports;
    const keys = mintNodeKeys(crypto, random);
    const nodeName = cleanName(names.nodeName);
    const platform = cleanName(names.platform);
    const pass = makePass({ door, keys, name: nodeName, platform, at: clock.now() });
    const newcomer = { keys, meeting: door.meeting.copy(), pass, nodeName, platform };
    const staged = this.#dial(newcomer);
    const { network } = staged;
    const signIn = new SignIn({
      crypto,
      clock,
      alarms,
      scope,
      door,
      knock: makeKnock(pass, random),
      network,
      changed,
      ended: (end) => {
        door[Symbol.dispose]();
        scope.start(() => this.#arrive(end, newcomer, staged));
      },
    });
    staged.play(signIn.stage);
    const abandon = (): void => {
      signIn.close();
      this.#hangUp();
      door[Symbol.dispose]();
    };
    this.#live({ phase: "signing-in", signIn, network, since: clock.now(), abandon });
  }

  async #arrive(end: SignInEnd, newcomer: Newcomer, staged: StagedNetwork): Promise<void> {
    if (end.kind === "two-accounts") {
      this.#hangUp();
      return this.#live(twoAccounts);
    }
    const { log, readKey } = end;
    const identity = { ...newcomer, log, readKey, author: firstAuthor(newcomer.nodeName) };
    // From here on it cannot be stopped: what is stored by halves would be found at the next start.
    this.#live({ phase: "opening" });
    try {
      await storeIdentity(this.#world.ledger, identity);
    } catch (error) {
      this.#hangUp();
      this.#live(notKept(error));
      if (error instanceof SkeinError) return;
      throw error;
    }
    return this.#moveIn(identity, staged);
  }

  // --- Both. ---

  async #unlock(words: ReadonlyArray<string>): Promise<Door> {
    const { ports, scope } = this.#world;
    const before = this.#life;
    this.#live({ phase: "unlocking", share: 0 });
    try {
      const secrets = await ports.unlocker.derive(words, (share) => {
        if (this.#life.phase === "unlocking") this.#live({ phase: "unlocking", share });
      });
      const door = openDoor(ports.crypto, secrets);
      if (scope.signal.aborted) door[Symbol.dispose]();
      scope.signal.throwIfAborted();
      return door;
    } catch (error) {
      this.#live(before);
      throw error;
    }
  }

  #dial({ keys, meeting, pass }: Pick<Identity, "keys" | "meeting" | "pass">): StagedNetwork {
    const { ports, inbox, scope, notices, changed } = this.#world;
    this.#staged = new StagedNetwork({
      ports,
      keys,
      meeting,
      pass,
      inbox,
      scope,
      self: () => notices.add(copiedProfile),
      changed: () => {
        if (this.#life.phase === "signing-in") this.#life.signIn.relayChanged();
        changed();
      },
    });
    return this.#staged;
  }

  #hangUp(): void {
    this.#staged?.network.close();
    this.#staged = undefined;
  }

  async #moveIn(identity: Identity, staged: StagedNetwork): Promise<void> {
    const { network } = staged;
    const home = await Home.open({ ...this.#world, identity, network });
    // Closed while it was being opened.
    if (this.#staged !== staged) return home.close();
    this.#live({ phase: "open", home });
    staged.enter(home.stage);
    network.moveIn(identity.readKey);
  }

  #assertIn(...phases: ReadonlyArray<Life["phase"]>): void {
    if (!phases.includes(this.#life.phase)) throw notNow();
  }

  #live(next: Life): void {
    this.#life = next;
    this.#world.changed();
  }
}

function isRetyped({ words, ask }: WordsShown, typed: ReadonlyArray<string>): boolean {
  return ask.every((position, index) => typed[index]?.trim().toLowerCase() === words[position - 1]);
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

function notNow(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This browser already has an account, or is about to.",
    safe: "Nothing was changed.",
  });
}

function wrongWords(): CommandRefusedError {
  return new CommandRefusedError("wrong_words", {
    what: "These are not the words that were shown.",
    safe: "Nothing is lost: the words are still here.",
    next: "Look at your note again, or go back and copy the words once more.",
  });
}

function wrongPassphrase(what: string): CommandRefusedError {
  return new CommandRefusedError("wrong_passphrase", {
    what,
    safe: "Nothing was sent.",
    next: "Compare the words with your note, one by one.",
  });
}

const copiedProfile = {
  tone: "warning",
  what: "Another copy of this browser profile is connected to your account.",
  safe: "Nothing was lost.",
  next: "Use one of the two only: sign in on the other one as a new device.",
} as const;
