/** The commands about branches and tags: making, renaming, deleting them, and putting them back to where they were. */

import type { ObjectId, RefName } from "@skein/protocol/ids";
import {
  branchRef,
  oidOf,
  refusalToMove,
  tagRef,
  writersHome,
  type CommandTable,
  type CommandWorld,
} from "./command-world.ts";
import type { MovedCommitView, RefMoveView } from "./answers.ts";
import { branchOf } from "./ref-moves.ts";
import { CommandRefusedError } from "./refusals.ts";
import { repositoryOf, tipMoved } from "./repository-access.ts";
import type { RepositoryNode } from "./repository-node.ts";

type BranchCommandName =
  | "new-branch"
  | "rename-branch"
  | "delete-branch"
  | "new-tag"
  | "delete-tag"
  | "undo"
  | "ref-moves";

export function branchCommands(world: CommandWorld): Pick<CommandTable, BranchCommandName> {
  const open = (id: string): RepositoryNode => {
    writersHome(world);
    return repositoryOf(world, id);
  };
  return {
    "new-branch": async ({ id, name, from }) => {
      const repository = open(id);
      const to = await commitOf(repository, from);
      await make(repository, { ref: branchRef(name), name, to, why: "branch: created" });
    },
    "rename-branch": async ({ id, name, to }) => {
      if (name !== to) await rename(open(id), name, to);
    },
    "delete-branch": async ({ id, name }) => {
      const repository = open(id);
      const ref = branchRef(name);
      if (repository.head() === ref) throw inUse(name);
      await remove(repository, { ref, name, why: "branch: deleted" });
    },
    "new-tag": async ({ id, name, commit }) => {
      const repository = open(id);
      const to = await commitOf(repository, commit);
      await make(repository, { ref: tagRef(name), name, to, why: "tag: created" });
    },
    "delete-tag": async ({ id, name }) =>
      remove(open(id), { ref: tagRef(name), name, why: "tag: deleted" }),
    undo: async ({ id, kind, name, from, to }) => {
      const repository = open(id);
      const ref = kind === "branch" ? branchRef(name) : tagRef(name);
      const back = to === undefined ? undefined : oidOf(to);
      if (back === undefined && repository.head() === ref) throw inUse(name);
      if (back !== undefined && (await repository.git.objects.type(back)) === undefined)
        throw gone();
      if (from === undefined && back !== undefined) judgeName(repository.refs(), { ref, name });
      const change = { ref, from: from === undefined ? undefined : oidOf(from), to: back };
      await finish(repository.moveRefs([change], { why: "undo" }), name);
    },
    "ref-moves": async ({ id, limit }) => {
      const { git } = repositoryOf(world, id);
      // What other nodes did to their own branches is theirs to undo.
      const own = (await git.refMoves()).filter(({ ref }) => kindOf(ref) !== undefined);
      const moves = await Promise.all(
        own.slice(0, limit).map(async ({ ref, from, to, at, why }): Promise<RefMoveView> => ({
          kind: kindOf(ref) ?? "branch",
          name: ref.split("/").slice(2).join("/"),
          from: await movedCommit(git, from),
          to: await movedCommit(git, to),
          at,
          why,
        })),
      );
      return { moves, more: own.length > limit };
    },
  };
}

interface Named {
  readonly ref: RefName;
  readonly name: string;
}

async function make(
  repository: RepositoryNode,
  { ref, name, to, why }: Named & { readonly to: ObjectId; readonly why: string },
): Promise<void> {
  judgeName(repository.refs(), { ref, name });
  await finish(repository.moveRefs([{ ref, from: undefined, to }], { why }), name);
}

async function remove(
  repository: RepositoryNode,
  { ref, name, why }: Named & { readonly why: string },
): Promise<void> {
  const from = repository.refs().get(ref);
  if (from === undefined) throw tipMoved(name);
  await finish(repository.moveRefs([{ ref, from, to: undefined }], { why }), name);
}

/** HEAD goes with it. */
async function rename(repository: RepositoryNode, name: string, to: string): Promise<void> {
  const [one, other] = [branchRef(name), branchRef(to)];
  const refs = new Map(repository.refs());
  const oid = refs.get(one);
  if (oid === undefined) throw tipMoved(name);
  refs.delete(one);
  judgeName(refs, { ref: other, name: to });
  const head = repository.head() === one ? other : undefined;
  const changes = [
    { ref: one, from: oid, to: undefined },
    { ref: other, from: undefined, to: oid },
  ];
  const why = `branch: renamed ${name} to ${to}`;
  await finish(repository.moveRefs(changes, { head, why }), name);
}

async function finish(moving: ReturnType<RepositoryNode["moveRefs"]>, name: string): Promise<void> {
  const outcome = await moving;
  if (outcome === "moved") throw tipMoved(name);
  const refused = refusalToMove(outcome);
  if (refused !== undefined) throw refused;
}

async function commitOf(repository: RepositoryNode, text: string): Promise<ObjectId> {
  const oid = oidOf(text);
  if ((await repository.git.objects.type(oid)) === "commit") return oid;
  throw new CommandRefusedError("bad_oid", { what: "This is not a commit." });
}

/** Two names that a person, or a file system, could take for each other, and a branch that would be another's folder. */
function judgeName(refs: ReadonlyMap<RefName, ObjectId>, { ref, name }: Named): void {
  const folded = foldName(ref);
  const other = [...refs.keys()].find((one) => {
    const there = foldName(one);
    return there === folded || there.startsWith(`${folded}/`) || folded.startsWith(`${there}/`);
  });
  if (other === undefined && name !== "HEAD") return;
  throw new CommandRefusedError("name_taken", {
    what: `"${name}" is taken, or too much like ${other?.split("/").slice(2).join("/") ?? "a word that git keeps for itself"}.`,
    safe: "Nothing was changed.",
    next: "Choose another name.",
  });
}

function foldName(ref: RefName): string {
  return ref.normalize("NFKC").toLowerCase();
}

function kindOf(ref: RefName): "branch" | "tag" | undefined {
  if (branchOf(ref) !== undefined) return "branch";
  return ref.startsWith("refs/tags/") ? "tag" : undefined;
}

async function movedCommit(
  git: RepositoryNode["git"],
  oid: ObjectId | undefined,
): Promise<MovedCommitView | undefined> {
  if (oid === undefined) return undefined;
  const isCommit = (await git.objects.type(oid)) === "commit";
  return { oid, title: isCommit ? (await git.readCommit(oid)).title : undefined };
}

function inUse(name: string): CommandRefusedError {
  return new CommandRefusedError("branch_in_use", {
    what: `${name} is the branch that is shown first.`,
    safe: "Nothing was changed.",
    next: "Rename it instead.",
  });
}

function gone(): CommandRefusedError {
  return new CommandRefusedError("not_there", {
    what: "What it was is no longer on this device.",
    safe: "Nothing was changed.",
  });
}
