/** Zips of files, written piece by piece. The same files give the same bytes everywhere. */

import type { Bytes } from "@skein/protocol/bytes";
import { LimitExceededError } from "@skein/protocol/errors";
import type { Instant } from "@skein/protocol/ids";
import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import type { ZipInputFile } from "fflate";

export interface ZippedFile {
  /** Safe to write, with `/` between folders; a folder ends with one. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

/** What a zip of the plain form can count. */
export const zippedFilesMax = 65_535;
export const zipBytesMax = 2 * 1024 * 1024 * 1024;

export async function* writeZip(
  files: AsyncIterable<ZippedFile>,
  at: Instant,
): AsyncGenerator<Bytes, void, void> {
  let ready: Bytes[] = [];
  let failed: Error | undefined;
  const zip = new Zip((error, chunk) => {
    failed ??= error ?? undefined;
    ready.push(new Uint8Array(chunk));
  });
  const mtime = wallTime(at);
  let count = 0;
  let length = 0;
  const takeReady = (): ReadonlyArray<Bytes> => {
    if (failed !== undefined) throw failed;
    const taken = ready;
    ready = [];
    for (const chunk of taken) length += chunk.length;
    if (length > zipBytesMax)
      throw new LimitExceededError("bytes of a zip", { actual: length, most: zipBytesMax });
    return taken;
  };
  for await (const file of files) {
    if (++count > zippedFilesMax)
      throw new LimitExceededError("files in a zip", { actual: count, most: zippedFilesMax });
    addFile(zip, file, mtime);
    yield* takeReady();
  }
  zip.end();
  yield* takeReady();
}

function addFile(zip: Zip, { path, bytes, executable }: ZippedFile, mtime: Date): void {
  const isSmall = bytes.length < deflatedBytesMin;
  const entry = isSmall ? new ZipPassThrough(path) : new ZipDeflate(path, { level: 6 });
  const input: ZipInputFile = entry;
  input.mtime = mtime;
  input.os = unix;
  const mode = path.endsWith("/") ? 0o040755 : executable ? 0o100755 : 0o100644;
  input.attrs = mode * 2 ** 16;
  zip.add(input);
  entry.push(bytes, true);
}

/** A zip holds the time on a wall: that of UTC, wherever it is written. */
function wallTime(at: Instant): Date {
  const utc = new Date(Math.min(Math.max(at, zipTimeMin), zipTimeMax));
  return new Date(
    utc.getUTCFullYear(),
    utc.getUTCMonth(),
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
    utc.getUTCSeconds(),
  );
}

const unix = 3;
/** Shorter ones would grow. */
const deflatedBytesMin = 32;
const zipTimeMin = Date.UTC(1980, 0, 2);
const zipTimeMax = Date.UTC(2099, 0, 1);
