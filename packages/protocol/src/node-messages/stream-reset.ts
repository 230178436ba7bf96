/** Either side ends a stream before or after its end. `complete` is how the opener says it has everything. */

import { parsed, struct, u8, type Codec, type Decoded } from "../codec.ts";
import { streamId } from "../fields.ts";

const reasons = [
  "complete",
  "cancelled",
  "not-here",
  "too-large",
  "not-allowed",
  "failed",
] as const;
export type StreamResetReason = (typeof reasons)[number];

const reason: Codec<StreamResetReason> = parsed(
  u8,
  (code) => reasons[code],
  (name) => reasons.indexOf(name),
);

export type StreamReset = Decoded<typeof StreamReset>;
export const StreamReset = struct({ stream: streamId, reason });
