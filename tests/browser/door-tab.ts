/** One more tab of a profile, as far as the peer can tell: it speaks by the door's broadcast channel, and draws nothing. */

import type { Ask, CommandName, Outcome } from "@skein/peer/commands";
import type { Views } from "@skein/peer/views";
import type { Page } from "playwright-core";

/** Where a branch was first seen at a commit, in this tab's own words. */
export interface Sighting {
  readonly repository: string;
  readonly branch: string;
  readonly oid: string;
}

/** What runs in the page. The page's own scripts never look at it. */
interface DoorInPage {
  readonly ask: (name: string, ask: unknown) => Promise<unknown>;
  readonly views: () => Partial<Views>;
  /** Epoch milliseconds, finer than a millisecond, at which a branch was first seen at a commit. */
  readonly seen: (sighting: Sighting) => Promise<number>;
}

declare global {
  var skeinDoorTab: DoorInPage;
}

export class DoorTab {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** The page must be one of the app's: the channel is its origin's. */
  static async open(page: Page): Promise<DoorTab> {
    await page.evaluate(attach);
    return new DoorTab(page);
  }

  /** What the peer answers; a refusal is thrown. */
  async ask<Name extends CommandName>(
    name: Name,
    ask: Ask<Name>,
  ): Promise<Extract<Outcome<Name>, { readonly ok: true }>["value"]> {
    const outcome = (await this.page.evaluate(
      ([name, ask]) => globalThis.skeinDoorTab.ask(name, ask),
      [name, ask] as const,
    )) as Outcome<Name>;
    if (outcome.ok) return outcome.value;
    throw new Error(`${name}: ${outcome.refused.code}: ${outcome.refused.what}`);
  }

  views(): Promise<Partial<Views>> {
    return this.page.evaluate(() => globalThis.skeinDoorTab.views());
  }

  /** Waits until a branch is at a commit, and says when this tab was first told so. */
  seen(sighting: Sighting): Promise<number> {
    return this.page.evaluate((asked) => globalThis.skeinDoorTab.seen(asked), sighting);
  }

  /** Commits one file, and says when that was asked for. */
  commit({
    repository,
    onto,
    path,
    text,
  }: {
    readonly repository: string;
    readonly onto: string;
    readonly path: string;
    readonly text: string;
  }): Promise<{ readonly oid: string; readonly askedAt: number; readonly answeredAt: number }> {
    return this.page.evaluate(
      async ({ repository, onto, path, text }) => {
        const now = (): number => performance.timeOrigin + performance.now();
        const askedAt = now();
        const outcome = (await globalThis.skeinDoorTab.ask("commit", {
          id: repository,
          branch: "main",
          onto,
          message: `Write ${path}`,
          changes: [{ path, kind: "write", bytes: new TextEncoder().encode(text) }],
        })) as Outcome<"commit">;
        if (!outcome.ok) throw new Error(outcome.refused.what);
        return { oid: outcome.value.oid, askedAt, answeredAt: now() };
      },
      { repository, onto, path, text },
    );
  }
}

/** Runs in the page: nothing from this file is there. */
function attach(): void {
  const channel = new BroadcastChannel("skein-door");
  const tab = crypto.randomUUID();
  const views: Record<string, unknown> = {};
  const waiting = new Map<number, (outcome: unknown) => void>();
  const seen = new Map<string, number>();
  const watchers = new Set<() => void>();
  let asks = 0;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a broadcast channel has one origin.
  const post = (message: object): void => channel.postMessage({ ...message, tab });

  const note = (repositories: Views["repositories"]): void => {
    const now = performance.timeOrigin + performance.now();
    for (const { id, branches } of repositories)
      for (const { name, oid } of branches) {
        const key = `${id} ${name} ${oid}`;
        if (!seen.has(key)) seen.set(key, now);
      }
    for (const look of watchers) look();
  };

  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "here") post({ kind: "attach" });
    if (data.kind === "answer" && data.tab === tab) {
      waiting.get(data.id)?.(data.outcome);
      waiting.delete(data.id);
    }
    if (data.kind === "views") {
      Object.assign(views, data.views);
      if (data.views.repositories !== undefined) note(data.views.repositories);
    }
  });
  post({ kind: "attach" });

  globalThis.skeinDoorTab = {
    views: () => views,
    ask: (name, ask) =>
      new Promise((resolve) => {
        const id = ++asks;
        waiting.set(id, resolve);
        post({ kind: "ask", id, name, ask });
      }),
    seen: ({ repository, branch, oid }) =>
      new Promise((resolve) => {
        const look = (): void => {
          const at = seen.get(`${repository} ${branch} ${oid}`);
          if (at === undefined) return;
          watchers.delete(look);
          resolve(at);
        };
        watchers.add(look);
        look();
      }),
  };
}
