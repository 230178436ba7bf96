/** Relay to node: a frame was not carried out, why, and when to try again. */

import { parsed, struct, u16, u8, type Codec, type Decoded } from "../codec.ts";

const reasons = [
  "malformed",
  "too-large",
  "too-many-tags",
  "too-many-subscribers",
  "too-fast",
  "full",
  "unsupported-version",
] as const;
export type RefusedReason = (typeof reasons)[number];

const reason: Codec<RefusedReason> = parsed(
  u8,
  (code) => reasons[code],
  (name) => reasons.indexOf(name),
);

export type Refused = Decoded<typeof Refused>;
export const Refused = struct({ reason, retryAfterSeconds: u16, op: u8 });
