/** Signing in: the words are checked here while they are typed, before anything is sent. Then each step is shown. */

import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { AccountView, SignInStep } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatSpan } from "../format.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { now, useDoor, useOrder } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { platformOf } from "../platform.ts";
import { Gate } from "./gate.tsx";

export function SignIn({ onBack }: { readonly onBack: () => void }): JSX.Element {
  const signIn = useOrder("sign-in");
  const [text, setText] = useState("");
  const [error, setError] = useState<string>();
  const id = useId();
  const isKnown = useWordList();
  const words = wordsOf(text);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const judged = await judge(text);
    setError(judged);
    if (judged !== undefined) return;
    const platform = platformOf(navigator.userAgent);
    await signIn.give({ words: words.join(" "), nodeName: platform, platform });
  };
  return (
    <Gate>
      <form class="card gate-card" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <h1>{copy.signIn.title}</h1>
        <div class="field">
          <label for={id}>{copy.signIn.label}</label>
          <Box
            id={id}
            text={text}
            wrong={error !== undefined}
            onText={(typed) => {
              setText(typed);
              setError(undefined);
            }}
          />
          <p class="hint" id={`${id}-hint`}>
            {copy.signIn.hint}
          </p>
          <WordChecks words={words} isKnown={isKnown} typing={!/\s$/u.test(text)} />
          {error !== undefined && (
            <p class="error-text" role="alert">
              {error}
            </p>
          )}
        </div>
        <Refusal refused={signIn.refused} />
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onBack}>
            {copy.signIn.back}
          </button>
          <button
            type="submit"
            class="button button-primary"
            disabled={signIn.busy || words.length === 0}
          >
            {copy.signIn.submit}
          </button>
        </div>
      </form>
    </Gate>
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

export function SigningIn({
  account,
}: {
  readonly account: AccountView & { readonly phase: "signing-in" };
}): JSX.Element {
  const stop = useOrder("stop-sign-in");
  const relay = useDoor().views.network.value.relay;
  const span = now.value - account.since;
  const at = stepOrder.indexOf(account.step);
  return (
    <Gate>
      <section class="card gate-card">
        <h1>{copy.signingIn.title}</h1>
        <ol class="steps">
          {stepOrder.map((step, index) => (
            <Step
              key={step}
              step={step}
              state={index < at ? "done" : index === at ? "now" : "next"}
              note={index === at ? copy.signingIn.since(formatSpan(span)) : undefined}
              host={step === "reaching-relay" ? hostOf(relay.url) : ""}
            />
          ))}
        </ol>
        {account.step === "knocking" && span > patienceMillis && (
          <Banner icon="devices" live>
            <p>{copy.signingIn.nobody}</p>
          </Banner>
        )}
        {account.step === "reaching-relay" && span > patienceMillis && (
          <Banner icon="offline" tone="warn" live>
            <p>{copy.signingIn.noRelay}</p>
          </Banner>
        )}
        <div class="button-row">
          <button
            type="button"
            class="button"
            disabled={stop.busy}
            onClick={() => void stop.give({})}
          >
            {copy.signingIn.stop}
          </button>
        </div>
      </section>
    </Gate>
  );
}

function Step({
  step,
  state,
  note,
  host,
}: {
  readonly step: SignInStep;
  readonly state: "done" | "now" | "next";
  readonly note: string | undefined;
  readonly host: string;
}): JSX.Element {
  const [title, text] = copy.signingIn.steps[step];
  return (
    <li data-state={state} aria-current={state === "now" ? "step" : undefined}>
      <span class="step-mark">{state === "done" && <Icon name="check" />}</span>
      <span>
        <strong>{title}</strong>
        <small>
          {host !== "" && `${host} · `}
          {note === undefined ? text : `${text} ${note}.`}
        </small>
      </span>
    </li>
  );
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "";
}

const stepOrder: ReadonlyArray<SignInStep> = ["reaching-relay", "knocking", "checking"];

/** After this long a person wants to know what they could do. */
const patienceMillis = 8_000;
