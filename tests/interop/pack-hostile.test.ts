/** Packs that Mallory sends, through the real receive path on a thread of its own: each is refused whole, in bounded time and memory, or is one that git accepts too. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { indexByGit, makeGit } from "./pack-git.ts";
import { accepted, refused } from "./pack-table.ts";
import { openPackThread, type PackThread } from "./pack-thread.ts";

const judge = makeGit();
let thread: PackThread;
beforeAll(async () => {
  thread = await openPackThread();
});
afterAll(async () => {
  judge[Symbol.dispose]();
  await thread.close();
});

/** A bound, not a timing: none takes a tenth of it on a machine that does nothing else. */
const millisMax = 60_000;
const grownBytesMax = 256 * 2 ** 20;

describe("Mallory's pack is refused, and nothing of it is kept:", () => {
  test.each(refused)(
    "%s",
    async (_, make) => {
      const received = await thread.receive(make());
      expect(received).toMatchObject({ kind: "refused", files: 0 });
      expect(received.grew).toBeLessThan(grownBytesMax);
    },
    millisMax,
  );
});

describe("a pack that is only odd is accepted, as git does:", () => {
  test.each(accepted)(
    "%s",
    async (name, make) => {
      const pack = make();
      const received = await thread.receive(pack);
      expect(received).toMatchObject({ kind: "kept", files: name.startsWith("08") ? 0 : 2 });
      expect(received.grew).toBeLessThan(grownBytesMax);
      expect(indexByGit(judge, pack).idx).toBeDefined();
    },
    millisMax,
  );
});
