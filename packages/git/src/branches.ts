/** Branches and tags, as a person makes, renames and deletes them. What is deleted can be had back from the reflog. */

import { formatUtf8 } from "@skein/protocol/bytes";
import { parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { cleanMessage, signatureOf } from "./draft.ts";
import type { Signed } from "./draft.ts";
import type { Commits } from "./history-commits.ts";
import { ObjectMissingError } from "./object-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { formatPerson, parseTag } from "./object.ts";
import type { ObjectType, Person } from "./object.ts";
import { branchPrefix, tagPrefix } from "./refs.ts";
import type { Refs } from "./refs.ts";

export type RefOutcome =
  | "done"
  /** Somebody moved it at the same moment. Nothing was changed: look again. */
  | "moved"
  | "bad-name"
  | "taken"
  /** It would differ from another one only by case, or by how letters are written. */
  | "looks-alike"
  | "no-such-ref"
  /** HEAD is on this branch. */
  | "is-head";

export interface TagInfo {
  readonly name: string;
  /** The tag object of an annotated tag, or what a plain tag names. */
  readonly oid: ObjectId;
  /** What it is about, through all tags on tags. */
  readonly target: ObjectId;
  readonly type: ObjectType;
  /** `undefined` for a plain tag. */
  readonly annotation:
    | { readonly tagger: Person | undefined; readonly title: string; readonly body: string }
    | undefined;
}

export interface TagAsked {
  readonly name: string;
  readonly target: ObjectId;
  /** With a message the tag is an object of its own, signed by nobody but naming who made it. */
  readonly annotation?: (Signed & { readonly message: string }) | undefined;
}

/** They throw `RefRefusedError` where a branch would be a folder of another one, or names what is not here. */
export interface Branches {
  readonly createBranch: (name: string, commit: ObjectId) => Promise<RefOutcome>;
  /** HEAD goes with it. */
  readonly renameBranch: (from: string, to: string) => Promise<RefOutcome>;
  readonly deleteBranch: (name: string) => Promise<RefOutcome>;
  readonly createTag: (asked: TagAsked) => Promise<RefOutcome>;
  readonly deleteTag: (name: string) => Promise<RefOutcome>;
  /** By name. */
  readonly tags: () => Promise<ReadonlyArray<TagInfo>>;
}

interface Source {
  readonly objects: ObjectStore;
  readonly commits: Commits;
  readonly refs: Refs;
}

export function openBranches(from: Source): Branches {
  const { refs } = from;
  return {
    createBranch: async (name, commit) => {
      const ref = parseShortName(branchPrefix, name);
      if (ref === undefined) return "bad-name";
      const fault = nameFault(await refs.all(), ref, undefined);
      if (fault !== undefined) return fault;
      const { oid } = await from.commits.read(commit);
      return refs.update([{ ref, from: undefined, to: oid }], { why: "branch: created" });
    },
    renameBranch: (one, other) => renameBranch(from, one, other),
    deleteBranch: async (name) => {
      const ref = parseShortName(branchPrefix, name);
      if (ref !== undefined && (await refs.head()) === ref) return "is-head";
      return deleteRef(refs, ref, "branch: deleted");
    },
    createTag: (asked) => createTag(from, asked),
    deleteTag: async (name) => deleteRef(refs, parseShortName(tagPrefix, name), "tag: deleted"),
    tags: async () => {
      const named = [...(await refs.all())].filter(([ref]) => ref.startsWith(tagPrefix));
      const sorted = named.toSorted(([one], [other]) => (one < other ? -1 : 1));
      return Promise.all(
        sorted.map(async ([ref, oid]) => readTag(from.objects, ref.slice(tagPrefix.length), oid)),
      );
    },
  };
}

async function renameBranch({ refs }: Source, one: string, other: string): Promise<RefOutcome> {
  const from = parseShortName(branchPrefix, one);
  const to = parseShortName(branchPrefix, other);
  if (from === undefined || to === undefined) return "bad-name";
  const all = await refs.all();
  const oid = all.get(from);
  if (oid === undefined) return "no-such-ref";
  if (from === to) return "done";
  const fault = nameFault(all, to, from);
  if (fault !== undefined) return fault;
  const head = (await refs.head()) === from ? to : undefined;
  return refs.update(
    [
      { ref: from, from: oid, to: undefined },
      { ref: to, from: undefined, to: oid },
    ],
    { head, why: `branch: renamed ${one} to ${other}` },
  );
}

async function createTag({ refs, objects }: Source, asked: TagAsked): Promise<RefOutcome> {
  const { name, target, annotation } = asked;
  const ref = parseShortName(tagPrefix, name);
  if (ref === undefined) return "bad-name";
  const fault = nameFault(await refs.all(), ref, undefined);
  if (fault !== undefined) return fault;
  const to =
    annotation === undefined ? target : await writeTag(objects, { name, target, annotation });
  return refs.update([{ ref, from: undefined, to }], { why: "tag: created" });
}

async function writeTag(
  objects: ObjectStore,
  {
    name,
    target,
    annotation,
  }: Pick<TagAsked, "name" | "target"> & {
    readonly annotation: NonNullable<TagAsked["annotation"]>;
  },
): Promise<ObjectId> {
  const type = await objects.type(target);
  if (type === undefined) throw new ObjectMissingError(`Object ${target} is not here`);
  const lines = [
    `object ${target}`,
    `type ${type}`,
    `tag ${name}`,
    `tagger ${formatPerson(signatureOf(annotation))}`,
  ];
  const bytes = formatUtf8(`${lines.join("\n")}\n\n${cleanMessage(annotation.message)}`);
  const [oid] = await objects.objectsToPack([{ type: "tag", bytes }], { signal: neverStopped });
  if (oid === undefined) throw new ObjectMissingError(`The tag ${name} was not stored`);
  return oid;
}

async function deleteRef(refs: Refs, ref: RefName | undefined, why: string): Promise<RefOutcome> {
  if (ref === undefined) return "bad-name";
  const from = (await refs.all()).get(ref);
  if (from === undefined) return "no-such-ref";
  return refs.update([{ ref, from, to: undefined }], { why });
}

async function readTag(objects: ObjectStore, name: string, oid: ObjectId): Promise<TagInfo> {
  let annotation: TagInfo["annotation"];
  let target = oid;
  for (let tags = 0; tags <= tagsOnTagsMax; tags++) {
    // oxlint-disable-next-line no-await-in-loop -- each tag says what the next one is.
    const object = await objects.read(target);
    if (object === undefined) throw new ObjectMissingError(`Object ${target} is not here`);
    const tag = object.type === "tag" ? parseTag(object.bytes) : undefined;
    if (tag === undefined) return { name, oid, target, type: object.type, annotation };
    annotation ??= { tagger: tag.tagger, ...splitMessage(tag.message) };
    target = tag.target;
  }
  return { name, oid, target, type: "tag", annotation };
}

function splitMessage(message: string): { readonly title: string; readonly body: string } {
  const text = message.trim();
  const end = text.indexOf("\n");
  if (end === -1) return { title: text, body: "" };
  return { title: text.slice(0, end).trimEnd(), body: text.slice(end + 1).trim() };
}

function parseShortName(prefix: string, name: string): RefName | undefined {
  // A branch of this name could not be told from HEAD itself.
  return name === "HEAD" ? undefined : parseRefName(`${prefix}${name}`);
}

/** Two names that a person, or a file system, could take for each other. */
function nameFault(
  all: ReadonlyMap<RefName, ObjectId>,
  ref: RefName,
  leaving: RefName | undefined,
): "taken" | "looks-alike" | undefined {
  if (all.has(ref)) return "taken";
  const folded = foldName(ref);
  const isAlike = (other: RefName): boolean => other !== leaving && foldName(other) === folded;
  return [...all.keys()].some(isAlike) ? "looks-alike" : undefined;
}

function foldName(ref: RefName): string {
  return ref.normalize("NFKC").toLowerCase();
}

const tagsOnTagsMax = 8;
/** Writing one small object is over before anyone could stop it. */
const neverStopped = { aborted: false, throwIfAborted: (): void => undefined };
