/** Objects that `git fsck` finds unsound, and what does not hold together: the second half of Mallory's shapes. */

import { commitCode, entry, packOf, tagCode, treeCode, treeOf } from "./pack-builder.ts";
import {
  cut,
  emptyTree,
  helloEntry,
  helloOid,
  manyParents,
  modules,
  person,
  soundCommit,
  special,
} from "./pack-shapes.ts";

/** With what it is refused for; of an unsound object, with what `git fsck` calls it too. */
export type RefusedShape = readonly [name: string, fault: string, pack: () => Uint8Array];

export function commitWith(text: string): ReadonlyArray<Uint8Array> {
  return [entry(treeCode, ""), entry(commitCode, text)];
}

export const unsound: ReadonlyArray<RefusedShape> = [
  [
    "60 no author",
    "unsound-object: missingAuthor",
    () => packOf(commitWith(`tree ${emptyTree}\ncommitter ${person}\n\nhi\n`)),
  ],
  [
    "61 a date that overflows",
    "unsound-object: badDateOverflow",
    () => packOf(commitWith(soundCommit.replaceAll("1700000000", "9".repeat(30)))),
  ],
  [
    "62 a zero byte in the headers",
    "unsound-object: nulInHeader",
    () => packOf(commitWith(soundCommit.replace("Alice", "Al\0ce"))),
  ],
  [
    "62 a zero byte in the message",
    "unsound-object: nulInCommit",
    () => packOf(commitWith(`${soundCommit}\0\n`)),
  ],
  [
    "63 no empty line",
    "unsound-object: unterminatedHeader",
    () => packOf(commitWith(`tree ${emptyTree}\nauthor ${person}\ncommitter ${person}`)),
  ],
  [
    "64 garbage for a commit",
    "unsound-object: unterminatedHeader",
    () => packOf(commitWith("garbage")),
  ],
  [
    "65 200,000 parents",
    "unsound-object: more than 1000 parents",
    () => packOf(commitWith(manyParents(200_000))),
  ],
  [
    "66 garbage for a tag",
    "unsound-object: badObjectSha1",
    () => packOf([entry(tagCode, "garbage\n\n")]),
  ],
  [
    "66 a tag of an unknown type",
    "unsound-object: badType",
    () =>
      packOf([
        helloEntry,
        entry(tagCode, `object ${helloOid}\ntype blub\ntag v1\ntagger ${person}\n\nv1\n`),
      ]),
  ],
  [
    "66 a tag of another type than it says",
    "wrong-type",
    () =>
      packOf([
        helloEntry,
        entry(tagCode, `object ${helloOid}\ntype commit\ntag v1\ntagger ${person}\n\nv1\n`),
      ]),
  ],
  ["67 garbage for a tree", "unsound-object: badTree", () => packOf([entry(treeCode, "garbage")])],
  [
    "67 a tree cut off inside an id",
    "unsound-object: badTree",
    () => packOf([helloEntry, entry(treeCode, cut(treeOf(["100644", "a", helloOid]), 1))]),
  ],
  [
    "67 a folder that is a file",
    "wrong-type",
    () => packOf([helloEntry, entry(treeCode, treeOf(["40000", "a", helloOid]))]),
  ],
  [
    "67 a file that is a folder",
    "wrong-type",
    () => packOf([entry(treeCode, ""), entry(treeCode, treeOf(["100644", "a", emptyTree]))]),
  ],
  [
    "67 a file that is nowhere",
    "object-missing",
    () => packOf([entry(treeCode, treeOf(["100644", "a", helloOid]))]),
  ],
  [
    "68 a missing author's name",
    "unsound-object: missingNameBeforeEmail",
    () => packOf(commitWith(soundCommit.replace("author Alice <", "author <"))),
  ],
  [
    "68 two authors",
    "unsound-object: multipleAuthors",
    () => packOf(commitWith(soundCommit.replace("committer", `author ${person}\ncommitter`))),
  ],
  [
    "68 a time zone in words",
    "unsound-object: badTimezone",
    () => packOf(commitWith(soundCommit.replace("+0000", "CET"))),
  ],
  [
    "68 a date with a leading zero",
    "unsound-object: zeroPaddedDate",
    () => packOf(commitWith(soundCommit.replace("1700000000", "01700000000"))),
  ],
  [
    "a .gitmodules whose name climbs out",
    "unsound-object: gitmodulesName",
    () => packOf(modules('[submodule "../../x"]\n\turl = https://a.example/\n')),
  ],
  [
    "a .gitmodules whose url is an option",
    "unsound-object: gitmodulesUrl",
    () => packOf(modules('[submodule "x"]\n\turl = -uevil\n')),
  ],
  [
    "a .gitmodules whose path is an option",
    "unsound-object: gitmodulesPath",
    () => packOf(modules('[submodule "x"] path = --upload-pack=x\n')),
  ],
  [
    "a .gitmodules that runs a command",
    "unsound-object: gitmodulesUpdate",
    () => packOf(modules('[submodule "x"]\nupdate = !evil\n')),
  ],
  [
    "a .gitmodules whose url has a second line",
    "unsound-object: gitmodulesUrl",
    () => packOf(modules('[submodule "x"]\nurl = https://a.example/%0ab\n')),
  ],
  [
    "a .gitmodules that is a symlink",
    "unsound-object: gitmodulesSymlink",
    () => packOf([helloEntry, entry(treeCode, treeOf(["120000", ".gitmodules", helloOid]))]),
  ],
  [
    "a .gitattributes with an endless line",
    "unsound-object: gitattributesLineLength",
    () => packOf(special(".gitattributes", `a ${"b".repeat(3_000)}\n`)),
  ],
];
