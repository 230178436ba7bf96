/** Reads a slice of a history while it comes: its head, and then a pack. */

import type { ObjectStore, PackReceiver } from "@skein/git/object-store";
import { PackRejectedError } from "@skein/git/pack-rejected";
import type { Bytes } from "@skein/protocol/bytes";
import { tryDecode } from "@skein/protocol/codec";
import type { ObjectId } from "@skein/protocol/ids";
import { SliceHead, sliceHeadBytes } from "@skein/protocol/node-messages/stream-open";

export interface SliceReading {
  /** The next part, and how long all of them are. */
  readonly take: (part: Bytes, all: { readonly bytesAll: number }) => Promise<void>;
  /** Objects that come behind it; 0 as long as that is not known. */
  readonly left: () => number;
  /** Keeps it, at once and durably, if it is sound. Throws `PackRejectedError`. */
  readonly finish: () => Promise<SliceHead & { readonly objects: number }>;
  /** Lets go of what came. */
  readonly close: () => Promise<void>;
}

/** Without a head it is all that is wanted. */
export function openSliceReading({
  objects,
  wants,
  signal,
  hasHead,
  bytesMax,
}: {
  readonly objects: Pick<ObjectStore, "openReceiver">;
  readonly wants: ReadonlyArray<ObjectId>;
  readonly signal: AbortSignal;
  readonly hasHead: boolean;
  /** What its pack may have. */
  readonly bytesMax: number;
}): SliceReading {
  const headBytes = new Uint8Array(hasHead ? sliceHeadBytes : 0);
  const [want] = wants;
  let filled = 0;
  let head = hasHead || want === undefined ? undefined : { last: want, left: 0 };
  let receiver: PackReceiver | undefined;

  /** What is wanted comes with the last slice; of the others it is known where they end. */
  const open = ({ last, left }: SliceHead, packBytes: number): PackReceiver =>
    objects.openReceiver({ tips: left === 0 ? wants : [last], packBytes, signal });
  return {
    take: async (part, { bytesAll }) => {
      if (bytesAll - headBytes.length > bytesMax)
        throw new PackRejectedError("pack-bytes", "a slice that is more than was asked for");
      const many = Math.min(part.length, headBytes.length - filled);
      headBytes.set(part.subarray(0, many), filled);
      filled += many;
      if (filled < headBytes.length) return;
      head ??= tryDecode(SliceHead, headBytes);
      if (head === undefined) throw new PackRejectedError("no-pack", "a slice without a head");
      receiver ??= open(head, bytesAll - headBytes.length);
      if (many < part.length) await receiver.write(part.subarray(many));
    },
    left: () => head?.left ?? 0,
    finish: async () => {
      if (head === undefined || receiver === undefined)
        throw new PackRejectedError("cut-short", "cut short");
      const { objects: count } = await receiver.finish();
      return { ...head, objects: count };
    },
    close: async () => receiver?.close(),
  };
}
