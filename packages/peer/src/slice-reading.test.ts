import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import { sliceHeadBytes } from "@skein/protocol/node-messages/stream-open";
import { expect, test } from "vitest";
import { openSliceReading } from "./slice-reading.ts";

test("a slice that is more than was asked for is refused before it is read", async () => {
  const { objects } = await openRepository({ files: openMemoryFiles(new Map()) });
  const { signal } = new AbortController();
  const bytesMax = 1_000;
  const reading = openSliceReading({ objects, wants: [], signal, hasHead: true, bytesMax });
  const bytesAll = sliceHeadBytes + bytesMax;
  await reading.take(new Uint8Array(1), { bytesAll });
  await expect(reading.take(new Uint8Array(1), { bytesAll: bytesAll + 1 })).rejects.toMatchObject({
    fault: "pack-bytes",
  });
});
