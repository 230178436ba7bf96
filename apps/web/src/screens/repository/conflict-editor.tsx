/** Where two sides do not agree: each place with both versions, named by who has them, and a choice for each. */

import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { ConflictView, HunkChoiceAsk, HunkView, ResolutionAsk } from "@skein/peer/commands";
import { copy } from "../../copy.ts";
import { Icon } from "../../parts/icons.tsx";
import {
  besideOf,
  choicesLeft,
  choose,
  noChoices,
  resolutionsOf,
  textChosen,
  wholeOf,
  type Wholes,
} from "./resolutions.ts";

/** A version by who has it and since when: never "mine", "theirs" or "latest". */
export interface Side {
  readonly node: string;
  readonly when: string;
}

export interface Sides {
  readonly ours: Side;
  readonly theirs: Side;
}

export function ConflictEditor({
  conflicts,
  sides,
  busy,
  textAt,
  onMerge,
}: {
  readonly conflicts: ReadonlyArray<ConflictView>;
  readonly sides: Sides;
  readonly busy: boolean;
  /** The text of a file as one side has it, where that can be asked for. */
  readonly textAt?: TextAt;
  readonly onMerge: (resolutions: ReadonlyArray<ResolutionAsk>) => void;
}): JSX.Element {
  const [choices, setChoices] = useState(() => noChoices(conflicts));
  const [wholes, setWholes] = useState<Wholes>(new Map());
  const left = choicesLeft(choices, wholes);
  const merge = (event: Event): void => {
    event.preventDefault();
    const made = resolutionsOf(conflicts, choices, { theirName: sides.theirs.node, wholes });
    if (made !== undefined) onMerge(made);
  };
  return (
    <form class="conflicts" onSubmit={merge}>
      {conflicts.map((conflict) => (
        <ConflictedFile
          key={conflict.path}
          conflict={conflict}
          sides={sides}
          chosen={choices.get(conflict.path) ?? []}
          onChoose={(at, choice) => setChoices(choose(choices, conflict.path, { at, choice }))}
          whole={wholes.get(conflict.path)}
          onWhole={(text) => setWholes(withWhole(wholes, conflict.path, text))}
          textAt={textAt}
        />
      ))}
      <div class="conflicts-foot">
        <span class="small quiet" role="status">
          {left === 0 ? copy.conflicts.ready : copy.conflicts.left(left)}
        </span>
        <button type="submit" class="button button-primary" disabled={busy || left > 0}>
          <Icon name="merge" />
          {copy.conflicts.merge}
        </button>
      </div>
    </form>
  );
}

export type TextAt = (side: "ours" | "theirs", path: string) => Promise<string | undefined>;

function withWhole(wholes: Wholes, path: string, text: string | undefined): Wholes {
  const others = [...wholes].filter(([other]) => other !== path);
  return new Map(text === undefined ? others : [...others, [path, text]]);
}

interface FileProps {
  readonly conflict: ConflictView;
  readonly sides: Sides;
  readonly chosen: ReadonlyArray<HunkChoiceAsk | undefined>;
  readonly onChoose: (at: number, choice: HunkChoiceAsk) => void;
  /** The file as the person writes it; undefined while it is chosen place by place. */
  readonly whole: string | undefined;
  readonly onWhole: (text: string | undefined) => void;
  readonly textAt: TextAt | undefined;
}

function ConflictedFile(props: FileProps): JSX.Element {
  const { conflict, chosen, whole, onWhole } = props;
  const { path, hunks, reason } = conflict;
  return (
    <section class="card conflict-file" aria-label={path}>
      <header>
        <div>
          <h3>{path}</h3>
          <p class="small quiet">{copy.conflicts.reason[reason]}</p>
        </div>
        {hunks !== undefined && (
          <button
            type="button"
            class="button button-quiet"
            onClick={() => onWhole(whole === undefined ? wholeOf(hunks, chosen) : undefined)}
          >
            <Icon name={whole === undefined ? "edit" : "back"} />
            {whole === undefined ? copy.conflicts.editWhole : copy.conflicts.byPlace}
          </button>
        )}
      </header>
      {whole !== undefined ? (
        <Edited label={copy.conflicts.wholeLabel(path)} text={whole} onType={onWhole} />
      ) : hunks === undefined ? (
        <WholeFile {...props} chosen={chosen[0]} />
      ) : (
        <Places {...props} hunks={hunks} />
      )}
    </section>
  );
}

function Places({
  conflict: { path },
  hunks,
  sides,
  chosen,
  onChoose,
}: FileProps & { readonly hunks: ReadonlyArray<HunkView> }): JSX.Element {
  let at = 0;
  return (
    <>
      {hunks.map((hunk, index) => {
        if (hunk.kind === "merged") return <Agreed key={index} text={hunk.text} />;
        const place = at++;
        return (
          <Place
            key={index}
            title={copy.conflicts.choose(path, place + 1)}
            legend={copy.conflicts.place(place + 1, chosen.length)}
            editLabel={copy.conflicts.editLabel(path, place + 1)}
            hunk={hunk}
            sides={sides}
            chosen={chosen[place]}
            onChoose={(choice) => onChoose(place, choice)}
          />
        );
      })}
    </>
  );
}

/** What merges by itself: as much of it as shows where one is. */
function Agreed({ text }: { readonly text: string }): JSX.Element {
  const lines = text.replace(/\n$/u, "").split("\n");
  const shown =
    lines.length <= agreedLinesMax * 2
      ? lines
      : [...lines.slice(0, agreedLinesMax), "⋯", ...lines.slice(-agreedLinesMax)];
  return <pre class="conflict-agreed">{shown.join("\n")}</pre>;
}

function Place({
  title,
  legend,
  editLabel,
  hunk,
  sides,
  chosen,
  onChoose,
}: {
  readonly title: string;
  readonly legend: string;
  readonly editLabel: string;
  readonly hunk: Extract<HunkView, { kind: "conflict" }>;
  readonly sides: Sides;
  readonly chosen: HunkChoiceAsk | undefined;
  readonly onChoose: (choice: HunkChoiceAsk) => void;
}): JSX.Element {
  const name = useId();
  const edited = typeof chosen === "object" ? chosen.text : undefined;
  return (
    <fieldset class="conflict-place" aria-label={title}>
      <legend>{legend}</legend>
      <div class="conflict-sides">
        {(["ours", "theirs"] as const).map((side) => (
          <div key={side} class="conflict-side" data-chosen={chosen === side}>
            <Choice
              name={name}
              label={sideLabel(sides[side])}
              checked={chosen === side}
              onChoose={() => onChoose(side)}
            />
            <Version text={hunk[side]} />
          </div>
        ))}
      </div>
      <div class="conflict-more">
        {[
          { label: copy.conflicts.both, choice: "both" as const },
          { label: copy.conflicts.edit, choice: { text: textChosen(hunk, chosen) } },
        ].map(({ label, choice }) => (
          <Choice
            key={label}
            name={name}
            label={label}
            checked={choice === "both" ? chosen === "both" : edited !== undefined}
            onChoose={() => onChoose(choice)}
          />
        ))}
      </div>
      {edited !== undefined && (
        <Edited label={editLabel} text={edited} onType={(text) => onChoose({ text })} />
      )}
    </fieldset>
  );
}

function Edited({
  label,
  text,
  onType,
}: {
  readonly label: string;
  readonly text: string;
  readonly onType: (text: string) => void;
}): JSX.Element {
  return (
    <textarea
      class="input conflict-edit"
      aria-label={label}
      rows={Math.min(editLinesMax, text.split("\n").length + 1)}
      spellcheck={false}
      value={text}
      onInput={(event) => onType(event.currentTarget.value)}
    />
  );
}

/** What has no lines is taken from one side, or kept twice; a text that one side deleted may be written anew. */
function WholeFile({
  conflict: { path, reason, hasOurs, hasTheirs },
  sides,
  chosen,
  onChoose,
  textAt,
}: Omit<FileProps, "chosen"> & { readonly chosen: HunkChoiceAsk | undefined }): JSX.Element {
  const name = useId();
  const edited = typeof chosen === "object" ? chosen.text : undefined;
  const kept = hasOurs ? "ours" : "theirs";
  const text = useText(deletions.has(reason) ? textAt : undefined, kept, path);
  const pick =
    (choice: "ours" | "theirs" | "both"): (() => void) =>
    () =>
      onChoose(0, choice);
  const label = (side: Side, present: boolean): string =>
    present ? sideLabel(side) : `${sideLabel(side)}: ${copy.conflicts.gone}`;
  return (
    <fieldset class="conflict-place" aria-label={copy.conflicts.chooseFile(path)}>
      <div class="conflict-more">
        <Choice
          name={name}
          label={label(sides.ours, hasOurs)}
          checked={chosen === "ours"}
          onChoose={pick("ours")}
        />
        <Choice
          name={name}
          label={label(sides.theirs, hasTheirs)}
          checked={chosen === "theirs"}
          onChoose={pick("theirs")}
        />
        {hasOurs && hasTheirs && (
          <Choice
            name={name}
            label={copy.conflicts.bothAs(besideOf(path, sides.theirs.node))}
            checked={chosen === "both"}
            onChoose={pick("both")}
          />
        )}
        {text !== undefined && (
          <Choice
            name={name}
            label={copy.conflicts.edit}
            checked={edited !== undefined}
            onChoose={() => onChoose(0, { text })}
          />
        )}
      </div>
      {edited !== undefined && (
        <Edited
          label={copy.conflicts.wholeLabel(path)}
          text={edited}
          onType={(typed) => onChoose(0, { text: typed })}
        />
      )}
    </fieldset>
  );
}

/** Asked for once: it belongs to a commit. Undefined where there is no text. */
function useText(
  textAt: TextAt | undefined,
  side: "ours" | "theirs",
  path: string,
): string | undefined {
  const [text, setText] = useState<string>();
  useEffect(() => {
    void textAt?.(side, path).then(setText);
  }, [side, path]);
  return text;
}

function Choice({
  name,
  label,
  checked,
  onChoose,
}: {
  readonly name: string;
  readonly label: string;
  readonly checked: boolean;
  readonly onChoose: () => void;
}): JSX.Element {
  return (
    <label class="choice">
      <input type="radio" name={name} checked={checked} onChange={onChoose} />
      <span>{label}</span>
    </label>
  );
}

function Version({ text }: { readonly text: string }): JSX.Element {
  if (text === "") return <p class="small quiet conflict-none">{copy.conflicts.empty}</p>;
  return <pre>{text}</pre>;
}

function sideLabel({ node, when }: Side): string {
  return copy.conflicts.side(node, when);
}

const deletions: ReadonlySet<string> = new Set(["deleted-in-ours", "deleted-in-theirs"]);
const agreedLinesMax = 4;
const editLinesMax = 14;
