/** What the TypeScript side of the bench sees of `measure.mjs`. */

import type { Measured } from "../rows.ts";

export declare function measure(run: {
  readonly say: (text: string) => void;
}): Promise<ReadonlyArray<Measured>>;
