/** What happened and a person should know, until they dismiss it. */

import type { JSX } from "preact";
import type { NoticeView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { Banner } from "./banner.tsx";
import { useDoor } from "./door-context.ts";

export function Notices(): JSX.Element {
  const { notices } = useDoor().views;
  return (
    <>
      {notices.value.map((notice) => (
        <Notice key={notice.id} notice={notice} />
      ))}
    </>
  );
}

function Notice({ notice }: { readonly notice: NoticeView }): JSX.Element {
  const door = useDoor();
  const tone = { info: "plain", warning: "warn", error: "bad" } as const;
  return (
    <Banner
      tone={tone[notice.tone]}
      icon={notice.tone === "info" ? "info" : "warning"}
      title={notice.what}
      live
    >
      {notice.safe !== undefined && <p>{notice.safe}</p>}
      {notice.next !== undefined && <p>{notice.next}</p>}
      <div class="button-row">
        {notice.action !== undefined && (
          <a class="button" href={placeOf(notice.action)}>
            {copy.notices.action[notice.action.kind]}
          </a>
        )}
        <button
          type="button"
          class="button"
          onClick={() => void door.ask("dismiss-notice", { id: notice.id })}
        >
          {copy.notices.dismiss}
        </button>
      </div>
    </Banner>
  );
}

function placeOf(action: NonNullable<NoticeView["action"]>): string {
  if (action.kind === "revoke") return `/devices?revoke=${action.node}`;
  return action.kind === "kit" ? "/recovery-kit" : "/passphrase";
}
