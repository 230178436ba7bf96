/** Reads what was dropped or picked: files, and folders with everything in them, by path. */

export interface PathFile {
  readonly path: string;
  readonly file: Blob;
}

/** Call while the drop event lasts: the browser forgets the transfer after it. Git's own folder is left out. */
export async function readDropped(transfer: DataTransfer): Promise<ReadonlyArray<PathFile>> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter(
    (entry) => entry !== null,
  );
  if (entries.length === 0) return readPicked(transfer.files);
  const found = await Promise.all(entries.map((entry) => readEntry(entry, "")));
  return found.flat();
}

/** Whether a folder of these is a git repository. Call while the drop event lasts. */
export async function dropsGitFolder(transfer: DataTransfer): Promise<boolean> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry());
  const asked = entries.map(
    (entry) =>
      new Promise<boolean>((resolve) => {
        if (entry === null || !isFolder(entry)) return resolve(false);
        return entry.getDirectory(
          ".git",
          {},
          () => resolve(true),
          () => resolve(false),
        );
      }),
  );
  return (await Promise.all(asked)).includes(true);
}

export function readPicked(files: FileList | null): ReadonlyArray<PathFile> {
  return Array.from(files ?? [], (file) => ({
    path: file.webkitRelativePath === "" ? file.name : file.webkitRelativePath,
    file,
  })).filter(({ path }) => !isInGitFolder(path));
}

/** Git's own folder is no part of what stands in a folder: it holds a history, which comes in a bundle. */
export function isInGitFolder(path: string): boolean {
  return path.split("/").includes(".git");
}

async function readEntry(entry: FileSystemEntry, folder: string): Promise<ReadonlyArray<PathFile>> {
  const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => {
      entry.file(resolve, reject);
    });
    return [{ path, file }];
  }
  if (!isFolder(entry) || entry.name === ".git") return [];
  const children = await readFolder(entry.createReader());
  const found = await Promise.all(children.map((child) => readEntry(child, path)));
  return found.flat();
}

/** A reader gives a hundred entries at a time and nothing at the end. */
async function readFolder(
  reader: FileSystemDirectoryReader,
): Promise<ReadonlyArray<FileSystemEntry>> {
  const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
    reader.readEntries(resolve, reject);
  });
  return some.length === 0 ? [] : [...some, ...(await readFolder(reader))];
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
