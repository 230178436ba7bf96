/** Weather for a simulated network: how late, how lossy, how repetitive and how disorderly it is. */

export interface Weather {
  readonly latencyMillisMin: number;
  readonly latencyMillisMax: number;
  /** From 0 (nothing is lost) to 1 (nothing arrives). */
  readonly loss: number;
  /** How many of the posts that arrive do so twice. */
  readonly duplicate: number;
  /** How many of the posts are held up by several times the usual latency, so that later ones overtake them. */
  readonly reorder: number;
}

export const calm: Weather = {
  latencyMillisMin: 10,
  latencyMillisMax: 10,
  loss: 0,
  duplicate: 0,
  reorder: 0,
};

export const breeze: Weather = {
  latencyMillisMin: 10,
  latencyMillisMax: 80,
  loss: 0.02,
  duplicate: 0.02,
  reorder: 0.05,
};

export const storm: Weather = {
  latencyMillisMin: 10,
  latencyMillisMax: 300,
  loss: 0.3,
  duplicate: 0.2,
  reorder: 0.2,
};
