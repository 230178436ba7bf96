/** Bundles: a pack with the refs it brings, in one file, as `git bundle` reads and writes them (gitformat-bundle). */

import { concat, formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import { parseObjectId, parseRefName, type ObjectId, type RefName } from "@skein/protocol/ids";
import { refsPerNodeMax } from "@skein/protocol/limits";

export interface Bundle {
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  /** What HEAD points to; the branch is the one a repository made from this would show. */
  readonly head: { readonly oid: ObjectId; readonly branch: RefName | undefined } | undefined;
  readonly prerequisites: ReadonlyArray<ObjectId>;
  /** Refs that the bundle names and we cannot hold. */
  readonly skipped: ReadonlyArray<string>;
  readonly pack: Uint8Array;
}

/** A file that is no bundle, or one of a kind that cannot be read here. */
export class BundleRejectedError extends SkeinError {
  override readonly name = "BundleRejectedError";
  readonly code = "bundle_rejected";
  readonly blame = "caller";
  readonly hint: string;

  constructor(
    message: string,
    { hint = "Make the bundle again with `git bundle create <file> --all`." } = {},
  ) {
    super(message);
    this.hint = hint;
  }
}

/** A repository that is too much for one bundle: no node would take it back. */
export class BundleTooLargeError extends SkeinError {
  override readonly name = "BundleTooLargeError";
  readonly code = "bundle_too_large";
  readonly blame = "caller";
  readonly hint = "Copy it to another device instead: that way it may be as large as it is.";

  constructor(bytesMax: number) {
    super(
      `The repository does not fit into a bundle of ${bytesMax} bytes that can be imported again`,
    );
  }
}

/** Reads what stands before the pack; the pack is judged by whoever stores it. Throws `BundleRejectedError`. */
export function readBundle(bytes: Uint8Array): Bundle {
  const lines: Lines = { bytes, offset: 0 };
  const version = signatures.get(takeLine(lines) ?? "");
  if (version === undefined) throw new BundleRejectedError("This file is not a git bundle");
  if (version === 3) readCapabilities(lines);
  const found: Found = { prerequisites: [], refs: new Map(), skipped: [], head: undefined };
  for (let line = takeLine(lines); line !== ""; line = takeLine(lines)) {
    if (line === undefined) throw new BundleRejectedError("The bundle is cut short");
    readRefLine(found, line);
  }
  const { prerequisites, refs, skipped, head } = found;
  return {
    refs,
    head: head && { oid: head, branch: branchAt(refs, head) },
    prerequisites,
    skipped,
    pack: bytes.subarray(lines.offset),
  };
}

/** A bundle whose pack is still on its way. */
export interface ArrivingBundle extends Omit<Bundle, "pack"> {
  /** To be read once, to its end. */
  readonly pack: AsyncIterable<Uint8Array>;
}

/** The same of one that comes in parts: what stands before the pack is read, and no more. */
export async function openBundle(parts: AsyncIterable<Uint8Array>): Promise<ArrivingBundle> {
  const reader = parts[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- a part is asked for only where the one before does not do.
    const next = await reader.next();
    const searched = Math.max(0, head.length - 1);
    if (next.done !== true) head = concat(head, next.value);
    const isWhole = next.done === true || hasEmptyLine(head, searched);
    if (!isWhole && head.length <= headBytesMax) continue;
    const { pack, ...bundle } = readBundle(head);
    return { ...bundle, pack: rest(pack, reader) };
  }
}

async function* rest(
  first: Uint8Array,
  reader: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    for (let part = first; ;) {
      yield part;
      // oxlint-disable-next-line no-await-in-loop -- one part after the other.
      const next = await reader.next();
      if (next.done === true) return;
      part = next.value;
    }
  } finally {
    // Whoever has enough lets go of the file.
    await reader.return?.();
  }
}

function hasEmptyLine(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.indexOf(0x0a, from); at >= 0; at = bytes.indexOf(0x0a, at + 1))
    if (bytes[at + 1] === 0x0a) return true;
  return false;
}

/** A bundle of version 2, which every git reads. The pack must hold everything, apart from the prerequisites. */
export function writeBundle({ pack, ...head }: Omit<Bundle, "skipped">): Bytes {
  return concat(writeBundleHead(head), pack);
}

/** What stands before its pack. */
export function writeBundleHead({
  refs,
  head,
  prerequisites,
}: Omit<Bundle, "skipped" | "pack">): Bytes {
  const named = [...refs].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = [
    ...prerequisites.map((oid) => `-${oid} \n`),
    ...named.map(([ref, oid]) => `${oid} ${ref}\n`),
    ...(head === undefined ? [] : [`${head.oid} HEAD\n`]),
  ];
  return formatUtf8(`${signatureOfV2}\n${lines.join("")}\n`);
}

interface Found {
  readonly prerequisites: ObjectId[];
  readonly refs: Map<RefName, ObjectId>;
  readonly skipped: string[];
  head: ObjectId | undefined;
}

/** An id and a ref's name, or `-`, an id and a comment. */
function readRefLine(found: Found, line: string): void {
  const isPrerequisite = line.startsWith("-");
  const [text = "", ...words] = line.slice(isPrerequisite ? 1 : 0).split(" ");
  const oid = parseObjectId(text);
  if (oid === undefined)
    throw new BundleRejectedError("The bundle has a line that names no object");
  const name = words.join(" ");
  const ref = parseRefName(name);
  if (isPrerequisite) found.prerequisites.push(oid);
  else if (name === "HEAD") found.head = oid;
  else if (ref === undefined) found.skipped.push(name);
  else found.refs.set(ref, oid);
  const { prerequisites, refs, skipped } = found;
  if (prerequisites.length > refsPerNodeMax || refs.size + skipped.length > refsPerNodeMax)
    throw new BundleRejectedError(`The bundle has more than ${refsPerNodeMax} refs`);
}

/** A bundle does not say which branch HEAD is: git itself guesses by the commit, the usual names first. */
function branchAt(refs: ReadonlyMap<RefName, ObjectId>, head: ObjectId): RefName | undefined {
  const branches = [...refs.keys()].filter(
    (ref) => ref.startsWith("refs/heads/") && refs.get(ref) === head,
  );
  return branches.find((ref) => usualBranches.has(ref)) ?? branches[0];
}

function readCapabilities(lines: Lines): void {
  while (lines.bytes[lines.offset] === 0x40) {
    const capability = takeLine(lines);
    if (capability === "@object-format=sha1") continue;
    if (capability?.startsWith("@object-format=") === true)
      throw new BundleRejectedError(
        capability === "@object-format=sha256"
          ? "This repository uses SHA-256 object names. Skein keeps repositories with SHA-1 object names only"
          : "The bundle is of a repository with another object format than sha1",
        {
          hint: "Bring the history over into a repository made with `--object-format=sha1` first.",
        },
      );
    throw new BundleRejectedError(
      `The bundle leaves objects out or asks for what is unknown here: ${capability ?? ""}`,
      { hint: "Make it in a full clone, without `--filter`: `git bundle create <file> --all`." },
    );
  }
}

interface Lines {
  readonly bytes: Uint8Array;
  offset: number;
}

/** The next line without its end; `undefined` at the end, and where a line is too long or is not UTF-8. */
function takeLine(lines: Lines): string | undefined {
  const { bytes, offset } = lines;
  const found = bytes.subarray(offset, offset + lineBytesMax).indexOf(0x0a);
  if (found < 0) return undefined;
  lines.offset = offset + found + 1;
  return parseUtf8(bytes.subarray(offset, offset + found));
}

const signatureOfV2 = "# v2 git bundle";
const signatures = new Map([
  [signatureOfV2, 2],
  ["# v3 git bundle", 3],
]);
const usualBranches: ReadonlySet<string> = new Set(["refs/heads/main", "refs/heads/master"]);
/** As many lines as are taken at most, of usual length, and then some. */
const headBytesMax = 8 * 1024 * 1024;
/** A ref's name, or a prerequisite with its commit's subject. */
const lineBytesMax = 4_096;
