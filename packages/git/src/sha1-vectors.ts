/** What every known way of colliding SHA-1 leaves behind in a message: the disturbance vectors, and bits they force. */

/**
 * A disturbance vector is named by its type, the step K where its sixteen words begin, and how far its bits are turned
 * (Manuel, "Classification and generation of disturbance vectors for collision attacks against SHA-1"). These 32 are
 * all that an attack could afford.
 */
export interface DisturbanceVector {
  readonly type: "I" | "II";
  readonly step: number;
  readonly turn: 0 | 2;
}

/** One bit of an expanded message: of the word at `step`, the bit that is worth 2^bit. */
export interface MessageBit {
  readonly step: number;
  readonly bit: number;
}

/** Two bits that are equal, or differ, in every message that follows any of these vectors. */
export interface Condition {
  readonly one: MessageBit;
  readonly other: MessageBit;
  readonly equal: boolean;
  /** The vectors, as bits in the order of `vectors`. */
  readonly mask: number;
}

export const vectors: ReadonlyArray<DisturbanceVector> = listVectors();

/** The conditions that most vectors share come first. */
export function listConditions(): ReadonlyArray<Condition> {
  const conditions = new Map<string, Condition>();
  for (const line of table.trim().split("\n")) {
    const [type = "", one = "", sign = "", other = "", ...names] = line.trim().split(/\s+/u);
    for (const name of names) {
      const step = Number.parseInt(name, 10);
      const turn = name.endsWith("'") ? 2 : 0;
      const index = vectors.findIndex(
        (vector) => vector.type === type && vector.step === step && vector.turn === turn,
      );
      const bits = { one: readBit(one, step, turn), other: readBit(other, step, turn) };
      const key = JSON.stringify([bits, sign]);
      const mask = (conditions.get(key)?.mask ?? 0) | (1 << index);
      conditions.set(key, { ...bits, equal: sign === "=", mask });
    }
  }
  return [...conditions.values()].toSorted((a, b) => countOnes(b.mask) - countOnes(a.mask));
}

/** By how the 80 words of two messages differ that collide along the vector: each disturbance, and its corrections. */
export function messageDifference({ type, step, turn }: DisturbanceVector): Uint32Array {
  // Five words before the first one are needed too, and follow from the same recurrence.
  const words = new Uint32Array(85);
  const at = (index: number): number => words[index + 5] ?? 0;
  words[step + 15 + 5] = 1 << turn;
  if (type === "II") {
    words[step + 1 + 5] = rotate(1, 31 + turn);
    words[step + 3 + 5] = rotate(1, 31 + turn);
  }
  for (let index = step + 16; index < 80; index++)
    words[index + 5] = rotate(at(index - 3) ^ at(index - 8) ^ at(index - 14) ^ at(index - 16), 1);
  for (let index = step - 1; index >= -5; index--)
    words[index + 5] = rotate(at(index + 16), 31) ^ at(index + 13) ^ at(index + 8) ^ at(index + 2);
  return Uint32Array.from(
    { length: 80 },
    (_, index) =>
      at(index) ^
      rotate(at(index - 1), 5) ^
      at(index - 2) ^
      rotate(at(index - 3) ^ at(index - 4) ^ at(index - 5), 30),
  );
}

/** A step before which two messages that collide along the vector have the same state, whatever they say. */
export function sharedStep({ step }: DisturbanceVector): 58 | 65 {
  return step < 50 ? 58 : 65;
}

function listVectors(): ReadonlyArray<DisturbanceVector> {
  const list: DisturbanceVector[] = [];
  for (let step = 43; step <= 52; step++) list.push({ type: "I", step, turn: 0 });
  for (let step = 46; step <= 51; step++) list.push({ type: "I", step, turn: 2 });
  for (let step = 45; step <= 56; step++) list.push({ type: "II", step, turn: 0 });
  for (const step of [46, 49, 50, 51]) list.push({ type: "II", step, turn: 2 });
  return list;
}

/** `-4.29` is bit 29 of the word four steps before K, for a vector that is not turned. */
function readBit(text: string, step: number, turn: number): MessageBit {
  const [words = "", bit = ""] = text.split(".");
  return { step: step + Number(words), bit: (Number(bit) + turn) % 32 };
}

function rotate(value: number, by: number): number {
  const turn = by % 32;
  return turn === 0 ? value : (value << turn) | (value >>> (32 - turn));
}

function countOnes(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/**
 * The unavoidable conditions of Stevens and Shumow, "Speeding up detection of SHA-1 collision attacks using unavoidable
 * attack conditions" (2017), told relative to K: a type, two bits, and the vectors' steps (' for those turned by two).
 */
const table = `
I    -2.4 = 1.29   43 44 45 46 47 48 49 50 51 52
I    -4.4 = -1.29  43 44 45 46 47 48 49 50 51 52
I    -6.4 = -3.29  43 44 45 46 47 48 49 50 51 52
I     0.4 = 3.29   43 44 45 46 47 48 49 50 51 52
I    3.29 = 4.29   43 44 45 46 47 48 49 50 51 52
I   -4.29 = -3.29  44 45 46 47 48 49 50 51 52
I   -1.29 ! 1.29   45 46 47 48 49 50 51
I    1.29 ! 3.29   43 44 45 46 47 48 49
I    15.0 ! 16.5   45 46 46' 47 47' 48 48'
I   -10.4 = -7.29  47 48 49 50 51 52
I    -2.4 = 0.4    46' 47' 48' 49' 50' 51'
I   -3.29 ! -1.29  47 48 49 50 51 52
I    -4.4 = -2.4   46' 47' 48' 49' 50' 51'
I    -6.4 = -4.4   46' 47' 48' 49' 50' 51'
I   -7.29 = -6.29  47 48 49 50 51 52
I     0.4 = 1.31   46' 47' 48' 49' 50' 51'
I  -11.31 ! -10.4  46' 47' 48' 50' 51'
I   -13.4 = -9.29  48 49 50 51 52
I   -8.29 = -7.29  48 49 50 51 52
I    -6.4 ! -4.4   43 44 45 46
I   -7.31 ! -6.4   46' 47' 48' 51'
I   -10.4 = -9.31  49' 50' 51'
I  -14.31 ! -13.4  49' 50' 51'
I   -14.4 ! -13.4  50 51 52
I    18.1 ! 19.6   43 44 45
I   -10.4 = -6.29  45 46
I   -16.3 = -12.28 51 51'
I    -4.4 ! -2.4   43 44
I   -7.31 ! 1.31   49' 50'
I    1.29 ! 4.29   50 52
I    15.0 ! 20.30  43 44
I    16.5 = 20.30  43 44
I  -11.31 ! -9.31  49'
I  -14.31 = -14.4  51'
I   -3.29 ! 4.29   51
I   -4.29 ! 3.29   52
II  -12.3 = -8.28  47 48 49 49' 50 50' 51 51' 52 53 54 55 56
II  -1.29 = 0.29   45 46 47 48 49 50 51 52 53 54 55 56
II  -2.29 = -1.29  45 46 47 48 49 50 51 52 53 54 55 56
II   -4.4 = -1.29  45 46 47 48 49 50 51 52 53 54 55 56
II  -6.29 = -5.29  46 47 48 49 50 51 52 53 54 55 56
II   -9.4 = -6.29  46 47 48 49 50 51 52 53 54 55 56
II  -12.4 = -8.29  47 48 49 50 51 52 53 54 55 56
II  -7.29 = -6.29  47 48 49 50 51 52 53 54 55 56
II    2.4 = 5.29   45 46 47 48 49 50 51 52 53 54
II   4.29 = 5.29   45 46 47 48 49 50 51 52 53 54
II -13.30 ! -8.28  48 49 49' 50 50' 51 51' 52
II    4.4 = 7.29   45 46 47 48 49 50 51 52
II   7.29 = 8.29   45 46 47 48 49 50 51 52
II  -16.4 ! -14.4  52 53 54 55 56
II   15.0 ! 16.5   45 46 46' 47 48
II   5.29 ! 8.29   46 48 50 51 53
II -10.31 ! -9.4   46' 49' 50' 51'
II  -16.4 = -13.29 53 54 55 56
II   -4.4 = -3.31  46' 49' 50' 51'
II   1.31 ! 5.31   46' 49' 50' 51'
II    2.4 = 4.4    46' 49' 50' 51'
II    4.4 = 5.31   46' 49' 50' 51'
II    4.4 = 8.29   53 54 55 56
II  -18.4 ! -16.4  54 55 56
II   -9.4 = -8.31  49' 50' 51'
II   4.29 ! 7.29   47 49 52
II  -18.4 = -15.29 55 56
II  -5.31 ! -3.31  50' 51'
II  -5.31 ! -4.4   46' 49'
II -16.29 = -15.29 56
II   -9.4 = -5.29  45
II   18.1 ! 19.6   45
II    2.4 = 4.29   55
II   5.29 ! 7.29   45
`;
