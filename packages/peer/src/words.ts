/** Words that a person types, and the door behind them. */

import { openDoor, type Door } from "@skein/auth/door";
import { parsePassphrase } from "@skein/auth/passphrase";
import type { Ports } from "./ports.ts";
import { CommandRefusedError } from "./refusals.ts";

/** Refuses words that cannot be a passphrase before anything is derived. */
export async function readWords(
  { unlocker }: Pick<Ports, "unlocker">,
  typed: string,
): Promise<ReadonlyArray<string>> {
  const read = parsePassphrase(typed);
  if (!read.ok) throw wrongPassphrase("This is not a passphrase of twelve words.");
  if (await unlocker.checksumFits(read.words)) return read.words;
  throw wrongPassphrase(
    "One of the words is not the right one: together they do not make a passphrase.",
  );
}

/** The caller disposes of it. */
export async function deriveDoor(
  ports: Pick<Ports, "crypto" | "unlocker">,
  typed: string | ReadonlyArray<string>,
): Promise<Door> {
  const words = typeof typed === "string" ? await readWords(ports, typed) : typed;
  return openDoor(ports.crypto, await ports.unlocker.derive(words, () => undefined));
}

export function isRetyped(
  { words, ask }: { readonly words: ReadonlyArray<string>; readonly ask: ReadonlyArray<number> },
  typed: ReadonlyArray<string>,
): boolean {
  return ask.every((position, index) => typed[index]?.trim().toLowerCase() === words[position - 1]);
}

/** Three different positions from 1 to 12, in order. */
export function threePositions(chance: Uint8Array): ReadonlyArray<number> {
  const positions = Array.from({ length: 12 }, (_, index) => index + 1);
  return positions
    .map((position, index) => ({ position, key: chance[index] ?? 0 }))
    .toSorted((a, b) => a.key - b.key || a.position - b.position)
    .slice(0, 3)
    .map(({ position }) => position)
    .toSorted((a, b) => a - b);
}

export function wrongWords(): CommandRefusedError {
  return new CommandRefusedError("wrong_words", {
    what: "These are not the words that were shown.",
    safe: "Nothing is lost: the words are still here.",
    next: "Look at your note again, or go back and copy the words once more.",
  });
}

export function wrongPassphrase(what: string): CommandRefusedError {
  return new CommandRefusedError("wrong_passphrase", {
    what,
    safe: "Nothing was sent.",
    next: "Compare the words with your note, one by one.",
  });
}
