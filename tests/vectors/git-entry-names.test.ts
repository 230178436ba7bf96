/** Names that may stand in a tree and names that may not, one by one. */

import { readFileSync } from "node:fs";
import { entryNameFault } from "@skein/git/entry-name";
import { objectFault } from "@skein/git/object-fault";
import { parseHex } from "@skein/protocol/bytes";
import { describe, expect, test } from "vitest";

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly fault: string | null;
}

const vectors = JSON.parse(
  readFileSync(new URL("git-entry-names.json", import.meta.url), "utf8"),
) as ReadonlyArray<Vector>;

describe("a name in a tree", () => {
  test.each(vectors)("$name", ({ hex, fault }) => {
    const name = parseHex(hex) ?? new Uint8Array(0);
    expect(entryNameFault(name) ?? null).toBe(fault);
    const tree = Buffer.concat([Buffer.from("100644 "), name, Buffer.of(0), Buffer.alloc(20, 7)]);
    expect(objectFault("tree", tree) ?? null).toBe(fault);
  });
});
