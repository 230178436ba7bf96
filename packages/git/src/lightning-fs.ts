/** `@isomorphic-git/lightning-fs` on our own backend over `Files`, for what runs on isomorphic-git. */

import { Bug } from "@skein/protocol/errors";
import type { Files } from "./files.ts";
import type FS from "@isomorphic-git/lightning-fs";

export async function openLightningFs(files: Files): Promise<FS> {
  throw new Bug(String(files));
}
