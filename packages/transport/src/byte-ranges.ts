/** Sets of byte ranges: sorted, apart from each other, never empty. */

export interface ByteRange {
  readonly from: number;
  /** The first byte that is not in it. */
  readonly until: number;
}

export type ByteRanges = ReadonlyArray<ByteRange>;

/** The set with `added`. Two ranges that meet become one. */
export function withRange(ranges: ByteRanges, added: ByteRange): ByteRanges {
  if (added.from >= added.until) return ranges;
  const before = ranges.filter((range) => range.until < added.from);
  const after = ranges.filter((range) => range.from > added.until);
  const touched = ranges.slice(before.length, ranges.length - after.length);
  const from = Math.min(added.from, ...touched.map((range) => range.from));
  const until = Math.max(added.until, ...touched.map((range) => range.until));
  return [...before, { from, until }, ...after];
}

/** The first `most` bytes of the set, or as many as its first range has, and the rest. */
export function takeFirst(
  ranges: ByteRanges,
  most: number,
): { readonly taken: ByteRange; readonly rest: ByteRanges } | undefined {
  const [first, ...others] = ranges;
  if (first === undefined) return undefined;
  const until = Math.min(first.until, first.from + most);
  const left = until < first.until ? [{ from: until, until: first.until }] : [];
  return { taken: { from: first.from, until }, rest: [...left, ...others] };
}

/** What `whole` has and the set has not. */
export function gapsIn(whole: ByteRange, ranges: ByteRanges): ByteRanges {
  const gaps: ByteRange[] = [];
  let from = whole.from;
  for (const range of ranges) {
    if (range.from >= whole.until) break;
    if (range.from > from) gaps.push({ from, until: range.from });
    from = Math.max(from, range.until);
  }
  if (from < whole.until) gaps.push({ from, until: whole.until });
  return gaps;
}
