/** What the branches and tags of this repository were, and the way back. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { RefMoveView } from "@skein/peer/answers";
import { copy } from "../../copy.ts";
import { formatAgo, formatDateTime, shortOid } from "../../format.ts";
import { Banner, Refusal } from "../../parts/banner.tsx";
import { now, useOrder, useQuestion } from "../../parts/door-context.ts";
import { Empty, Skeleton } from "../../parts/pieces.tsx";
import type { Place } from "./place.ts";

export function Undo({
  place,
  mayWrite,
}: {
  readonly place: Place;
  readonly mayWrite: boolean;
}): JSX.Element {
  const { repository } = place;
  const [limit, setLimit] = useState(pageLength);
  const [done, setDone] = useState<string>();
  const order = useOrder("undo");
  // Asked again whenever a branch or a tag has moved.
  const refs = [...repository.branches, ...repository.tags].map(({ name, oid }) => name + oid);
  const asked = { id: repository.id, limit, of: refs.join() };
  const answer = useQuestion("ref-moves", asked);
  if (answer.phase === "asking") return <Skeleton lines={8} />;
  if (answer.phase === "refused") return <Refusal refused={answer.refused} />;
  const { moves, more } = answer.answer;
  const undo = async ({ kind, name, from }: RefMoveView): Promise<void> => {
    setDone(undefined);
    const there = whereIs(place, { kind, name });
    const given = await order.give({ id: repository.id, kind, name, from: there, to: from?.oid });
    if (given?.ok === true) setDone(name);
  };
  if (moves.length === 0) return <Empty icon="clock" title={copy.undo.none} />;
  return (
    <section class="undo" aria-labelledby="undo-title">
      <h2 id="undo-title">{copy.undo.title}</h2>
      <p class="quiet">{copy.undo.text}</p>
      <Refusal refused={order.refused} />
      {done !== undefined && (
        <Banner tone="good" icon="check" live>
          <p>{copy.undo.done(done)}</p>
        </Banner>
      )}
      <ol class="card undo-list">
        {moves.map((move, index) => (
          <li key={`${move.at} ${move.name} ${index}`}>
            <Move
              move={move}
              there={whereIs(place, move)}
              busy={order.busy}
              onUndo={mayWrite && mayUndo(place, move) ? () => void undo(move) : undefined}
            />
          </li>
        ))}
      </ol>
      {more && (
        <div class="button-row history-more">
          <button type="button" class="button" onClick={() => setLimit(limit + pageLength)}>
            {copy.history.more}
          </button>
        </div>
      )}
    </section>
  );
}

function Move({
  move,
  there,
  busy,
  onUndo,
}: {
  readonly move: RefMoveView;
  readonly there: string | undefined;
  readonly busy: boolean;
  readonly onUndo: (() => void) | undefined;
}): JSX.Element {
  const { kind, name, from, to, at, why } = move;
  return (
    <>
      <div>
        <p>
          <strong>{name}</strong> <span class="quiet small">{copy.undo.kind[kind]}</span>
        </p>
        <p class="small">
          {copy.undo.was} <Spot spot={from} />
        </p>
        <p class="small quiet">
          {why === "" ? <Spot spot={to} /> : why} ·{" "}
          <time dateTime={new Date(at).toISOString()} title={formatDateTime(at)}>
            {formatAgo(at, now.value)}
          </time>
        </p>
      </div>
      {there === from?.oid ? (
        <span class="small quiet">{copy.undo.current}</span>
      ) : (
        onUndo !== undefined && (
          <button
            type="button"
            class="button"
            disabled={busy}
            aria-label={
              from === undefined
                ? copy.undo.removeOf(name)
                : copy.undo.backOf(name, shortOid(from.oid))
            }
            onClick={onUndo}
          >
            {from === undefined ? copy.undo.remove : copy.undo.back}
          </button>
        )
      )}
    </>
  );
}

function Spot({ spot }: { readonly spot: RefMoveView["from"] }): JSX.Element {
  if (spot === undefined) return <span>{copy.undo.notThere}</span>;
  return (
    <>
      <code>{shortOid(spot.oid)}</code> {spot.title}
    </>
  );
}

/** The branch that is shown first cannot be taken away. */
function mayUndo({ repository }: Place, { kind, name, from }: RefMoveView): boolean {
  return from !== undefined || kind === "tag" || name !== repository.head;
}

function whereIs(
  { repository }: Place,
  { kind, name }: Pick<RefMoveView, "kind" | "name">,
): string | undefined {
  const refs = kind === "branch" ? repository.branches : repository.tags;
  return refs.find((ref) => ref.name === name)?.oid;
}

const pageLength = 50;
