/** Making an account: the twelve words are shown, then three of them are typed back. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { useOrder } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { CopyButton, Field } from "../parts/pieces.tsx";
import { Gate } from "./gate.tsx";

export function Words({
  words,
  ask,
  recover,
}: {
  readonly words: ReadonlyArray<string>;
  readonly ask: ReadonlyArray<number>;
  /** New words for an account that is had again. */
  readonly recover: boolean;
}): JSX.Element {
  const [written, setWritten] = useState(false);
  if (words.length === 0)
    return (
      <Gate>
        <Banner icon="tabs" title={copy.words.elsewhere} />
      </Gate>
    );
  return (
    <Gate>
      {written ? (
        <Retype command="confirm-words" words={words} ask={ask} onBack={() => setWritten(false)} />
      ) : (
        <Shown words={words} recover={recover} onWritten={() => setWritten(true)} />
      )}
    </Gate>
  );
}

function Shown({
  words,
  recover,
  onWritten,
}: {
  readonly words: ReadonlyArray<string>;
  readonly recover: boolean;
  readonly onWritten: () => void;
}): JSX.Element {
  const forget = useOrder("forget-words");
  return (
    <section class="card gate-card">
      <div>
        <h1>{copy.words.title}</h1>
        <p>{recover ? copy.words.recoverText : copy.words.text}</p>
      </div>
      <WordSheet words={words} />
      <Banner tone="warn" icon="key">
        <p>{copy.words.warning}</p>
      </Banner>
      <div class="dialog-actions">
        <button
          type="button"
          class="button button-quiet"
          disabled={forget.busy}
          onClick={() => void forget.give({})}
        >
          {copy.words.back}
        </button>
        <button type="button" class="button button-primary" onClick={onWritten}>
          {copy.words.next}
        </button>
      </div>
    </section>
  );
}

/** Twelve words to write down, copy or print. */
export function WordSheet({
  words,
  printed = copy.words.printed,
}: {
  readonly words: ReadonlyArray<string>;
  /** What the paper says above them. */
  readonly printed?: string;
}): JSX.Element {
  const text = words.join(" ");
  return (
    <>
      <p class="print-only">{printed}</p>
      {/* The spaces between the words are text, so that whoever copies or reads this element has the passphrase. */}
      <p class="words" data-testid="passphrase" translate={false}>
        {words.flatMap((word, index) => [
          ...(index === 0 ? [] : [" "]),
          <span key={index}>{word}</span>,
        ])}
      </p>
      <div class="button-row">
        <CopyButton text={text} label={copy.words.copy} wide />
        <button type="button" class="button" onClick={() => globalThis.print()}>
          <Icon name="print" />
          {copy.words.print}
        </button>
      </div>
    </>
  );
}

/** Three of the words, typed back. */
export function Retype({
  command,
  words,
  ask,
  onBack,
}: {
  readonly words: ReadonlyArray<string>;
  readonly ask: ReadonlyArray<number>;
  readonly command: "confirm-words" | "confirm-new-words";
  readonly onBack: () => void;
}): JSX.Element {
  const confirm = useOrder(command);
  const [typed, setTyped] = useState<ReadonlyArray<string>>(ask.map(() => ""));
  const [wrong, setWrong] = useState<ReadonlyArray<boolean>>([]);
  const submit = (event: Event): void => {
    event.preventDefault();
    const misses = ask.map((position, index) => tidy(typed[index]) !== words[position - 1]);
    setWrong(misses);
    if (!misses.includes(true)) void confirm.give({ words: typed.map(tidy) });
  };
  return (
    <form class="card gate-card" onSubmit={submit} autocomplete="off">
      <div>
        <h1>{copy.retype.title}</h1>
        <p>{copy.retype.text}</p>
      </div>
      <div class="retype">
        {ask.map((position, index) => (
          <Field
            key={position}
            label={copy.retype.word(position)}
            data-testid={`word-${index + 1}`}
            data-word-index={position}
            value={typed[index] ?? ""}
            error={wrong[index] === true ? copy.retype.wrong : undefined}
            autocapitalize="none"
            autocomplete="off"
            autocorrect="off"
            spellcheck={false}
            onInput={(event) => setTyped(typed.with(index, event.currentTarget.value))}
          />
        ))}
      </div>
      <Refusal refused={confirm.refused} />
      <div class="dialog-actions">
        <button type="button" class="button button-quiet" onClick={onBack}>
          {copy.retype.back}
        </button>
        <button type="submit" class="button button-primary" disabled={confirm.busy}>
          {copy.words.next}
        </button>
      </div>
    </form>
  );
}

function tidy(word: string | undefined): string {
  return (word ?? "").trim().toLowerCase();
}
