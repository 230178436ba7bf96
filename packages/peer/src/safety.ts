/** Keeps an account its owner's: revokes nodes, changes the words, looks after the recovery kit, and reminds of it. */

import type { Door } from "@skein/auth/door";
import {
  approvedBy,
  changePassphrase,
  recoverReplica,
  revokeNodes,
  seenSince,
  type Changed,
} from "@skein/auth/membership-changes";
import type { RefFrontier } from "@skein/auth/membership-entry";
import { isReminderDue } from "@skein/auth/recovery-export";
import { isRecoveryOf } from "@skein/auth/recovery-file";
import { openRecoveryKey, parseRecoveryWords, sealRecoverySecret } from "@skein/auth/recovery-key";
import { equal } from "@skein/protocol/bytes";
import { instant, later, type EntryId, type Instant, type NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Alarms } from "./alarms.ts";
import type { Identity } from "./identity.ts";
import type { HomeVault, StoredSafety } from "./home-vault.ts";
import type { MembershipGossip } from "./membership-gossip.ts";
import type { Notices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { RecoveryKit } from "./recovery-kit.ts";
import { CommandRefusedError } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import type { NewWordsView } from "./views.ts";
import { deriveDoor, isRetyped, threePositions, wrongPassphrase, wrongWords } from "./words.ts";

interface SafetyOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly vault: HomeVault;
  readonly alarms: Alarms;
  readonly scope: Scope;
  readonly notices: Notices;
  readonly membership: MembershipGossip;
  readonly stored: StoredSafety;
  readonly nameOf: (node: NodeId) => string;
  /** How far its ref records are here, or were at an instant, in every repository. */
  readonly frontierOf: (node: NodeId, at: Instant | undefined) => Promise<RefFrontier>;
  readonly changed: () => void;
}

interface Learning {
  readonly oldDoor: Door;
  readonly words: ReadonlyArray<string>;
  readonly ask: ReadonlyArray<number>;
}

export class Safety {
  readonly kit: RecoveryKit;
  readonly #options: SafetyOptions;
  #stored: StoredSafety;
  #learning: Learning | undefined;

  constructor(options: SafetyOptions) {
    this.#options = options;
    this.#stored = options.stored;
    const { identity, ports } = options;
    this.kit = new RecoveryKit({
      crypto: ports.crypto,
      random: ports.random,
      clock: ports.clock,
      identity,
      safety: () => this.#stored,
      keep: (change) => this.keep(change),
    });
    this.#remind();
  }

  isKnown(node: NodeId): boolean {
    return this.#options.identity.log.state().nodes.has(node);
  }

  newWords(): NewWordsView {
    const learning = this.#learning;
    return learning === undefined
      ? { phase: "none" }
      : { phase: "shown", words: learning.words, ask: learning.ask };
  }

  async keep(change: Partial<StoredSafety>): Promise<void> {
    const next = { ...this.#stored, ...change };
    await this.#options.vault.writeSafety(next);
    this.#stored = next;
    this.#options.changed();
  }

  close(): void {
    this.keepOldWords();
    this.#options.alarms.cancel("remind");
  }

  // --- Revoking. ---

  /** Whether this node may remove that one, and with what. */
  rightTo(target: NodeId): "nothing" | "passphrase" | "not-possible" {
    const { log, keys } = this.#options.identity;
    if (!log.state().nodes.has(keys.id) || !log.state().nodes.has(target)) return "not-possible";
    if (target === keys.id || approvedBy(log, keys.id).includes(target)) return "nothing";
    return "passphrase";
  }

  async revoke({
    target,
    words,
    andApproved,
    since,
  }: {
    readonly target: NodeId;
    readonly words: string;
    readonly andApproved: boolean;
    readonly since: Instant | undefined;
  }): Promise<ReadonlyArray<string>> {
    const { identity, ports, frontierOf, nameOf, membership } = this.#options;
    const { crypto, random, clock } = ports;
    const { log, keys, readKey } = identity;
    if (this.rightTo(target) === "passphrase" && words === "")
      throw wrongPassphrase("This device was not authorised by the one you are using.");
    using door = words === "" ? undefined : await this.door(words);
    const others = andApproved ? approvedBy(log, target).filter((node) => node !== keys.id) : [];
    const targets = [...others, target];
    const removed = targets.map(nameOf);
    const frontiers = new Map(
      await Promise.all(
        targets.map(async (node) => [node, await frontierOf(node, since)] as const),
      ),
    );
    const seenAt = (entry: EntryId): Instant | undefined => membership.seenAt(entry);
    const made = revokeNodes({
      crypto,
      random,
      log,
      keys,
      readKey,
      at: clock.now(),
      targets,
      reason: target === keys.id ? "retired" : since === undefined ? "lost" : "compromised",
      frontierOf: (node) => frontiers.get(node) ?? [],
      leaveOut:
        since === undefined
          ? []
          : targets.flatMap((node) => seenSince({ log, node, since, seenAt })),
      ...(door === undefined ? {} : { door }),
    });
    await this.#say(made);
    return removed;
  }

  // --- New words. ---

  async beginNewWords(words: string): Promise<void> {
    const { ports, alarms } = this.#options;
    const oldDoor = await this.door(words);
    const minted = await ports.unlocker.mint();
    this.keepOldWords();
    this.#learning = { oldDoor, words: minted, ask: threePositions(ports.random.bytes(12)) };
    alarms.set("new words", later(ports.clock.now(), learningMillis), () => this.keepOldWords());
    this.#options.changed();
  }

  async confirmNewWords(typed: ReadonlyArray<string>): Promise<void> {
    const learning = this.#learning;
    const { identity, ports } = this.#options;
    const { crypto, random, clock } = ports;
    if (learning === undefined)
      throw new CommandRefusedError("not_now", {
        what: "No new passphrase is being made.",
        safe: "Your words are as they were.",
        next: "Begin again.",
      });
    if (!isRetyped(learning, typed)) throw wrongWords();
    using newDoor = await deriveDoor(ports, learning.words);
    if (this.#learning !== learning) return;
    const { oldDoor } = learning;
    const { log, keys, readKey } = identity;
    const at = clock.now();
    await this.kit.sealBoth(oldDoor, newDoor);
    await this.#say(changePassphrase({ crypto, random, log, keys, readKey, at, oldDoor, newDoor }));
    await this.kit.settle();
    this.keepOldWords();
  }

  keepOldWords(): void {
    this.#learning?.oldDoor[Symbol.dispose]();
    this.#learning = undefined;
    this.#options.alarms.cancel("new words");
    this.#options.changed();
  }

  // --- The kit. ---

  async showKit(words: string): Promise<void> {
    using door = await deriveDoor(this.#options.ports, words);
    await this.kit.show(door);
  }

  /** At a replica, when no member is left that could let it in. */
  async useKit(words: string, keep: ReadonlyArray<string>): Promise<void> {
    const { identity, ports } = this.#options;
    const { crypto, random, clock } = ports;
    const { log, keys, pass, readKey } = identity;
    if (pass === undefined || log.state().nodes.has(keys.id)) throw notAReplica();
    const read = parseRecoveryWords(crypto, words);
    if (!read.ok) throw wrongKitWords();
    using secret = read.secret;
    if (!isRecoveryOf(crypto, log, secret)) throw wrongKitWords();
    using recovery = openRecoveryKey(crypto, secret);
    const remove = [...log.state().nodes.keys()].filter((node) => !keep.includes(node));
    const at = clock.now();
    await this.#say(recoverReplica({ crypto, random, log, recovery, pass, at, remove, readKey }));
    // No file knows of this node yet.
    const { sign: kitDoor, box: boxPublic } = log.state().door;
    const sealedKit = sealRecoverySecret({ crypto, random, door: { boxPublic } }, secret);
    await this.keep({ sealedKit, kitDoor, nextKit: undefined, kitWritten: 0 });
  }

  /** Says, now and then, that one accident is all it takes. */
  #remind(): void {
    const { identity, ports, alarms, notices, scope } = this.#options;
    const { log } = identity;
    const now = ports.clock.now();
    const due = isReminderDue({
      nodes: log.state().nodes.size,
      isExported: this.#stored.kitWritten === 1,
      began: log.told()[0]?.at ?? now,
      reminded: this.#stored.reminded === undefined ? undefined : instant(this.#stored.reminded),
      now,
    });
    if (due) {
      notices.add(onlyOne);
      scope.start(() => this.keep({ reminded: now }));
    }
    alarms.set("remind", later(now, remindMillis), () => this.#remind());
  }

  // --- Both. ---

  /** That of the words which are in force. The caller disposes of it. */
  async door(words: string): Promise<Door> {
    const door = await deriveDoor(this.#options.ports, words);
    if (equal(door.signPublic, this.#options.identity.log.state().door.sign)) return door;
    door[Symbol.dispose]();
    throw wrongPassphrase("These are not the words of this account.");
  }

  async #say({ entries, readKey, refused }: Changed): Promise<void> {
    readKey?.[Symbol.dispose]();
    if (refused.some(({ kind }) => kind === "unsaid")) throw tooManyDevices();
    if (refused.length > 0 || entries.length === 0) throw notTaken();
    await this.#options.membership.add(entries);
  }
}

function notAReplica(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This device may write already.",
    safe: "Nothing was changed.",
  });
}

function wrongKitWords(): CommandRefusedError {
  return new CommandRefusedError("wrong_kit", {
    what: "These are not the words of this account's recovery kit.",
    safe: "Nothing was changed.",
    next: "Compare them with your sheet, one by one. They are others than your passphrase.",
  });
}

function notTaken(): CommandRefusedError {
  return new CommandRefusedError("not_allowed", {
    what: "The account's log did not take this.",
    safe: "Nothing was changed.",
    next: "The device may be gone already, or was authorised by another one: try with the passphrase.",
  });
}

function tooManyDevices(): CommandRefusedError {
  return new CommandRefusedError("not_allowed", {
    what: `Your account has more than ${nodesPerAccountMax} devices that may write: there is no room to tell them all the new secrets.`,
    safe: "Nothing was changed.",
    next: "Revoke devices that you no longer use, then do it again.",
  });
}

const onlyOne = {
  tone: "warning",
  what: "Your account is on this device only, and there is no recovery kit.",
  safe: "Nothing is wrong now. If this device is lost, the account is.",
  next: "Make a recovery kit, or sign in on a second device.",
  action: { kind: "kit" },
} as const;

/** New words stand on the screen no longer than this. */
const learningMillis = 15 * 60_000;
const remindMillis = 60 * 60_000;
