/** Files in IndexedDB: a file's bytes and its directory entry are one transaction. */

import { Bug } from "@skein/protocol/errors";
import type { Files } from "./files.ts";

export async function openIdbFiles(name: string): Promise<Files> {
  throw new Bug(name);
}
