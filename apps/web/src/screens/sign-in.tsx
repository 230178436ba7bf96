/** Signing in with the words; then each step is shown. */

import type { JSX } from "preact";
import type { AccountView, SignInStep } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatSpan } from "../format.ts";
import { Banner, Refusal } from "../parts/banner.tsx";
import { now, useDoor, useOrder } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { PassphraseField, usePassphrase } from "../parts/passphrase-field.tsx";
import { platformOf } from "../platform.ts";
import { Gate } from "./gate.tsx";
import { Relays } from "./relays.tsx";

export function SignIn({
  onBack,
  onKit,
}: {
  readonly onBack: () => void;
  readonly onKit: () => void;
}): JSX.Element {
  const signIn = useOrder("sign-in");
  const draft = usePassphrase();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = await draft.read();
    if (words === undefined) return;
    const platform = platformOf(navigator.userAgent);
    await signIn.give({ words, nodeName: platform, platform });
  };
  return (
    <Gate>
      <form class="card gate-card" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <h1>{copy.signIn.title}</h1>
        <PassphraseField draft={draft} label={copy.signIn.label} hint={copy.signIn.hint} />
        <Refusal refused={signIn.refused} />
        <p>
          <button type="button" class="button button-quiet" onClick={onKit}>
            {copy.signIn.lost}
          </button>
        </p>
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onBack}>
            {copy.signIn.back}
          </button>
          <button
            type="submit"
            class="button button-primary"
            disabled={signIn.busy || draft.words.length === 0}
          >
            {copy.signIn.submit}
          </button>
        </div>
      </form>
    </Gate>
  );
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
      {account.step !== "checking" && span > patienceMillis && (
        <details class="gate-relays">
          <summary>{copy.relays.elsewhere}</summary>
          <Relays />
        </details>
      )}
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
