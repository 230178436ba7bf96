/** What Chromium is doing when it is killed: five ways of changing what is stored, and one of letting go of it. */

import { chooseMerge } from "@skein/git/pack-keep";
import type { Ask, CommandName, Outcome } from "@skein/peer/commands";
import type { Page } from "playwright-core";
import { importName, named, opened, type Book, type KillMode } from "./kill-book.ts";
import { DoorTab } from "./door-tab.ts";

/** One round: a browser on the profile, until it is killed. */
export interface Round {
  readonly page: Page;
  readonly url: string;
  readonly book: Book;
  readonly chance: () => number;
  readonly kill: () => Promise<void>;
  /** A repository to import. */
  readonly bundle: Buffer;
  /** Another device, which is never killed, makes a commit in the repository that it shares. Answers the new tip. */
  readonly commitElsewhere: () => Promise<string>;
}

export const ownRepository = "Survivor";
export const otherRepository = "From elsewhere";

/** Each does what it is named after, kills, and writes down what it knows. */
export const playRound: Readonly<Record<KillMode, (round: Round) => Promise<void>>> = {
  opening: async ({ page, url, chance, kill, book }) => {
    await page.goto(url, { waitUntil: "commit" });
    let hasOpened = false;
    const opening = (async () => {
      await opened(await DoorTab.open(page), [ownRepository, otherRepository]);
      hasOpened = true;
    })().catch(endedByKill);
    // Mostly early: opening takes a fast machine a fifth of a second.
    await wait(chance() ** 2 * 800);
    book.killed("opening", { isUnderWay: !hasOpened });
    await kill();
    await opening;
  },
  committing: async (round) => {
    const { chance, kill, book } = round;
    const tab = await openTab(round);
    const committing = await commitOn(round, tab, {
      bytes: chance() < 0.7 ? 200 : Math.floor(chance() * 400_000),
      pauseMillis: chance() < 0.7 ? 0 : Math.floor(chance() * 60),
    });
    await Promise.race([committing.ended, wait(chance() * 1_200)]);
    book.killed("committing", { isUnderWay: committing.isUnderWay() });
    await kill();
    await committing.ended;
  },
  importing: async (round) => {
    const { chance, kill, book } = round;
    await openTab(round);
    const importing = await importOn(round);
    while (!importing.isUnderWay()) await goOn(importing);
    await Promise.race([importing.ended, wait(chance() * 600)]);
    book.killed("importing", { isUnderWay: importing.isUnderWay() });
    await kill();
    await importing.ended;
  },
  receiving: async (round) => {
    const { chance, kill, book, commitElsewhere } = round;
    const tab = await openTab(round);
    const { id } = named(await opened(tab, [otherRepository]), otherRepository);
    let last = "";
    let tip = "";
    const watching = await watchTips(round, id, (oid) => {
      if (oid === last) return;
      last = oid;
      book.commit(otherRepository, oid);
    });
    const end = performance.now() + 12_000;
    const first = await firstOf(tab, id);
    // Until news comes at all, then a moment longer.
    const over = new AbortController();
    const making = (async () => {
      while (!over.signal.aborted) tip = await commitElsewhere();
    })();
    const hasNews = (): boolean => last !== "" && last !== first;
    while (performance.now() < end && !hasNews()) await wait(20);
    await wait(chance() * 500);
    book.killed("receiving", { isUnderWay: tip !== last });
    await kill();
    over.abort();
    await Promise.all([making, watching.ended]);
  },
  merging: async (round) => {
    const { chance, kill, book } = round;
    const tab = await openTab(round);
    const { id } = named(await opened(tab, [ownRepository]), ownRepository);
    const committing = await commitOn(round, tab, { bytes: 150_000, pauseMillis: 0 });
    // With one pack more there are enough of them to be copied together.
    for (let looks = 0; !(await mayMerge(round.page, id)); looks++) {
      // They may have been merged between two looks: then it is killed where it is.
      if (looks > looksMax) break;
      await goOn(committing);
    }
    await wait(chance() * 30);
    const isUnderWay = await Promise.race([mayMerge(round.page, id), wait(200).then(() => false)]);
    book.killed("merging", { isUnderWay });
    await kill();
    await committing.ended;
  },
  cleaning: async (round) => {
    const { chance, kill, book, commitElsewhere } = round;
    const tab = await openTab(round);
    const { id } = named(await opened(tab, [otherRepository]), otherRepository);
    // What comes stands on what is here: of that there are two copies then, and one of them may go.
    for (let news = 0; news < 2; news++) {
      const oid = await commitElsewhere();
      await tab.seen({ repository: id, branch: "main", oid });
      book.commit(otherRepository, oid);
    }
    const cleaning = await cleanOn(round, tab);
    while (!cleaning.isUnderWay()) await goOn(cleaning);
    await Promise.race([cleaning.ended, wait(chance() * 2_000)]);
    book.killed("cleaning", { isUnderWay: cleaning.isUnderWay() });
    await kill();
    await cleaning.ended;
  },
};

/** The repositories open, and hold all that was acknowledged in the rounds before. */
async function openTab({ page, url, book }: Round): Promise<DoorTab> {
  await page.goto(url);
  const tab = await DoorTab.open(page);
  await book.check(tab);
  return tab;
}

interface UnderWay {
  /** Resolves once the page is gone. */
  readonly ended: Promise<void>;
  readonly hasEnded: () => boolean;
  readonly isUnderWay: () => boolean;
}

/** Something that is asked for in the page again and again; each acknowledgement is told before the next is asked for. */
async function openLine(
  page: Page,
  acknowledged: (text: string) => void,
): Promise<{ readonly isUnderWay: () => boolean }> {
  let isUnderWay = false;
  await page.exposeFunction("asked", () => void (isUnderWay = true));
  await page.exposeFunction("acknowledged", (text: string) => {
    isUnderWay = false;
    acknowledged(text);
  });
  return { isUnderWay: () => isUnderWay };
}

/** The line is open before anything begins: a kill in the middle of opening it is nobody's answer. */
async function underWay(
  line: ReturnType<typeof openLine>,
  work: () => Promise<void>,
): Promise<UnderWay> {
  const { isUnderWay } = await line;
  let hasEnded = false;
  const ended = work()
    .catch(endedByKill)
    .finally(() => (hasEnded = true));
  return { ended, hasEnded: () => hasEnded, isUnderWay };
}

/** Commits as fast as it can, for ever. */
function commitOn(
  { page, book }: Round,
  tab: DoorTab,
  size: { readonly bytes: number; readonly pauseMillis: number },
): Promise<UnderWay> {
  const line = openLine(page, (oid) => book.commit(ownRepository, oid));
  return underWay(line, async () => {
    const { id, branches } = named(await opened(tab, [ownRepository]), ownRepository);
    const onto = branches.find(({ name }) => name === "main")?.oid ?? "";
    await page.evaluate(commitForEver, { repository: id, onto, ...size });
  });
}

/** A little later. Nobody but this round ends the browser. */
async function goOn(work: UnderWay): Promise<void> {
  await Promise.race([work.ended, wait(5)]);
  if (work.hasEnded()) throw new Error("the browser ended by itself");
}

interface Line {
  readonly asked: () => Promise<void>;
  readonly acknowledged: (text: string) => Promise<void>;
}

/** Runs in the page. */
async function commitForEver({
  repository,
  onto,
  bytes,
  pauseMillis,
}: {
  readonly repository: string;
  readonly onto: string;
  readonly bytes: number;
  readonly pauseMillis: number;
}): Promise<never> {
  const { asked, acknowledged } = globalThis as unknown as Line;
  let tip = onto;
  let state = parseInt(onto.slice(0, 8), 16) | 1;
  /** Bytes that no two commits share and that do not compress. */
  const write = (): Uint8Array =>
    Uint8Array.from({ length: bytes }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state;
    });
  for (;;) {
    await asked();
    const outcome = (await globalThis.skeinDoorTab.ask("commit", {
      id: repository,
      branch: "main",
      onto: tip,
      message: "Go on",
      changes: [{ path: "file.txt", kind: "write", bytes: write() }],
    })) as Outcome<"commit">;
    if (!outcome.ok) throw new Error(outcome.refused.what);
    tip = outcome.value.oid;
    await acknowledged(tip);
    if (pauseMillis > 0) await new Promise((resolve) => setTimeout(resolve, pauseMillis));
  }
}

/** Imports the bundle as fast as it can, each time as another repository. */
function importOn({ page, book, bundle }: Round): Promise<UnderWay> {
  const line = openLine(page, (id) => book.import(id));
  const given = { base64: bundle.toString("base64"), importName };
  return underWay(line, () =>
    page.evaluate(async ({ base64, importName }) => {
      const { asked, acknowledged } = globalThis as unknown as Line;
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      for (let number = 1; ; number++) {
        await asked();
        const outcome = (await globalThis.skeinDoorTab.ask("import-bundle", {
          name: `${importName}${number}`,
          file: new Blob([bytes]),
          again: true,
        })) as Outcome<"import-bundle">;
        if (!outcome.ok) throw new Error(outcome.refused.what);
        await acknowledged(outcome.value.id);
      }
    }, given),
  );
}

/** What one turn of cleaning told, as text. */
interface Cleaned {
  readonly oid: string;
  readonly removed: ReadonlyArray<string>;
  readonly bytes: number;
}

/** Commits, imports, takes off what was imported and frees the space, as fast as it can, for ever. */
function cleanOn({ page, book, bundle }: Round, tab: DoorTab): Promise<UnderWay> {
  const line = openLine(page, (text) => {
    const { oid, removed, bytes }: Cleaned = JSON.parse(text);
    book.commit(ownRepository, oid);
    for (const id of removed) book.remove(id);
    book.freed += bytes;
  });
  return underWay(line, async () => {
    const { id, branches } = named(await opened(tab, [ownRepository]), ownRepository);
    const onto = branches.find(({ name }) => name === "main")?.oid ?? "";
    const base64 = bundle.toString("base64");
    await page.evaluate(cleanForEver, { repository: id, onto, base64, importName });
  });
}

/** Runs in the page. */
async function cleanForEver({
  repository,
  onto,
  base64,
  importName,
}: {
  readonly repository: string;
  readonly onto: string;
  readonly base64: string;
  readonly importName: string;
}): Promise<never> {
  const { asked, acknowledged } = globalThis as unknown as Line;
  const file = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const ask = async <Name extends CommandName>(
    name: Name,
    what: Ask<Name>,
  ): Promise<Extract<Outcome<Name>, { readonly ok: true }>["value"]> => {
    const outcome = (await globalThis.skeinDoorTab.ask(name, what)) as Outcome<Name>;
    if (!outcome.ok) throw new Error(`${name}: ${outcome.refused.what}`);
    return outcome.value;
  };
  let tip = onto;
  for (let number = 1; ; number++) {
    await asked();
    const bytes = new TextEncoder().encode(`${tip} ${number}\n`.repeat(400));
    const { oid } = await ask("commit", {
      id: repository,
      branch: "main",
      onto: tip,
      message: "Go on",
      changes: [{ path: "file.txt", kind: "write", bytes }],
    });
    tip = oid;
    const removed: string[] = [];
    // Most of the time goes into importing: not in every turn.
    if (number % 3 === 1) {
      const { id } = await ask("import-bundle", {
        name: `${importName}${number}`,
        file: new Blob([file]),
        again: true,
      });
      await ask("remove-repository", { id, evenIfOnly: true });
      removed.push(id);
    }
    const freed = await ask("free-space", {});
    await acknowledged(JSON.stringify({ oid, removed, bytes: freed.bytes }));
  }
}

/** Tells every tip of the branch that the page shows. */
function watchTips({ page }: Round, id: string, shown: (oid: string) => void): Promise<UnderWay> {
  const line = openLine(page, shown);
  return underWay(line, () =>
    page.evaluate(async (id) => {
      const { acknowledged } = globalThis as unknown as Line;
      for (let last = ""; ; await new Promise((resolve) => setTimeout(resolve, 2))) {
        const { repositories = [] } = globalThis.skeinDoorTab.views();
        const tip = repositories
          .find((repository) => repository.id === id)
          ?.branches.find(({ name }) => name === "main")?.oid;
        if (tip === undefined || tip === last) continue;
        last = tip;
        await acknowledged(tip);
      }
    }, id),
  );
}

async function firstOf(tab: DoorTab, id: string): Promise<string> {
  const all = (await tab.views()).repositories ?? [];
  const branches = all.find((repository) => repository.id === id)?.branches ?? [];
  return branches.find(({ name }) => name === "main")?.oid ?? "";
}

/** Whether the packs that are stored are so many that some of them are to be copied together. */
async function mayMerge(page: Page, id: string): Promise<boolean> {
  const sizes = await page.evaluate(packSizes, `skein-repository-${id}`).catch(endedByKill);
  return sizes !== undefined && chooseMerge(sizes).length > 0;
}

/** Runs in the page: reads what the peer's worker has stored. */
function packSizes(name: string): Promise<ReadonlyArray<number>> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name);
    opening.addEventListener("error", () => reject(opening.error));
    opening.addEventListener("success", () => {
      const database = opening.result;
      const entries = database.transaction("entries").objectStore("entries");
      const keys = entries.getAllKeys();
      const values = entries.getAll();
      values.addEventListener("success", () => {
        database.close();
        resolve(
          keys.result.flatMap((key, at) =>
            typeof key === "string" && key.endsWith(".pack")
              ? [Number(values.result[at]?.size)]
              : [],
          ),
        );
      });
    });
  });
}

/** The page went away under a call: that is what a kill looks like from here. Anything else is a failure. */
export function endedByKill(error: unknown): undefined {
  if (!/closed|crashed|disconnected|ERR_ABORTED/u.test(String(error))) throw error;
}

/** As long as a few dozen commits take. */
const looksMax = 400;

function wait(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
