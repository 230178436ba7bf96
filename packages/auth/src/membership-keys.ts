/** Which read key and which door are in force: told from the rotations and the changes of passphrase that count. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { instant, type EntryId, type Instant, type NodeId } from "@skein/protocol/ids";
import type { GenesisBody } from "./membership-entry.ts";
import type { Held, Register } from "./membership-register.ts";
import { compareText, type Judgement, type Past } from "./membership-rules.ts";

/** What is looked at: everything, or only what an entry had in its past. */
export interface View {
  readonly register: Register;
  readonly judgement: Judgement;
  readonly within?: Past;
}

/** One read key of the account. */
export interface KeyEpoch {
  /** The entry that made it: the genesis or a rotation. */
  readonly entry: EntryId;
  readonly epoch: number;
  /** By its author's clock. */
  readonly at: Instant;
  readonly commitment: Bytes;
  /** The key, sealed to each node: more than one if several members let it in at once. */
  readonly boxes: ReadonlyMap<NodeId, ReadonlyArray<Bytes>>;
  /** The key, sealed to the door. */
  readonly doorBox: Bytes;
  /** The door that it was sealed to. */
  readonly sealedTo: EntryId;
  /** The key before, sealed under this one. Empty if whoever made this one did not know it. */
  readonly previous: Bytes;
}

/** The door as it stands, and the entry that made it so. */
export interface DoorInForce {
  readonly entry: EntryId;
  readonly sign: Bytes;
  readonly box: Bytes;
  /** The meeting secret, sealed to each node that was a member then. None for the first door: its nodes have it. */
  readonly meetingBoxes: ReadonlyMap<NodeId, Bytes>;
}

export function counts({ deed, inert }: Held, { judgement, within }: View): boolean {
  return (
    inert === undefined &&
    (within === undefined || within.has(deed.index)) &&
    judgement.stands(deed.author, deed)
  );
}

/** The keys that count, the one in force first, then as they were in force. Concurrent ones of one epoch are all in it. */
export function keysInForce(view: View, most: number): ReadonlyArray<KeyEpoch> {
  const rotations = view.register.rotations
    .map((held) => ({ held, epoch: epochOf(held) }))
    .toSorted((a, b) => b.epoch - a.epoch || compareText(b.held.deed.id, a.held.deed.id));
  const made: Held[] = [];
  for (const { held } of rotations) {
    if (made.length >= most) break;
    if (counts(held, view)) made.push(held);
  }
  if (made.length < most) made.push(firstOf(view).held);
  return made.map((held) => tellEpoch(held, view));
}

/** What the next rotation is numbered: above everything in view, whether it counts or not. */
export function nextEpoch({ register, within }: View): number {
  return register.rotations
    .filter(({ deed }) => within === undefined || within.has(deed.index))
    .reduce((epoch, held) => Math.max(epoch, epochOf(held) + 1), 1);
}

/** The epoch in force, without its boxes: all that an entry is judged by. */
export function epochInForce(view: View): number {
  return view.register.rotations.reduce(
    (epoch, held) => (epochOf(held) > epoch && counts(held, view) ? epochOf(held) : epoch),
    0,
  );
}

/**
 * Doors form a tree: each was set by somebody who had typed the words of the one before, or by the recovery key. Of
 * several that replace the same door, the recovery key's wins, then that of the node nearest to the first one, then the
 * one of least id; and so on from there.
 */
export function doorInForce(view: View): DoorInForce {
  const first = firstOf(view);
  const { genesis } = first;
  const replacing = new Map<EntryId, Held[]>();
  for (const held of view.register.doors) {
    const replaced = held.deed.type === "door" ? held.deed.replaces : undefined;
    if (replaced === undefined || !counts(held, view)) continue;
    replacing.set(replaced, [...(replacing.get(replaced) ?? []), held]);
  }
  let now: DoorInForce = {
    entry: first.held.deed.id,
    ...genesis.door,
    meetingBoxes: new Map(),
  };
  for (;;) {
    const next = replacing.get(now.entry)?.toSorted(inRank(view.judgement))[0];
    if (next?.entry.body.type !== "door.set") return now;
    const { door, boxes } = next.entry.body;
    const meetingBoxes = new Map(boxes.map(({ node, box }) => [node, box]));
    now = { entry: next.deed.id, ...door, meetingBoxes };
  }
}

function inRank({ depthOf }: Judgement): (a: Held, b: Held) => number {
  const levelOf = ({ deed }: Held): number => (deed.type === "door" ? deed.level : 2);
  return (a, b) =>
    levelOf(a) - levelOf(b) ||
    depthOf(a.deed.author) - depthOf(b.deed.author) ||
    compareText(a.deed.author, b.deed.author) ||
    compareText(a.deed.id, b.deed.id);
}

function epochOf({ entry }: Held): number {
  return entry.body.type === "key.rotate" ? entry.body.epoch : 0;
}

function tellEpoch(held: Held, view: View): KeyEpoch {
  const { entry, deed } = held;
  const { body } = entry;
  const boxes = new Map<NodeId, Bytes[]>();
  if (body.type === "key.rotate") for (const { node, box } of body.boxes) boxes.set(node, [box]);
  if (body.type === "genesis") boxes.set(deed.author, [body.nodeBox]);
  for (const { node, box } of givenLater(held, view))
    boxes.set(node, [...(boxes.get(node) ?? []), box]);
  assert(body.type === "genesis" || body.type === "key.rotate", "a key has an entry that made it");
  return {
    entry: deed.id,
    epoch: epochOf(held),
    at: instant(body.at),
    commitment: body.readKeyCommitment,
    boxes,
    doorBox: body.doorBox,
    sealedTo: deed.type === "rotate" ? deed.door : deed.id,
    previous: body.type === "key.rotate" ? body.previous : new Uint8Array(0),
  };
}

/** Boxes in the additions that were made while this key was in force. */
function givenLater(
  made: Held,
  view: View,
): ReadonlyArray<{ readonly node: NodeId; readonly box: Bytes }> {
  const epoch = epochOf(made);
  const given = [...view.judgement.members.keys()]
    .flatMap((node) => view.register.additionsOf(node))
    .filter((held) => counts(held, view) && held.deed.past.has(made.deed.index))
    .toSorted((a, b) => compareText(a.deed.id, b.deed.id));
  return given.flatMap(({ entry: { body }, deed }) =>
    body.type === "node.add" &&
    deed.type === "add" &&
    body.epoch === epoch &&
    body.readKeyBox.length > 0
      ? [{ node: deed.target, box: body.readKeyBox }]
      : [],
  );
}

function firstOf({ register }: View): { readonly held: Held; readonly genesis: GenesisBody } {
  const [held] = register.held;
  const genesis = held?.entry.body;
  assert(held !== undefined && genesis?.type === "genesis", "a log begins with its genesis");
  return { held, genesis };
}
