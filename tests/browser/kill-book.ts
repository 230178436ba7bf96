/** What happened before each kill, as an outsider knows it, and whether all of it is still there. */

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RepositoryView } from "@skein/peer/views";
import { expect } from "vitest";
import type { DoorTab } from "./door-tab.ts";

export const modes = [
  "committing",
  "importing",
  "receiving",
  "merging",
  "opening",
  "cleaning",
] as const;
export type KillMode = (typeof modes)[number];

/** Acknowledged means: this process was told of it before the next thing was asked for. */
export class Book {
  /** Commits, in the order in which they were acknowledged, by the name of their repository. */
  readonly #commits = new Map<string, string[]>();
  /** Up to here each history was seen to hold what was acknowledged. */
  readonly #checked = new Map<string, number>();
  /** Imported repositories, by id. */
  readonly #imports = new Set<string>();
  /** Repositories that were taken off this device, by id. */
  readonly #removed = new Set<string>();
  /** Bytes that were freed, as far as that was acknowledged. */
  freed = 0;
  /** Kills that came while something was under way. */
  readonly interrupted = new Map<KillMode, number>(modes.map((mode) => [mode, 0]));
  readonly kills = new Map<KillMode, number>(modes.map((mode) => [mode, 0]));
  imported = 0;

  commit(repository: string, oid: string): void {
    this.#commits.set(repository, [...(this.#commits.get(repository) ?? []), oid]);
  }

  import(id: string): void {
    this.#imports.add(id);
    this.imported++;
  }

  remove(id: string): void {
    this.#removed.add(id);
  }

  killed(mode: KillMode, { isUnderWay }: { readonly isUnderWay: boolean }): void {
    this.kills.set(mode, (this.kills.get(mode) ?? 0) + 1);
    if (isUnderWay) this.interrupted.set(mode, (this.interrupted.get(mode) ?? 0) + 1);
  }

  commits(repository: string): ReadonlyArray<string> {
    return this.#commits.get(repository) ?? [];
  }

  acknowledged(): number {
    const commits = [...this.#commits.values()].reduce((sum, oids) => sum + oids.length, 0);
    return commits + this.imported;
  }

  /** Modes that were killed in the middle of what they do less often than this. */
  modesCaughtLess(least: number): ReadonlyArray<KillMode> {
    return modes.filter((mode) => (this.interrupted.get(mode) ?? 0) < least);
  }

  /** Every repository opens, and all that was acknowledged is there, and nothing that was taken off. Imports are removed once they were looked at. */
  async check(tab: DoorTab): Promise<void> {
    const repositories = await opened(tab, [...this.#commits.keys()]);
    const ids = new Set(repositories.map(({ id }) => id));
    expect([...this.#imports].filter((id) => !ids.has(id))).toEqual([]);
    expect([...this.#removed].filter((id) => ids.has(id))).toEqual([]);
    for (const repository of repositories) {
      await this.#checkHistory(tab, repository);
      if (!repository.name.startsWith(importName)) continue;
      await tab.ask("remove-repository", { id: repository.id, evenIfOnly: true });
    }
    this.#imports.clear();
  }

  async #checkHistory(tab: DoorTab, { id, name, branches }: RepositoryView): Promise<void> {
    const tip = branches.find((branch) => branch.name === "main")?.oid ?? "";
    const all = this.commits(name);
    const checked = this.#checked.get(name) ?? 0;
    const since = all.slice(checked);
    const { commits } = await tab.ask("history", { id, commit: tip, limit: since.length + room });
    const reachable = new Set(commits.map(({ oid }) => oid));
    expect(since.filter((oid) => !reachable.has(oid))).toEqual([]);
    const known = all[checked - 1];
    if (known !== undefined && commits.length < since.length + room)
      expect(reachable).toContain(known);
    this.#checked.set(name, all.length);
    const { entries } = await tab.ask("read-tree", { id, commit: tip, path: "" });
    const file = entries.find(({ kind }) => kind === "file");
    if (file !== undefined) await tab.ask("read-file", { id, commit: tip, path: file.name });
  }

  /** What is kept is what git finds sound, and has every commit that was acknowledged. */
  async checkWithGit(tab: DoorTab, folder: string): Promise<void> {
    for (const [name, acknowledged] of this.#commits) {
      const { id } = await opened(tab, [name]).then((all) => named(all, name));
      const home = join(folder, "survivors");
      rmSync(home, { recursive: true, force: true });
      mkdirSync(home);
      writeFileSync(join(home, "x.bundle"), await exportBundle(tab, id));
      const git = (...args: string[]): string =>
        execFileSync("git", args, { cwd: home, stdio: "pipe", maxBuffer: 2 ** 28 }).toString();
      git("clone", "--quiet", "--mirror", "x.bundle", "x.git");
      git("-C", "x.git", "fsck", "--full", "--strict");
      const commits = new Set(git("-C", "x.git", "rev-list", "main").split("\n"));
      expect(acknowledged.filter((oid) => !commits.has(oid))).toEqual([]);
    }
  }

  toString(): string {
    const lines = modes.map(
      (mode) =>
        `${mode}: ${this.kills.get(mode)} kills, ${this.interrupted.get(mode)} of them in the middle`,
    );
    return [
      ...lines,
      `${this.freed} bytes freed, ${this.acknowledged()} acknowledgements, 0 lost`,
    ].join("; ");
  }
}

/** Waits until the repositories are there, and answers with all that there are. */
export async function opened(
  tab: DoorTab,
  names: ReadonlyArray<string>,
): Promise<ReadonlyArray<RepositoryView>> {
  const giveUpAt = performance.now() + 30_000;
  for (;;) {
    const { account, repositories = [] } = await tab.views();
    if (account?.phase === "stopped") throw new Error(`${account.what} ${account.next}`);
    const isThere = names.every((name) => repositories.some((one) => one.name === name));
    if (account?.phase === "open" && isThere && repositories.length > 0) return repositories;
    if (performance.now() > giveUpAt)
      throw new Error(
        `${names.join()} did not open; the account is ${account?.phase ?? "unknown"}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function named(all: ReadonlyArray<RepositoryView>, name: string): RepositoryView {
  const found = all.find((repository) => repository.name === name);
  if (found === undefined) throw new Error(`there is no repository ${name}`);
  return found;
}

/** A blob cannot leave the page as it is. */
async function exportBundle(tab: DoorTab, id: string): Promise<Buffer> {
  const text = await tab.page.evaluate(async (id) => {
    const outcome = (await globalThis.skeinDoorTab.ask("export-bundle", { id })) as {
      readonly value?: { readonly file: Blob };
    };
    const bytes = new Uint8Array((await outcome.value?.file.arrayBuffer()) ?? []);
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }, id);
  return Buffer.from(text, "base64");
}

export const importName = "Import ";
/** Commits that were made and never acknowledged may be there too. */
const room = 250;
