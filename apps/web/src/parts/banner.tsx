/** What a person should know, where they are looking: a banner, and a refusal in three sentences. */

import type { ComponentChildren, JSX } from "preact";
import type { Refused } from "@skein/peer/commands";
import type { IconName } from "./icons.tsx";
import { Icon } from "./icons.tsx";

export type Tone = "plain" | "accent" | "good" | "warn" | "bad";

export function Banner({
  tone = "plain",
  icon = "info",
  title,
  children,
  live = false,
}: {
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly title?: string | undefined;
  readonly children?: ComponentChildren;
  /** Read out when it appears. */
  readonly live?: boolean;
}): JSX.Element {
  return (
    <div class="banner" data-tone={tone} role={live ? "status" : undefined}>
      <Icon name={icon} />
      <div class="banner-text">
        {title !== undefined && <p class="banner-title">{title}</p>}
        {children}
      </div>
    </div>
  );
}

/** What happened, what is safe, what to do. */
export function Refusal({
  refused,
}: {
  readonly refused: Refused | undefined;
}): JSX.Element | null {
  if (refused === undefined) return null;
  return (
    <div class="banner" data-tone="bad" role="alert">
      <Icon name="warning" />
      <div class="banner-text">
        <p class="banner-title">{refused.what}</p>
        {refused.safe !== undefined && <p>{refused.safe}</p>}
        {refused.next !== undefined && <p>{refused.next}</p>}
      </div>
    </div>
  );
}
