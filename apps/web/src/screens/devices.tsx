/** The nodes of this account, this device first, and this device's own settings. */

import type { JSX } from "preact";
import { useLocation } from "preact-iso/router";
import { useEffect, useState } from "preact/hooks";
import type { AccountView, DeviceView, StorageView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatDateTime, formatSize, isAbout } from "../format.ts";
import { iconOf, seenOf } from "../parts/approval.tsx";
import { Banner, Refusal } from "../parts/banner.tsx";
import { useDoor, useOrder } from "../parts/door-context.ts";
import { Icon } from "../parts/icons.tsx";
import { keepStorage } from "../parts/keep-storage.ts";
import { Empty, Field } from "../parts/pieces.tsx";
import { Proofs } from "../parts/proofs.tsx";
import { RequestCalls } from "../parts/request-calls.tsx";
import { RevokeDialog } from "../parts/revoke-dialog.tsx";
import { saveFile } from "../parts/save-file.ts";
import { LockSettings } from "./lock-settings.tsx";

type Open = AccountView & { readonly phase: "open" };

export function Devices({ account }: { readonly account: Open }): JSX.Element {
  const { devices, storage } = useDoor().views;
  const here = devices.value.filter(({ thisDevice }) => thisDevice);
  const others = devices.value.filter(({ thisDevice, revoked }) => !thisDevice && !revoked);
  return (
    <>
      <div class="page-head">
        <h1>{copy.devices.title}</h1>
        <p class="quiet small">
          {copy.devices.account} <code>{account.mark}</code>
        </p>
      </div>
      <ul class="card node-list" aria-label={copy.devices.this}>
        {here.map((device) => (
          <Device key={device.node} device={device} />
        ))}
      </ul>
      <section class="section">
        <h2>{copy.devices.others}</h2>
        {others.length === 0 ? (
          <div class="card">
            <Empty icon="devices" title={copy.devices.noneTitle}>
              <p>{copy.devices.none}</p>
            </Empty>
          </div>
        ) : (
          <ul class="card node-list">
            {others.map((device) => (
              <Device key={device.node} device={device} />
            ))}
          </ul>
        )}
      </section>
      <Revoking devices={devices.value} />
      <Proofs forks={account.forks} />
      <section class="section">
        <h2>{copy.devices.safety}</h2>
        <Safety mark={account.mark} />
      </section>
      <RequestCalls />
      <section class="section">
        <h2>{copy.lock.section}</h2>
        <LockSettings account={account} />
      </section>
      <section class="section">
        <h2>{copy.devices.settings}</h2>
        <div class="card panel settings">
          <NameForm name={account.nodeName} />
          <AuthorForm author={account.author} />
        </div>
      </section>
      <section class="section">
        <h2>{copy.devices.storage}</h2>
        <Storage storage={storage.value} />
      </section>
    </>
  );
}

/** Those that were revoked, and the question about one that is to be: the address says which, and answers nothing. */
function Revoking({ devices }: { readonly devices: ReadonlyArray<DeviceView> }): JSX.Element {
  const { path, query, route } = useLocation();
  const gone = devices.filter(({ revoked }) => revoked !== undefined);
  const asked = devices.find(
    ({ node, revoke }) => node === query["revoke"] && revoke !== "not-possible",
  );
  return (
    <>
      {gone.length > 0 && (
        <section class="section">
          <h2>{copy.revoke.list}</h2>
          <ul class="card node-list" data-testid="revoked">
            {gone.map((device) => (
              <Device key={device.node} device={device} />
            ))}
          </ul>
        </section>
      )}
      {asked !== undefined && <RevokeDialog device={asked} onClose={() => route(path, true)} />}
    </>
  );
}

function Device({ device }: { readonly device: DeviceView }): JSX.Element {
  return (
    <li>
      <span class="node-avatar">
        <Icon name={iconOf(device.platform)} />
      </span>
      <div>
        <strong>{device.name}</strong>{" "}
        {device.thisDevice && (
          <span class="badge" data-tone="accent">
            {copy.devices.this}
          </span>
        )}
        <p class="small quiet">
          {device.platform !== device.name && `${device.platform} · `}
          {originOf(device)}
          {!device.thisDevice && ` · ${seenOf(device)}`}
        </p>
        <p class="small quiet">
          {copy.devices.key} <code>{device.fingerprint}</code>
        </p>
      </div>
      <span class="node-end">
        {device.revoked === undefined && (
          <span class="badge" data-tone={device.role === "writer" ? undefined : "warn"}>
            {copy.role[device.role]}
          </span>
        )}
        {device.revoke !== "not-possible" && (
          <a
            class="button button-quiet"
            href={`/devices?revoke=${device.node}`}
            aria-label={`${device.thisDevice ? copy.revoke.buttonThis : copy.revoke.button} ${device.name}`}
          >
            {device.thisDevice ? copy.revoke.buttonThis : copy.revoke.button}
          </a>
        )}
      </span>
      {device.denied && <Denied device={device} />}
    </li>
  );
}

function Safety({ mark }: { readonly mark: string }): JSX.Element {
  const signers = useOrder("allowed-signers");
  const log = useOrder("log-file");
  const save = async (): Promise<void> => {
    const outcome = await signers.give({});
    if (outcome?.ok === true) saveFile(outcome.value.file, "allowed_signers");
  };
  const saveLog = async (): Promise<void> => {
    const outcome = await log.give({});
    if (outcome?.ok === true) saveFile(outcome.value.file, `skein-${mark}.log`);
  };
  return (
    <div class="card panel settings">
      <div class="button-row">
        <a class="button" href="/passphrase">
          {copy.passphrase.link}
        </a>
        <a class="button" href="/recovery-kit">
          {copy.kit.link}
        </a>
        <button type="button" class="button" onClick={() => void save()}>
          {copy.devices.signers}
        </button>
        <button type="button" class="button" onClick={() => void saveLog()}>
          {copy.devices.log}
        </button>
      </div>
      <p class="hint">{copy.devices.signersHint}</p>
      <Refusal refused={signers.refused ?? log.refused} />
    </div>
  );
}

function Denied({ device }: { readonly device: DeviceView }): JSX.Element {
  const order = useOrder("let-ask-again");
  return (
    <div class="node-denied">
      <span class="badge" data-tone="warn">
        {copy.devices.denied}
      </span>
      <button
        type="button"
        class="button"
        aria-label={`${copy.devices.letAskAgain}: ${device.name}`}
        disabled={order.busy}
        onClick={() => void order.give({ node: device.node })}
      >
        {copy.devices.letAskAgain}
      </button>
      <Refusal refused={order.refused} />
    </div>
  );
}

function originOf({ role, addedBy, addedAt, addedSeenAt, revoked }: DeviceView): string {
  if (revoked !== undefined) return copy.revoke.by(revoked.by, whenOf(revoked.at, revoked.seenAt));
  if (role === "read-only") return copy.devices.replica;
  if (addedBy === undefined || addedAt === undefined) return copy.devices.origin;
  return copy.devices.added(addedBy, whenOf(addedAt, addedSeenAt));
}

/** By the clock of whoever did it, and by ours where that is another time. */
function whenOf(at: number, seenAt: number | undefined): string {
  const said = formatDateTime(at);
  if (seenAt === undefined || isAbout(at, seenAt)) return said;
  return copy.devices.seenHere(said, formatDateTime(seenAt));
}

function NameForm({ name }: { readonly name: string }): JSX.Element {
  const order = useOrder("rename-node");
  const [typed, setTyped] = useDraft(name);
  const submit = (event: Event): void => {
    event.preventDefault();
    void order.give({ name: typed.trim() });
  };
  return (
    <form class="settings-form" onSubmit={submit}>
      <Field
        label={copy.devices.name}
        hint={copy.devices.nameHint}
        value={typed}
        required
        maxLength={64}
        autocomplete="off"
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <Save busy={order.busy} changed={typed.trim() !== name && typed.trim() !== ""} />
      <Refusal refused={order.refused} />
    </form>
  );
}

function AuthorForm({ author }: { readonly author: Open["author"] }): JSX.Element {
  const order = useOrder("set-author");
  const [name, setName] = useDraft(author.name);
  const [email, setEmail] = useDraft(author.email);
  const submit = (event: Event): void => {
    event.preventDefault();
    void order.give({ name: name.trim(), email: email.trim() });
  };
  return (
    <form class="settings-form" onSubmit={submit}>
      <div class="form-grid">
        <Field
          label={copy.devices.authorName}
          value={name}
          required
          autocomplete="name"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Field
          label={copy.devices.authorEmail}
          value={email}
          autocomplete="email"
          inputMode="email"
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
      </div>
      <p class="hint">{copy.devices.authorHint}</p>
      <Save busy={order.busy} changed={name !== author.name || email !== author.email} />
      <Refusal refused={order.refused} />
    </form>
  );
}

function Save({
  busy,
  changed,
}: {
  readonly busy: boolean;
  readonly changed: boolean;
}): JSX.Element {
  return (
    <div class="button-row">
      <button type="submit" class="button" disabled={busy || !changed}>
        {copy.devices.save}
      </button>
    </div>
  );
}

function Storage({ storage }: { readonly storage: StorageView }): JSX.Element {
  const door = useDoor();
  const [refusedIt, setRefusedIt] = useState(false);
  const { usedBytes: used, quotaBytes: quota, persisted } = storage;
  const keep = async (): Promise<void> => {
    const kept = await keepStorage();
    setRefusedIt(!kept);
    await door.ask("keep-storage", { persisted: kept });
  };
  return (
    <div class="card panel settings">
      {used === undefined || quota === undefined ? (
        <p>{copy.devices.unknown}</p>
      ) : (
        <>
          <p>{copy.devices.used(formatSize(used), formatSize(quota))}</p>
          <meter
            class="meter"
            min={0}
            max={quota}
            high={quota * 0.8}
            value={used}
            aria-label={copy.devices.storage}
          />
        </>
      )}
      <FreeSpace />
      {persisted === true ? (
        <Banner tone="good" icon="check">
          <p>{copy.devices.persisted}</p>
        </Banner>
      ) : (
        <Banner tone="warn" icon="warning">
          <p>{refusedIt ? copy.devices.keepRefused : copy.devices.notPersisted}</p>
          <div class="button-row">
            <button type="button" class="button" onClick={() => void keep()}>
              {copy.devices.keep}
            </button>
          </div>
        </Banner>
      )}
    </div>
  );
}

function FreeSpace(): JSX.Element {
  const order = useOrder("free-space");
  const [freed, setFreed] = useState<string>();
  const free = async (): Promise<void> => {
    setFreed(undefined);
    const done = await order.give({});
    if (done?.ok !== true) return;
    const { bytes, busy } = done.value;
    const said = bytes > 0 ? copy.keep.freed(formatSize(bytes)) : copy.keep.freedNothing;
    setFreed(busy > 0 ? `${said} ${copy.keep.freedLater(busy)}` : said);
  };
  return (
    <>
      <p class="small quiet">{copy.keep.freeText}</p>
      <div class="button-row">
        <button type="button" class="button" disabled={order.busy} onClick={() => void free()}>
          {copy.keep.free}
        </button>
        <span class="small" role="status">
          {freed}
        </span>
      </div>
      <Refusal refused={order.refused} />
    </>
  );
}

/** A field that starts with what is kept and follows it when it changes elsewhere. */
function useDraft(kept: string): readonly [string, (text: string) => void] {
  const [text, setText] = useState(kept);
  useEffect(() => setText(kept), [kept]);
  return [text, setText];
}
