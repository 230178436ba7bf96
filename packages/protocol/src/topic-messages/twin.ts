/**
 * A program that runs with a node's keys asks, on that node's own inbox, whether another one does, or answers.
 * `signature` is by the node key (label "twin"), over every field before it.
 */

import { fixed, struct, type Decoded } from "../codec.ts";

export type Twin = Decoded<typeof Twin>;
export const Twin = struct({
  /** Of one run of one program; never stored. */
  run: fixed(16),
  /** The run that is answered; zeroes ask. */
  to: fixed(16),
  signature: fixed(64),
});
