/** The sentences about bringing in a repository from elsewhere. */

import { formatCount } from "./format.ts";

export const importCopy = {
  importing: {
    title: "Import a repository",
    label: "Git bundle or zip",
    drop: "Drop a git bundle, a zip or a folder here.",
    folder: "Choose a folder",
    folderName: "Files",
    how: "With all its history: make a bundle with",
    command: "git bundle create x.bundle --all",
    limits:
      "All branches and tags come along, and every object is checked. A zip or a folder becomes one commit. Submodules and Git LFS files are kept as they are and not fetched.",
    reading: (file: string) => `Importing ${file}`,
    starting: "Opening the file",
    here: (name: string) => `You have “${name}” already`,
    hereText:
      "A repository with this name, and with the same branches and tags, is on this device.",
    open: "Open it",
    again: "Import again",
    done: (name: string, count: number) =>
      `“${name}” is here, with ${formatCount(count, "file", "files")}`,
    skipped: (count: number) => `${formatCount(count, "file was", "files were")} left out`,
    arrived: (name: string) => `“${name}” is here`,
    skippedRefs: (count: number) => `${formatCount(count, "name was", "names were")} left out`,
    skippedRefsText:
      "Everything else came along. Skein leaves out what git keeps for one folder, such as a stash, and names that it refuses or that cannot stand beside the others.",
    skippedMore: (count: number) => `and ${formatCount(count, "more", "more")}`,
    hadGit:
      "This folder was a git repository. Its history did not come along: make a bundle of it for that.",
    why: {
      "bad-name": "no git repository may hold a file of this name",
      "too-long": "the path is too long",
      "too-large": "larger than Skein takes",
      "named-twice": "stands there twice",
      "file-and-folder": "is a file and a folder at once",
      system: "notes of an operating system to itself",
    },
    clone: "Clone",
    cloneTitle: "From a git host",
    address: "Address",
    addressHint: (hosts: ReadonlyArray<string>) => `Your relay clones from ${formatList(hosts)}.`,
    placeholder: "https://",
    noHosts:
      "Browsers may not read git hosts by themselves, and your relay does not do it for them. Clone it with git on a computer, then import a bundle.",
  },
} as const;

function formatList(names: ReadonlyArray<string>): string {
  return new Intl.ListFormat("en").format(names);
}
