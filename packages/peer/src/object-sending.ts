/** Packs for other nodes, told part by part out of what is stored. */

import type { Repository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { encode } from "@skein/protocol/codec";
import { packBytesMax } from "@skein/protocol/limits";
import {
  SliceHead,
  sliceHeadBytes,
  type StreamRequest,
} from "@skein/protocol/node-messages/stream-open";
import { NoSourceError } from "./flows.ts";
import { sourceOfParts, type Source } from "./sources.ts";

type Asked = Extract<StreamRequest, { readonly type: "pack" | "slice" }>;

/** Throws `NoSourceError`. */
export async function findPack(
  git: Repository,
  asked: Asked,
  signal: AbortSignal,
): Promise<Source> {
  const { wants, haves } = asked;
  const here = await Promise.all(wants.map((want) => git.objects.has(want)));
  if (here.includes(false)) throw new NoSourceError("not-here");
  const isSlice = asked.type === "slice";
  const slice = await git.objects.openSlice({
    wants,
    haves,
    after: isSlice ? asked.after : undefined,
    bytesMax: isSlice ? Math.min(asked.bytesMax, packBytesMax) : packBytesMax,
    signal,
  });
  if (slice === undefined) throw new NoSourceError("not-here");
  // Whoever asks for all of it at once does not know of slices.
  if (!isSlice && slice.left > 0) throw new NoSourceError("too-large");
  const { bytes, objects, last, left, parts } = slice;
  if (!isSlice) return sourceOfParts({ bytes, objects, parts });
  const head = encode(SliceHead, { last, left });
  return sourceOfParts({
    bytes: sliceHeadBytes + bytes,
    objects,
    parts: () => withHead(head, parts()),
  });
}

async function* withHead(
  head: Bytes,
  parts: AsyncIterable<Bytes>,
): AsyncGenerator<Bytes, void, void> {
  yield head;
  yield* parts;
}
