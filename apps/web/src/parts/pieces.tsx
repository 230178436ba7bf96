/** The small pieces every screen is made of: fields, empty states, waiting, copying, dropping. */

import type { ComponentChildren, InputHTMLAttributes, JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { copy } from "../copy.ts";
import type { IconName } from "./icons.tsx";
import { Icon } from "./icons.tsx";

export function Field({
  label,
  hint,
  error,
  children,
  ...input
}: {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  readonly children?: ComponentChildren;
  readonly [name: `data-${string}`]: string | number;
} & InputHTMLAttributes): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        class="input"
        id={id}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-note`}
        {...input}
      />
      <div id={`${id}-note`}>
        {error !== undefined && <p class="error-text">{error}</p>}
        {hint !== undefined && <p class="hint">{hint}</p>}
        {children}
      </div>
    </div>
  );
}

export function Empty({
  icon,
  title,
  alone = false,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  /** Nothing else is on the page. */
  readonly alone?: boolean;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <Icon name={icon} />
      {alone ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** Shown at once in the place of what is on its way. */
export function Skeleton({ lines = 6 }: { readonly lines?: number }): JSX.Element {
  return (
    <div class="skeleton panel" role="status">
      <span class="visually-hidden">{copy.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}

export function Progress({
  label,
  share,
}: {
  readonly label: string;
  readonly share: number | undefined;
}): JSX.Element {
  return share === undefined ? (
    <progress class="progress" aria-label={label} />
  ) : (
    <progress class="progress" aria-label={label} max={1} value={share} />
  );
}

export function CopyButton({
  text,
  label,
  wide = false,
}: {
  readonly text: string;
  readonly label: string;
  readonly wide?: boolean;
}): JSX.Element | null {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copyText = (): void => {
    void navigator.clipboard.writeText(text).then(() => setCopied(true));
  };
  // Browsers lend the clipboard only to pages that were served securely.
  if (!("clipboard" in navigator)) return null;
  return (
    <button
      type="button"
      class={wide ? "button" : "button button-quiet button-icon"}
      aria-label={wide ? undefined : label}
      title={wide ? undefined : label}
      onClick={copyText}
    >
      <Icon name={copied ? "check" : "copy"} />
      {wide && label}
      <span class="visually-hidden" aria-live="polite">
        {copied ? copy.copied : ""}
      </span>
    </button>
  );
}

/** A place to drop files on; the file input inside it does the same with a keyboard. */
export function DropZone({
  onDrop,
  children,
}: {
  readonly onDrop: (transfer: DataTransfer) => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const [over, setOver] = useState(false);
  return (
    <div
      class="drop-zone"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (event.dataTransfer !== null) onDrop(event.dataTransfer);
      }}
    >
      {children}
    </div>
  );
}

/** On or off, at once. */
export function Switch({
  label,
  hint,
  on,
  onChange,
}: {
  readonly label: string;
  readonly hint: string;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
}): JSX.Element {
  const id = useId();
  return (
    <div class="switch">
      <input
        type="checkbox"
        role="switch"
        id={id}
        checked={on}
        aria-describedby={`${id}-note`}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      <p class="hint" id={`${id}-note`}>
        {hint}
      </p>
    </div>
  );
}
