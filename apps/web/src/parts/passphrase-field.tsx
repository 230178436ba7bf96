/** Where words of a passphrase are typed: checked while they are typed, before anything is sent. */

import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { copy } from "../copy.ts";
import { Icon } from "./icons.tsx";

export interface PassphraseDraft {
  readonly text: string;
  readonly words: ReadonlyArray<string>;
  readonly error: string | undefined;
  readonly type: (text: string) => void;
  /** The words, or `undefined` if they cannot be a passphrase; then the field says why. */
  readonly read: () => Promise<string | undefined>;
}

export function usePassphrase(): PassphraseDraft {
  const [text, setText] = useState("");
  const [error, setError] = useState<string>();
  const words = wordsOf(text);
  return {
    text,
    words,
    error,
    type: (typed) => {
      setText(typed);
      setError(undefined);
    },
    read: async () => {
      const judged = await judge(text);
      setError(judged);
      return judged === undefined ? words.join(" ") : undefined;
    },
  };
}

export function PassphraseField({
  draft,
  label,
  hint,
}: {
  readonly draft: PassphraseDraft;
  readonly label: string;
  readonly hint: string;
}): JSX.Element {
  const id = useId();
  const isKnown = useWordList();
  const { text, words, error } = draft;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Box id={id} text={text} wrong={error !== undefined} onText={draft.type} />
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
      <WordChecks words={words} isKnown={isKnown} typing={!/\s$/u.test(text)} />
      {error !== undefined && (
        <p class="error-text" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

function Box({
  id,
  text,
  wrong,
  onText,
}: {
  readonly id: string;
  readonly text: string;
  readonly wrong: boolean;
  readonly onText: (text: string) => void;
}): JSX.Element {
  return (
    <textarea
      class="input mono"
      id={id}
      rows={4}
      value={text}
      aria-describedby={`${id}-hint`}
      aria-invalid={wrong}
      autocapitalize="none"
      autocomplete="off"
      autocorrect="off"
      spellcheck={false}
      onInput={(event) => onText(event.currentTarget.value)}
    />
  );
}

type IsKnown = (word: string) => boolean;

function WordChecks({
  words,
  isKnown,
  typing,
}: {
  readonly words: ReadonlyArray<string>;
  readonly isKnown: IsKnown | undefined;
  /** The last word is still being typed: nothing is said about it yet. */
  readonly typing: boolean;
}): JSX.Element | null {
  if (words.length === 0 || isKnown === undefined) return null;
  return (
    <>
      <ul class="word-checks mono">
        {words.map((word, index) => {
          const fits = isKnown(word);
          const unsure = typing && index === words.length - 1 && !fits;
          return (
            <li
              key={index}
              class="badge"
              data-tone={unsure ? undefined : fits ? "good" : "bad"}
              data-fits={fits || unsure ? "yes" : "no"}
            >
              {!unsure && <Icon name={fits ? "check" : "close"} />}
              {word}
              {!unsure && (
                <span class="visually-hidden">
                  {fits ? copy.signIn.known : copy.signIn.notKnown}
                </span>
              )}
            </li>
          );
        })}
      </ul>
      <p class="hint" aria-live="polite">
        {words.length === 12 && words.every(isKnown)
          ? copy.signIn.allKnown
          : copy.signIn.count(words.length)}
      </p>
    </>
  );
}

/** The list of words is 13 kB: it comes when somebody is about to type them. */
function useWordList(): IsKnown | undefined {
  const [isKnown, setIsKnown] = useState<{ readonly check: IsKnown }>();
  useEffect(() => {
    const load = async (): Promise<void> => {
      const { wordOf } = await import("@skein/auth/passphrase");
      setIsKnown({ check: (word) => wordOf(word) !== undefined });
    };
    void load();
  }, []);
  return isKnown?.check;
}

async function judge(text: string): Promise<string | undefined> {
  const { parsePassphrase } = await import("@skein/auth/passphrase");
  const parsed = parsePassphrase(text);
  if (parsed.ok) return undefined;
  return parsed.why === "count"
    ? copy.signIn.count(parsed.count)
    : copy.signIn.unknown(parsed.word);
}

function wordsOf(text: string): ReadonlyArray<string> {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{M}]+/u)
    .filter((word) => word !== "");
}
