/** What a pack was refused for, as the table of shapes tells it. */

import { PackRejectedError } from "@skein/git/pack-rejected";

/** The code; of an unsound object, with what `git fsck` calls it. `undefined` of any other error. */
export function packFaultOf(error: unknown): string | undefined {
  if (!(error instanceof PackRejectedError)) return undefined;
  const { fault, reason } = error;
  return fault === "unsound-object" ? `${fault}: ${reason.split(": ").at(-1) ?? ""}` : fault;
}
