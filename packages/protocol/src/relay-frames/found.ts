/** Relay to node: the blobs that others announced under the tag. The answer to announce and lookup. */

import { bytes, list, struct, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";
import { presenceBlobBytesMax, presenceBlobsMax } from "../limits.ts";

export type Found = Decoded<typeof Found>;
export const Found = struct({ tag, blobs: list(bytes(presenceBlobBytesMax), presenceBlobsMax) });
