/** Drafts outlive their tab: the peer stores them a moment after each change, and gives them back when a page opens. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { KeptDraft, Outcome, Refused } from "@skein/peer/commands";
import type { Door } from "../../door/tab.ts";
import { useDoor } from "../../parts/door-context.ts";
import type { Before, Draft, DraftFile, DraftKey } from "./draft.ts";
import { changesOf, draftName, readDraft, restoreDraft, textOf, watchDrafts } from "./draft.ts";

type Asking = Pick<Door, "ask">;

const refusals = signal<ReadonlyMap<string, Refused>>(new Map());
const restored = signal<ReadonlySet<string>>(new Set());

/** Why a draft is not kept, if the peer refused it. */
export function whyNotKept(key: DraftKey): Refused | undefined {
  return refusals.value.get(draftName(key));
}

export class DraftKeeper implements Disposable {
  readonly #door: Asking;
  /** What the peer has not acknowledged. */
  readonly #unstored = new Map<string, DraftKey>();
  readonly #unwatch: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #changedSince: number | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(door: Asking) {
    this.#door = door;
    this.#unwatch = watchDrafts((key) => this.#changed(key));
  }

  /** Whether everything typed so far would be there after a reload. */
  get stored(): boolean {
    return this.#unstored.size === 0;
  }

  /** Stores now what waits for a pause. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#changedSince = undefined;
    this.#writing = this.#writing.then(() => this.#store());
    return this.#writing;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#unwatch();
  }

  #changed(key: DraftKey): void {
    this.#unstored.set(draftName(key), key);
    const now = Date.now();
    this.#changedSince ??= now;
    const latest = this.#changedSince + pauseMillisMax;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => void this.flush(),
      Math.max(0, Math.min(pauseMillis, latest - now)),
    );
  }

  async #store(): Promise<void> {
    for (const [name, key] of Array.from(this.#unstored)) {
      const draft = readDraft(key);
      // oxlint-disable-next-line no-await-in-loop -- the last word about a draft has to be the last one stored.
      const outcome = await this.#write(key, draft);
      // Changed meanwhile: it is due again.
      if (readDraft(key) !== draft) continue;
      if (outcome.ok) this.#unstored.delete(name);
      const next = new Map(refusals.value);
      if (outcome.ok) next.delete(name);
      else next.set(name, outcome.refused);
      refusals.value = next;
    }
  }

  #write(
    { repository: id, branch }: DraftKey,
    draft: Draft | undefined,
  ): Promise<Outcome<"write-draft"> | Outcome<"drop-draft">> {
    if (draft === undefined) return this.#door.ask("drop-draft", { id, branch });
    const { onto, message } = draft;
    const kept: KeptDraft = { onto, message, changes: changesOf(draft) };
    return this.#door.ask("write-draft", { id, branch, draft: kept });
  }
}

/** Asks before a reload only while the last keystrokes are not stored yet. */
export function guardUnload(keeper: DraftKeeper): void {
  addEventListener("beforeunload", (event) => {
    if (keeper.stored) return;
    void keeper.flush();
    event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && !keeper.stored) void keeper.flush();
  });
}

/** Whether the draft of a branch is here, if there is one. */
export function useRestoredDraft(key: DraftKey, wanted: boolean): boolean {
  const door = useDoor();
  const name = draftName(key);
  useEffect(() => {
    if (!wanted || restored.peek().has(name)) return;
    void bringBack(door, key).finally(() => (restored.value = new Set([...restored.value, name])));
  }, [door, name, wanted]);
  return !wanted || restored.value.has(name);
}

export async function bringBack(door: Asking, key: DraftKey): Promise<void> {
  const { repository: id, branch } = key;
  const answer = await door.ask("read-draft", { id, branch });
  if (!answer.ok || answer.value.draft === undefined) return;
  const { onto, message, changes } = answer.value.draft;
  const read = async (
    change: KeptDraft["changes"][number],
  ): Promise<readonly [string, DraftFile]> => {
    const before = await readBefore(door, { id, commit: onto, path: change.path });
    return change.kind === "delete"
      ? [change.path, { kind: "delete", before }]
      : [change.path, { kind: "write", bytes: change.bytes, text: textOf(change.bytes), before }];
  };
  restoreDraft(key, { onto, message, files: new Map(await Promise.all(changes.map(read))) });
}

async function readBefore(
  door: Asking,
  at: { readonly id: string; readonly commit: string; readonly path: string },
): Promise<Before | undefined> {
  const there = await door.ask("read-file", at);
  return there.ok ? { oid: there.value.oid, text: textOf(there.value.bytes) } : undefined;
}

/** A pause in typing, and the longest time that typing without one goes unstored. */
const pauseMillis = 300;
const pauseMillisMax = 2_000;
