/** isomorphic-git at the same work, on the file system that it is usually given. */

/* oxlint-disable no-await-in-loop -- one thing after the other is what is measured. */

import {
  indexPack,
  init,
  log,
  packObjects,
  readObject,
  type PromiseFsClient,
} from "isomorphic-git";
import type { Given, PeerJob } from "./job.ts";
import type { Prepared } from "./our-jobs.ts";

export interface PeerSurroundings {
  readonly fs: PromiseFsClient;
  /** An empty folder of its file system. */
  readonly freshFolder: () => Promise<string>;
  /** A bare repository that holds the given one: always the same for one key. */
  readonly storedFolder: (given: Given) => Promise<string>;
  readonly readFile: (path: string) => Promise<Uint8Array>;
}

type Prepare = (around: PeerSurroundings, given: Given) => Promise<Prepared>;

export const peerJobs: Readonly<Record<PeerJob, Prepare>> = {
  "peer-receive": async (around, given) => {
    const { fs } = around;
    const pack = await around.readFile(`${given.home}/${given.pack}`);
    const dir = await around.freshFolder();
    await init({ fs, dir, gitdir: dir, bare: true });
    return async () => {
      await fs.promises.writeFile(`${dir}/given.pack`, pack);
      await indexPack({ fs, dir, gitdir: dir, filepath: "given.pack" });
      return 0;
    };
  },
  "peer-pack": async (around, given) => {
    const { fs } = around;
    const dir = await around.storedFolder(given);
    const oids = [...given.allOids];
    return async () => {
      const { packfile } = await packObjects({ fs, dir, gitdir: dir, oids, cache: {} });
      return packfile?.length ?? 0;
    };
  },
  "peer-reads": async (around, given) => {
    const { fs } = around;
    const dir = await around.storedFolder(given);
    return async () => {
      const cache = {};
      for (const oid of given.someOids)
        // oxlint-disable-next-line typescript/no-deprecated -- it is the one that takes any object.
        await readObject({ fs, dir, gitdir: dir, oid, cache });
      return 0;
    };
  },
  "peer-log": async (around, given) => {
    const { fs } = around;
    const dir = await around.storedFolder(given);
    return async () => (await log({ fs, dir, gitdir: dir, ref: given.head, cache: {} })).length;
  },
};
