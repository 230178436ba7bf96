/** Authorising: what a read-only device shows, and the question on a device that may write. */

import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { ApprovalView, DeviceView, RequestView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatAgo, formatClock } from "../format.ts";
import { Banner, Refusal } from "./banner.tsx";
import { Dialog } from "./dialog.tsx";
import { now, useDoor, useOrder } from "./door-context.ts";
import { Icon } from "./icons.tsx";
import { calledFor, useRequestCalls } from "./request-calls.tsx";

/** On the new device: the number to type elsewhere, and how it fares. */
export function ApprovalBanner({
  approval,
}: {
  readonly approval: ApprovalView;
}): JSX.Element | null {
  switch (approval.phase) {
    case "none":
      return null;
    case "waiting":
      return (
        <Banner tone="accent" icon="lock" title={copy.approval.waitingTitle}>
          <p>{copy.approval.waiting}</p>
          <WhoCould />
          <AskAgain />
        </Banner>
      );
    case "asked":
      return <Asked approval={approval} />;
    case "denied":
      return (
        <Banner tone="warn" icon="lock" title={copy.approval.denied(approval.by)} live>
          <p>{copy.approval.deniedText}</p>
          <p>{copy.approval.deniedNext(approval.by)}</p>
        </Banner>
      );
    case "void": {
      const isUnanswered = approval.why === "nobody-answered";
      const title = isUnanswered ? copy.approval.unanswered : copy.approval.voidTitle;
      return (
        <Banner tone="warn" icon="lock" title={title} live>
          <p>{copy.approval.voidText[approval.why]}</p>
          {isUnanswered && <WhoCould />}
          <AskAgain />
        </Banner>
      );
    }
  }
}

function Asked({
  approval,
}: {
  readonly approval: ApprovalView & { readonly phase: "asked" };
}): JSX.Element {
  const left = approval.expiresAt - now.value;
  // Nobody has looked at it there yet, and so there is no number.
  if (approval.numbers.length === 0)
    return (
      <Banner tone="accent" icon="shield" title={copy.approval.sentTitle}>
        <p>{copy.approval.waiting}</p>
        <WhoCould />
      </Banner>
    );
  return (
    <Banner tone="accent" icon="shield" title={copy.approval.askedTitle} live>
      {approval.numbers.map(({ nodeName, digits }) => (
        <div key={nodeName}>
          <p>{copy.approval.asked(nodeName)}</p>
          <ApprovalNumber digits={digits} />
        </div>
      ))}
      <p class="quiet small">
        {approval.opened && `${copy.approval.openedBy} `}
        {copy.approval.notSecret} {left > 0 && copy.approval.expires(formatClock(left))}
      </p>
    </Banner>
  );
}

/** Shown in two groups of three; its text is the six digits and nothing else. */
function ApprovalNumber({ digits }: { readonly digits: string }): JSX.Element {
  return (
    <div
      class="approval-number"
      data-testid="approval-number"
      role="img"
      aria-label={copy.approval.spoken(digits)}
    >
      <span>{digits.slice(0, 3)}</span>
      <span>{digits.slice(3)}</span>
    </div>
  );
}

/** Nobody waits without knowing for whom. */
function WhoCould(): JSX.Element {
  const writers = useDoor().views.devices.value.filter(
    ({ role, revoked, thisDevice }) => role === "writer" && !thisDevice && revoked === undefined,
  );
  return (
    <>
      <p>{copy.approval.could}</p>
      <ul class="small" data-testid="who-could">
        {writers.map((device) => (
          <li key={device.node}>
            {device.name}, {seenOf(device).toLowerCase()}
          </li>
        ))}
      </ul>
      <p class="small">
        <a href="/recovery-kit">{copy.approval.noneLeft}</a>
      </p>
    </>
  );
}

export function seenOf({
  connected,
  lastSeen,
}: Pick<DeviceView, "connected" | "lastSeen">): string {
  if (connected) return copy.devices.connected;
  return lastSeen === undefined
    ? copy.devices.neverSeen
    : copy.devices.lastSeen(formatAgo(lastSeen, now.value));
}

function AskAgain(): JSX.Element {
  const again = useOrder("ask-again");
  return (
    <>
      <div class="button-row">
        <button
          type="button"
          class="button"
          disabled={again.busy}
          onClick={() => void again.give({})}
        >
          {copy.approval.again}
        </button>
      </div>
      <Refusal refused={again.refused} />
    </>
  );
}

/** On a node that may write: opens by itself when a device asks. No address of this app can open or answer it. */
export function Requests(): JSX.Element | null {
  const requests = useDoor().views.requests.value;
  const [later, setLater] = useState<ReadonlySet<string>>(new Set());
  const [reviewing, setReviewing] = useState(false);
  const wanted = calledFor.value;
  useRequestCalls(requests);
  useEffect(() => {
    if (wanted !== undefined) setLater(new Set());
  }, [wanted]);
  const open = ({ id, silent }: RequestView): boolean =>
    !later.has(id) && (reviewing || !silent || id === wanted?.id);
  const current =
    requests.find(({ id }) => id === wanted?.id && !later.has(id)) ?? requests.find(open);
  if (current !== undefined)
    return (
      <RequestDialog
        key={current.id}
        request={current}
        onLater={() => setLater(new Set([...later, current.id]))}
      />
    );
  if (requests.length === 0) return null;
  return (
    <Banner tone="accent" icon="shield" title={copy.request.later(requests.length)}>
      <div class="button-row">
        <button
          type="button"
          class="button"
          onClick={() => {
            setLater(new Set());
            setReviewing(true);
          }}
        >
          {copy.request.review}
        </button>
      </div>
    </Banner>
  );
}

function RequestDialog({
  request,
  onLater,
}: {
  readonly request: RequestView;
  readonly onLater: () => void;
}): JSX.Element {
  const door = useDoor();
  const authorise = useOrder("authorise");
  const deny = useOrder("deny");
  const [digits, setDigits] = useState("");
  const id = useId();
  useEffect(() => {
    void door.ask("open-request", { id: request.id });
  }, [door, request.id]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (digits.length !== 6) return;
    await authorise.give({ id: request.id, digits });
    setDigits("");
  };
  return (
    <Dialog title={copy.request.title} onClose={onLater}>
      <p>{copy.request.text}</p>
      <Who request={request} />
      <p>{copy.request.able(request.repositories)}</p>
      <details class="small">
        <summary>{copy.request.notMine}</summary>
        <p>
          {copy.request.notMineText}{" "}
          <a href="/passphrase" onClick={() => void deny.give({ id: request.id })}>
            {copy.passphrase.link}
          </a>
        </p>
      </details>
      <form class="field" onSubmit={(event) => void submit(event)}>
        <label for={id}>{copy.request.label}</label>
        <Digits id={id} request={request} digits={digits} onDigits={setDigits} />
        <Refusal refused={authorise.refused ?? deny.refused} />
        <div class="dialog-actions">
          <button
            type="button"
            class="button button-danger"
            disabled={deny.busy}
            onClick={() => void deny.give({ id: request.id })}
          >
            {copy.request.deny}
          </button>
          <button
            type="submit"
            class="button button-primary"
            disabled={digits.length !== 6 || authorise.busy}
          >
            {copy.request.authorise}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Read out once, near the end: what is said every second is no help. A timer is silent by itself. */
function TimeLeft({ expiresAt }: { readonly expiresAt: number }): JSX.Element {
  const left = expiresAt - now.value;
  return (
    <>
      <p class="hint" role="timer">
        {copy.request.expires(formatClock(left))}
      </p>
      <p class="visually-hidden" role="status">
        {left < lastMinuteMillis && copy.request.lastMinute}
      </p>
    </>
  );
}

function Digits({
  id,
  request,
  digits,
  onDigits,
}: {
  readonly id: string;
  readonly request: RequestView;
  readonly digits: string;
  readonly onDigits: (digits: string) => void;
}): JSX.Element {
  return (
    <>
      <input
        class="input digits-input"
        id={id}
        value={digits}
        inputMode="numeric"
        autocomplete="one-time-code"
        autofocus
        aria-invalid={request.wrong}
        aria-describedby={`${id}-note`}
        onInput={(event) => {
          const typed = event.currentTarget.value.replace(/\D/gu, "").slice(0, 6);
          event.currentTarget.value = typed;
          onDigits(typed);
        }}
      />
      <div id={`${id}-note`}>
        {request.wrong && digits === "" && (
          <p class="error-text" role="alert">
            {copy.request.wrong(request.triesLeft)}
          </p>
        )}
        {request.waiting && digits === "" && <p role="status">{copy.request.waiting}</p>}
        <p class="hint">{copy.request.warning}</p>
      </div>
      <TimeLeft expiresAt={request.expiresAt} />
    </>
  );
}

function Who({ request }: { readonly request: RequestView }): JSX.Element {
  return (
    <div class="request-who">
      <Icon name={iconOf(request.platform)} />
      <div>
        <strong>{request.name}</strong>
        <p class="small quiet">
          {request.platform !== request.name && `${request.platform} · `}
          {copy.request.asked(formatAgo(request.askedAt, now.value))},{" "}
          {copy.request.path[request.path]}
        </p>
        <p class="small quiet" title={copy.request.keyHint}>
          {copy.request.key} <code>{request.fingerprint}</code>
        </p>
      </div>
    </div>
  );
}

export function iconOf(platform: string): "phone" | "laptop" {
  return /Android|iPhone|iPad/u.test(platform) ? "phone" : "laptop";
}

const lastMinuteMillis = 60_000;
