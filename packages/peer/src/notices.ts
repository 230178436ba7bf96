/** Things that happened and that a person should know, kept until they are dismissed. */

import type { Instant } from "@skein/protocol/ids";
import type { NoticeView } from "./views.ts";

export interface Notice {
  readonly tone: NoticeView["tone"];
  readonly what: string;
  readonly safe?: string;
  readonly next?: string;
  readonly action?: NoticeView["action"];
}

export interface Notices {
  readonly add: (notice: Notice) => void;
  readonly dismiss: (id: string) => void;
  readonly list: () => ReadonlyArray<NoticeView>;
}

export function openNotices({
  now,
  changed,
}: {
  readonly now: () => Instant;
  readonly changed: () => void;
}): Notices {
  let notices: ReadonlyArray<NoticeView> = [];
  let count = 0;
  return {
    add: ({ tone, what, safe, next, action }) => {
      if (notices.some((notice) => notice.what === what)) return;
      const notice = { id: `notice-${++count}`, tone, what, safe, next, action, at: now() };
      notices = [...notices, notice].slice(-noticesMax);
      changed();
    },
    dismiss: (id) => {
      notices = notices.filter((notice) => notice.id !== id);
      changed();
    },
    list: () => notices,
  };
}

/** More than a person reads; the oldest go. */
const noticesMax = 20;
