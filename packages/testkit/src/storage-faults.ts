/** What somebody does step by step, once for each moment at which storage can fail, and for each way in which it can. */

import { expect } from "vitest";
import { CrashedError, endFaults, failIndexedDb, putFaults } from "./failing-indexed-db.ts";
import type { FailingIndexedDb, FakeIndexedDb, Fault, PlannedFault } from "./failing-indexed-db.ts";

export const faults: ReadonlyArray<Fault> = [...putFaults, ...endFaults];

/** The port as it is used here. */
interface Files {
  readonly read: (path: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;
  readonly size: (path: string) => Promise<number | undefined>;
  readonly list: (folder: string) => Promise<ReadonlyArray<string>>;
  readonly commit: (
    batch: {
      readonly put: ReadonlyArray<readonly [path: string, bytes: Uint8Array]>;
      readonly delete: ReadonlyArray<string>;
    },
    options: { readonly durability: "strict" | "relaxed" },
  ) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** `Opened` is what works on the files. */
export interface Story<Opened> {
  /** What is there before, written without any fault. */
  readonly before: Contents;
  /** Each is acknowledged before the next. Its last write is what acknowledges it: until then nothing of it shows. */
  readonly steps: ReadonlyArray<(opened: Opened) => Promise<unknown>>;
}

export type Contents = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

export interface Stage<Opened> {
  readonly fake: FakeIndexedDb;
  readonly openFiles: (place: string) => Promise<Files>;
  readonly open: (files: Files) => Promise<Opened>;
  /** All that is acknowledged. Throws where something is broken. */
  readonly look: (opened: Opened) => Promise<unknown>;
}

/** Answers how often storage failed. */
export async function surviveFaults<Opened>(
  stage: Stage<Opened>,
  story: Story<Opened>,
  fault: Fault,
): Promise<number> {
  let { before } = story;
  let failed = 0;
  for (const [index, step] of story.steps.entries()) {
    const whole = await playWhole(stage, { before, step });
    const moments = fault === "quota at the end" ? whole.transactions : whole.puts;
    for (let at = 1; at <= moments; at++) {
      const when = `${fault}, step ${index + 1}, moment ${at}`;
      await playFailing(stage, { before, step, whole, planned: { fault, at }, when });
      failed += 1;
    }
    before = whole.contents;
  }
  return failed;
}

interface Scene<Opened> {
  readonly before: Contents;
  readonly step: (opened: Opened) => Promise<unknown>;
}

interface Whole {
  readonly contents: Contents;
  readonly puts: number;
  readonly transactions: number;
  readonly stateBefore: unknown;
  readonly state: unknown;
}

async function playWhole<Opened>(
  stage: Stage<Opened>,
  { before, step }: Scene<Opened>,
): Promise<Whole> {
  const { files, opened } = await openOn(stage, await fill(stage, before));
  const stateBefore = await stage.look(opened);
  using counting = failIndexedDb(stage.fake, undefined);
  await step(opened);
  const counted = { puts: counting.puts(), transactions: counting.transactions() };
  const state = await stage.look(opened);
  const contents = new Map(await contentsOf(files, ""));
  await files.close();
  return { contents, stateBefore, state, ...counted };
}

/** Goes on after the fault as after a restart, and comes to the same end. */
async function playFailing<Opened>(
  stage: Stage<Opened>,
  scene: Scene<Opened> & {
    readonly whole: Whole;
    readonly planned: PlannedFault;
    readonly when: string;
  },
): Promise<void> {
  const { before, step, whole, planned, when } = scene;
  const place = await fill(stage, before);
  const { files, opened } = await openOn(stage, place);
  using failing = failIndexedDb(stage.fake, planned);
  expect(await failureOf(failing, step(opened)), when).toBe(codes[planned.fault]);
  expect(failing.happened(), when).toBe(true);
  await files.close();
  if (planned.fault === "unknown")
    expect(await failureOf(failing, stage.openFiles(place)), when).toBe("storage_failed");
  const again = await openOn(stage, place);
  expect(await stage.look(again.opened), when).toEqual(whole.stateBefore);
  await step(again.opened);
  expect(await stage.look(again.opened), when).toEqual(whole.state);
  await again.files.close();
}

async function failureOf(failing: FailingIndexedDb, work: Promise<unknown>): Promise<unknown> {
  return failing.whileAlive(work).then(
    () => "nothing failed",
    (error: unknown) => {
      if (error instanceof CrashedError) return "crashed";
      return error instanceof Error && "code" in error ? error.code : `not ours: ${String(error)}`;
    },
  );
}

async function openOn<Opened>(
  stage: Stage<Opened>,
  place: string,
): Promise<{ readonly files: Files; readonly opened: Opened }> {
  const files = await stage.openFiles(place);
  return { files, opened: await stage.open(files) };
}

async function fill(stage: Pick<Stage<unknown>, "openFiles">, contents: Contents): Promise<string> {
  const place = `faults-${++places}`;
  const files = await stage.openFiles(place);
  if (contents.size > 0)
    await files.commit({ put: [...contents], delete: [] }, { durability: "strict" });
  await files.close();
  return place;
}

async function contentsOf(
  files: Files,
  folder: string,
): Promise<ReadonlyArray<readonly [path: string, bytes: Uint8Array<ArrayBuffer>]>> {
  const found: Array<readonly [string, Uint8Array<ArrayBuffer>]> = [];
  for (const name of await files.list(folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const bytes = name.endsWith("/") ? undefined : await files.read(path);
    if (bytes !== undefined) found.push([path, bytes]);
    else found.push(...(await contentsOf(files, path.slice(0, -1))));
  }
  return found;
}

const codes: Readonly<Record<Fault, string>> = {
  crash: "crashed",
  "connection lost": "storage_failed",
  "quota at a put": "storage_full",
  "quota at the end": "storage_full",
  abort: "storage_failed",
  unknown: "storage_failed",
};

let places = 0;
