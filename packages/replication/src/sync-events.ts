/** What the replication of one repository is told, and what it orders. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, NodeId, RecordHash } from "@skein/protocol/ids";

/** A place in one writer's stream of ref records. */
export interface Head {
  readonly seq: number;
  readonly hash: RecordHash;
}

/** How far one writer's stream reaches. In `repo-heads`: records and objects both. */
export interface StreamHead extends Head {
  readonly node: NodeId;
}

/** What this node stored before it was started again. `objects` is behind `records` where a pack had not come yet. */
export interface HeldStream {
  readonly node: NodeId;
  readonly records: Head;
  readonly objects: Head | undefined;
}

/** Why auth refuses a ref record. */
export type RecordRefusal =
  /** Not in the membership log yet: kept, and judged again on `membership-changed`. */
  | "unknown-writer"
  /** We have it. */
  | "known"
  /** Records before it are missing. */
  | "gap"
  /** An older number than the one we hold, with another content, or two records with one number: the stream is frozen. */
  | "equivocation"
  /** Not what an honest node passes on. */
  | "forged";

export type RepoSyncEvent = { readonly now: Instant } & (
  | { readonly type: "peer-connected"; readonly node: NodeId }
  | { readonly type: "peer-gone"; readonly node: NodeId }
  /** A whole `repo-heads`; it replaces what that node said before. */
  | {
      readonly type: "heads-heard";
      readonly from: NodeId;
      readonly streams: ReadonlyArray<StreamHead>;
    }
  /** The answer to `ask-records`, in order; empty when the node had none. */
  | {
      readonly type: "records-came";
      readonly from: NodeId;
      readonly of: NodeId;
      readonly records: ReadonlyArray<Bytes>;
    }
  | { readonly type: "records-failed"; readonly from: NodeId; readonly of: NodeId }
  /** The answer to `judge-record`. When accepted it is already durable. */
  | {
      readonly type: "ref-record-judged";
      readonly of: NodeId;
      readonly verdict: "accepted";
      readonly seq: number;
      readonly hash: RecordHash;
    }
  | {
      readonly type: "ref-record-judged";
      readonly of: NodeId;
      readonly verdict: "refused";
      readonly why: RecordRefusal;
    }
  /** The answer to `ask-objects`: everything that the records up to `seq` name is here and connected. */
  | {
      readonly type: "objects-stored";
      readonly of: NodeId;
      readonly from: NodeId | undefined;
      readonly seq: number;
      readonly hash: RecordHash;
    }
  | {
      readonly type: "objects-failed";
      readonly of: NodeId;
      readonly from: NodeId;
      readonly blame: "peer" | "environment";
    }
  /** Some of what was asked for came, or its turn did. */
  | { readonly type: "objects-moved"; readonly of: NodeId; readonly from: NodeId }
  /** This node made and stored a record of its own; its objects are here. */
  | { readonly type: "record-made"; readonly seq: number; readonly hash: RecordHash }
  /** Its node signed two things in one place, as somebody has shown. */
  | { readonly type: "fork-proven"; readonly of: NodeId }
  | { readonly type: "membership-changed" }
  | { readonly type: "time-passed" }
);

export type RepoSyncEffect =
  /** Send a `repo-heads` with these streams. */
  | {
      readonly type: "tell-heads";
      readonly to: NodeId;
      readonly streams: ReadonlyArray<StreamHead>;
    }
  /** Open a stream for the records of `of`, from number `since` on. */
  | {
      readonly type: "ask-records";
      readonly from: NodeId;
      readonly of: NodeId;
      readonly since: number;
    }
  /** One at a time for each `of`. */
  | {
      readonly type: "judge-record";
      readonly of: NodeId;
      readonly from: NodeId;
      readonly bytes: Bytes;
    }
  /** Fetch what the accepted records of `of` up to `seq` name and this node lacks. */
  | {
      readonly type: "ask-objects";
      readonly from: NodeId;
      readonly of: NodeId;
      readonly seq: number;
    }
  /** It takes too long, and is asked for elsewhere. */
  | { readonly type: "stop-objects"; readonly from: NodeId; readonly of: NodeId }
  /** Records and objects are here: move `refs/remotes/…`, consider a fast-forward. */
  | {
      readonly type: "advance";
      readonly of: NodeId;
      readonly seq: number;
      readonly hash: RecordHash;
    }
  | {
      readonly type: "penalise";
      readonly node: NodeId;
      readonly why: "forged-record" | "empty-promises" | "bad-objects";
    }
  /** Say `time-passed` then. Replaces the one before. */
  | { readonly type: "wake-at"; readonly at: Instant };
