/** Who asked for what others announced: answered again when another relay knows more. */

import type { TagKey } from "./tag-table.ts";

export interface Questions<Asker extends object> {
  /** `true` when others have to be asked: nobody has, lately. */
  readonly add: (tag: TagKey, asker: Asker, terms: Terms) => boolean;
  readonly askers: (tag: TagKey) => Iterable<readonly [asker: Asker, want: number]>;
  readonly sweep: (nowMillis: number) => void;
}

export interface Terms {
  readonly want: number;
  readonly nowMillis: number;
}

interface Question<Asker> {
  readonly askers: Map<Asker, number>;
  readonly untilMillis: number;
}

export function openQuestions<Asker extends object>(): Questions<Asker> {
  const byTag = new Map<TagKey, Question<Asker>>();
  return {
    add: (tag, asker, { want, nowMillis }) => {
      const known = byTag.get(tag);
      known?.askers.set(asker, want);
      if (known !== undefined || byTag.size >= questionsMax) return false;
      const askers = new Map([[asker, want]]);
      byTag.set(tag, { askers, untilMillis: nowMillis + questionMillis });
      return true;
    },
    askers: (tag) => byTag.get(tag)?.askers ?? [],
    sweep: (nowMillis) => {
      for (const [tag, { untilMillis }] of byTag) if (nowMillis >= untilMillis) byTag.delete(tag);
    },
  };
}

/** How long an answer of another relay is still passed on to who asked. */
const questionMillis = 3_000;
const questionsMax = 10_000;
