/** Judges every object of a pack as `git index-pack --strict` would, and remembers what they refer to. */

/* oxlint-disable eslint/no-await-in-loop -- one object is held at a time. */

import { formatHex } from "@skein/protocol/bytes";
import { LimitExceededError } from "@skein/protocol/errors";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import type { SpecialName } from "./entry-name.ts";
import { openLinkSet, type LinkSet } from "./link-set.ts";
import { objectFault } from "./object-fault.ts";
import { oidAt, type GitObject, type ObjectType } from "./object.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import { specialFileFault } from "./special-file.ts";
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
    bytes: Uint8Array,
    ids: Uint32Array,
    id: { readonly bytes: Uint8Array; readonly offset: number },
  ) => void;
  /** Judges the trees together, and the files that git reads. */
  readonly judgeWhole: (read: (oid: ObjectId) => Promise<GitObject | undefined>) => Promise<void>;
}

export function openPackJudge(): PackJudge {
  const links = openLinkSet();
  const shapes = openTreeShapes();
  const treeIds: Uint8Array[] = [];
  const special = new Map<string, SpecialName>();
  let fault: string | undefined;

  const refer = (bytes: Uint8Array, offset: number, type: ObjectType): number => {
    const link = links.add(bytes, offset, type);
    if (link === undefined) fault ??= "an object is referred to as two types";
    return link ?? 0;
  };
  const ofTree = {
    refer: (bytes: Uint8Array, offset: number, type: ObjectType): void => {
      const link = refer(bytes, offset, type);
      if (type === "tree") shapes.folder(link);
      else shapes.files(1);
    },
    special: (bytes: Uint8Array, offset: number, name: SpecialName): void => {
      const oid = formatHex(bytes.subarray(offset, offset + 20));
      if ((special.get(oid) ?? name) !== name)
        fault ??= "a file is both .gitmodules and .gitattributes";
      special.set(oid, name);
      if (special.size > specialsMax) fault ??= `more than ${specialsMax} .gitmodules files`;
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
        fault = objectFault(type, bytes, type === "tree" ? ofTree : ofOthers) ?? fault;
      });
      if (fault !== undefined)
        throw new PackRejectedError(`${type} ${oidAt(id.bytes, id.offset)}: ${fault}`);
    },
    takeTree: (bytes, ids, id) => {
      shapes.begin();
      treeIds.push(id.bytes.subarray(id.offset, id.offset + 20));
      takeIds({ links, shapes, id }, bytes, ids);
    },
    judgeWhole: async (read) => {
      const shape = shapes.judge((tree) => {
        const id = treeIds[tree];
        return id === undefined ? -1 : links.find(id, 0);
      });
      if (shape !== undefined) throw new PackRejectedError(shape);
      await judgeSpecial(special, read);
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
    if (wrong !== undefined) throw new PackRejectedError(`blob ${hex}: ${wrong}`);
  }
}

interface Taking {
  readonly links: LinkSet;
  readonly shapes: TreeShapes;
  readonly id: { readonly bytes: Uint8Array; readonly offset: number };
}

function takeIds({ links, shapes, id }: Taking, bytes: Uint8Array, ids: Uint32Array): void {
  let files = 0;
  asRefusal(() => {
    for (const at of ids) {
      const isTree = at >= treeBit;
      const link = links.addCode(bytes, isTree ? at - treeBit : at, isTree ? treeCode : blobCode);
      if (link < 0)
        throw new PackRejectedError(
          `tree ${oidAt(id.bytes, id.offset)}: an object is referred to as two types`,
        );
      if (isTree) shapes.folder(link);
      else files += 1;
    }
  });
  shapes.files(files);
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
      throw new PackRejectedError(error.message, { cause: error });
    throw error;
  }
}

/** Versions of `.gitmodules` and `.gitattributes` that one pack brings. */
const specialsMax = 100_000;
