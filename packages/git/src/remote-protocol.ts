/** What is said to an ordinary git host, and how it answers: protocol version 2 over smart HTTP (gitprotocol-v2). */

import { concat } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import { parseObjectId, parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { refsPerNodeMax } from "@skein/protocol/limits";
import { delimiterPacket, flushPacket, formatPacket, textOfPacket } from "./pkt-line.ts";
import type { Packet } from "./pkt-line.ts";

export type RemoteFault =
  /** No address that git could clone from: https, and no password in it. */
  | "bad-address"
  | "not-found"
  /** The host asks who is there. */
  | "not-allowed"
  | "unreachable"
  /** What answers there is no git host, or one that only speaks old protocols. */
  | "no-git-host"
  /** A repository of the sha256 object format. */
  | "sha256"
  | "too-many-refs"
  /** The host said why, in its own words. */
  | "host-refused"
  | "cut-short";

/** An ordinary git host did not give what was asked for. Nothing was changed. */
export class RemoteRefusedError extends SkeinError {
  override readonly name = "RemoteRefusedError";
  readonly code = "remote_refused";
  readonly blame = "environment";
  readonly hint = "Check the address, or clone with git and import a bundle. Nothing was changed.";
  readonly fault: RemoteFault;

  constructor(fault: RemoteFault, why: string, { cause }: { readonly cause?: unknown } = {}) {
    super(why, { cause });
    this.fault = fault;
  }
}

export interface RemoteCapabilities {
  readonly namesObjectFormat: boolean;
}

/** The answer to `info/refs`. Throws `RemoteRefusedError` for what cannot be spoken with. */
export function readCapabilities(packets: ReadonlyArray<Packet>): RemoteCapabilities {
  const lines = packets.map((packet) => textOfPacket(packet));
  // What comes before the version is HTTP's own heading.
  const heading = lines[0]?.startsWith("# service=") === true ? 2 : 0;
  for (const line of lines) refuseErrors(line);
  if (lines.some((line) => /(?:^|[\s\0])object-format=sha256(?:\s|$)/u.test(line ?? "")))
    throw new RemoteRefusedError(
      "sha256",
      "This repository uses SHA-256 object names. Skein keeps repositories with SHA-1 object names only",
    );
  if (lines[heading] !== "version 2")
    throw new RemoteRefusedError("no-git-host", "The host does not speak git protocol version 2");
  const told = new Set(lines.slice(heading + 1).map((line) => line?.split("=")[0]));
  if (!told.has("ls-refs") || !told.has("fetch"))
    throw new RemoteRefusedError("no-git-host", "The host neither lists refs nor sends objects");
  return { namesObjectFormat: told.has("object-format") };
}

/** Asks for branches and tags, and for what HEAD is. */
export function formatLsRefs(capabilities: RemoteCapabilities): Bytes {
  return concat(
    ...commandLines("ls-refs", capabilities),
    delimiterPacket,
    ...["symrefs", "ref-prefix HEAD", "ref-prefix refs/heads/", "ref-prefix refs/tags/"].map(
      formatPacket,
    ),
    flushPacket,
  );
}

export interface RemoteRefs {
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  readonly head: { readonly oid: ObjectId; readonly branch: RefName | undefined } | undefined;
  /** Refs that the host names and we cannot hold. */
  readonly skipped: ReadonlyArray<string>;
}

export function readRefs(packets: ReadonlyArray<Packet>): RemoteRefs {
  const refs = new Map<RefName, ObjectId>();
  const skipped: string[] = [];
  let head: RemoteRefs["head"];
  for (const packet of packets) {
    const line = textOfPacket(packet);
    refuseErrors(line);
    const [id = "", name = "", ...attributes] = (line ?? "").split(" ");
    const oid = parseObjectId(id);
    if (oid === undefined || name === "") continue;
    const ref = parseRefName(name);
    const target = attributes.find((attribute) => attribute.startsWith(symrefPrefix));
    if (name === "HEAD")
      head = { oid, branch: parseRefName(target?.slice(symrefPrefix.length) ?? "") };
    else if (ref === undefined) skipped.push(name);
    else refs.set(ref, oid);
    if (refs.size + skipped.length > refsPerNodeMax)
      throw new RemoteRefusedError(
        "too-many-refs",
        `The host has more than ${refsPerNodeMax} refs`,
      );
  }
  return { refs, head, skipped };
}

/** Asks for one pack with all that `wants` reach and `haves` do not. */
export function formatFetch(
  capabilities: RemoteCapabilities,
  asked: { readonly wants: ReadonlyArray<ObjectId>; readonly haves: ReadonlyArray<ObjectId> },
): Bytes {
  return concat(
    ...commandLines("fetch", capabilities),
    delimiterPacket,
    formatPacket("ofs-delta"),
    ...asked.wants.map((oid) => formatPacket(`want ${oid}`)),
    ...asked.haves.map((oid) => formatPacket(`have ${oid}`)),
    formatPacket("done"),
    flushPacket,
  );
}

export interface PackReceiver {
  readonly take: (packet: Packet) => void;
  readonly isComplete: () => boolean;
}

/** The answer to a fetch: some sections, then the pack in one band, and what the host says of it in another. */
export function openPackReceiver(listener: {
  readonly onPack: (bytes: Uint8Array) => void;
  readonly onSaid: (text: string) => void;
}): PackReceiver {
  let state: "sections" | "pack" | "complete" = "sections";
  return {
    isComplete: () => state === "complete",
    take: (packet) => {
      if (state === "sections") {
        const line = textOfPacket(packet);
        refuseErrors(line);
        if (line === "packfile") state = "pack";
        return;
      }
      if (state === "complete") return;
      if (packet.kind === "flush") state = "complete";
      if (packet.kind === "data") takeBand(packet.bytes, listener);
    },
  };
}

function takeBand(
  bytes: Uint8Array,
  { onPack, onSaid }: Parameters<typeof openPackReceiver>[0],
): void {
  const content = bytes.subarray(1);
  const band = bytes[0];
  if (band === packBand) onPack(content);
  else if (band === progressBand) onSaid(cleanSaid(content));
  else if (band === errorBand)
    throw new RemoteRefusedError("host-refused", `The host says: ${cleanSaid(content)}`);
  else throw new RemoteRefusedError("no-git-host", "The host sends what is no part of a pack");
}

function commandLines(
  command: string,
  { namesObjectFormat }: RemoteCapabilities,
): ReadonlyArray<Bytes> {
  const lines = [`command=${command}`, ...(namesObjectFormat ? ["object-format=sha1"] : [])];
  return lines.map(formatPacket);
}

function refuseErrors(line: string | undefined): void {
  if (line?.startsWith("ERR ") === true)
    throw new RemoteRefusedError("host-refused", `The host says: ${cleanText(line.slice(4))}`);
}

function cleanSaid(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, saidBytesMax)) text += String.fromCharCode(byte);
  return cleanText(text);
}

/** Hosts speak to terminals: what they say is shown as plain text, and not for long. */
function cleanText(text: string): string {
  return text.replaceAll(unshown, " ").trim().slice(0, saidBytesMax);
}

const symrefPrefix = "symref-target:";
const packBand = 1;
const progressBand = 2;
const errorBand = 3;
const saidBytesMax = 500;
const unshown = /[^\u0020-\u007e]+/gu;
