/** Things that happened and that a person should know, kept until they are dismissed. */

import { instant, parseNodeId, type Instant } from "@skein/protocol/ids";
import { noticesMax, type StoredNotice } from "./ledger.ts";
import type { NoticeView } from "./views.ts";

export interface Notice {
  readonly tone: NoticeView["tone"];
  readonly what: string;
  readonly safe?: string | undefined;
  readonly next?: string | undefined;
  readonly action?: NoticeView["action"];
  /** Somebody may have acted in its person's name: it is shown until it was seen, also after a restart. */
  readonly lasting?: boolean;
}

export interface Notices {
  readonly add: (notice: Notice) => void;
  /** What was kept of an earlier run. */
  readonly restore: (kept: ReadonlyArray<StoredNotice>) => void;
  readonly dismiss: (id: string) => void;
  readonly list: () => ReadonlyArray<NoticeView>;
}

type Held = NoticeView & { readonly lasting: boolean };

export function openNotices({
  now,
  changed,
  keep,
}: {
  readonly now: () => Instant;
  readonly changed: () => void;
  /** Hears all that lasts, whenever it changes. */
  readonly keep: (lasting: ReadonlyArray<StoredNotice>) => void;
}): Notices {
  let notices: ReadonlyArray<Held> = [];
  let count = 0;
  const hold = (notice: Notice, at: number): void => {
    const { tone, what, safe, next, action, lasting = false } = notice;
    if (notices.some((held) => held.what === what)) return;
    const held = { id: `notice-${++count}`, tone, what, safe, next, action, at, lasting };
    notices = [...notices, held].slice(-noticesMax);
  };
  const keepLasting = (): void =>
    keep(notices.filter(({ lasting }) => lasting).map((notice) => storedOf(notice)));
  return {
    add: (notice) => {
      hold(notice, now());
      if (notice.lasting === true) keepLasting();
      changed();
    },
    restore: (kept) => {
      for (const stored of kept) hold(noticeOf(stored), instant(stored.at));
      changed();
    },
    dismiss: (id) => {
      const gone = notices.find((notice) => notice.id === id);
      notices = notices.filter((notice) => notice !== gone);
      if (gone?.lasting === true) keepLasting();
      changed();
    },
    list: () => notices,
  };
}

function storedOf({ tone, what, safe, next, action, at }: Held): StoredNotice {
  const revoke = action?.kind === "revoke" ? parseNodeId(action.node) : undefined;
  return { tone: tones.indexOf(tone), what, safe, next, revoke, at };
}

function noticeOf({ tone, what, safe, next, revoke }: StoredNotice): Notice {
  return {
    tone: tones[tone] ?? "warning",
    what,
    safe,
    next,
    ...(revoke === undefined ? {} : { action: { kind: "revoke", node: revoke } }),
    lasting: true,
  };
}

const tones: ReadonlyArray<NoticeView["tone"]> = ["info", "warning", "error"];
