/** A worker in the browser that receives packs, part by part, over IndexedDB, as the peer's worker does. */

import { openIdbFiles } from "@skein/git/idb-files";
import { openObjectStore } from "@skein/git/object-store";
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
    const store = await openObjectStore(files);
    const receiver = store.openReceiver({ tips: [], signal });
    const reader = (await fetch(address)).body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (part?.value === undefined) break;
      await receiver.write(part.value);
    }
    await receiver.finish();
    return await answer("kept");
  } catch (error) {
    return await answer(packFaultOf(error) ?? String(error));
  } finally {
    await files.close();
  }
}

globalThis.addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  void receive(data).then((what) => postMessage(what));
});
