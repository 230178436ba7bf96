/** Two versions of a file as lines that came and went: by sign and by word, not by colour alone. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { parseLfsPointer } from "@skein/git/lfs";
import { changedTextBytesMax } from "@skein/protocol/limits";
import { copy } from "../copy.ts";
import type { DiffRow, LineDiff } from "../editor/line-diff.ts";
import { formatCount, formatPath, formatSize } from "../format.ts";

export function DiffView({
  path,
  kind,
  before,
  after,
  hidden: given,
  children,
}: {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Why the difference is not shown. */
  readonly hidden?: "binary" | "tooLarge" | undefined;
  /** Buttons for the head. */
  readonly children?: ComponentChildren;
}): JSX.Element {
  const hidden = given ?? ([before, after].some(isLarge) ? "tooLarge" : undefined);
  const pointers = hidden === undefined ? pointersOf(before, after) : undefined;
  const diff = useLineDiff(
    hidden === undefined && pointers === undefined ? { before, after } : undefined,
  );
  const name = formatPath(path);
  return (
    <div class="diff" role="group" aria-label={name}>
      <header>
        <h3>{name}</h3>
        <span class="badge" data-tone={toneOf[kind]}>
          {copy.changes[kind === "deleted" ? "removed" : kind]}
        </span>
        {diff !== undefined && <Count diff={diff} />}
        {children}
      </header>
      {hidden !== undefined && <p>{copy.changes[hidden]}</p>}
      {pointers !== undefined && <p>{copy.changes.lfs(...pointers)}</p>}
      {diff !== undefined && <Difference path={name} diff={diff} />}
    </div>
  );
}

/** How large a file of Git LFS was and is, where the repository holds only pointers to it. */
function pointersOf(
  before: string | undefined,
  after: string | undefined,
): readonly [before: string, after: string] | undefined {
  const [one, other] = [before, after].map((text) => {
    if (text === undefined || text === "") return copy.changes.lfsNone;
    const pointer = parseLfsPointer(new TextEncoder().encode(text.slice(0, 2_000)));
    return pointer === undefined ? undefined : formatSize(pointer.size);
  });
  if (one === undefined || other === undefined || one === other) return undefined;
  return [one, other];
}

/** Comparing it would hold up everything else. */
function isLarge(text: string | undefined): boolean {
  return text !== undefined && text.length > changedTextBytesMax;
}

function Difference({
  path,
  diff,
}: {
  readonly path: string;
  readonly diff: LineDiff;
}): JSX.Element {
  if (diff.rows.length === 0) return <p>{copy.changes.noDifference}</p>;
  return (
    <>
      <Rows path={path} diff={diff} />
      {diff.cut && <p>{copy.changes.cut}</p>}
    </>
  );
}

function Count({ diff }: { readonly diff: LineDiff }): JSX.Element {
  return (
    <span>
      <span aria-hidden="true">
        <span class="stat-added">+{diff.added}</span>{" "}
        <span class="stat-removed">−{diff.removed}</span>
      </span>
      <span class="visually-hidden">{copy.changes.lines(diff.added, diff.removed)}</span>
    </span>
  );
}

function Rows({ path, diff }: { readonly path: string; readonly diff: LineDiff }): JSX.Element {
  return (
    // Wide lines scroll here; with a keyboard too.
    <div class="diff-scroll" role="region" aria-label={copy.changes.table(path)} tabIndex={0}>
      <table class="diff-table">
        <caption class="visually-hidden">{copy.changes.table(path)}</caption>
        <thead class="visually-hidden">
          <tr>
            <th scope="col">{copy.changes.oldLine}</th>
            <th scope="col">{copy.changes.newLine}</th>
            <th scope="col">{copy.changes.sign}</th>
            <th scope="col">{copy.changes.text}</th>
          </tr>
        </thead>
        <tbody>
          {diff.rows.map((row, index) => (
            <Row key={index} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row }: { readonly row: DiffRow }): JSX.Element {
  if (row.kind === "gap")
    return (
      <tr data-kind="gap">
        <td colSpan={4}>{formatCount(row.lines, copy.changes.gapLine, copy.changes.gapLines)}</td>
      </tr>
    );
  return (
    <tr data-kind={row.kind}>
      <td class="line-number">{row.oldLine}</td>
      <td class="line-number">{row.newLine}</td>
      <td class="sign">{signOf[row.kind]}</td>
      <td>
        {row.parts.map(({ text, changed }, index) =>
          changed && row.parts.length > 1 ? <mark key={index}>{text}</mark> : text,
        )}
        {row.isOpen && <span class="open-end">{copy.changes.noNewline}</span>}
      </td>
    </tr>
  );
}

/** Comparing is code of its own, fetched when the first difference is shown; typing waits a moment for it. */
function useLineDiff(
  texts: { readonly before: string | undefined; readonly after: string | undefined } | undefined,
): LineDiff | undefined {
  const [diff, setDiff] = useState<LineDiff>();
  useEffect(() => {
    if (texts === undefined) return undefined;
    let wanted = true;
    const compare = async (): Promise<void> => {
      const { compareLines } = await import("../editor/line-diff.ts");
      if (wanted) setDiff(compareLines(texts.before ?? "", texts.after ?? ""));
    };
    const timer = setTimeout(() => void compare(), diff === undefined ? 0 : typingMillis);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [texts?.before, texts?.after]);
  return texts === undefined ? undefined : diff;
}

const typingMillis = 150;
const signOf = { same: " ", added: "+", removed: "−" } as const;
const toneOf = { added: "good", changed: undefined, deleted: "bad" } as const;
