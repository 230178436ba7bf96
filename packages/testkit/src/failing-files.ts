/** Storage that fails once, at a chosen commit, as a full device does. */

/** The part of `Files` that is made to fail. */
interface Committing<Batch, Options> {
  readonly commit: (batch: Batch, options: Options) => Promise<void>;
}

/**
 * Passes everything on, but the commit with the number `failing` (the first is 1) and all after it throw `error`:
 * `before` anything of it was kept, or `after` all of it was, when only the acknowledgement was lost.
 */
export function failAtCommit<Batch, Options, Files extends Committing<Batch, Options>>(
  files: Files & Committing<Batch, Options>,
  {
    failing,
    moment,
    error,
  }: { readonly failing: number; readonly moment: "before" | "after"; readonly error: Error },
): Files {
  let commits = 0;
  return {
    ...files,
    commit: async (batch: Batch, options: Options) => {
      commits += 1;
      if (commits === failing && moment === "after") await files.commit(batch, options);
      if (commits >= failing) throw error;
      await files.commit(batch, options);
    },
  };
}
