/** The refusal of a pack. */

import { SkeinError } from "@skein/protocol/errors";

/** A pack that is not kept. Nothing of it was. */
export class PackRejectedError extends SkeinError {
  override readonly name = "PackRejectedError";
  readonly code = "pack_rejected";
  readonly blame = "peer";
  readonly hint = "The copy is damaged or forged; get it from somewhere else.";
  readonly reason: string;

  constructor(reason: string, options: { readonly cause?: unknown } = {}) {
    super(`The pack is refused: ${reason}`, options);
    this.reason = reason;
  }
}
