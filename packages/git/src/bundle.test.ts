import { concat, equal, formatUtf8 } from "@skein/protocol/bytes";
import { parseObjectId, parseRefName } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openBundle, writeBundle } from "./bundle.ts";

const oid = parseObjectId("a".repeat(40));
const main = parseRefName("refs/heads/main");
if (oid === undefined || main === undefined) throw new Error("these are names");
const pack = Uint8Array.from({ length: 3_000 }, (_, index) => index % 251);
const bundle = writeBundle({
  refs: new Map([[main, oid]]),
  head: { oid, branch: main },
  prerequisites: [],
  pack,
});

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("a bundle says what it brings before its pack is there, however it is cut", async () => {
  for (const size of [1, 7, 64, 100_000]) {
    const { refs, head, pack: rest } = await openBundle(inParts(bundle, size));
    expect([...refs]).toEqual([[main, oid]]);
    expect(head?.branch).toBe(main);
    const parts: Uint8Array[] = [];
    for await (const part of rest) parts.push(part);
    expect(equal(concat(...parts), pack)).toBe(true);
  }
});

test("a file that is no bundle, or only the beginning of one, is refused as that", async () => {
  const other = inParts(formatUtf8("a letter\n\nDear Bob"), 4);
  await expect(openBundle(other)).rejects.toThrow("not a git bundle");
  await expect(openBundle(inParts(bundle.subarray(0, 60), 7))).rejects.toThrow("cut short");
  await expect(openBundle(inParts(new Uint8Array(), 7))).rejects.toThrow("not a git bundle");
  const endless = formatUtf8(`# v2 git bundle\n${`${"a".repeat(40)} x\n`.repeat(250_000)}`);
  await expect(openBundle(inParts(endless, 4_000_000))).rejects.toThrow(/bundle/u);
});

test("whoever has enough of a bundle lets go of its file", async () => {
  let open = true;
  async function* file(): AsyncGenerator<Uint8Array> {
    try {
      yield* inParts(bundle, 100);
    } finally {
      open = false;
    }
  }
  const { pack: rest } = await openBundle(file());
  for await (const part of rest) if (part.length > 0) break;
  expect(open).toBe(false);
});
