/** What a screen may ask for to keep others out: the lock, revoking, new words, the recovery kit. Part of `Commands`. */

/** What the browser made of a passkey: its id, and the 32 bytes that it derived. */
export interface GivenPasskey {
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
}

/** Such a command is asked with `{}`. */
export type Nothing = Readonly<Record<string, never>>;

/** Two signed things of one node in one place: of the log, or of its records in one repository. */
export interface ProofView {
  readonly node: string;
  readonly nodeName: string;
  /** The id of the repository; `undefined`: the membership log. */
  readonly repository: string | undefined;
  /** The place. */
  readonly number: number;
  readonly file: Blob;
}

export interface KeepingOutCommands {
  // --- the lock ---
  /** From now on this device is opened by its passphrase, which is typed once to be sure, or by the passkey that is given. */
  "set-lock": {
    readonly ask: { readonly words: string; readonly passkey?: GivenPasskey };
    readonly answer: void;
  };
  "remove-lock": { readonly ask: Nothing; readonly answer: void };
  "lock-now": { readonly ask: Nothing; readonly answer: void };
  /** Locks by itself after so many minutes without a person; without a number it does not. */
  "set-patience": { readonly ask: { readonly minutes?: number }; readonly answer: void };
  /** A key, a pointer: said now and then while there is a patience. */
  "person-acted": { readonly ask: Nothing; readonly answer: void };
  /** By the words, or by what the passkey derived. */
  unlock: {
    readonly ask: { readonly words: string; readonly derived?: Uint8Array };
    readonly answer: void;
  };
  // --- keeping others out ---
  /** Removes a node for good. Words are needed where it was not let in through this node. */
  "revoke-node": {
    readonly ask: {
      readonly node: string;
      /** Empty where none are needed. */
      readonly words: string;
      readonly andApproved: boolean;
      /** What this node first saw of it after this instant is not vouched for. */
      readonly since?: number;
    };
    readonly answer: { readonly removed: ReadonlyArray<string> };
  };
  /** At a node that was signed out: revokes whoever did it, with the passphrase. */
  "take-back": { readonly ask: { readonly words: string }; readonly answer: void };
  /** The old words; new ones are made and shown (`account.words`). */
  "change-passphrase": { readonly ask: { readonly words: string }; readonly answer: void };
  /** The three new words asked for. From then on the old ones open nothing. */
  "confirm-new-words": {
    readonly ask: { readonly words: ReadonlyArray<string> };
    readonly answer: void;
  };
  "keep-old-words": { readonly ask: Nothing; readonly answer: void };
  /** Opens the recovery kit with the passphrase and shows it (`account.kit`). */
  "show-kit": { readonly ask: { readonly words: string }; readonly answer: void };
  "kit-file": { readonly ask: Nothing; readonly answer: { readonly file: Blob } };
  "put-kit-away": { readonly ask: Nothing; readonly answer: void };
  "leave-kit": { readonly ask: Nothing; readonly answer: void };
  /** The kit, typed or as its file: what comes back was written down. */
  "verify-kit": {
    readonly ask: { readonly words: string; readonly file?: Blob };
    readonly answer: void;
  };
  /** Without any node left: the account of this kit is read, and it is asked which nodes stay (`account.phase` becomes `kit-opened`). */
  "open-kit": {
    readonly ask: { readonly file: Blob; readonly nodeName: string; readonly platform: string };
    readonly answer: void;
  };
  /** Without words new ones are made and shown, and no node stays. */
  "choose-nodes": {
    readonly ask: { readonly keep: ReadonlyArray<string>; readonly words: string };
    readonly answer: void;
  };
  /** At a device that is signed in and read-only: the kit's words make it one that may write. */
  "use-kit": {
    readonly ask: { readonly words: string; readonly keep: ReadonlyArray<string> };
    readonly answer: void;
  };
  /** The membership log, for whoever wants to look through it: `explain` prints it. */
  "log-file": { readonly ask: Nothing; readonly answer: { readonly file: Blob } };
  /** Proofs that nodes of this account said two things in one place. Each convicts its node wherever it is shown. */
  proofs: { readonly ask: Nothing; readonly answer: { readonly proofs: ReadonlyArray<ProofView> } };
  // --- a copy of this node ---
  /** Where the node stands still (`account.standstill`): of two copies, this one signs from now on. */
  "go-on-here": { readonly ask: Nothing; readonly answer: void };
  /** Where the node stands still: it is left to the other copy, and this browser signs in as a new device. */
  "leave-to-copy": { readonly ask: Nothing; readonly answer: void };
  /** For `gpg.ssh.allowedSignersFile`. */
  "allowed-signers": { readonly ask: Nothing; readonly answer: { readonly file: Blob } };
}
