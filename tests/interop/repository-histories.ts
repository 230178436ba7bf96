/** Histories by chance, as a stream for `git fast-import`: branches, merges and crossings, and texts in conflict. */

export interface RandomHistory {
  /** For the input of `git fast-import`. */
  readonly stream: string;
  /** Pairs of branches to merge, one for each seed. */
  readonly pairs: ReadonlyArray<{
    readonly seed: number;
    readonly ours: string;
    readonly theirs: string;
  }>;
}

interface FileModel {
  readonly mode: "100644" | "100755" | "120000";
  readonly lines: ReadonlyArray<string>;
}

type Tree = ReadonlyMap<string, FileModel>;

interface Tip {
  readonly mark: number;
  readonly tree: Tree;
}

/** One history for each seed from 1: the same each time. Files are moved only where that is asked for. */
export function makeHistories(
  seeds: number,
  {
    moves,
    repeats = true,
    straight = false,
  }: {
    readonly moves: boolean;
    /** One line in six is one that repeats. */
    readonly repeats?: boolean;
    /** No merges, and more commits. */
    readonly straight?: boolean;
  },
): RandomHistory {
  const out: string[] = [];
  const pairs = [];
  let mark = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const chance = openChance(seed, { moves, repeats });
    const commit = (tree: Tree, parents: ReadonlyArray<Tip>, branch: string): Tip => {
      mark++;
      out.push(formatCommit({ mark, tree, branch, parents: parents.map((parent) => parent.mark) }));
      return { mark, tree };
    };
    const names = { ours: `refs/heads/s${seed}-ours`, theirs: `refs/heads/s${seed}-theirs` };
    const root = commit(firstTree(chance), [], names.ours);
    let ours = commit(edit(chance, root.tree), [root], names.ours);
    let theirs = commit(edit(chance, root.tree), [root], names.theirs);
    for (let step = chance.below(7) + (straight ? 8 : 0); step > 0; step--) {
      const what = chance.below(straight ? 6 : 10);
      if (what < 3) ours = commit(edit(chance, ours.tree), [ours], names.ours);
      else if (what < 6) theirs = commit(edit(chance, theirs.tree), [theirs], names.theirs);
      else {
        // Both sides merge the same tips, each in its own way: the histories cross.
        const before = { ours, theirs };
        const both = [before.ours, before.theirs] as const;
        if (what < 9) ours = commit(blend(chance, ...both), [...both], names.ours);
        if (what > 6) theirs = commit(blend(chance, ...both), [both[1], both[0]], names.theirs);
      }
    }
    pairs.push({ seed, ...names });
  }
  return { stream: out.join(""), pairs };
}

/**
 * Three lines that cross at each level: each next commit has all three of the level before as its parents, and takes
 * each file from one of them by chance, or goes back to an older text. Ends in two commits on the last three.
 */
export function makeLattices(seeds: number): RandomHistory {
  const out: string[] = [];
  const pairs = [];
  let mark = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const chance = openChance(seed, { moves: false, repeats: false });
    const commit = (tree: Tree, parents: ReadonlyArray<Tip>, branch: string): Tip => {
      mark++;
      out.push(formatCommit({ mark, tree, branch, parents: parents.map((parent) => parent.mark) }));
      return { mark, tree };
    };
    const names = { ours: `refs/heads/s${seed}-ours`, theirs: `refs/heads/s${seed}-theirs` };
    const root = commit(firstTree(chance), [], names.ours);
    const seen: Tree[] = [root.tree];
    const next = (level: ReadonlyArray<Tip>, branch: string): Tip => {
      const tree = weave(chance, level, seen);
      seen.push(tree);
      return commit(tree, level, branch);
    };
    let level = ["a", "b", "c"].map((line) => next([root], `refs/heads/s${seed}-${line}`));
    for (let depth = 1 + (seed % 9); depth > 0; depth--) {
      const before = level;
      level = ["a", "b", "c"].map((line) => next(before, `refs/heads/s${seed}-${line}`));
    }
    next(level, names.ours);
    next(level, names.theirs);
    pairs.push({ seed, ...names });
  }
  return { stream: out.join(""), pairs };
}

/** Each file as a parent has it, as it once was, or edited. */
function weave(chance: Chance, parents: ReadonlyArray<Tip>, seen: ReadonlyArray<Tree>): Tree {
  const tree = new Map<string, FileModel>();
  for (const path of new Set(parents.flatMap((parent) => [...parent.tree.keys()]))) {
    const from = chance.below(3) === 0 ? seen : parents.map((parent) => parent.tree);
    const file = from[chance.below(from.length)]?.get(path);
    if (file === undefined) continue;
    const edited = chance.below(6) === 0;
    put(tree, path, edited ? { ...file, lines: editLines(chance, file.lines) } : file);
  }
  return tree;
}

function firstTree(chance: Chance): Tree {
  const tree = new Map<string, FileModel>();
  for (const path of paths.slice(0, 3 + chance.below(5)))
    tree.set(path, {
      mode: "100644",
      lines: Array.from({ length: 4 + chance.below(16) }, () => chance.line()),
    });
  return tree;
}

function edit(chance: Chance, before: Tree): Tree {
  const tree = new Map(before);
  for (let edits = 1 + chance.below(4); edits > 0; edits--) editOne(chance, tree);
  return tree;
}

function editOne(chance: Chance, tree: Map<string, FileModel>): void {
  const path = chance.pick([...tree.keys()]) ?? "a.txt";
  const file = tree.get(path) ?? { mode: "100644", lines: [] };
  const what = chance.below(20);
  if (chance.moves && what < 3) {
    tree.delete(path);
    put(tree, chance.pick(movedPaths) ?? "z.txt", file);
  } else if (what < 14) tree.set(path, { ...file, lines: editLines(chance, file.lines) });
  else if (what < 16)
    put(tree, chance.pick(paths) ?? "a.txt", { mode: "100644", lines: [chance.line()] });
  else if (what === 16) tree.delete(path);
  else put(tree, ...remake(chance, { path, file, what }));
}

/** Another mode, a link, or a folder in the place of a file. */
function remake(
  chance: Chance,
  { path, file, what }: { readonly path: string; readonly file: FileModel; readonly what: number },
): readonly [path: string, file: FileModel] {
  if (what === 17) return [path, { ...file, mode: file.mode === "100755" ? "100644" : "100755" }];
  if (what === 18) return [path, { mode: "120000", lines: [chance.line()] }];
  return [`${path}/inner`, { mode: "100644", lines: [chance.line()] }];
}

/** A path may be a file or a folder, not both. */
function put(tree: Map<string, FileModel>, path: string, file: FileModel): void {
  for (const other of tree.keys())
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) tree.delete(other);
  tree.set(path, file);
}

function editLines(chance: Chance, before: ReadonlyArray<string>): ReadonlyArray<string> {
  const lines = [...before];
  const at = chance.below(lines.length + 1);
  const what = chance.below(4);
  if (what === 0) lines.splice(at, 1);
  else if (what === 1) lines.splice(at, 0, chance.line());
  else if (what === 2) lines.splice(at, 1 + chance.below(3), chance.line());
  else lines.splice(at, 1, chance.line());
  return lines;
}

/** What a person might make of two sides: here one, there the other, or one text after the other. */
function blend(chance: Chance, ours: Tip, theirs: Tip): Tree {
  const tree = new Map<string, FileModel>();
  for (const path of new Set([...ours.tree.keys(), ...theirs.tree.keys()])) {
    const mine = ours.tree.get(path);
    const other = theirs.tree.get(path);
    const what = chance.below(6);
    const file = what < 3 ? (mine ?? other) : what < 5 ? (other ?? mine) : halves(mine, other);
    if (file !== undefined) put(tree, path, file);
  }
  return tree;
}

function halves(one: FileModel | undefined, other: FileModel | undefined): FileModel | undefined {
  if (one === undefined || other === undefined || one.mode !== other.mode) return one;
  const half = Math.floor(one.lines.length / 2);
  return { mode: one.mode, lines: [...one.lines.slice(0, half), ...other.lines.slice(half)] };
}

interface Chance {
  readonly moves: boolean;
  readonly below: (end: number) => number;
  readonly pick: (from: ReadonlyArray<string>) => string | undefined;
  readonly line: () => string;
}

/** A linear congruence: enough chance for a test, and the same everywhere. */
function openChance(
  seed: number,
  { moves, repeats }: { readonly moves: boolean; readonly repeats: boolean },
): Chance {
  let state = seed * 2_654_435_761;
  let made = 0;
  const below = (end: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
  return {
    moves,
    below,
    pick: (from) => from[below(from.length)],
    line: () =>
      repeats && below(6) === 0
        ? (["", "}", "  return;"][below(3)] ?? "")
        : `line ${seed}.${made++}`,
  };
}

function formatCommit(commit: {
  readonly mark: number;
  readonly tree: Tree;
  readonly branch: string;
  readonly parents: ReadonlyArray<number>;
}): string {
  const [from, ...merged] = commit.parents;
  const lines = [
    `commit ${commit.branch}`,
    `mark :${commit.mark}`,
    `committer Bob <bob@example.org> ${1_700_000_000 + commit.mark} +0000`,
    `data 0`,
    ...(from === undefined ? [] : [`from :${from}`]),
    ...merged.map((parent) => `merge :${parent}`),
    "deleteall",
  ];
  for (const [path, { mode, lines: content }] of commit.tree) {
    const text =
      mode === "120000" ? content.join("") || "x" : content.map((line) => `${line}\n`).join("");
    lines.push(`M ${mode} inline ${path}`, `data ${text.length}`, text);
  }
  // A branch begins anew where it has no parent or another's.
  const reset = from === undefined ? "" : `reset ${commit.branch}\nfrom :${from}\n\n`;
  return `${reset}${lines.join("\n")}\n\n`;
}

const paths = [
  "a.txt",
  "b.txt",
  "docs/one.md",
  "docs/two.md",
  "src/deep/er/c.ts",
  "src/d.ts",
  "lib",
];

const movedPaths = ["moved/x.txt", "moved/y.txt", "z.txt"];
