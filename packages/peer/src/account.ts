/** The account in this browser: made, signed in to, opened again, and closed. */

import { openDoor, type Door } from "@skein/auth/door";
import { makeKnock } from "@skein/auth/knock";
import { cleanName } from "@skein/auth/pass";
import { parseRecoveryFile } from "@skein/auth/recovery-file";
import { equal, type Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import type { AccountId } from "@skein/protocol/ids";
import {
  foundAccount,
  newcomerAt,
  membersOf,
  recoverIdentity,
  takeBackEntries,
  type Newcomer,
  type NodeNames,
} from "./account-making.ts";
import { badKit, notNow, notTakenBack, wrongPasskey } from "./account-refusals.ts";
import type { Alarms } from "./alarms.ts";
import { Home } from "./home.ts";
import { HomeLock, type GivenKey } from "./home-lock.ts";
import type { HomeVault } from "./home-vault.ts";
import {
  firstAuthor,
  foundIdentity,
  isWriter,
  readIdentity,
  storeIdentity,
  type Identity,
} from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import {
  identityOf,
  leftToCopy,
  lostKey,
  notKept,
  otherAccount,
  secondAccount,
  signedOut,
  twoAccounts,
  type Life,
} from "./life.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import type { Relays } from "./relays.ts";
import type { Scope } from "./scope.ts";
import { SignIn, type SignInEnd } from "./sign-in.ts";
import { StagedNetwork } from "./stage.ts";
import { Standstill } from "./standstill.ts";
import type { Tasks } from "./tasks.ts";
import {
  deriveDoor,
  isRetyped,
  readWords,
  threePositions,
  wrongPassphrase,
  wrongWords,
} from "./words.ts";

export interface AccountWorld {
  readonly ports: Ports;
  readonly relays: Relays;
  readonly ledger: Ledger;
  readonly vault: HomeVault;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly tasks: Tasks;
  readonly notices: Notices;
  /** The program ends, and begins anew. */
  readonly restart: () => void;
  readonly changed: () => void;
}

export class Account {
  readonly lock: HomeLock;
  readonly standstill: Standstill;
  readonly #world: AccountWorld;
  #life: Life = { phase: "opening" };
  /** The network that is dialled, whatever the phase; closed with the account. */
  #staged: StagedNetwork | undefined;
  /** Whose keys go with this program. */
  #locking: Identity | undefined;

  constructor(world: AccountWorld) {
    this.#world = world;
    const { ports, vault, alarms, tasks, changed } = world;
    this.standstill = new Standstill({ ...world, clock: ports.clock });
    this.lock = new HomeLock({ vault, ports, alarms, changed, tasks, lock: () => this.#lockUp() });
  }

  life(): Life {
    return this.#life;
  }

  /** Opens what this browser keeps, or says that it is locked. */
  async open(): Promise<void> {
    const resting = await this.#world.vault.open();
    switch (resting.kind) {
      case "none":
        this.#world.notices.restore(await this.#world.ledger.readNotices());
        return this.#live({ phase: "none" });
      case "lost":
        return this.#live(lostKey);
      case "locked":
        this.lock.found();
        return this.#live({ ...resting, phase: "locked" });
      case "open":
        return this.#enter();
    }
  }

  /** By what the passkey derived, or by the words that were in force when this node last heard. */
  async unlock(given: GivenKey): Promise<void> {
    const shown = this.#life;
    if (shown.phase !== "locked") throw notNow();
    // Meanwhile somebody may begin to sign in anew.
    const fits = await this.lock.unlock(given, () => this.#life === shown);
    if (this.#life !== shown) throw notNow();
    if (fits) return this.#enter();
    throw "derived" in given
      ? wrongPasskey()
      : wrongPassphrase("These are not the words of this account.");
  }

  async #enter(): Promise<void> {
    const { ports } = this.#world;
    const identity = await readIdentity(ports.crypto, this.#world);
    const out = signedOut(ports.crypto, identity);
    if (out !== undefined) return this.#live(out);
    const second = await this.#world.ledger.readSecondAccount();
    if (second !== undefined && !isWriter(identity))
      return this.#live(secondAccount(identity.log.account, second));
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
    if (shown.kit !== undefined)
      return await this.#recover(shown, {
        ...shown,
        kit: shown.kit,
        door,
        remove: membersOf(shown.kit),
      });
    const { identity, sealedKit } = foundAccount(this.#world.ports, shown, door);
    return await this.#keep(shown, identity, { sealedKit, kitWritten: 0 });
  }

  forgetWords(): void {
    const shown = this.#life;
    if (shown.phase !== "words-shown" && shown.phase !== "kit-opened") return;
    shown.kit?.secret[Symbol.dispose]();
    this.#goBack();
  }

  /** Has an account again without any of its nodes: its person says which of them stay, and whether the words do. */
  async openKit(file: Bytes, { nodeName, platform }: NodeNames): Promise<void> {
    const { crypto } = this.#world.ports;
    this.#assertIn("none", "stopped", "locked");
    const read = parseRecoveryFile(crypto, file);
    if (!read.ok) throw badKit(read.why);
    if (!this.#isSameAccount(read.file.log.account)) throw badKit("foreign");
    this.#live({
      phase: "kit-opened",
      kit: read.file,
      nodeName: cleanName(nodeName),
      platform: cleanName(platform),
    });
  }

  /** Nodes can stay only where the words do: they would not know where the account meets now. */
  async chooseNodes({
    keep,
    words,
  }: {
    readonly keep: ReadonlyArray<string>;
    readonly words: string;
  }): Promise<void> {
    const opened = this.#life;
    if (opened.phase !== "kit-opened") throw notNow();
    const { ports } = this.#world;
    if (words === "") {
      const minted = await ports.unlocker.mint();
      this.#assertIn("kit-opened");
      return this.#live({
        ...opened,
        phase: "words-shown",
        words: minted,
        ask: threePositions(ports.random.bytes(12)),
      });
    }
    using door = await deriveDoor(ports, words);
    if (this.#life !== opened) throw notNow();
    if (!equal(door.signPublic, opened.kit.log.state().door.sign))
      throw wrongPassphrase("These are not the words of this account.");
    const remove = membersOf(opened.kit).filter((node) => !keep.includes(node));
    return await this.#recover(opened, { ...opened, door, remove });
  }

  /** Revokes whoever signed this device out. Counts if that was done without the passphrase, or by a younger node with it. */
  async takeBack(typed: string): Promise<void> {
    const stopped = this.#life;
    if (stopped.phase !== "stopped" || stopped.identity === undefined) throw notNow();
    const { ports } = this.#world;
    const { identity } = stopped;
    using door = await deriveDoor(ports, typed);
    if (this.#life !== stopped) throw notNow();
    const entries = takeBackEntries(ports, identity, door);
    if (entries === undefined) throw notTakenBack();
    for (const entry of entries) identity.log.add(entry);
    await storeIdentity(this.#world, identity);
    await this.#moveIn(identity, this.#dial(identity));
  }

  async signIn({ words, ...names }: NodeNames & { readonly words: string }): Promise<void> {
    this.#assertIn("none", "stopped", "locked");
    const read = await readWords(this.#world.ports, words);
    // Asked twice, the first goes on.
    this.#assertIn("none", "stopped", "locked");
    this.#knockAt(await this.#unlock(read), names);
  }

  /** Leaves this node to its copy, and asks for the words. Until they are accepted, a restart leads back. */
  leaveToCopy(): void {
    if (this.standstill.since() === undefined) throw notNow();
    this.#stop(leftToCopy);
  }

  stopSignIn(): void {
    if (this.#life.phase === "signing-in") this.#life.abandon();
    else if (this.#life.phase !== "stopped") return;
    this.#goBack();
  }

  close(): void {
    this.lock.close();
    this.#leave();
  }

  /** When nothing works with them any more. */
  wipe(): void {
    const identity = identityOf(this.#life) ?? this.#locking;
    if (identity === undefined) return;
    for (const secret of [identity.keys, identity.meeting, identity.readKey])
      secret[Symbol.dispose]();
  }

  // --- Making an account. ---

  async #recover(before: Life, given: Parameters<typeof recoverIdentity>[1]): Promise<void> {
    const recovered = recoverIdentity(this.#world.ports, given);
    if (recovered === undefined) {
      this.#live(before);
      throw badKit("crowded");
    }
    await this.#keep(before, recovered.identity, { sealedKit: recovered.sealedKit, kitWritten: 0 });
    given.kit.secret[Symbol.dispose]();
  }

  async #keep(
    before: Life,
    identity: Identity,
    safety: Parameters<typeof foundIdentity>[2],
  ): Promise<void> {
    try {
      await foundIdentity(this.#world, identity, safety);
    } catch (error) {
      this.#live(before);
      throw error;
    }
    await this.#moveIn(identity, this.#dial(identity));
  }

  // --- Signing in. ---

  #knockAt(door: Door, names: NodeNames): void {
    const { ports, alarms, scope, changed } = this.#world;
    const { crypto, clock, random } = ports;
    const newcomer = newcomerAt(ports, door, names);
    const staged = this.#dial(newcomer);
    const { network } = staged;
    const signIn = new SignIn({
      crypto,
      clock,
      alarms,
      scope,
      door,
      knock: makeKnock(newcomer.pass, random),
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
    if (!this.#isSameAccount(log.account)) {
      this.#hangUp();
      return this.#live(otherAccount);
    }
    const identity = { ...newcomer, log, readKey, author: firstAuthor(newcomer.nodeName) };
    // From here on it cannot be stopped: what is stored by halves would be found at the next start.
    this.#live({ phase: "opening" });
    try {
      await foundIdentity(this.#world, identity, { sealedKit: undefined, kitWritten: 0 });
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
    const { ports, relays, inbox, scope, changed } = this.#world;
    this.#staged = new StagedNetwork({
      ports,
      relays,
      keys,
      meeting,
      pass,
      inbox,
      scope,
      self: () => this.standstill.begin(keys.id),
      changed: () => {
        if (this.#life.phase === "signing-in") this.#life.signIn.relayChanged();
        changed();
      },
    });
    return this.#staged;
  }

  /** To where a person was before they began something: what is stored here is still there. */
  #goBack(): void {
    if (this.#world.vault.account() === undefined) return this.#live({ phase: "none" });
    this.#live({ phase: "opening" });
    this.#world.scope.start(() => this.open());
  }

  #hangUp(): void {
    this.#staged?.network.close();
    this.#staged = undefined;
  }

  async #moveIn(identity: Identity, staged: StagedNetwork): Promise<void> {
    const { network } = staged;
    await this.standstill.restore(identity.keys.id);
    const home = await Home.open({
      ...this.#world,
      identity,
      network,
      standstill: this.standstill,
      membershipChanged: () => this.#stopIfSignedOut(identity),
      secondAccount: (other) => this.#stop(secondAccount(identity.log.account, other)),
    });
    // Closed while it was being opened.
    if (this.#staged !== staged) return home.close();
    this.#live({ phase: "open", home });
    staged.enter(home.stage);
    home.moveIn();
  }

  #stopIfSignedOut(identity: Identity): void {
    const out = signedOut(this.#world.ports.crypto, identity);
    if (out !== undefined) this.#stop(out);
  }

  #stop(why: Life): void {
    if (this.#life.phase !== "open") return;
    this.#life.home.close();
    this.#hangUp();
    this.#live(why);
  }

  /** What is stored here is of one account, also after it was signed out, and while it is locked. */
  #isSameAccount(account: AccountId): boolean {
    return [undefined, account].includes(this.#world.vault.account());
  }

  /** Screens are emptied at once; the rest goes with the program. The keys are in memory whatever is shown, also at a node that was signed out. */
  #lockUp(): void {
    const account = this.#world.vault.account();
    if (account === undefined) return;
    this.#locking = identityOf(this.#life);
    this.#leave();
    this.#live({ phase: "locked", account, passkey: undefined });
    this.#world.restart();
  }

  #leave(): void {
    if (this.#life.phase === "open") this.#life.home.close();
    if (this.#life.phase === "signing-in") this.#life.abandon();
    this.#hangUp();
  }

  #assertIn(...phases: ReadonlyArray<Life["phase"]>): void {
    if (!phases.includes(this.#life.phase)) throw notNow();
  }

  #live(next: Life): void {
    this.#life = next;
    this.#world.changed();
  }
}
