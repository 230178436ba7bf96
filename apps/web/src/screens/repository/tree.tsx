/** A commit's files as folders that open; what is inside a folder is read when it is opened. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { TreeEntryView } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { shortOid } from "../../format.ts";
import { Refusal } from "../../parts/banner.tsx";
import { useQuestion } from "../../parts/door-context.ts";
import { Icon } from "../../parts/icons.tsx";
import { Skeleton } from "../../parts/pieces.tsx";
import type { Place } from "./place.ts";
import { addressOf } from "./place.ts";

export function Tree({
  place,
  commit,
  folder = "",
}: {
  readonly place: Place;
  readonly commit: string;
  readonly folder?: string;
}): JSX.Element {
  const tree = useQuestion("read-tree", { id: place.repository.id, commit, path: folder });
  if (tree.phase === "asking") return <Skeleton lines={folder === "" ? 8 : 2} />;
  if (tree.phase === "refused") return <Refusal refused={tree.refused} />;
  const { entries } = tree.answer;
  if (entries.length === 0) return <p class="tree-plain">{copy.files.emptyFolder}</p>;
  return (
    <ul>
      {entries.toSorted(foldersFirst).map((entry) => (
        <li key={entry.name}>
          <Entry
            entry={entry}
            place={place}
            commit={commit}
            path={folder === "" ? entry.name : `${folder}/${entry.name}`}
          />
        </li>
      ))}
    </ul>
  );
}

function Entry({
  entry,
  place,
  commit,
  path,
}: {
  readonly entry: TreeEntryView;
  readonly place: Place;
  readonly commit: string;
  readonly path: string;
}): JSX.Element {
  if (entry.kind === "folder")
    return <Folder name={entry.name} place={place} commit={commit} path={path} />;
  if (entry.kind === "submodule")
    return (
      <span class="tree-plain" title={copy.files.submodule}>
        <Icon name="repository" />
        <span>
          {entry.name} <code class="small quiet">@ {shortOid(entry.oid)}</code>
        </span>
        <span class="visually-hidden">{copy.files.submodule}</span>
      </span>
    );
  return (
    <a
      href={addressOf(place, { tab: "files", path })}
      aria-current={place.path === path ? "true" : undefined}
      title={entry.kind === "link" ? copy.files.link : undefined}
    >
      <Icon name="file" />
      <span>{entry.name}</span>
    </a>
  );
}

function Folder({
  name,
  place,
  commit,
  path,
}: {
  readonly name: string;
  readonly place: Place;
  readonly commit: string;
  readonly path: string;
}): JSX.Element {
  const holdsShown = place.path?.startsWith(`${path}/`) ?? false;
  const [open, setOpen] = useState(holdsShown);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Icon name="chevron" />
        <Icon name="folder" />
        <span>{name}</span>
      </summary>
      {open && <Tree place={place} commit={commit} folder={path} />}
    </details>
  );
}

function foldersFirst(a: TreeEntryView, b: TreeEntryView): number {
  const rank = (entry: TreeEntryView): number => (entry.kind === "folder" ? 0 : 1);
  return rank(a) - rank(b) || collator.compare(a.name, b.name);
}

const collator = new Intl.Collator("en", { numeric: true });
