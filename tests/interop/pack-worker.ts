/** Receives packs and bundles on a thread of its own, as the peer's worker does. */

import { parentPort } from "node:worker_threads";
import { BundleRejectedError } from "@skein/git/bundle";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { openRepository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { packFaultOf } from "./pack-fault.ts";

export interface Sent {
  readonly kind: "pack" | "bundle";
  readonly bytes: Uint8Array;
}

/** What became of it. */
export type Received =
  | { readonly kind: "kept"; readonly files: number; readonly refs: ReadonlyArray<string> }
  | { readonly kind: "refused"; readonly files: number; readonly fault: string }
  | { readonly kind: "broken"; readonly why: string };

const { signal } = new AbortController();
const partBytes = 64 * 1024;

async function receive({ kind, bytes }: Sent): Promise<Received> {
  const contents = new Map<string, Bytes>();
  try {
    const refs = await (kind === "pack" ? receivePack : importBundle)(contents, bytes);
    return { kind: "kept", files: contents.size, refs };
  } catch (error) {
    const fault = faultOf(error);
    if (fault !== undefined) return { kind: "refused", files: contents.size, fault };
    return { kind: "broken", why: error instanceof Error ? String(error.stack) : String(error) };
  }
}

async function receivePack(
  contents: Map<string, Bytes>,
  pack: Uint8Array,
): Promise<ReadonlyArray<string>> {
  const store = await openObjectStore(openMemoryFiles(contents));
  const receiver = store.openReceiver({ tips: [], signal });
  for (let offset = 0; offset < pack.length; offset += partBytes)
    await receiver.write(pack.slice(offset, offset + partBytes));
  await receiver.finish();
  return [];
}

async function importBundle(
  contents: Map<string, Bytes>,
  bundle: Uint8Array,
): Promise<ReadonlyArray<string>> {
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  await repository.importBundle(bundle, { signal });
  return [...(await repository.refs()).keys()];
}

function faultOf(error: unknown): string | undefined {
  return error instanceof BundleRejectedError ? "bundle" : packFaultOf(error);
}

parentPort?.on("message", (sent: Sent) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none.
  void receive(sent).then((received) => parentPort?.postMessage(received));
});
