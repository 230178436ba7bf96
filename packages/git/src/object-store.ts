/** The objects of one repository: read from packs by id, received as verified packs, sent as raw copies of what is stored. */

/* oxlint-disable eslint/no-await-in-loop -- links are looked up one after the other; to wait between them is to give way. */

import { concat, type Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import { formatObjectIds, type ObjectId } from "@skein/protocol/ids";
import type { ObjectSet } from "./object-set.ts";
import type { Files } from "./files.ts";
import { prepareKernel } from "./kernel-compiled.ts";
import { hashObject } from "./object-hash.ts";
import { oidAt, oidBytes, type GitObject, type ObjectType } from "./object.ts";
import { copyPack } from "./pack-copy.ts";
import { openPackIndexing, type IndexedPack } from "./pack-index.ts";
import { dropAll } from "./pack-doubles.ts";
import { mergePacks, type Dropped, type Reachable } from "./pack-keep.ts";
import type { PackLimits } from "./pack-limits.ts";
import { packRoom, spoolFolder, type PackRoom, type SpoolPlace } from "./pack-spool.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import { cutSlice, type History, type PackSlice } from "./pack-slice.ts";
import { openPackWriter, wholeEntry } from "./pack-write.ts";
import type { Breathe, LongWork, Progress, StopSignal } from "./stop-signal.ts";
import { StorageDamagedError } from "./stored-pack.ts";
import { openStoredPacks, type StoredPacks } from "./stored-packs.ts";
import { openTurnstile, type Turnstile } from "./turnstile.ts";

export interface ObjectStore {
  readonly has: (oid: ObjectId) => Promise<boolean>;
  /** Verified against its id. Throws `StorageDamagedError` where the kept bytes are no longer what they were. */
  readonly read: (oid: ObjectId) => Promise<GitObject | undefined>;
  /** The same, but the bytes are lent: they are to be read before `use` ends. */
  readonly look: StoredPacks["look"];
  /** The commits that one reaches, latest first, as `git log` orders them. */
  readonly readLog: StoredPacks["readLog"];
  readonly type: (oid: ObjectId) => Promise<ObjectType | undefined>;
  readonly size: (oid: ObjectId) => Promise<number | undefined>;
  /** Verifies, checks that all that is referred to is there, keeps. Throws `PackRejectedError` and keeps nothing. */
  readonly storePack: (
    received: { readonly bytes: Uint8Array; readonly tips: ReadonlyArray<ObjectId> } & LongWork,
  ) => Promise<{ readonly objects: number }>;
  /** The same of a pack that comes in parts: each is read while the next is on its way. */
  readonly openReceiver: (
    expected: {
      readonly tips: ReadonlyArray<ObjectId>;
      readonly packBytes?: number | undefined;
    } & LongWork,
  ) => PackReceiver;
  /** All that `wants` reach and `haves` do not. Unknown haves are passed over; an unknown want throws. */
  readonly buildPack: (
    asked: {
      readonly wants: ReadonlyArray<ObjectId>;
      readonly haves: ReadonlyArray<ObjectId>;
    } & LongWork,
  ) => Promise<{ readonly bytes: Bytes; readonly objects: number }>;
  /**
   * The same in slices, for whoever cannot take all of it at once: what comes behind `after` in it, as far as `bytesMax`
   * goes. With what came before, each is whole. It is told part by part, and ends early where packs are replaced meanwhile.
   * `undefined`: nothing comes behind `after`.
   */
  readonly openSlice: (
    asked: {
      readonly wants: ReadonlyArray<ObjectId>;
      readonly haves: ReadonlyArray<ObjectId>;
      readonly after?: ObjectId | undefined;
      readonly bytesMax: number;
    } & LongWork,
  ) => Promise<PackSlice | undefined>;
  /** What `buildPack` would send, as ids. */
  readonly listReachable: (
    asked: {
      readonly wants: ReadonlyArray<ObjectId>;
      readonly haves: ReadonlyArray<ObjectId>;
    } & LongWork,
  ) => Promise<ReadonlyArray<ObjectId>>;
  /**
   * Copies small packs together, if there are many. It may be stopped, or die, at any moment: all objects stay.
   * Answers how many packs became one.
   */
  readonly mergePacks: (work: LongWork) => Promise<number>;
  /**
   * Lets go of second copies of objects, and of all that `keep` does not reach. Whoever calls it names every tip there is,
   * those that a person may still undo to as well. It may be stopped, or die, at any moment: what is here stays whole.
   * Answers how much went. Neither is done where it would win fewer than `worthBytes`. Throws `StorageDamagedError`, and
   * touches nothing, where any of what is to be kept is missing: what stands behind it could not be told from what nobody
   * reaches.
   */
  readonly dropUnreachable: (
    work: {
      readonly keep: ReadonlyArray<ObjectId>;
      /** Tips that others told of, and that may not have come yet. Of a store that lost a pack they must be here too. */
      readonly keepIfHere?: ReadonlyArray<ObjectId> | undefined;
      readonly worthBytes?: number | undefined;
    } & LongWork,
  ) => Promise<Dropped>;
  /** Keeps objects made here as one small pack, durably. Answers their ids, in order. Throws `ObjectRejectedError`. */
  readonly objectsToPack: (
    objects: ReadonlyArray<GitObject>,
    options: { readonly signal: StopSignal },
  ) => Promise<ReadonlyArray<ObjectId>>;
}

/** Parts come in order, each after the one before was taken. Until the end nothing is kept. */
export interface PackReceiver {
  readonly write: (part: Uint8Array) => Promise<void>;
  /** The pack is over: if all of it is sound it is kept, at once and durably. */
  readonly finish: () => Promise<{ readonly objects: number }>;
  /** Lets go of what came, where the end does not come. What is in its way is removed when the store is opened next. */
  readonly close: () => Promise<void>;
}

/** An object that is asked for and is not here. */
export class ObjectMissingError extends SkeinError {
  override readonly name = "ObjectMissingError";
  readonly code = "object_missing";
  readonly blame = "caller";
  readonly hint = "It may not have arrived yet. Wait for the other device, then try again.";
}

/** An object made here that no git would accept. */
export class ObjectRejectedError extends SkeinError {
  override readonly name = "ObjectRejectedError";
  readonly code = "object_rejected";
  readonly blame = "caller";
  readonly hint = "Choose other file names. Names like .git are not allowed in a repository.";
}

export interface StoreOptions {
  readonly breathe?: Breathe | undefined;
  readonly limits?: PackLimits | undefined;
  readonly room?: PackRoom | undefined;
}

/**
 * Opens what earlier commits to `files` have kept. `breathe` gives way to other work during long work, and no pack is
 * taken that is more than `limits` say. `room` is how much of packs is in memory at once.
 */
export async function openObjectStore(
  files: Files,
  { breathe = async () => {}, limits, room = packRoom }: StoreOptions = {},
): Promise<ObjectStore> {
  prepareKernel();
  const packs = await openStoredPacks(files);
  const { read, look, readLog, type, size } = packs;

  const slices = openSlices(packs, limits);
  // What was found to be here must still be here when what leads to it is kept.
  const alone = openTurnstile();
  let receivers = 0;
  const openReceiver: ObjectStore["openReceiver"] = (expected) =>
    receivePack(packs, {
      ...expected,
      breathe,
      limits,
      room,
      place: { files, prefix: `${spoolFolder}/${++receivers}` },
      alone,
    });
  const storePack: ObjectStore["storePack"] = async (received) => {
    const receiver = openReceiver({ ...received, packBytes: received.bytes.length });
    await receiver.write(received.bytes);
    return await receiver.finish();
  };
  return {
    has: async (oid) => isKept(packs, oid),
    read,
    look,
    readLog,
    type,
    size,
    storePack,
    openReceiver,
    buildPack: (asked) => collectPack(packs, { ...asked, breathe }),
    openSlice: (asked) => slices.open({ ...asked, breathe }),
    listReachable: (asked) => listReachable(packs, { ...asked, breathe }),
    mergePacks: (work) =>
      alone(async () => {
        await packs.clean();
        // What is being told of would break off; there will be another change, and another time.
        if (slices.isTold()) return 0;
        return await mergePacks(keepingOf(packs, { ...work, breathe }));
      }),
    dropUnreachable: (work) => alone(() => collectGarbage(packs, { ...work, breathe })),
    objectsToPack: (objects, { signal }) => keepObjects(packs, storePack, { objects, signal }),
  };
}

async function keepObjects(
  packs: StoredPacks,
  storePack: ObjectStore["storePack"],
  { objects, signal }: { readonly objects: ReadonlyArray<GitObject>; readonly signal: StopSignal },
): Promise<ReadonlyArray<ObjectId>> {
  const oids = objects.map((object) => hashObject(object));
  const writer = openPackWriter();
  const written = new Set<ObjectId>();
  objects.forEach((object, index) => {
    const oid = oids[index];
    if (oid === undefined || written.has(oid) || isKept(packs, oid)) return;
    written.add(oid);
    writer.append(oidBytes(oid), ...wholeEntry(object));
  });
  if (written.size > 0)
    await storePack({ bytes: writer.finish().pack, tips: [], signal }).catch(blameCaller);
  return oids;
}

type Work = LongWork & { readonly breathe: Breathe };

async function collectGarbage(
  packs: StoredPacks,
  work: Parameters<ObjectStore["dropUnreachable"]>[0] & Work,
): Promise<Dropped> {
  const { keep, keepIfHere = [] } = work;
  // What was in a pack that is lost may be what any tip names.
  const needed = packs.hasLost() ? [...keep, ...keepIfHere] : keep;
  for (const oid of needed)
    if (!isKept(packs, oid)) throw new StorageDamagedError(`Object ${oid} is gone, and is needed`);
  const wants = [...keep, ...keepIfHere.filter((oid) => isKept(packs, oid))];
  const reach = async (): Promise<Reachable> => {
    const { sending } = await packs.again(() => collect(packs, { ...work, wants, haves: [] }));
    // All copies of an object are found in one row.
    return ({ idx }, position) => sending.has(packs.rowOf(idx.oids, position * 20));
  };
  const dropped = await dropAll(keepingOf(packs, work), reach, work.worthBytes ?? 0);
  await packs.clean();
  // All that any tip reaches is here: nothing of it was only there.
  await packs.removeLost();
  return dropped;
}

function receivePack(
  packs: StoredPacks,
  given: {
    readonly tips: ReadonlyArray<ObjectId>;
    readonly packBytes?: number | undefined;
    readonly limits: PackLimits | undefined;
    readonly room: PackRoom;
    readonly place: SpoolPlace;
    readonly alone: Turnstile;
  } & Work,
): PackReceiver {
  const { tips, signal, onProgress, room } = given;
  const { shapes, read } = packs;
  const indexing = openPackIndexing({ ...given, resolveBase: read, shapes });
  // What the device does not let go of now is removed when the store is opened next.
  const close = (): Promise<void> => indexing.close().catch(() => {});
  const orClose = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      await close();
      throw error;
    }
  };
  const keep = async (): Promise<{ readonly objects: number }> => {
    const indexed = await indexing.finish();
    return await given.alone(async () => {
      await checkConnected(packs, indexed, openTurn(given, "checking", indexed.links.size()));
      for (const tip of tips)
        if (indexed.typeOf(oidBytes(tip), 0) === undefined && !isKept(packs, tip))
          throw new PackRejectedError("tip-missing", `it does not bring ${tip}`);
      signal.throwIfAborted();
      onProgress?.({ phase: "storing", done: 0, total: 1 });
      await keepIndexed(packs, indexed, room);
      onProgress?.({ phase: "storing", done: 1, total: 1 });
      return { objects: indexed.objects };
    });
  };
  return {
    write: (part) => orClose(() => indexing.write(part)),
    finish: async () => {
      const kept = await orClose(keep);
      await close();
      return kept;
    },
    close,
  };
}

async function keepIndexed(
  packs: StoredPacks,
  indexed: IndexedPack,
  { segmentBytes }: PackRoom,
): Promise<void> {
  if (indexed.objects === 0) return;
  if (indexed.bytes > segmentBytes) return await packs.addAll(indexed.segments(segmentBytes));
  const { name, idx, pack } = await indexed.whole();
  return await packs.add(name, idx, pack);
}

function keepingOf(packs: StoredPacks, work: Work): Parameters<typeof mergePacks>[0] {
  return {
    packs,
    read: openMustRead(packs),
    turn: openTurn(work, "writing", 0),
    stop: work.signal,
  };
}

type Asked = {
  readonly wants: ReadonlyArray<ObjectId>;
  readonly haves: ReadonlyArray<ObjectId>;
} & Work;

async function collectPack(
  packs: StoredPacks,
  given: Asked,
): Promise<{ readonly bytes: Bytes; readonly objects: number }> {
  return await packs.again(async () => {
    const { sending, had } = await collect(packs, given);
    const turn = openTurn(given, "writing", 0);
    const read = openMustRead(packs);
    const { objects, parts } = await copyPack({ packs, sending, had, read, turn });
    const all: Bytes[] = [];
    for await (const part of parts()) all.push(part);
    const [only] = all;
    return { bytes: only !== undefined && all.length === 1 ? only : concat(...all), objects };
  });
}

type SliceAsked = Parameters<ObjectStore["openSlice"]>[0] & Work;

/** Slices, and the histories that were last cut into them. */
function openSlices(
  packs: StoredPacks,
  limits: PackLimits | undefined,
): {
  readonly open: (asked: SliceAsked) => Promise<PackSlice | undefined>;
  readonly isTold: () => boolean;
} {
  const histories = new Map<string, { readonly history: History; readonly at: number }>();
  let told = 0;
  const historyOf = async (asked: SliceAsked): Promise<History> => {
    const { wants, haves } = asked;
    const key = [...wants, "", ...haves].join(" ");
    const known = histories.get(key);
    histories.delete(key);
    const found =
      known?.at === packs.replaced()
        ? known.history
        : { wants, order: undefined, ...(await collect(packs, asked)) };
    histories.set(key, { history: found, at: packs.replaced() });
    for (const [oldest] of histories) if (histories.size > historiesKept) histories.delete(oldest);
    return found;
  };
  // Comes to an early end where packs are replaced: what is told of then stands elsewhere.
  async function* tell(slice: PackSlice, at: number): AsyncGenerator<Bytes, void, void> {
    told += 1;
    try {
      for await (const part of slice.parts()) {
        if (packs.replaced() !== at) return;
        yield part;
      }
    } catch (error) {
      if (packs.replaced() === at) throw error;
    } finally {
      told -= 1;
    }
  }
  return {
    open: (asked) =>
      packs.again(async () => {
        const { after, bytesMax } = asked;
        const history = await historyOf(asked);
        const turn = openTurn(asked, "writing", 0);
        let done = 0;
        const slice = await cutSlice({
          packs,
          history,
          after,
          bytesMax,
          limits,
          read: openMustRead(packs),
          turn: () => turn(++done),
        });
        const at = packs.replaced();
        return slice && { ...slice, parts: () => tell(slice, at) };
      }),
    isTold: () => told > 0,
  };
}

/** What `wants` reach and `haves` do not, and what is known to be had. */
async function collect(
  packs: StoredPacks,
  given: Asked,
): Promise<{ readonly sending: ObjectSet; readonly had: ObjectSet }> {
  given.signal.throwIfAborted();
  const { wants } = given;
  for (const want of wants)
    if (!isKept(packs, want)) throw new ObjectMissingError(`Object ${want} is not here`);
  const haves = given.haves.filter((have) => isKept(packs, have));
  const turn = openTurn(given, "collecting", 0);
  const { missing, had } = await packs.closures.between({ wants, haves }, turn);
  return { sending: missing, had };
}

async function listReachable(packs: StoredPacks, given: Asked): Promise<ReadonlyArray<ObjectId>> {
  const { sending } = await packs.again(() => collect(packs, given));
  const all = packs.all();
  const ids = new Uint8Array(all.reduce((count, { idx }) => count + idx.count, 0) * 20);
  let filled = 0;
  for (const { base, idx } of all)
    for (let start = 0; start < idx.count;) {
      let end = start;
      while (end < idx.count && sending.has(base + end)) end += 1;
      ids.set(idx.oids.subarray(start * 20, end * 20), filled);
      filled += (end - start) * 20;
      start = end + 1;
    }
  return formatObjectIds(ids.subarray(0, filled));
}

function openMustRead(packs: StoredPacks): (oid: ObjectId) => Promise<GitObject> {
  return async (oid) => {
    const object = await packs.read(oid);
    if (object === undefined) throw new ObjectMissingError(`Object ${oid} is not here`);
    return object;
  };
}

function isKept(packs: StoredPacks, oid: ObjectId): boolean {
  return packs.find(oidBytes(oid), 0) !== undefined;
}

/**
 * Everything that the pack's objects refer to must come with them or be here, as what it is said to be. So whatever is
 * in the store is there with all that it leads to.
 */
async function checkConnected(
  packs: StoredPacks,
  { links, typeOf }: IndexedPack,
  turn: Turn,
): Promise<void> {
  const ids = links.ids();
  for (let link = 0; link < links.size(); link++) {
    const expected = links.typeAt(link);
    const inside = typeOf(ids, link * 20);
    const type = inside ?? (await packs.type(oidAt(ids, link * 20)));
    if (type !== expected) {
      const oid = oidAt(ids, link * 20);
      if (type === undefined)
        throw new PackRejectedError("object-missing", `${expected} ${oid} is missing`);
      throw new PackRejectedError("wrong-type", `${oid} is a ${type}, not a ${expected}`);
    }
    const waited = turn(link + 1);
    if (waited !== undefined) await waited;
  }
}

/** What is wrong with a pack of our own objects is wrong with those. */
function blameCaller(error: unknown): never {
  if (error instanceof PackRejectedError)
    throw new ObjectRejectedError(`The objects are refused: ${error.reason}`, { cause: error });
  throw error;
}

type Turn = (done: number) => Promise<void> | void;

function openTurn(
  { signal, onProgress, breathe }: Work,
  phase: Progress["phase"],
  total: number,
): Turn {
  let last = 0;
  return (done) => {
    // Whoever counts anew begins below.
    if (Math.abs(done - last) < stepsPerTurn && done !== total) return undefined;
    last = done;
    onProgress?.({ phase, done, total: Math.max(done, total) });
    signal.throwIfAborted();
    return breathe();
  };
}

const stepsPerTurn = 128;
/** Each is four bytes an object. */
const historiesKept = 2;
