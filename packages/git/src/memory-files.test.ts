/** Files in memory keep the contract. */

import type { Bytes } from "@skein/protocol/bytes";
import { filesContract } from "@skein/testkit/files-contract";
import { openMemoryFiles } from "./memory-files.ts";

const places = new Map<string, Map<string, Bytes>>();

filesContract("memory", async (place) => {
  const contents = places.get(place) ?? new Map<string, Bytes>();
  places.set(place, contents);
  return openMemoryFiles(contents);
});
