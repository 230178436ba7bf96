/** Receives packs and bundles, and clones from hosts, on a thread of its own, as the peer's worker does. */

import { readFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { BundleRejectedError } from "@skein/git/bundle";
import type { GitHost } from "@skein/git/git-host";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { RemoteRefusedError } from "@skein/git/remote-protocol";
import { openRepository, type Repository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { LimitExceededError } from "@skein/protocol/errors";
import { packFaultOf } from "./pack-fault.ts";

/** In files: what is sent from process to process is held several times on its way. */
export interface Sent {
  readonly kind: "pack" | "bundle" | "host";
  /** One, or of a host each answer. */
  readonly files: ReadonlyArray<string>;
}

/** What became of it. */
export type Received = Kept | Refused | { readonly kind: "broken"; readonly why: string };

export interface Kept {
  readonly kind: "kept";
  readonly files: number;
  readonly refs: ReadonlyArray<string>;
  /** Refs that were left out. */
  readonly skipped: ReadonlyArray<string>;
  readonly head: string | undefined;
  /** Where refs came with it. */
  readonly contents: ReadonlyMap<string, Bytes>;
}

export interface Refused {
  readonly kind: "refused";
  readonly files: number;
  readonly fault: string;
  readonly why: string;
}

type Taken = Pick<Kept, "refs" | "skipped" | "head" | "contents">;

const { signal } = new AbortController();
const partBytes = 64 * 1024;
const url = "https://example.org/notes.git";

async function receive(sent: Sent): Promise<Received> {
  const contents = new Map<string, Bytes>();
  try {
    const taken = await take(contents, sent);
    return { kind: "kept", files: contents.size, ...taken };
  } catch (error) {
    const fault = faultOf(error);
    const why = error instanceof Error ? error.message : String(error);
    if (fault !== undefined) return { kind: "refused", files: contents.size, fault, why };
    return { kind: "broken", why: error instanceof Error ? String(error.stack) : why };
  }
}

function take(contents: Map<string, Bytes>, { kind, files }: Sent): Promise<Taken> {
  const read = files.map((file) => {
    const { buffer, byteOffset, length } = readFileSync(file);
    return new Uint8Array(buffer, byteOffset, length);
  });
  const [bytes = new Uint8Array()] = read;
  if (kind === "pack") return receivePack(contents, bytes);
  return receiveRefs(contents, (repository) =>
    kind === "bundle"
      ? repository.importBundle(bytes, { signal })
      : repository.cloneFrom({ url, host: answering(read), signal }),
  );
}

async function receivePack(contents: Map<string, Bytes>, pack: Uint8Array): Promise<Taken> {
  const store = await openObjectStore(openMemoryFiles(contents));
  const receiver = store.openReceiver({ tips: [], signal });
  for (let offset = 0; offset < pack.length; offset += partBytes)
    await receiver.write(pack.slice(offset, offset + partBytes));
  await receiver.finish();
  return { refs: [], skipped: [], head: undefined, contents: new Map() };
}

async function receiveRefs(
  contents: Map<string, Bytes>,
  from: (repository: Repository) => ReturnType<Repository["importBundle"]>,
): Promise<Taken> {
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const { skipped, head } = await from(repository);
  return { refs: [...(await repository.refs()).keys()], skipped, head, contents };
}

/** A git host, as it would be at the other end of HTTP. */
function answering(answers: ReadonlyArray<Uint8Array>): GitHost {
  const left = [...answers];
  return {
    ask: async ({ url: asked, body }) => ({
      status: 200,
      url: asked,
      type: `application/x-git-upload-pack-${body === undefined ? "advertisement" : "result"}`,
      body: inParts(left.shift() ?? new Uint8Array()),
    }),
  };
}

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += partBytes)
    yield bytes.slice(offset, offset + partBytes);
}

function faultOf(error: unknown): string | undefined {
  if (error instanceof BundleRejectedError) return "bundle";
  if (error instanceof RemoteRefusedError) return error.fault;
  if (error instanceof LimitExceededError) return "limit";
  return packFaultOf(error);
}

parentPort?.on("message", (sent: Sent) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none.
  void receive(sent).then((received) => parentPort?.postMessage(received));
});
