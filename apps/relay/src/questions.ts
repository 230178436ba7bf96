/** Who asked for what others announced: answered again when another relay knows more. */

import type { Limits } from "./limits.ts";
import type { TagKey } from "./tag-table.ts";

export interface Questions<Asker extends object> {
  /** `true` when others have to be asked: nobody has, lately. */
  readonly add: (tag: TagKey, asker: Asker, terms: Terms) => boolean;
  readonly askers: (tag: TagKey) => Iterable<readonly [asker: Asker, want: number]>;
  readonly sweep: (nowMillis: number) => void;
  /** Askers of all tags. */
  readonly size: () => number;
}

export interface Terms {
  readonly want: number;
  readonly nowMillis: number;
}

interface Question<Asker> {
  readonly askers: Map<Asker, number>;
  readonly untilMillis: number;
}

export function openQuestions<Asker extends object>(
  limits: Pick<Limits, "neighbourQuestionsMax" | "neighbourQuestionMillis">,
): Questions<Asker> {
  const byTag = new Map<TagKey, Question<Asker>>();
  let size = 0;
  return {
    add: (tag, asker, { want, nowMillis }) => {
      if (size >= limits.neighbourQuestionsMax) return false;
      const known = byTag.get(tag);
      size += known?.askers.has(asker) === true ? 0 : 1;
      known?.askers.set(asker, want);
      if (known !== undefined) return false;
      const askers = new Map([[asker, want]]);
      byTag.set(tag, { askers, untilMillis: nowMillis + limits.neighbourQuestionMillis });
      return true;
    },
    askers: (tag) => byTag.get(tag)?.askers ?? [],
    sweep: (nowMillis) => {
      for (const [tag, { askers, untilMillis }] of byTag) {
        if (nowMillis < untilMillis) continue;
        byTag.delete(tag);
        size -= askers.size;
      }
    },
    size: () => size,
  };
}
