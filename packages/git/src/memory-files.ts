/** Files in memory: deterministic, for tests and for what need not last. */

import { Bug } from "@skein/protocol/errors";
import type { Files } from "./files.ts";

export function openMemoryFiles(): Files {
  throw new Bug("to come");
}
