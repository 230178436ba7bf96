/** Objects are written as git writes them and read back as they were meant. */

import { formatUtf8 } from "@skein/protocol/bytes";
import { instant, parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { objectFault } from "./object-fault.ts";
import { hashObject } from "./object-hash.ts";
import { formatCommit, formatTree, parseCommit, parseTag, parseTree } from "./object.ts";

const oid = (digit: string): ObjectId => {
  const parsed = parseObjectId(digit.repeat(40));
  if (parsed === undefined) throw new Error("an id");
  return parsed;
};
const alice = {
  name: "Alice Ñandú",
  email: "alice@example.org",
  at: instant(1_700_000_000_000),
  offsetMinutes: -(3 * 60 + 30),
};

test("the empty tree and the empty file have the names that everybody knows", () => {
  const bytes = new Uint8Array(0);
  expect(hashObject({ type: "tree", bytes })).toBe("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  expect(hashObject({ type: "blob", bytes })).toBe("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
});

test("a commit is read back as it was written", () => {
  const commit = {
    tree: oid("1"),
    parents: [oid("2"), oid("3")],
    author: alice,
    committer: { ...alice, offsetMinutes: 90 },
    message: "Ein Anfang\n\nmit Text\n",
  };
  const bytes = formatCommit(commit);
  expect(parseCommit(bytes)).toEqual(commit);
  expect(objectFault("commit", bytes)).toBeUndefined();
});

test("a name that would break a commit is cleaned before it is written", () => {
  const author = { ...alice, name: "A\n<lice>\0", email: "a>b <c@d\n" };
  const bytes = formatCommit({
    tree: oid("1"),
    parents: [],
    author,
    committer: author,
    message: "x\0y",
  });
  expect(objectFault("commit", bytes)).toBeUndefined();
  expect(parseCommit(bytes)?.author).toMatchObject({ name: "Alice", email: "ab c@d" });
});

test("nobody's name is unknown rather than nothing", () => {
  const author = { ...alice, name: " ", email: "" };
  const bytes = formatCommit({
    tree: oid("1"),
    parents: [],
    author,
    committer: author,
    message: "",
  });
  expect(objectFault("commit", bytes)).toBeUndefined();
  expect(parseCommit(bytes)?.author.name).toBe("unknown");
});

test("a signature and an encoding in the headers do not disturb the message", () => {
  const person = "Alice <alice@example.org> 1700000000 +0000";
  const text = `tree ${oid("1")}\nauthor ${person}\ncommitter ${person}\nencoding ISO-8859-1\ngpgsig -----BEGIN-----\n \n x\n -----END-----\n\nMessage\n`;
  expect(parseCommit(formatUtf8(text))?.message).toBe("Message\n");
});

test("bytes that are not UTF-8 are shown, not refused", () => {
  const bytes = formatCommit({
    tree: oid("1"),
    parents: [],
    author: alice,
    committer: alice,
    message: "x?x",
  });
  const old = bytes.map((byte) => (byte === 0x3f ? 0xe9 : byte));
  expect(parseCommit(old)?.message).toBe("xéx");
});

test("a tree is sorted as git sorts, folders as if they ended with a slash", () => {
  const names = ["a0", "a", "a.b", "b"];
  const bytes = formatTree(
    names.map((name) => ({
      mode: name === "a" ? 0o040000 : 0o100644,
      name: formatUtf8(name),
      oid: oid("5"),
    })),
  );
  const entries = parseTree(bytes);
  expect(entries?.map(({ name }) => String.fromCharCode(...name))).toEqual(["a.b", "a", "a0", "b"]);
  expect(entries?.[1]).toMatchObject({ kind: "tree", mode: 0o040000, oid: oid("5") });
  expect(objectFault("tree", bytes)).toBeUndefined();
});

test("a tag is read, with or without a tagger", () => {
  const text = `object ${oid("7")}\ntype commit\ntag v1\n`;
  const tagger = "tagger Alice <alice@example.org> 1700000000 -0330\n";
  expect(parseTag(formatUtf8(`${text}${tagger}\nFirst\n`))).toMatchObject({
    target: oid("7"),
    type: "commit",
    tag: "v1",
    tagger: { name: "Alice", offsetMinutes: -210 },
    message: "First\n",
  });
  expect(parseTag(formatUtf8(`${text}\nFirst\n`))).toMatchObject({ tagger: undefined });
  expect(parseTag(formatUtf8("type commit\n\n"))).toBeUndefined();
});
