/** What stands before an account: welcome, opening, and the making of keys. */

import type { ComponentChildren, JSX } from "preact";
import { copy } from "../copy.ts";
import { useOrder } from "../parts/door-context.ts";
import { Refusal } from "../parts/banner.tsx";
import { Mark } from "../parts/icons.tsx";
import { Notices } from "../parts/notices.tsx";
import { Progress } from "../parts/pieces.tsx";
import { platformOf } from "../platform.ts";

/** A card in the middle of an empty page, with the product's mark above it. */
export function Gate({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <main class="gate">{children}</main>;
}

export function Welcome({ onSignIn }: { readonly onSignIn: () => void }): JSX.Element {
  const create = useOrder("create-account");
  const platform = platformOf(navigator.userAgent);
  return (
    <Gate>
      <div class="gate-mark">
        <Mark />
        <h1>{copy.name}</h1>
        <p>{copy.welcome.tagline}</p>
      </div>
      <Notices />
      <div class="gate-choices">
        <button
          type="button"
          class="button button-primary button-large"
          disabled={create.busy}
          onClick={() => void create.give({ nodeName: platform, platform })}
        >
          {copy.welcome.create}
        </button>
        <button type="button" class="button button-large" onClick={onSignIn}>
          {copy.welcome.signIn}
        </button>
        <Refusal refused={create.refused} />
      </div>
      <p class="gate-foot">{copy.welcome.foot}</p>
      <p class="gate-foot">{copy.about}</p>
    </Gate>
  );
}

export function Opening(): JSX.Element {
  return (
    <Gate>
      <div class="gate-mark" role="status">
        <Mark />
        <h1 class="visually-hidden">{copy.opening.title}</h1>
        <p>{copy.opening.text}</p>
      </div>
    </Gate>
  );
}

export function Unlocking({ share }: { readonly share: number }): JSX.Element {
  return (
    <Gate>
      <section class="card gate-card">
        <div>
          <h1>{copy.unlocking.title}</h1>
          <p>{copy.unlocking.text}</p>
        </div>
        <Progress label={copy.unlocking.title} share={share === 0 ? undefined : share} />
      </section>
    </Gate>
  );
}
