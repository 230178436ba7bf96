/** The account in this browser: made, signed in to, opened again, and closed. */

import { openDoor, type Door } from "@skein/auth/door";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { makeKnock } from "@skein/auth/knock";
import { accountIdOf, openLog } from "@skein/auth/membership";
import { recoverAccount, revokeNodes } from "@skein/auth/membership-changes";
import { createAccount } from "@skein/auth/membership-proposals";
import { cleanName, makePass } from "@skein/auth/pass";
import { parseRecoveryFile, type RecoveryFile } from "@skein/auth/recovery-file";
import { openRecoveryKey } from "@skein/auth/recovery-key";
import { equal, type Bytes } from "@skein/protocol/bytes";
import type { SecretKey } from "@skein/auth/crypto/secret";
import { assert, SkeinError } from "@skein/protocol/errors";
import type { AccountId } from "@skein/protocol/ids";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Alarms } from "./alarms.ts";
import { Home } from "./home.ts";
import { firstAuthor, readIdentity, storeIdentity, type Identity } from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import {
  notKept,
  otherAccount,
  signedOut,
  twoAccounts,
  type Life,
  type WordsShown,
} from "./life.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Relays } from "./relays.ts";
import type { Scope } from "./scope.ts";
import { SignIn, type SignInEnd } from "./sign-in.ts";
import { StagedNetwork } from "./stage.ts";
import type { Tasks } from "./tasks.ts";
import { deriveDoor, isRetyped, readWords, threePositions, wrongWords } from "./words.ts";

export interface AccountWorld {
  readonly ports: Ports;
  readonly relays: Relays;
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
    const out = signedOut(this.#world.ports.crypto, identity);
    if (out !== undefined) return this.#live(out);
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
    const { identity, sealedKit } =
      shown.kit === undefined
        ? this.#found(shown, door)
        : { identity: this.#recovered(shown, shown.kit, door), sealedKit: undefined };
    try {
      const kitWritten = shown.kit === undefined ? 0 : 1;
      const safety = { sealedKit, kitWritten, reminded: undefined, former: undefined };
      await this.#world.ledger.writeSafety(safety);
      await storeIdentity(this.#world.ledger, identity);
    } catch (error) {
      this.#live(shown);
      throw error;
    }
    await this.#moveIn(identity, this.#dial(identity));
  }

  forgetWords(): void {
    if (this.#life.phase !== "words-shown") return;
    this.#life.kit?.secret[Symbol.dispose]();
    this.#live({ phase: "none" });
  }

  /** Has an account again without any of its nodes: new words are shown for it. */
  async openKit(file: Bytes, { nodeName, platform }: NodeNames): Promise<void> {
    const { crypto, random, unlocker } = this.#world.ports;
    this.#assertIn("none", "stopped");
    const read = parseRecoveryFile(crypto, file);
    if (!read.ok) throw badKit(read.why);
    await this.#assertSameAccount(read.file.log.account);
    const words = await unlocker.mint();
    this.#assertIn("none", "stopped");
    this.#live({
      phase: "words-shown",
      words,
      ask: threePositions(random.bytes(12)),
      nodeName: cleanName(nodeName),
      platform: cleanName(platform),
      kit: read.file,
    });
  }

  /** Revokes whoever signed this device out. Counts if that was done without the passphrase, or by a younger node with it. */
  async takeBack(typed: string): Promise<void> {
    const stopped = this.#life;
    if (stopped.phase !== "stopped" || stopped.identity === undefined) throw notNow();
    const { ports, ledger } = this.#world;
    const { crypto, random, clock } = ports;
    const { identity } = stopped;
    const { log, keys, readKey } = identity;
    using door = await deriveDoor(ports, typed);
    if (this.#life !== stopped) throw notNow();
    if (!equal(door.signPublic, log.state().door.sign)) throw notTakenBack();
    const against = log
      .told()
      .filter(({ type, target }) => type === "node.revoke" && target === keys.id);
    const fork = log.fork();
    const { entries } = revokeNodes({
      crypto,
      random,
      log: fork,
      keys,
      readKey,
      at: clock.now(),
      targets: [...new Set(against.map(({ author }) => author))],
      reason: "compromised",
      leaveOut: against.map(({ id }) => id),
      door,
    });
    for (const entry of entries) fork.add(entry);
    if (!fork.state().nodes.has(keys.id)) throw notTakenBack();
    for (const entry of entries) log.add(entry);
    await storeIdentity(ledger, identity);
    await this.#moveIn(identity, this.#dial(identity));
  }

  async signIn({ words, ...names }: NodeNames & { readonly words: string }): Promise<void> {
    this.#assertIn("none", "stopped");
    const read = await readWords(this.#world.ports, words);
    // Asked twice, the first goes on.
    this.#assertIn("none", "stopped");
    this.#knockAt(await this.#unlock(read), names);
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

  #found(
    { nodeName, platform }: WordsShown,
    door: Door,
  ): { readonly identity: Identity; readonly sealedKit: Bytes } {
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
    const identity = {
      keys,
      meeting: door.meeting.copy(),
      readKey: made.readKey,
      log,
      pass: undefined,
      nodeName,
      platform,
      author: firstAuthor(nodeName),
    };
    return { identity, sealedKit: made.sealedRecovery };
  }

  /** All nodes that there were are taken for lost: whoever still has one signs in anew. */
  #recovered(
    { nodeName, platform }: WordsShown,
    { secret, log }: RecoveryFile,
    door: Door,
  ): Identity {
    const { crypto, random, clock } = this.#world.ports;
    const keys = mintNodeKeys(crypto, random);
    using recovery = openRecoveryKey(crypto, secret);
    const { entries, readKey } = recoverAccount({
      crypto,
      random,
      log,
      recovery,
      door,
      keys,
      name: nodeName,
      platform,
      at: clock.now(),
      remove: [...log.state().nodes.keys()],
    });
    for (const entry of entries) log.add(entry);
    if (readKey === undefined || !log.state().nodes.has(keys.id)) throw badKit("foreign");
    secret[Symbol.dispose]();
    const meeting = door.meeting.copy();
    const author = firstAuthor(nodeName);
    return { keys, meeting, readKey, log, pass: undefined, nodeName, platform, author };
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
    if (!(await this.#isSameAccount(log.account))) {
      this.#hangUp();
      return this.#live(otherAccount);
    }
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
    const { ports, relays, inbox, scope, notices, changed } = this.#world;
    this.#staged = new StagedNetwork({
      ports,
      relays,
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
    const home = await Home.open({
      ...this.#world,
      identity,
      network,
      membershipChanged: () => this.#stopIfSignedOut(identity),
    });
    // Closed while it was being opened.
    if (this.#staged !== staged) return home.close();
    this.#live({ phase: "open", home });
    staged.enter(home.stage);
    home.moveIn();
  }

  #stopIfSignedOut(identity: Identity): void {
    const out = signedOut(this.#world.ports.crypto, identity);
    if (out === undefined || this.#life.phase !== "open") return;
    this.#life.home.close();
    this.#hangUp();
    this.#live(out);
  }

  /** What is stored here is of one account, also after it was signed out. */
  async #isSameAccount(account: AccountId): Promise<boolean> {
    const { ports, ledger } = this.#world;
    const stored = await ledger.readNode();
    return stored === undefined || accountIdOf(ports.crypto, stored.genesis) === account;
  }

  async #assertSameAccount(account: AccountId): Promise<void> {
    if (!(await this.#isSameAccount(account))) throw badKit("foreign");
  }

  #assertIn(...phases: ReadonlyArray<Life["phase"]>): void {
    if (!phases.includes(this.#life.phase)) throw notNow();
  }

  #live(next: Life): void {
    this.#life = next;
    this.#world.changed();
  }
}

function notNow(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This browser already has an account, or is about to.",
    safe: "Nothing was changed.",
  });
}

function badKit(why: "not-a-kit" | "damaged" | "foreign"): CommandRefusedError {
  const said = {
    "not-a-kit": "This file is not a recovery kit.",
    damaged: "This recovery kit is damaged: some of it is missing or was changed.",
    foreign: "This recovery kit is that of another account.",
  };
  return new CommandRefusedError("bad_kit", {
    what: said[why],
    safe: "Nothing was changed.",
    next: "Choose the file that you saved when you made the kit.",
  });
}

function notTakenBack(): CommandRefusedError {
  return new CommandRefusedError("not_allowed", {
    what: "These words do not undo it: the passphrase was changed, or was used to sign this device out.",
    safe: "What is on this device stays here.",
    next: "Sign in again with the words that are in force, or use your recovery kit.",
  });
}

const copiedProfile = {
  tone: "warning",
  what: "Another copy of this browser profile is connected to your account.",
  safe: "Nothing was lost.",
  next: "Use one of the two only: sign in on the other one as a new device.",
} as const;
