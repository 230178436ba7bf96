/** Approvals at this node: its own wish to become a writer, and the requests of others that its person answers. */

import type { ApprovalMessage } from "@skein/auth/approval";
import type { NodeId } from "@skein/protocol/ids";
import { ApprovalAnswering, type ApprovalAnsweringOptions } from "./approval-answering.ts";
import { ApprovalAsking } from "./approval-asking.ts";
import { isWriter } from "./identity.ts";

export class Approvals {
  /** This node's own wish. */
  readonly asking: ApprovalAsking;
  /** What others wish of this node's person. */
  readonly answering: ApprovalAnswering;
  readonly #options: ApprovalAnsweringOptions;

  constructor(options: ApprovalAnsweringOptions) {
    this.#options = options;
    this.asking = new ApprovalAsking(options);
    this.answering = new ApprovalAnswering(options);
  }

  heard(node: NodeId, message: ApprovalMessage): void {
    const { identity, changed } = this.#options;
    switch (message.type) {
      case "approval-request":
        if (isWriter(identity) && !identity.log.state().nodes.has(node))
          this.answering.requested(node, message);
        break;
      case "approval-reveal":
        this.answering.revealed(node, message);
        break;
      case "approval-nonce":
        this.asking.answered(node, message);
        break;
      case "approval-news":
        this.asking.told(node, message);
        if (message.step === "withdrawn") this.answering.withdrawn(node, message.id);
        break;
    }
    changed();
  }

  membershipChanged(): void {
    if (isWriter(this.#options.identity)) this.asking.admitted();
    this.answering.membershipChanged();
  }
}
