/** The relays that this node uses: how each one fares, and adding, testing and removing them. */

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { RelayTest, RelayView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatAgo, formatDateTime, formatSpan } from "../format.ts";
import { Refusal } from "../parts/banner.tsx";
import { now, useDoor, useOrder } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { Field } from "../parts/pieces.tsx";

const words = copy.relays;

export function Relays(): JSX.Element {
  const { relays } = useDoor().views.network.value;
  const title = useId();
  return (
    <section class="section" aria-labelledby={title} data-testid="relays">
      <h2 id={title}>{words.title}</h2>
      <p class="small quiet relays-text">{words.text}</p>
      <ul class="card relay-list">
        {relays.map((relay) => (
          <Relay key={relay.url} relay={relay} alone={relays.length === 1} />
        ))}
      </ul>
      <AddRelay />
    </section>
  );
}

function Relay({
  relay,
  alone,
}: {
  readonly relay: RelayView;
  readonly alone: boolean;
}): JSX.Element {
  const tryNow = useOrder("try-now");
  const remove = useOrder("remove-relay");
  const test = useOrder("test-relay");
  const [result, setResult] = useState<RelayTest>();
  const host = hostOf(relay.url);
  const ask = async (): Promise<void> => {
    setResult(undefined);
    const outcome = await test.give({ address: relay.url });
    if (outcome?.ok === true) setResult(outcome.value);
  };
  return (
    <li class="relay-row" data-phase={relay.state.phase}>
      <span class="node-avatar">
        <Icon name="relay" />
      </span>
      <div>
        <strong>{host}</strong> {relay.from === "app" && <span class="badge">{words.fromApp}</span>}
        <State relay={relay} />
        <TestResult busy={test.busy} result={result} />
        <Refusal refused={remove.refused ?? test.refused} />
      </div>
      <span class="relay-actions">
        {relay.state.phase === "away" && (
          <button type="button" class="button" onClick={() => void tryNow.give({})}>
            {words.tryNow}
          </button>
        )}
        <button
          type="button"
          class="button button-quiet"
          aria-label={words.testOf(host)}
          disabled={test.busy}
          onClick={() => void ask()}
        >
          {words.test}
        </button>
        {!alone && (
          <button
            type="button"
            class="button button-quiet"
            aria-label={words.removeOf(host)}
            disabled={remove.busy}
            onClick={() => void remove.give({ url: relay.url })}
          >
            {words.remove}
          </button>
        )}
      </span>
    </li>
  );
}

function State({ relay }: { readonly relay: RelayView }): JSX.Element {
  const { state, slowUntil, keepSecondsMax, iceServers } = relay;
  const connected = state.phase === "connected";
  const isSlow = slowUntil !== undefined && slowUntil > now.value;
  return (
    <>
      <p class="small path-kind">
        <span class="dot" data-tone={connected && !isSlow ? "good" : "warn"} />
        <span>
          {state.phase === "away" ? words.why[state.why] : words[state.phase]}{" "}
          <span class="quiet" title={formatDateTime(state.since)}>
            {words.since(formatAgo(state.since, now.value))}
            {!connected &&
              state.retryAt !== undefined &&
              `, ${words.retry(formatSpan(state.retryAt - now.value))}`}
          </span>
        </span>
      </p>
      {isSlow && <p class="small">{words.slow(formatSpan(slowUntil - now.value))}.</p>}
      {connected && (
        <p class="small quiet">
          {keepSecondsMax > 0 ? words.keeps(keepSecondsMax) : words.keepsNothing};{" "}
          {words.servers(iceServers)}.
        </p>
      )}
    </>
  );
}

function TestResult({
  busy,
  result,
}: {
  readonly busy: boolean;
  readonly result: RelayTest | undefined;
}): JSX.Element {
  return (
    <p class="small" role="status" data-testid="relay-test">
      {busy && words.testing}
      {!busy && result?.kind === "does-not" && `${words.why[result.why]}.`}
      {!busy && result?.kind === "answers" && answerText(result)}
    </p>
  );
}

function answerText({
  millis,
  bulkBytesPerSecond,
  clockErrorMillis,
}: RelayTest & { readonly kind: "answers" }): string {
  const off = Math.abs(clockErrorMillis);
  const answers = words.answers(millis, bulkBytesPerSecond);
  return off < clockMillisTold ? answers : `${answers} ${words.clockOff(formatSpan(off))}`;
}

function AddRelay(): JSX.Element {
  const [address, setAddress] = useState("");
  const [result, setResult] = useState<RelayTest>();
  const add = useOrder("add-relay");
  const test = useOrder("test-relay");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const outcome = await add.give({ address });
    if (outcome?.ok !== true) return;
    setAddress("");
    setResult(undefined);
  };
  const ask = async (): Promise<void> => {
    setResult(undefined);
    const outcome = await test.give({ address });
    if (outcome?.ok === true) setResult(outcome.value);
  };
  return (
    <form class="card panel relay-form" onSubmit={(event) => void submit(event)}>
      <Field
        label={words.address}
        hint={words.addressHint}
        value={address}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        inputMode="url"
        placeholder="relay.example.org"
        onInput={(event) => setAddress(event.currentTarget.value)}
      />
      <TestResult busy={test.busy} result={result} />
      <Refusal refused={add.refused ?? test.refused} />
      <div class="button-row">
        <button
          type="button"
          class="button"
          disabled={test.busy || address.trim() === ""}
          onClick={() => void ask()}
        >
          {words.test}
        </button>
        <button type="submit" class="button" disabled={add.busy || address.trim() === ""}>
          {words.add}
        </button>
      </div>
    </form>
  );
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url;
}

/** Below this nobody needs to know. */
const clockMillisTold = 5 * 60_000;
