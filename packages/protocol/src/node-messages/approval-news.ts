/** How a request fares, so that both screens show each step. */

import { fixed, parsed, struct, u8, type Codec, type Decoded } from "../codec.ts";

const steps = ["opened", "wrong-number", "void", "denied", "approved", "withdrawn"] as const;
export type ApprovalStep = (typeof steps)[number];

const step: Codec<ApprovalStep> = parsed(
  u8,
  (code) => steps[code],
  (name) => steps.indexOf(name),
);

export type ApprovalNews = Decoded<typeof ApprovalNews>;
export const ApprovalNews = struct({ id: fixed(16), step, triesLeft: u8 });
