/** Where in a repository a person is: read from the address, and written back into addresses. */

import type { RepositoryView } from "@skein/peer/views";

export const tabs = ["files", "history", "remotes", "undo"] as const;
export type Tab = (typeof tabs)[number];

export interface Place {
  readonly repository: RepositoryView;
  readonly tab: Tab;
  /** What is shown: a local branch, another node's branch, or a tag. */
  readonly ref: ShownRef | undefined;
  readonly path: string | undefined;
  readonly commit: string | undefined;
  /** The tip of another node's branch that is being merged into the one shown. */
  readonly merging: string | undefined;
  /** History without what merges brought in. It stays so wherever the person goes within the repository. */
  readonly firstParent: boolean;
}

export interface ShownRef {
  readonly name: string;
  readonly oid: string;
  /** Only local branches can be committed to. */
  readonly local: boolean;
}

export function placeOf(
  repository: RepositoryView,
  query: Readonly<Record<string, string>>,
): Place {
  const { tab, branch, path, commit, merging, parents } = query;
  return {
    repository,
    tab: tabs.find((one) => one === tab) ?? "files",
    ref:
      findRef(repository, branch) ?? findRef(repository, repository.head) ?? refsOf(repository)[0],
    path: path === "" ? undefined : path,
    commit: commit === "" ? undefined : commit,
    merging: merging === "" ? undefined : merging,
    firstParent: parents === firstOnly,
  };
}

export function addressOf(
  place: Place,
  changes: {
    readonly [Key in "tab" | "branch" | "path" | "commit" | "merging"]?: string | undefined;
  } & { readonly firstParent?: boolean },
): string {
  const { repository, tab, ref, firstParent } = place;
  const branch = "branch" in changes ? changes.branch : ref?.name;
  const query = new URLSearchParams();
  const add = (key: string, value: string | undefined, usual?: string): void => {
    if (value !== undefined && value !== usual) query.set(key, value);
  };
  add("branch", branch, repository.head);
  add("tab", changes.tab ?? tab, "files");
  add("path", changes.path);
  add("commit", changes.commit);
  add("merging", changes.merging);
  add("parents", (changes.firstParent ?? firstParent) ? firstOnly : undefined);
  const text = query.toString();
  return `/r/${repository.id}${text === "" ? "" : `?${text}`}`;
}

/** Every ref that can be shown: local branches first, then other nodes' as `p2p-…/name`, then tags as `tags/name`. */
export function refsOf(repository: RepositoryView): ReadonlyArray<ShownRef> {
  return [
    ...repository.branches.map(({ name, oid }) => ({ name, oid, local: true })),
    ...repository.remotes.flatMap(({ remote, branches }) =>
      branches.map(({ name, oid }) => ({ name: `${remote}/${name}`, oid, local: false })),
    ),
    ...repository.tags.map(({ name, oid }) => ({ name: `tags/${name}`, oid, local: false })),
  ];
}

function findRef(repository: RepositoryView, name: string | undefined): ShownRef | undefined {
  return refsOf(repository).find((ref) => ref.name === name);
}

const firstOnly = "first";
