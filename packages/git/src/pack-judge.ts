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
  /** Takes a tree that the kernel found sound: where its ids stand, with the highest bit set for those of trees. */
  readonly takeTree: (
    tree: SoundTree,
    ids: Uint32Array,
    id: { readonly bytes: Uint8Array; readonly offset: number },
  ) => void;
  /** Judges the files that git reads, and the trees together with those that are here already. */
  readonly judgeWhole: (around: Around) => Promise<void>;
}

/** Where a tree lies. */
export interface SoundTree {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
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
  const treeIds: Uint8Array[] = [];
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
      if (kind !== "tree") shapes.file(bytes);
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
        treeIds.push(id.bytes.subarray(id.offset, id.offset + 20));
      }
      asRefusal(() => {
        const fault = objectFault(type, bytes, type === "tree" ? ofTree : ofOthers);
        if (fault !== undefined) found = unsound(fault);
      });
      if (found !== undefined) throw refusalOf(found, type, id);
    },
    takeTree: (tree, ids, id) => {
      shapes.begin();
      treeIds.push(id.bytes.subarray(id.offset, id.offset + 20));
      takeIds({ links, shapes, id }, tree, ids);
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
  }: {
    readonly links: LinkSet;
    readonly shapes: TreeShapes;
    readonly treeIds: ReadonlyArray<Uint8Array>;
  },
  { shapes: stored, turn }: Around,
): Promise<void> {
  const linkOfTree = (tree: number): number => {
    const id = treeIds[tree];
    return id === undefined ? -1 : links.find(id, 0);
  };
  const ids = links.ids();
  if (stored !== undefined)
    for (const link of shapes.outside(linkOfTree))
      await stored.measure({ bytes: ids, offset: link * 20 }, turn);
  shapes.judge(linkOfTree, (link) => stored?.shapeOf(ids, link * 20));
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

function takeIds({ links, shapes, id }: Taking, tree: SoundTree, ids: Uint32Array): void {
  const { bytes } = tree;
  let next = tree.start;
  asRefusal(() => {
    for (const at of ids) {
      const isTree = at >= treeBit;
      const idAt = isTree ? at - treeBit : at;
      next = passSubmodules(shapes, bytes, { from: next, until: idAt });
      const nameBytes = idAt - 1 - nameStart(bytes, next);
      next = idAt + 20;
      const link = links.addCode(bytes, idAt, isTree ? treeCode : blobCode);
      if (link < 0) throw refusalOf(twoTypes, "tree", id);
      if (isTree) shapes.folder(link, nameBytes);
      else shapes.file(nameBytes);
    }
  });
  passSubmodules(shapes, bytes, { from: next, until: tree.end });
}

/** The kernel lists no submodules: they lie between what it lists, or at the end. Answers where the next entry begins. */
function passSubmodules(
  shapes: TreeShapes,
  bytes: Uint8Array,
  { from, until }: { readonly from: number; readonly until: number },
): number {
  let begin = from;
  while (until - begin >= entryBytesMin) {
    const idAt = bytes.indexOf(0, begin) + 1;
    if (idAt >= until) break;
    shapes.file(idAt - 1 - nameStart(bytes, begin));
    begin = idAt + 20;
  }
  return begin;
}

function nameStart(bytes: Uint8Array, begin: number): number {
  let space = begin;
  while (bytes[space] !== 0x20) space += 1;
  return space + 1;
}

/** A digit, a space, a letter, a zero and an id. */
const entryBytesMin = 24;
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
