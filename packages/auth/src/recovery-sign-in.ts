/** How a person comes back with the recovery kit when every node is lost. Holds no secret. Spec: docs/protocol/5-membership.md */

import type { NodeId } from "@skein/protocol/ids";
import type { Machine, Step } from "@skein/protocol/machine";

// --- State ---

export type State =
  | { readonly phase: "asking" }
  /** Words say who may, not what: the log has to come from a node that still answers, or from a kit in a file. */
  | { readonly phase: "seeking" }
  /** The account is known. The person says which nodes are in other hands, and whether the words are. */
  | { readonly phase: "choosing" }
  /** New words stand on the screen, and are typed back. */
  | { readonly phase: "learning"; readonly remove: ReadonlyArray<NodeId> }
  | { readonly phase: "writing" }
  | { readonly phase: "done" }
  | { readonly phase: "refused"; readonly why: Refusal };

export type Refusal =
  /** The kit is that of another account, or none. */
  | "not-this-account"
  /** Nobody answered who has the log. A kit in a file has it inside. */
  | "nobody-answered"
  /** The log did not take it: it is full, or the account is. */
  | "not-taken";

// --- Event ---

export type Event =
  | { readonly type: "kit-read"; readonly hasLog: boolean }
  | { readonly type: "log-received"; readonly fits: boolean }
  | { readonly type: "nobody-answered" }
  | {
      readonly type: "nodes-chosen";
      readonly remove: ReadonlyArray<NodeId>;
      /** The passphrase is remembered and in no other hands: it stays. */
      readonly keepsWords: boolean;
    }
  | { readonly type: "words-learned" }
  | { readonly type: "entries-stored" }
  | { readonly type: "entries-refused" }
  | { readonly type: "left" };

// --- Effect ---

export type Effect =
  | { readonly type: "ask-for-log" }
  | { readonly type: "show-nodes" }
  | { readonly type: "show-new-words" }
  /** `recoverAccount`, store what it made, then tell whoever answers. */
  | {
      readonly type: "recover";
      readonly remove: ReadonlyArray<NodeId>;
      readonly keepsWords: boolean;
    }
  /** Secrets in memory are overwritten. */
  | { readonly type: "wipe" };

export const recoverySignIn: Machine<State, Event, Effect> = {
  initial: { phase: "asking" },
  table: {
    asking: { "kit-read": seekOrChoose, left: leave },
    seeking: { "log-received": judgeLog, "nobody-answered": giveUp, left: leave },
    choosing: { "nodes-chosen": chosen, left: leave },
    learning: { "words-learned": learned, left: leave },
    writing: { "entries-stored": finish, "entries-refused": fail },
    done: {},
    refused: { "kit-read": seekOrChoose, left: leave },
  },
  otherwise: (state) => [state, []],
};

type Answer = Step<State, Effect>;

function seekOrChoose(_: State, { hasLog }: { readonly hasLog: boolean }): Answer {
  return hasLog
    ? [{ phase: "choosing" }, [{ type: "show-nodes" }]]
    : [{ phase: "seeking" }, [{ type: "ask-for-log" }]];
}

function judgeLog(_: State, { fits }: { readonly fits: boolean }): Answer {
  return fits ? [{ phase: "choosing" }, [{ type: "show-nodes" }]] : refuse("not-this-account");
}

function giveUp(): Answer {
  return refuse("nobody-answered");
}

function chosen(
  _: State,
  { remove, keepsWords }: Extract<Event, { readonly type: "nodes-chosen" }>,
): Answer {
  return keepsWords
    ? [{ phase: "writing" }, [{ type: "recover", remove, keepsWords }]]
    : [{ phase: "learning", remove }, [{ type: "show-new-words" }]];
}

function learned({ remove }: Extract<State, { readonly phase: "learning" }>): Answer {
  return [{ phase: "writing" }, [{ type: "recover", remove, keepsWords: false }]];
}

function finish(): Answer {
  return [{ phase: "done" }, [{ type: "wipe" }]];
}

function fail(): Answer {
  return refuse("not-taken");
}

function leave(): Answer {
  return [{ phase: "asking" }, [{ type: "wipe" }]];
}

function refuse(why: Refusal): Answer {
  return [{ phase: "refused", why }, [{ type: "wipe" }]];
}
