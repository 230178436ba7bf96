/**
 * What a node leaves for another one that is away: a wish to be authorised, the answer to one, or word that refs moved.
 * `signature` is by the sender's node key (label "letter"), over the reader's node id and every field before it.
 */

import { bytes, fixed, list, struct, u48, variants, type Decoded, type Variant } from "../codec.ts";
import { repoId } from "../fields.ts";
import { letterReposMax, membershipEntryBytesMax } from "../limits.ts";
import { Pass } from "./pass.ts";

const declared = {
  /** The sender wishes to be authorised, and shows its pass. */
  request: [0x01, struct({ pass: Pass })],
  /** A membership entry that the reader may lack: the one that lets it in. */
  entry: [0x02, struct({ entry: bytes(membershipEntryBytesMax) })],
  /** How far the sender's own ref records are now. */
  moved: [0x03, struct({ repos: list(struct({ repo: repoId, seq: u48 }), letterReposMax) })],
} as const;

export type LetterBody = Variant<typeof declared>;
export const LetterBody = variants(declared);

export type Letter = Decoded<typeof Letter>;
export const Letter = struct({
  sign: fixed(32),
  box: fixed(32),
  /** Milliseconds since the epoch, by the sender's clock. The newest of a kind counts. */
  at: u48,
  body: LetterBody,
  signature: fixed(64),
});
