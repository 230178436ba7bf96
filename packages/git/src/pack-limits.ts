/** How much one pack may be. */

import {
  objectBytesMax,
  packBytesMax,
  packInflatedBytesFree,
  packInflatedBytesMax,
  packInflationMax,
  packObjectsMax,
} from "@skein/protocol/limits";

export interface PackLimits {
  readonly packBytes: number;
  readonly objects: number;
  /** Of one object, inflated. */
  readonly objectBytes: number;
  /** Of all objects, inflated, and of their deltas. */
  readonly inflatedBytes: number;
  /** As much for a pack of `packBytes` bytes, where that is less. */
  readonly inflatedBytesOf: (packBytes: number) => number;
}

export const packLimits: PackLimits = {
  packBytes: packBytesMax,
  objects: packObjectsMax,
  objectBytes: objectBytesMax,
  inflatedBytes: packInflatedBytesMax,
  inflatedBytesOf: (packBytes) => packInflatedBytesFree + packInflationMax * packBytes,
};
