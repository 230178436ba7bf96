/** Files that Git LFS keeps elsewhere: what stands in the repository is a pointer to them. */

import { parseUtf8 } from "@skein/protocol/bytes";

/** What Git LFS keeps elsewhere: the file itself is not in the repository. */
export interface LfsPointer {
  /** SHA-256 of the file, as 64 hex digits. */
  readonly sha256: string;
  /** Of the file, in bytes. */
  readonly size: number;
}

/** `undefined`: an ordinary file. */
export function parseLfsPointer(bytes: Uint8Array): LfsPointer | undefined {
  if (bytes.length > pointerBytesMax) return undefined;
  const { sha256, size } = pointerPattern.exec(parseUtf8(bytes) ?? "")?.groups ?? {};
  const length = Number(size);
  return sha256 !== undefined && Number.isSafeInteger(length)
    ? { sha256, size: length }
    : undefined;
}

const pointerBytesMax = 1_024;
const pointerPattern =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-\d-[^\n]+\n)*oid sha256:(?<sha256>[0-9a-f]{64})\nsize (?<size>\d{1,16})\n?$/u;
