/** A worker in the browser that receives packs, part by part, over IndexedDB, as the peer's worker does. */

import { openIdbFiles } from "@skein/git/idb-files";
import { openObjectStore } from "@skein/git/object-store";
import { PackRejectedError } from "@skein/git/pack-rejected";

const { signal } = new AbortController();

async function receive(address: string): Promise<string> {
  const files = await openIdbFiles("bombs");
  try {
    const store = await openObjectStore(files);
    const receiver = store.openReceiver({ tips: [], signal });
    const reader = (await fetch(address)).body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (part?.value === undefined) break;
      await receiver.write(part.value);
    }
    await receiver.finish();
    return "kept";
  } catch (error) {
    return error instanceof PackRejectedError ? "refused" : String(error);
  } finally {
    await files.close();
  }
}

globalThis.addEventListener("message", ({ data }: MessageEvent<string>) => {
  void receive(data).then((what) => postMessage(what));
});
