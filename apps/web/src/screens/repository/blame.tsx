/** Which commit each line of a file comes from. Asked only when somebody wants to know. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Answer, CommitView } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { formatAgo, formatDateTime, shortOid } from "../../format.ts";
import { Banner, Refusal } from "../../parts/banner.tsx";
import { now, useQuestion } from "../../parts/door-context.ts";
import { Skeleton } from "../../parts/pieces.tsx";
import type { Place } from "./place.ts";
import { addressOf } from "./place.ts";

export function Blame({
  place,
  commit,
  path,
  text,
}: {
  readonly place: Place;
  readonly commit: string;
  readonly path: string;
  readonly text: string;
}): JSX.Element {
  const blame = useQuestion("blame", { id: place.repository.id, commit, path });
  const [limit, setLimit] = useState(linesPerPage);
  if (blame.phase === "asking") return <Skeleton lines={10} />;
  if (blame.phase === "refused") return <Refusal refused={blame.refused} />;
  const { lines, commits, complete } = blame.answer;
  const count = lines.reduce((sum, run) => sum + run.count, 0);
  const known = new Map(commits.map((one) => [one.oid, one]));
  const texts = text.split("\n");
  const shown = firstLines(lines, limit);
  return (
    <>
      {!complete && (
        <Banner>
          <p>{copy.blame.incomplete}</p>
        </Banner>
      )}
      <div class="diff-scroll" tabIndex={0} role="region" aria-label={copy.blame.table(path)}>
        <table class="diff-table blame">
          <caption class="visually-hidden">{copy.blame.table(path)}</caption>
          <thead class="visually-hidden">
            <tr>
              <th scope="col">{copy.blame.commit}</th>
              <th scope="col">{copy.blame.line}</th>
              <th scope="col">{copy.blame.text}</th>
            </tr>
          </thead>
          {shown.map((lines) => (
            <Run
              key={lines.line}
              place={place}
              lines={lines}
              of={known.get(lines.commit)}
              texts={texts.slice(lines.line - 1, lines.line - 1 + lines.count)}
            />
          ))}
        </table>
      </div>
      {count > limit && (
        <div class="panel button-row">
          <p class="quiet small">{copy.blame.cut(limit, count)}</p>
          <button type="button" class="button" onClick={() => setLimit(limit + linesPerPage)}>
            {copy.blame.more}
          </button>
        </div>
      )}
    </>
  );
}

function firstLines(runs: Answer<"blame">["lines"], limit: number): Answer<"blame">["lines"] {
  return runs
    .filter(({ line }) => line <= limit)
    .map(({ line, count, commit }) => ({ line, count: Math.min(count, limit - line + 1), commit }));
}

/** Lines that came in together. */
function Run({
  place,
  lines: { line, count, commit },
  of,
  texts,
}: {
  readonly place: Place;
  readonly lines: Answer<"blame">["lines"][number];
  readonly of: CommitView | undefined;
  readonly texts: ReadonlyArray<string>;
}): JSX.Element {
  return (
    <tbody>
      {texts.map((words, index) => (
        <tr key={index}>
          {index === 0 && (
            <th scope="rowgroup" rowSpan={count} class="blame-commit">
              <a
                href={addressOf(place, { tab: "history", commit })}
                title={of === undefined ? undefined : formatDateTime(of.at)}
              >
                <code>{shortOid(commit)}</code> {of?.title}
              </a>
              {of !== undefined && (
                <span class="quiet">
                  {copy.history.by(of.authorName, formatAgo(of.at, now.value))}
                </span>
              )}
            </th>
          )}
          <td class="line-number">{line + index}</td>
          <td>{words}</td>
        </tr>
      ))}
    </tbody>
  );
}

/** More rows than these at once make a page slow. */
const linesPerPage = 5_000;
