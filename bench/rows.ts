/** The arithmetic of a bench: samples to percentiles, two figures of one run to a ratio, and a ratio against its goal. */

export type Better = "lower" | "higher";

/** What was measured. `ours` and `peer` come from the same run on the same machine. */
export interface Measured {
  readonly name: string;
  readonly ours: number;
  readonly peer: number;
  /** What `peer` is. */
  readonly against: string;
  readonly unit: string;
  /** For the ratio: at most this if lower is better, at least this if higher is. */
  readonly goal: number;
  readonly better: Better;
  /** How large the thing was, so that cost can be seen against size. */
  readonly sizes?: Readonly<Record<string, number>>;
}

export interface Row extends Measured {
  readonly ratio: number;
  readonly met: boolean;
}

export interface Report {
  readonly subject: string;
  /** The version of Node that drove the run. */
  readonly node: string;
  readonly rows: ReadonlyArray<Row>;
}

/** The ratio is of the figures as they are shown, so that a reader gets the same one. */
export function judge(measured: Measured): Row {
  const { name, against, unit, goal, better, sizes } = measured;
  const ours = round(measured.ours);
  const peer = round(measured.peer);
  const ratio = round(ours / peer);
  if (!(ours > 0 && peer > 0)) throw new RangeError(`${name}: nothing was measured`);
  const met = better === "lower" ? ratio <= goal : ratio >= goal;
  const row = { name, ours, peer, against, unit, ratio, goal, better, met };
  return sizes === undefined ? row : { ...row, sizes };
}

/** The smallest sample that at least `share` of all samples do not exceed (nearest rank). */
export function percentile(samples: ReadonlyArray<number>, share: number): number {
  const rank = Math.max(1, Math.ceil(share * samples.length));
  const sample = samples.toSorted((a, b) => a - b)[rank - 1];
  if (sample === undefined) throw new RangeError("no percentile without samples");
  return sample;
}

export function median(samples: ReadonlyArray<number>): number {
  return percentile(samples, 0.5);
}

/** One JSON object on one line: whatever a package manager prints before it is another line. */
export function formatJson(report: Report): string {
  return JSON.stringify(report);
}

export function formatTable({ subject, node, rows }: Report): string {
  const cells = rows.map((row) => [
    row.name,
    `${row.ours} ${row.unit}`,
    `${row.peer} ${row.unit}`,
    `${row.ratio}`,
    `${row.better === "lower" ? "≤" : "≥"} ${round(row.goal)}`,
    row.met ? "met" : "NOT MET",
    row.against,
    formatSizes(row.sizes),
  ]);
  const table = [["", "ours", "peer", "ratio", "goal", "", "the peer", ""], ...cells];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  const lines = table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [
    `${subject} (Node ${node})`,
    "",
    ...lines,
    "",
    `${rows.filter(({ met }) => met).length} of ${rows.length} goals met`,
  ].join("\n");
}

function formatSizes(sizes: Measured["sizes"]): string {
  return Object.entries(sizes ?? {})
    .map(([what, size]) => `${size.toLocaleString("en")} ${what}`)
    .join(", ");
}

/** Four significant digits: no bench here repeats itself to a fifth. */
function round(figure: number): number {
  return Number(figure.toPrecision(4));
}
