/** A worker in the browser that receives packs, part by part, and bundles, over IndexedDB, as the peer's worker does. */

import { BundleRejectedError } from "@skein/git/bundle";
import type { Files } from "@skein/git/files";
import { openIdbFiles } from "@skein/git/idb-files";
import { openObjectStore } from "@skein/git/object-store";
import { openRepository } from "@skein/git/repository";
import { packFaultOf } from "../interop/pack-fault.ts";

export interface Asked {
  readonly address: string;
  /** Where it is kept. */
  readonly database: string;
}

export interface Answer {
  /** `kept`, or what it was refused for. */
  readonly outcome: string;
  /** Packs and indexes there are afterwards. */
  readonly files: number;
}

const { signal } = new AbortController();

async function receive({ address, database }: Asked): Promise<Answer> {
  const files = await openIdbFiles(database);
  const answer = async (outcome: string): Promise<Answer> => ({
    outcome,
    files: (await files.list("objects/pack")).length,
  });
  try {
    const sent = await fetch(address);
    await (isBundle(address) ? importBundle(files, sent) : receivePack(files, sent));
    return await answer("kept");
  } catch (error) {
    const fault = error instanceof BundleRejectedError ? "bundle" : packFaultOf(error);
    return await answer(fault ?? String(error));
  } finally {
    await files.close();
  }
}

async function receivePack(files: Files, sent: Response): Promise<void> {
  const store = await openObjectStore(files);
  const receiver = store.openReceiver({ tips: [], signal });
  const reader = sent.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (part?.value === undefined) break;
    await receiver.write(part.value);
  }
  await receiver.finish();
}

async function importBundle(files: Files, sent: Response): Promise<void> {
  const repository = await openRepository({ files });
  await repository.importBundle(new Uint8Array(await sent.arrayBuffer()), { signal });
}

/** The host has both. */
function isBundle(address: string): boolean {
  return address.startsWith("/bundle/");
}

globalThis.addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  void receive(data).then((what) => postMessage(what));
});
