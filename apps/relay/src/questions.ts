/** Who asked for what others announced: answered again when another relay knows more. */

import type { Limits } from "./limits.ts";
import type { TagKey } from "./tag-table.ts";

export interface Questions<Asker extends Asking> {
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

/** Whoever asks, and whose address it is on behalf of which questions are counted. */
export interface Asking {
  readonly visitor: { questions: number } | undefined;
}

export function openQuestions<Asker extends Asking>(
  limits: Pick<
    Limits,
    "neighbourQuestionsMax" | "neighbourQuestionsPerAddressMax" | "neighbourQuestionMillis"
  >,
): Questions<Asker> {
  const byTag = new Map<TagKey, Question<Asker>>();
  let size = 0;
  return {
    add: (tag, asker, { want, nowMillis }) => {
      const known = byTag.get(tag);
      const { visitor } = asker;
      if (known?.askers.has(asker) !== true) {
        if (size >= limits.neighbourQuestionsMax) return false;
        if ((visitor?.questions ?? 0) >= limits.neighbourQuestionsPerAddressMax) return false;
        size += 1;
        if (visitor !== undefined) visitor.questions += 1;
      }
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
        for (const { visitor } of askers.keys()) if (visitor !== undefined) visitor.questions -= 1;
      }
    },
    size: () => size,
  };
}
