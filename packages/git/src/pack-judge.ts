/** Judges every object of a pack as `git index-pack --strict` would, and remembers what they refer to. */

/* oxlint-disable eslint/no-await-in-loop -- one object is held at a time. */

import { formatHex } from "@skein/protocol/bytes";
import { LimitExceededError } from "@skein/protocol/errors";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import type { SpecialName } from "./entry-name.ts";
import { openLinkSet, type LinkSet } from "./link-set.ts";
import { objectFault } from "./object-fault.ts";
import { oidAt, type EntryKind, type GitObject, type ObjectType } from "./object.ts";
import { PackRejectedError, type PackFault } from "./pack-rejected.ts";
import { specialFileFault } from "./special-file.ts";
import type { ShapeTurn, StoredShapes } from "./stored-shapes.ts";
import { openTreeShapes, type TreeShapes } from "./tree-shape.ts";

export interface PackJudge {
  readonly links: LinkSet;
  /** Throws `PackRejectedError` at what git would refuse. `id` is where the object's id stands. */
  readonly judge: (
    object: GitObject,
    id: { readonly bytes: Uint8Array; readonly offset: number },
  ) => void;
  /** Takes a tree that the kernel found sound, as it lists its entries: two words each, `many` times from `list` on. */
  readonly takeTree: (
    tree: SoundTree,
    id: { readonly bytes: Uint8Array; readonly offset: number },
  ) => void;
  /** Judges the files that git reads, and the trees together with those that are here already. */
  readonly judgeWhole: (around: Around) => Promise<void>;
}

/** A tree's entries, as `judgeTree` lists them: where in `bytes` the ids stand, and how long the names are. */
export interface SoundTree {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** The first of the words. */
  readonly list: number;
  readonly many: number;
}

/** What is here besides the pack. */
export interface Around {
  readonly read: (oid: ObjectId) => Promise<GitObject | undefined>;
  readonly shapes: StoredShapes | undefined;
  readonly turn: ShapeTurn;
}

export function openPackJudge(): PackJudge {
  const links = openLinkSet();
  const shapes = openTreeShapes();
  const treeIds = openTreeIds();
  const special = new Map<string, SpecialName>();
  let found: Found | undefined;

  const refer = (bytes: Uint8Array, offset: number, type: ObjectType): number => {
    const link = links.add(bytes, offset, type);
    if (link === undefined) found ??= twoTypes;
    return link ?? 0;
  };
  let nameBytes = 0;
  const ofTree = {
    name: (bytes: number, kind: EntryKind): void => {
      nameBytes = bytes;
      if (kind !== "tree") shapes.files(1, bytes);
    },
    refer: (bytes: Uint8Array, offset: number, type: ObjectType): void => {
      const link = refer(bytes, offset, type);
      if (type === "tree") shapes.folder(link, nameBytes);
    },
    special: (bytes: Uint8Array, offset: number, name: SpecialName): void => {
      const oid = formatHex(bytes.subarray(offset, offset + 20));
      if ((special.get(oid) ?? name) !== name)
        found ??= unsound("a file is both .gitmodules and .gitattributes");
      special.set(oid, name);
      if (special.size > specialsMax)
        found ??= unsound(`more than ${specialsMax} .gitmodules files`);
    },
  };
  const ofOthers = {
    refer: (bytes: Uint8Array, offset: number, type: ObjectType): void => {
      refer(bytes, offset, type);
    },
    special: (): void => {},
  };

  return {
    links,
    judge: ({ type, bytes }, id) => {
      if (type === "tree") {
        shapes.begin();
        treeIds.add(id.bytes, id.offset);
      }
      asRefusal(() => {
        const fault = objectFault(type, bytes, type === "tree" ? ofTree : ofOthers);
        if (fault !== undefined) found = unsound(fault);
      });
      if (found !== undefined) throw refusalOf(found, type, id);
    },
    takeTree: (tree, id) => {
      shapes.begin();
      treeIds.add(id.bytes, id.offset);
      takeEntries({ links, shapes, id }, tree);
    },
    judgeWhole: async (around) => {
      await judgeShapes({ links, shapes, treeIds }, around);
      await judgeSpecial(special, around.read);
    },
  };
}

/** What is wrong with an object, or with what it refers to. */
interface Found {
  readonly fault: PackFault;
  readonly why: string;
}

function unsound(why: string): Found {
  return { fault: "unsound-object", why };
}

const twoTypes: Found = { fault: "wrong-type", why: "an object is referred to as two types" };

function refusalOf(
  { fault, why }: Found,
  type: ObjectType,
  { bytes, offset }: { readonly bytes: Uint8Array; readonly offset: number },
): PackRejectedError {
  return new PackRejectedError(fault, `${type} ${oidAt(bytes, offset)}: ${why}`);
}

async function judgeShapes(
  {
    links,
    shapes,
    treeIds,
  }: { readonly links: LinkSet; readonly shapes: TreeShapes; readonly treeIds: TreeIds },
  { shapes: stored, turn }: Around,
): Promise<void> {
  const known = { linkOfTree: treeIds.linksIn(links), links: links.size() };
  const ids = links.ids();
  if (stored !== undefined)
    for (const link of shapes.outside(known))
      await stored.measure({ bytes: ids, offset: link * 20 }, turn);
  shapes.judge(known, (link) => stored?.shapeOf(ids, link * 20));
}

/** The ids of the trees of a pack, in the order in which they were judged. */
interface TreeIds {
  readonly add: (bytes: Uint8Array, offset: number) => void;
  /** The link to each of them, or -1. */
  readonly linksIn: (links: LinkSet) => Int32Array;
}

function openTreeIds(): TreeIds {
  let ids = new Uint8Array(20 * 256);
  let filled = 0;
  return {
    add: (bytes, offset) => {
      if (filled === ids.length) {
        const more = new Uint8Array(ids.length * 2);
        more.set(ids);
        ids = more;
      }
      for (let byte = 0; byte < 20; byte++) ids[filled++] = bytes[offset + byte] ?? 0;
    },
    linksIn: (links) => {
      const linkOfTree = new Int32Array(filled / 20);
      for (let tree = 0; tree < linkOfTree.length; tree++)
        linkOfTree[tree] = links.find(ids, tree * 20);
      return linkOfTree;
    },
  };
}

async function judgeSpecial(
  special: ReadonlyMap<string, SpecialName>,
  read: (oid: ObjectId) => Promise<GitObject | undefined>,
): Promise<void> {
  for (const [hex, name] of special) {
    const oid = parseObjectId(hex);
    const object = oid && (await read(oid));
    const wrong = object?.type === "blob" ? specialFileFault(name, object.bytes) : undefined;
    if (wrong !== undefined) throw new PackRejectedError("unsound-object", `blob ${hex}: ${wrong}`);
  }
}

interface Taking {
  readonly links: LinkSet;
  readonly shapes: TreeShapes;
  readonly id: { readonly bytes: Uint8Array; readonly offset: number };
}

function takeEntries({ links, shapes, id }: Taking, tree: SoundTree): void {
  const { bytes, words, list, many } = tree;
  let files = 0;
  let longest = 0;
  let before = -1;
  asRefusal(() => {
    for (let at = list; at < list + 2 * many; at += 2) {
      const idAt = words[at] ?? 0;
      const nameBytes = words[at + 1] ?? 0;
      const isTree = idAt >= treeBit;
      if (!isTree) {
        files += 1;
        if (nameBytes > longest) longest = nameBytes;
        // A submodule refers to nothing here.
        if (idAt === 0) continue;
      }
      const code = isTree ? treeCode : blobCode;
      before = links.addCode(bytes, isTree ? idAt - treeBit : idAt, code, before);
      if (before < 0) throw refusalOf(twoTypes, "tree", id);
      if (isTree) shapes.folder(before, nameBytes);
    }
  });
  shapes.files(files, longest);
}

const treeBit = 2 ** 31;
const treeCode = 2;
const blobCode = 3;

/** A limit exceeded inside is a reason to refuse the pack. */
function asRefusal(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof LimitExceededError)
      throw new PackRejectedError("link-count", error.message, { cause: error });
    throw error;
  }
}

/** Versions of `.gitmodules` and `.gitattributes` that one pack brings. */
const specialsMax = 100_000;
