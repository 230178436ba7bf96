/** Whether what was built is newer than its sources. */

import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { root } from "./tools.mjs";

/** Whether the product is newer than every source under these places. */
export async function isNewer(product, places) {
  if (!existsSync(product)) return false;
  const { mtimeMs } = await stat(product);
  return (await newest(places.map((place) => join(root, place)))) <= mtimeMs;
}

async function newest(places) {
  const times = await Promise.all(
    places.map(async (place) => {
      const status = await stat(place).catch(() => undefined);
      if (status === undefined) return 0;
      if (!status.isDirectory()) return status.mtimeMs;
      const names = await readdir(place);
      return newest(
        names.filter((name) => !notSources.test(name)).map((name) => join(place, name)),
      );
    }),
  );
  return Math.max(0, ...times);
}

const notSources = /^(?:node_modules|dist|lib|lib\.new|\..*)$|\.test\.ts$|\.tsbuildinfo$/u;
