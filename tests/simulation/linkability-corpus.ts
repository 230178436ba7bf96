/**
 * What relays see of many people over many days, made by whole peers: for each day and each of a person's topics, the tag
 * and every frame under it.
 *
 * All people do the same things, with names, addresses and paths of their own, and files of any size. When they did it,
 * from where, and over which connection is left out: that a relay sees, and docs/threat-model.md says so.
 */

import { concat } from "@skein/protocol/bytes";
import { tryDecode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { calm } from "@skein/testkit/weather";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type Patches, type SimulatedNode, type World } from "./peer-world.ts";

/** One tag on one day. */
export interface Sighting {
  readonly person: number;
  readonly day: number;
  /** Which of the person's topics it is: nobody tells the classifier, but it is asked about one at a time. */
  readonly topic: "presence" | "laptop" | "phone";
  /** Of the two that this person has, the one that was worked on that day. */
  readonly repository: number;
  readonly tag: Buffer;
  /** Everything under the tag, behind it; the op first. */
  readonly frames: ReadonlyArray<Buffer>;
}

export interface CorpusOptions {
  readonly people: number;
  readonly days: number;
  readonly seed: number;
  /** A mistake to plant in everybody's program. */
  readonly mistake?: (person: number) => Patches;
}

export async function makeCorpus(options: CorpusOptions): Promise<ReadonlyArray<Sighting>> {
  const sightings: Sighting[] = [];
  for (let person = 0; person < options.people; person++)
    sightings.push(...(await watchPerson(person, options)));
  return sightings;
}

/** A life of its own for each: nobody but the relay could connect them. */
async function watchPerson(
  person: number,
  { days, seed, mistake }: CorpusOptions,
): Promise<ReadonlyArray<Sighting>> {
  const weather = calm;
  await using world = await foundWorld({ seed: seed * 1_000 + person, weather, direct: false });
  const text = (least: number, most: number): string =>
    Buffer.from(world.simulation.bytes(most))
      .toString("hex")
      .slice(0, world.simulation.between(least, most));
  const devices = [
    world.node(`laptop ${text(1, 50)}`),
    world.node(`phone ${text(1, 50)}`),
  ] as const;
  const [laptop, phone] = devices;
  if (mistake !== undefined) for (const node of devices) node.patch(mistake(person));
  const names = [text(1, 60), text(1, 60)];
  const paths = names.map(() => text(1, 100));
  const words = await haveAccount(world, laptop);
  for (const name of names) await laptop.ask("new-repository", { name, files: [] });
  await signIn(world, phone, words);
  await approve(world, laptop, phone);
  for (const node of devices)
    await node.ask("set-author", { name: text(1, 60), email: `${text(1, 60)}@example.org` });
  await world.until("the copies", () =>
    names.every((name) => phone.tip(name) === laptop.tip(name)),
  );
  const sightings: Sighting[] = [];
  for (let day = 0; day < days; day++) {
    const repository = world.simulation.between(0, 1);
    const frames = await liveOneDay(world, devices, {
      name: names[repository] ?? "",
      path: paths[repository] ?? "",
      text: () => text(0, 3_000),
    });
    for (const frame of frames) sightings.push({ ...frame, person, day, repository });
  }
  return sightings;
}

/** Both are started, each commits once, and both are closed until the next day. */
async function liveOneDay(
  world: World,
  devices: readonly [SimulatedNode, SimulatedNode],
  {
    name,
    path,
    text,
  }: { readonly name: string; readonly path: string; readonly text: () => string },
): Promise<ReadonlyArray<Pick<Sighting, "topic" | "tag" | "frames">>> {
  const [laptop, phone] = devices;
  for (const node of devices) await node.stop();
  await world.pass(dayMillis);
  const before = world.relay.heard.length;
  for (const node of devices) await node.start();
  await world.until("meeting", () => isConnected(laptop) && isConnected(phone));
  for (const [from, to] of [
    [laptop, phone],
    [phone, laptop],
  ] as const) {
    const oid = await from.commit(name, path, text());
    await world.until("the commit", () => to.tip(name) === oid);
  }
  return sort(world.relay.heard.slice(before));
}

function isConnected(node: SimulatedNode): boolean {
  return node.views.network.nodes.some(
    ({ whose, path }) => whose === "mine" && path.kind !== "none",
  );
}

/** By tag. An inbox is his who listens there; presence is where something is announced. */
function sort(
  heard: World["relay"]["heard"],
): ReadonlyArray<Pick<Sighting, "topic" | "tag" | "frames">> {
  const owners = new Map<string, Sighting["topic"]>();
  const frames = new Map<string, Buffer[]>();
  for (const { from, frame } of heard) {
    const read = tryDecode(RelayFrame, Uint8Array.from(frame));
    if (read === undefined) continue;
    if (read.type === "subscribe")
      for (const tag of read.tags) {
        // Both listen at the door.
        if (owners.has(tag)) owners.delete(tag);
        else owners.set(tag, from.startsWith("laptop") ? "laptop" : "phone");
      }
    if (!("tag" in read)) continue;
    if (read.type === "announce") owners.set(read.tag, "presence");
    const rest = concat(frame.subarray(0, 1), frame.subarray(1 + tagBytes));
    frames.set(read.tag, [...(frames.get(read.tag) ?? []), Buffer.from(rest)]);
  }
  return (["presence", "laptop", "phone"] as const).flatMap((topic) => {
    const mine = [...owners].filter(([tag, owner]) => owner === topic && frames.has(tag));
    // Near a change of tags there are two; the one that says more is taken.
    const [busiest] = mine
      .map(([tag]) => ({ topic, tag: Buffer.from(tag, "hex"), frames: frames.get(tag) ?? [] }))
      .toSorted((a, b) => b.frames.length - a.frames.length);
    return busiest === undefined ? [] : [busiest];
  });
}

const dayMillis = 24 * 60 * 60_000;
const tagBytes = 16;
