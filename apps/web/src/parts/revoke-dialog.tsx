/** Revoking a device: what it does, what it cannot undo, and how far back it is trusted. */

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { DeedView, DeviceView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatDateTime, isAbout } from "../format.ts";
import { Banner, Refusal } from "./banner.tsx";
import { Dialog } from "./dialog.tsx";
import { now, useOrder } from "./door-context.ts";
import { PassphraseField, usePassphrase, type PassphraseDraft } from "./passphrase-field.tsx";

export function RevokeDialog({
  device,
  onClose,
}: {
  readonly device: DeviceView;
  readonly onClose: () => void;
}): JSX.Element {
  const order = useOrder("revoke-node");
  const draft = usePassphrase();
  const [stolen, setStolen] = useState(false);
  const [andApproved, setAndApproved] = useState(false);
  const [days, setDays] = useState(0);
  const needsWords = device.revoke === "passphrase";
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const isTyped = needsWords || draft.words.length > 0;
    const words = isTyped ? await draft.read() : "";
    if (words === undefined) return;
    const since = stolen ? { since: Date.now() - days * dayMillis } : {};
    const outcome = await order.give({ node: device.node, words, andApproved, ...since });
    if (outcome?.ok === true) onClose();
  };
  return (
    <Dialog
      title={device.thisDevice ? copy.revoke.titleThis : copy.revoke.title(device.name)}
      onClose={onClose}
    >
      <form class="settings" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <p>{copy.revoke.does}</p>
        <Banner tone="warn" icon="warning">
          <p>{copy.revoke.cannot}</p>
        </Banner>
        {device.approved.length > 0 && (
          <Check checked={andApproved} onChange={setAndApproved}>
            {copy.revoke.andApproved(device.approved)}
          </Check>
        )}
        {!device.thisDevice && (
          <>
            <Check checked={stolen} onChange={setStolen}>
              {copy.revoke.stolen}
            </Check>
            {stolen && <Since deeds={device.deeds} days={days} onDays={setDays} />}
          </>
        )}
        {!device.thisDevice && <Words draft={draft} needed={needsWords} />}
        <Refusal refused={order.refused} />
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onClose}>
            {copy.cancel}
          </button>
          <button type="submit" class="button button-danger" disabled={order.busy}>
            {device.thisDevice ? copy.revoke.submitThis : copy.revoke.submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Words({
  draft,
  needed,
}: {
  readonly draft: PassphraseDraft;
  readonly needed: boolean;
}): JSX.Element {
  return (
    <PassphraseField
      draft={draft}
      label={copy.signIn.label}
      hint={needed ? copy.revoke.wordsNeeded : copy.revoke.wordsHelp}
    />
  );
}

function Since({
  deeds,
  days,
  onDays,
}: {
  readonly deeds: ReadonlyArray<DeedView>;
  readonly days: number;
  readonly onDays: (days: number) => void;
}): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{copy.revoke.since}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={30}
        value={days}
        aria-valuetext={formatDateTime(now.value - days * dayMillis)}
        onInput={(event) => onDays(event.currentTarget.valueAsNumber)}
      />
      <p class="hint">
        {copy.revoke.sinceText(
          days === 0 ? copy.revoke.rightNow : formatDateTime(now.value - days * dayMillis),
        )}
      </p>
      <LeftOut deeds={deeds} since={now.value - days * dayMillis} />
      <p class="hint">{copy.revoke.merged}</p>
    </div>
  );
}

/** What of its deeds the revocation would not vouch for. Where its own date differs from ours, both are said. */
function LeftOut({
  deeds,
  since,
}: {
  readonly deeds: ReadonlyArray<DeedView>;
  readonly since: number;
}): JSX.Element {
  const left = deeds.filter(({ seenAt }) => seenAt === undefined || seenAt > since);
  if (left.length === 0) return <p class="hint">{copy.revoke.nothingLeftOut}</p>;
  return (
    <div data-testid="left-out">
      <p class="small">
        <strong>{copy.revoke.leftOut}</strong>
      </p>
      <ul class="small">
        {left.map((deed) => (
          <li key={`${deed.kind} ${deed.name} ${deed.at}`}>
            {copy.revoke.deeds[deed.kind](deed.name ?? "")}, {whenOf(deed)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function whenOf({ at, seenAt }: DeedView): string {
  const says = formatDateTime(at);
  if (seenAt === undefined || isAbout(at, seenAt)) return says;
  return copy.revoke.dated(says, formatDateTime(seenAt));
}

function Check({
  checked,
  onChange,
  children,
}: {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: string;
}): JSX.Element {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{children}</span>
    </label>
  );
}

const dayMillis = 24 * 60 * 60_000;
