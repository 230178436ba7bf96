/** What is known of each entry of a pack that is read, in columns that grow as entries come. */

import type { Bytes } from "@skein/protocol/bytes";

/** One row for each entry that was read. */
export interface Rows {
  oids: Bytes;
  offsets: Uint32Array<ArrayBuffer>;
  crcs: Uint32Array<ArrayBuffer>;
  /** Types as packs write them; 0 as long as an entry is not resolved. */
  codes: Uint8Array<ArrayBuffer>;
  /** Deltas below each entry. */
  depths: Uint16Array<ArrayBuffer>;
  /** The index of each delta's base; from `outsideBase` downwards, those that stand outside. */
  bases: Int32Array<ArrayBuffer>;
  sizes: Uint32Array<ArrayBuffer>;
  /** Where in the ring each object was last. */
  places: Float64Array<ArrayBuffer>;
}

export function openRows(): Rows {
  return {
    oids: new Uint8Array(0),
    offsets: new Uint32Array(0),
    crcs: new Uint32Array(0),
    codes: new Uint8Array(0),
    depths: new Uint16Array(0),
    bases: new Int32Array(0),
    sizes: new Uint32Array(0),
    places: new Float64Array(0),
  };
}

/** Rows are added as entries come: a header that promises a million of them is not believed. */
export function growRows(rows: Rows, index: number): void {
  if (index < rows.codes.length) return;
  const length = Math.max(1024, rows.codes.length * 2);
  const grown = <Row extends { set(from: Row): void }>(row: Row, fresh: Row): Row => {
    fresh.set(row);
    return fresh;
  };
  rows.oids = grown(rows.oids, new Uint8Array(length * 20));
  rows.offsets = grown(rows.offsets, new Uint32Array(length));
  rows.crcs = grown(rows.crcs, new Uint32Array(length));
  rows.codes = grown(rows.codes, new Uint8Array(length));
  rows.depths = grown(rows.depths, new Uint16Array(length));
  rows.bases = grown(rows.bases, new Int32Array(length));
  rows.sizes = grown(rows.sizes, new Uint32Array(length));
  rows.places = grown(rows.places, new Float64Array(length));
}
