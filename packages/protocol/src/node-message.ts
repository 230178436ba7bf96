/** What two nodes say inside a session. Every message may be lost, repeated or late; each is safe to repeat. Spec: docs/protocol/4-messages.md */

import { variants, type Codec, type Variant } from "./codec.ts";
import { ApprovalNews } from "./node-messages/approval-news.ts";
import { ApprovalNonce } from "./node-messages/approval-nonce.ts";
import { ApprovalRequest } from "./node-messages/approval-request.ts";
import { ApprovalReveal } from "./node-messages/approval-reveal.ts";
import { Bye } from "./node-messages/bye.ts";
import { MembershipHeads } from "./node-messages/membership-heads.ts";
import { NodePing } from "./node-messages/ping.ts";
import { NodePong } from "./node-messages/pong.ts";
import { RefHeartbeats } from "./node-messages/ref-heartbeats.ts";
import { RepoHeads } from "./node-messages/repo-heads.ts";
import { Signal } from "./node-messages/signal.ts";
import { StreamChunk } from "./node-messages/stream-chunk.ts";
import { StreamGrant } from "./node-messages/stream-grant.ts";
import { StreamOffer } from "./node-messages/stream-offer.ts";
import { StreamOpen } from "./node-messages/stream-open.ts";
import { StreamReset } from "./node-messages/stream-reset.ts";

const declared = {
  "membership-heads": [0x01, MembershipHeads],
  "repo-heads": [0x02, RepoHeads],
  "ref-heartbeats": [0x03, RefHeartbeats],
  "stream-open": [0x10, StreamOpen],
  "stream-offer": [0x11, StreamOffer],
  "stream-grant": [0x12, StreamGrant],
  "stream-chunk": [0x13, StreamChunk],
  "stream-reset": [0x14, StreamReset],
  "approval-request": [0x20, ApprovalRequest],
  "approval-nonce": [0x21, ApprovalNonce],
  "approval-reveal": [0x22, ApprovalReveal],
  "approval-news": [0x23, ApprovalNews],
  signal: [0x30, Signal],
  ping: [0x40, NodePing],
  pong: [0x41, NodePong],
  bye: [0x42, Bye],
} as const;

export type NodeMessage = Variant<typeof declared>;
export const NodeMessage: Codec<NodeMessage> = variants(declared);
