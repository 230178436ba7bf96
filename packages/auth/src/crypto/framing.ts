/** How labels and parts are laid out before they are hashed: the same in every build of the library. */

import { concat, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode, u32 } from "@skein/protocol/codec";
import type { Label } from "./labels.ts";

/** LV("skein/1 " ‖ label) ‖ LV(part) …, so that no two lists of parts read the same. */
export function framed(label: Label, parts: ReadonlyArray<Uint8Array>): Bytes {
  const named = [formatUtf8(`skein/1 ${label}`), ...parts];
  return concat(...named.flatMap((part) => [encode(u32, part.length), part]));
}
