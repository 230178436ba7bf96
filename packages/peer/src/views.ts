/** What a screen may see. Plain values, whole at every change: a screen compares nothing, asks nobody and waits for nothing. */

/** Ids are plain text here: a screen shows them and hands them back, it never makes one. */
export interface Views {
  readonly account: AccountView;
  readonly repositories: ReadonlyArray<RepositoryView>;
  readonly network: NetworkView;
  readonly devices: ReadonlyArray<DeviceView>;
  /** Devices that ask this node to be authorised, oldest first. */
  readonly requests: ReadonlyArray<RequestView>;
  /** Work that takes time: imports, merges, copies from other nodes. Oldest first. */
  readonly tasks: ReadonlyArray<TaskView>;
  /** Things that happened and that a person should know, until dismissed. Oldest first. */
  readonly notices: ReadonlyArray<NoticeView>;
  readonly storage: StorageView;
}

export type AccountView =
  | { readonly phase: "opening" }
  /** No account in this browser yet. */
  | { readonly phase: "none" }
  /** A passphrase was made and is shown; nothing is stored until it was retyped. */
  | {
      readonly phase: "words-shown";
      readonly words: ReadonlyArray<string>;
      /** 1-based positions of the three words to retype. */
      readonly ask: ReadonlyArray<number>;
      /** A new account, or one that is had again with its recovery kit. */
      readonly purpose: "create" | "recover";
    }
  /** Argon2id runs in the unlock worker. `share` from 0 to 1. */
  | { readonly phase: "unlocking"; readonly share: number }
  | {
      readonly phase: "signing-in";
      readonly step: SignInStep;
      readonly since: number;
    }
  | {
      readonly phase: "open";
      readonly account: string;
      /** Short form of the account id, for people to compare. */
      readonly mark: string;
      readonly node: string;
      readonly nodeName: string;
      readonly platform: string;
      readonly role: "writer" | "read-only";
      /** The author of this node's commits. */
      readonly author: { readonly name: string; readonly email: string };
      readonly approval: ApprovalView;
      readonly kit: KitView;
      readonly words: NewWordsView;
      readonly lock: LockView;
      /**
       * Since when this node signs nothing, because another program holds its keys, until its person says how to go on:
       * `go-on-here` or `leave-to-copy`.
       */
      readonly standstill: number | undefined;
      /** Nodes that said two things in one place, by place: whoever shows the proofs asks for them anew when it changes. */
      readonly forks: number;
    }
  /** Keys are on disk only, and opened by the passkey or the passphrase. */
  | {
      readonly phase: "locked";
      readonly mark: string;
      /** In hex: what the passkey is called, and what it is to derive from. */
      readonly passkey: { readonly id: string; readonly salt: string } | undefined;
    }
  /** A recovery kit was read; it is asked which nodes stay. */
  | {
      readonly phase: "kit-opened";
      readonly mark: string;
      readonly madeAt: number;
      readonly nodes: ReadonlyArray<KitNodeView>;
    }
  /** The account cannot be opened; the text says what happened, what is safe and what to do next. */
  | {
      readonly phase: "stopped";
      readonly what: string;
      readonly safe: string;
      readonly next: string;
      /** Signing in again, as a new device, is the way back. */
      readonly signIn: boolean;
      /** Who signed this device out, if the passphrase can undo it. */
      readonly takeBackFrom: string | undefined;
    };

/** A node as the kit knows it: from when it was made. */
export interface KitNodeView {
  readonly node: string;
  readonly name: string;
  readonly platform: string;
  readonly addedAt: number;
}

/** How this node's secrets rest on disk. */
export interface LockView {
  /** `plain`: this browser cannot wrap them, because the page was not served securely. */
  readonly keys: "wrapped" | "plain";
  /** In hex: what a passkey for this node is to derive from. */
  readonly salt: string;
  readonly set:
    | {
        readonly passkey: boolean;
        /** Milliseconds without a person after which it locks by itself. */
        readonly patience: number | undefined;
      }
    | undefined;
}

/** The recovery kit, as far as this node has to do with it. */
export type KitView =
  /** Not written down yet; the passphrase opens it. */
  | { readonly phase: "kept" }
  /** The same, but the words were changed on another node: those from before open it. */
  | { readonly phase: "former-words"; readonly changedAt: number }
  | { readonly phase: "shown"; readonly words: ReadonlyArray<string> }
  /** Put away; it is asked for once, to be sure. */
  | { readonly phase: "asked"; readonly tries: number }
  | { readonly phase: "written" }
  /** Another node has it, or had it. */
  | { readonly phase: "elsewhere" };

/** A change of passphrase under way. */
export type NewWordsView =
  | { readonly phase: "none" }
  | {
      readonly phase: "shown";
      readonly words: ReadonlyArray<string>;
      readonly ask: ReadonlyArray<number>;
    };

export type SignInStep =
  | "reaching-relay"
  /** The relay is reached; no node of the account has answered yet. */
  | "knocking"
  /** A node answered; its membership log is being fetched and checked. */
  | "checking";

/** How this node's own wish to become a writer fares. */
export type ApprovalView =
  /** It is a writer. */
  | { readonly phase: "none" }
  /** Read-only; nobody who could approve is connected. */
  | { readonly phase: "waiting"; readonly since: number }
  | {
      readonly phase: "asked";
      /** When the last of the numbers is no longer good. */
      readonly expiresAt: number;
      /** One number for each node that could approve; the same six digits are typed there. */
      readonly numbers: ReadonlyArray<{ readonly nodeName: string; readonly digits: string }>;
      readonly opened: boolean;
    }
  | { readonly phase: "denied"; readonly by: string }
  | {
      readonly phase: "void";
      /** `did-not-match`: the connection changed meanwhile, or somebody lied. */
      readonly why: "wrong-numbers" | "nobody-answered" | "did-not-match";
    };

export interface RepositoryView {
  readonly id: string;
  readonly name: string;
  readonly branches: ReadonlyArray<BranchView>;
  readonly tags: ReadonlyArray<{ readonly name: string; readonly oid: string }>;
  /** The branch that is shown first: HEAD's, without `refs/heads/`. */
  readonly head: string | undefined;
  readonly remotes: ReadonlyArray<RemoteView>;
  /** How many other nodes of the account hold everything this node has. */
  readonly copies: number;
  /** Epoch milliseconds of the last change here, by anyone. */
  readonly changedAt: number;
}

export interface BranchView {
  readonly name: string;
  readonly oid: string;
}

/** Another node's branches, as the git remote `p2p-<node>`. */
export interface RemoteView {
  /** `p2p-` and the first twelve hex digits of the node's id. */
  readonly remote: string;
  readonly node: string;
  readonly nodeName: string;
  /**
   * Whether this is all that it says. `away`: no word from it lately. `behind`: it said more, which nobody gave us: it is
   * late or kept back. `frozen`: it is connected, and has sent no word of where its record ends for half an hour.
   * `forked`: it signed two different things in one place, so nothing more of it is taken.
   */
  readonly standing: "fresh" | "away" | "behind" | "frozen" | "forked";
  /** When its word of where its record ends last came. */
  readonly heardAt: number | undefined;
  readonly branches: ReadonlyArray<
    BranchView & {
      /** How it stands to the local branch of the same name. */
      readonly relation: "same" | "ahead" | "behind" | "diverged" | "only-there";
    }
  >;
}

export interface NetworkView {
  /** All relays as one: connected while one of them is. */
  readonly relay:
    | { readonly phase: "connected"; readonly url: string; readonly since: number }
    | {
        readonly phase: "connecting" | "away";
        readonly url: string;
        /** Since when it is not connected. */
        readonly since: number;
        /** When the next try is due. */
        readonly retryAt: number | undefined;
      };
  readonly relays: ReadonlyArray<RelayView>;
  readonly nodes: ReadonlyArray<NetworkNodeView>;
}

/** One relay that this node uses. */
export interface RelayView {
  readonly url: string;
  /** Named by whoever serves the app, or added here. */
  readonly from: "app" | "person";
  readonly state:
    | { readonly phase: "connected"; readonly since: number }
    | {
        readonly phase: "connecting" | "away";
        readonly since: number;
        readonly retryAt: number | undefined;
        /** `silent`: something is there, and is no relay, or says nothing. */
        readonly why: "unreachable" | "silent" | "busy" | "restarting";
      };
  /** It refused something and asked for patience: nothing is lost, some things wait. */
  readonly slowUntil: number | undefined;
  /** How long it holds sealed messages for devices that are away; 0: not at all. */
  readonly keepSecondsMax: number;
  /** STUN and TURN servers that it offers for direct connections. */
  readonly iceServers: number;
}

/** How a relay answered when it was asked once. */
export type RelayTest =
  | {
      readonly kind: "answers";
      /** From the first word to its hello. */
      readonly millis: number;
      readonly keepSecondsMax: number;
      readonly bulkBytesPerSecond: number;
      readonly iceServers: number;
      /** How far this device's clock is from the relay's. */
      readonly clockErrorMillis: number;
    }
  | {
      readonly kind: "does-not";
      /** `silent`: something is there, and is no relay, or says nothing. */
      readonly why: "unreachable" | "silent" | "busy" | "restarting";
    };

export interface NetworkNodeView {
  readonly node: string;
  readonly name: string;
  readonly platform: string;
  readonly whose: "this-device" | "mine";
  readonly role: "writer" | "read-only";
  readonly path:
    | { readonly kind: "none"; readonly lastSeen: number | undefined }
    | { readonly kind: "direct" | "relayed"; readonly roundTripMillis: number | undefined };
  /** Repositories in which it has commits that are not here yet, and how many ref records are missing. */
  readonly lacking: ReadonlyArray<{ readonly repository: string; readonly records: number }>;
}

export interface DeviceView {
  readonly node: string;
  readonly name: string;
  readonly platform: string;
  readonly thisDevice: boolean;
  readonly role: "writer" | "read-only";
  readonly addedBy: string | undefined;
  /** By the clock of whoever let it in. */
  readonly addedAt: number | undefined;
  /** By this node's clock, if it was there then. */
  readonly addedSeenAt: number | undefined;
  /** There is a session with it now. */
  readonly connected: boolean;
  readonly lastSeen: number | undefined;
  /** Its request was denied at this node, and it may not ask again. */
  readonly denied: boolean;
  /** Short form of the key, for people to compare, such as `7Q4F-M2KD`. */
  readonly fingerprint: string;
  /** Set once it was revoked. */
  readonly revoked:
    | {
        readonly by: string;
        /** By the clock of whoever revoked it. */
        readonly at: number;
        /** By this node's clock, if it was there then. */
        readonly seenAt: number | undefined;
      }
    | undefined;
  /** What it takes to revoke it here. */
  readonly revoke: "nothing" | "passphrase" | "not-possible";
  /** Devices that are in through it: they may be revoked with it. */
  readonly approved: ReadonlyArray<string>;
  /** What it did to the account: what a revocation may leave out. */
  readonly deeds: ReadonlyArray<DeedView>;
}

export interface DeedView {
  readonly kind: "let-in" | "removed" | "new-words";
  /** Whom it let in or removed. */
  readonly name: string | undefined;
  /** As it says itself. */
  readonly at: number;
  /** When this node first saw it. */
  readonly seenAt: number | undefined;
}

export interface RequestView {
  readonly id: string;
  readonly node: string;
  readonly name: string;
  readonly platform: string;
  readonly askedAt: number;
  /** When it is over, by this node's clock. */
  readonly expiresAt: number;
  readonly path: "direct" | "relayed";
  readonly fingerprint: string;
  readonly triesLeft: number;
  /** There were too many requests to call a person for each: shown as a mark only. */
  readonly silent: boolean;
  /** The number typed last was wrong. */
  readonly wrong: boolean;
  /** A number was typed, and what it is compared with is still on its way from the device. */
  readonly waiting: boolean;
  readonly repositories: number;
}

export interface TaskView {
  readonly id: string;
  readonly title: string;
  /** Such as "Reading the bundle", "Checking objects", "Storing". */
  readonly phase: string;
  /** From 0 to 1, or undefined while it cannot be known. */
  readonly share: number | undefined;
  /** Such as "1,204 of 16,486 objects · 3.1 of 14.3 MB". */
  readonly detail: string;
  readonly cancellable: boolean;
}

export interface NoticeView {
  readonly id: string;
  readonly tone: "info" | "warning" | "error";
  readonly what: string;
  readonly safe: string | undefined;
  readonly next: string | undefined;
  /** Where what it leads to is done. */
  readonly action:
    | { readonly kind: "revoke"; readonly node: string }
    | { readonly kind: "passphrase" | "kit" }
    | undefined;
  readonly at: number;
}

export interface StorageView {
  readonly usedBytes: number | undefined;
  readonly quotaBytes: number | undefined;
  /** Whether the browser promised not to evict this origin's storage. */
  readonly persisted: boolean | undefined;
}
