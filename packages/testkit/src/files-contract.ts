/** What every adapter of the `Files` port must do, told as tests. */

import { describe, expect, test } from "vitest";

/** The port as these tests use it. */
interface Files {
  readonly read: (path: string) => Promise<Uint8Array | undefined>;
  readonly readRange?: (
    path: string,
    start: number,
    end: number,
  ) => Promise<Uint8Array | undefined>;
  readonly size: (path: string) => Promise<number | undefined>;
  readonly list: (folder: string) => Promise<ReadonlyArray<string>>;
  readonly commit: (
    batch: {
      readonly put: ReadonlyArray<readonly [path: string, bytes: Uint8Array]>;
      readonly delete: ReadonlyArray<string>;
    },
    options: { readonly durability: "strict" | "relaxed" },
  ) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Runs the contract against an adapter. `place` names somewhere nothing was kept before. */
export function filesContract(name: string, open: (place: string) => Promise<Files>): void {
  let places = 0;
  const somewhere = (): string => `${name}-${++places}`;

  describe(`${name} keeps files`, () => {
    test("a file that was never written is not there", async () => {
      const files = await open(somewhere());
      expect(await files.read("a")).toBeUndefined();
      expect(await files.size("a")).toBeUndefined();
      expect(await files.list("")).toEqual([]);
      await files.close();
    });

    test("what was written is read, listed and measured, now and after opening again", async () => {
      const place = somewhere();
      const files = await open(place);
      await files.commit({ put: [["refs/heads/main", text("one")]], delete: [] }, strict);
      await files.commit({ put: [["empty", text("")]], delete: [] }, relaxed);
      for (const at of [files, await open(place)]) {
        expect(await at.read("refs/heads/main")).toEqual(text("one"));
        expect(await at.size("refs/heads/main")).toBe(3);
        expect(await at.read("empty")).toEqual(text(""));
        expect(await at.size("empty")).toBe(0);
        expect(await at.list("refs")).toEqual(["heads/"]);
        expect(await at.list("refs/heads")).toEqual(["main"]);
        expect(await at.list("")).toEqual(["empty", "refs/"]);
        await at.close();
      }
    });

    test("a batch writes, overwrites and removes at once", async () => {
      const files = await open(somewhere());
      await files.commit(
        {
          put: [
            ["a", text("1")],
            ["b", text("2")],
          ],
          delete: [],
        },
        strict,
      );
      await files.commit(
        {
          put: [
            ["a", text("3")],
            ["c", text("4")],
          ],
          delete: ["b", "never"],
        },
        strict,
      );
      expect(await files.list("")).toEqual(["a", "c"]);
      expect(await files.read("a")).toEqual(text("3"));
      expect(await files.read("b")).toBeUndefined();
      expect(await files.size("b")).toBeUndefined();
      await files.close();
    });

    test("a path that is removed and written in one batch is written", async () => {
      const files = await open(somewhere());
      await files.commit({ put: [["a", text("1")]], delete: [] }, strict);
      await files.commit({ put: [["a", text("2")]], delete: ["a"] }, strict);
      expect(await files.read("a")).toEqual(text("2"));
      await files.close();
    });

    test("a list has each name once, in order, and only those directly inside", async () => {
      const files = await open(somewhere());
      const paths = ["p/b", "p/a/x", "p/a/y/z", "p/a.txt", "p/a-", "p/a0", "pq", "p/a/w", "p/é"];
      await files.commit({ put: paths.map((path) => [path, text(path)]), delete: [] }, relaxed);
      expect(await files.list("p")).toEqual(["a-", "a.txt", "a/", "a0", "b", "é"]);
      expect(await files.list("p/a")).toEqual(["w", "x", "y/"]);
      expect(await files.list("p/b")).toEqual([]);
      expect(await files.list("")).toEqual(["p/", "pq"]);
      await files.close();
    });

    test("a folder is gone with its last file", async () => {
      const files = await open(somewhere());
      await files.commit({ put: [["f/only", text("1")]], delete: [] }, strict);
      await files.commit({ put: [], delete: ["f/only"] }, strict);
      expect(await files.list("")).toEqual([]);
      await files.close();
    });

    test("bytes given and bytes answered are the holder's own", async () => {
      const files = await open(somewhere());
      const given = text("abc");
      const wide = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
      const commit = files.commit(
        {
          put: [
            ["a", given],
            ["part", wide],
          ],
          delete: [],
        },
        strict,
      );
      given[0] = 0;
      await commit;
      expect(await files.read("a")).toEqual(text("abc"));
      (await files.read("a"))?.fill(0);
      expect(await files.read("a")).toEqual(text("abc"));
      expect(await files.read("part")).toEqual(new Uint8Array([1, 2]));
      await files.close();
    });

    test("names that mean something to JavaScript are names", async () => {
      const files = await open(somewhere());
      const paths = ["__proto__", "constructor", "toString/valueOf"];
      await files.commit({ put: paths.map((path) => [path, text(path)]), delete: [] }, strict);
      expect(await files.list("")).toEqual(["__proto__", "constructor", "toString/"]);
      expect(await files.read("__proto__")).toEqual(text("__proto__"));
      expect(await files.read("hasOwnProperty")).toBeUndefined();
      await files.close();
    });

    test("commits made at once all happen, each whole", async () => {
      const files = await open(somewhere());
      const rounds = Array.from({ length: 20 }, (_, round) => text(`round ${round}`));
      await Promise.all(
        rounds.map((bytes) =>
          files.commit(
            {
              put: [
                ["x", bytes],
                ["y", bytes],
              ],
              delete: [],
            },
            relaxed,
          ),
        ),
      );
      expect(await files.read("x")).toEqual(rounds.at(-1));
      expect(await files.read("y")).toEqual(rounds.at(-1));
      await files.close();
    });

    test("several megabytes come back as they were", async () => {
      const files = await open(somewhere());
      const large = new Uint8Array(3 * 1024 * 1024).map((_, at) => (at * 31) ^ (at >> 8));
      await files.commit({ put: [["large", large]], delete: [] }, strict);
      const back = await files.read("large");
      expect(back?.length).toBe(large.length);
      expect(back?.every((byte, at) => byte === large[at])).toBe(true);
      await files.commit({ put: [["large", large.subarray(0, 10)]], delete: [] }, strict);
      expect(await files.read("large")).toEqual(large.slice(0, 10));
      await files.commit({ put: [], delete: ["large"] }, strict);
      expect(await files.read("large")).toBeUndefined();
      await files.close();
    });

    test("a part of a file is what stands there, where parts can be read", async () => {
      const files = await open(somewhere());
      const large = new Uint8Array(3 * 1024 * 1024 + 5).map((_, at) => (at * 31) ^ (at >> 8));
      await files.commit({ put: [["large", large]], delete: [] }, strict);
      await files.commit({ put: [["small", text("abcdef")]], delete: [] }, strict);
      const readRange =
        files.readRange ??
        (async (path, start, end) => (await files.read(path))?.slice(start, end));
      const mega = 1024 * 1024;
      for (const [start, end] of [
        [0, 1],
        [mega - 1, mega + 1],
        [5, 3 * mega + 4],
        [2 * mega, 3 * mega],
        [3 * mega, 4 * mega],
      ] as const) {
        const part = await readRange("large", start, end);
        const expected = large.subarray(start, end);
        expect(part?.length).toBe(expected.length);
        expect(part?.every((byte, at) => byte === expected[at])).toBe(true);
      }
      expect(await readRange("small", 2, 4)).toEqual(text("cd"));
      expect(await readRange("none", 0, 4)).toBeUndefined();
      await files.close();
    });
  });
}

/** ASCII, and a little more, as bytes. */
function text(characters: string): Uint8Array {
  return Uint8Array.from(characters, (character) => character.charCodeAt(0) & 0xff);
}

const strict = { durability: "strict" } as const;
const relaxed = { durability: "relaxed" } as const;
