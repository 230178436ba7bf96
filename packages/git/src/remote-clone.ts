/** A repository taken from an ordinary git host over HTTPS. */

import type { Bytes } from "@skein/protocol/bytes";
import { LimitExceededError } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import { packBytesMax } from "@skein/protocol/limits";
import type { GitHost, HostAnswer } from "./git-host.ts";
import { openPacketReader } from "./pkt-line.ts";
import type { Packet } from "./pkt-line.ts";
import {
  formatFetch,
  formatLsRefs,
  openPackReceiver,
  readCapabilities,
  readRefs,
  RemoteRefusedError,
} from "./remote-protocol.ts";
import type { RemoteRefs } from "./remote-protocol.ts";
import { takeRefs } from "./repository-bundles.ts";
import type { ImportedBundle, Parts } from "./repository-bundles.ts";
import type { LongWork } from "./stop-signal.ts";

export interface CloneAsked extends LongWork {
  readonly url: string;
  readonly host: GitHost;
  /** What the host says while it packs, line by line. */
  readonly onSaid?: ((text: string) => void) | undefined;
}

/**
 * Takes branches and tags, and all they reach. On a repository that has something already it brings what is new, and
 * moves only what goes ahead. Throws `RemoteRefusedError`, `PackRejectedError` and `LimitExceededError`, and has
 * changed nothing.
 */
export async function cloneFrom(parts: Parts, asked: CloneAsked): Promise<ImportedBundle> {
  const address = parseAddress(asked.url);
  if (address === undefined)
    throw new RemoteRefusedError(
      "bad-address",
      "Only https addresses without a password in them can be cloned",
    );
  const { base, capabilities } = await meetHost(asked, address);
  const post = { url: `${base}/${service}`, kind: "result" } as const;
  const listed = await readAnswer(
    asked,
    { ...post, body: formatLsRefs(capabilities) },
    refsBytesMax,
  );
  const remote = readRefs(listed);
  const wants = await missingOf(parts, remote);
  if (wants.length > 0) {
    const haves = [...(await parts.refs.roots())].slice(0, havesMax);
    const body = formatFetch(capabilities, { wants, haves });
    const { signal, onProgress } = asked;
    const receiver = parts.objects.openReceiver({ tips: wants, signal, onProgress });
    try {
      await readPack(asked, { ...post, body }, receiver.write);
      await receiver.finish();
    } finally {
      await receiver.close();
    }
  }
  return takeRefs(parts, { offered: remote.refs, head: remote.head, skipped: remote.skipped });
}

/** Without its last slash; `undefined` for what is not fetched from. Plain http goes to this machine only. */
export function parseAddress(url: string): string | undefined {
  const { scheme, host } = addressPattern.exec(url)?.groups ?? {};
  if (host === undefined || url.length > addressLettersMax) return undefined;
  const isHere = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/u.test(host);
  if (scheme === "http" && !isHere) return undefined;
  return url.replace(/\/+$/u, "");
}

async function meetHost(
  asked: CloneAsked,
  address: string,
): Promise<{
  readonly base: string;
  readonly capabilities: ReturnType<typeof readCapabilities>;
}> {
  const url = `${address}/info/refs?service=${service}`;
  const answer = await ask(asked, { url, kind: "advertisement" });
  const packets = await readPackets(asked, answer, capabilitiesBytesMax);
  const capabilities = readCapabilities(packets);
  // A host may have moved the repository: what follows is asked where it is now, if that is a safe place as well.
  const moved = answer.url.endsWith(`/info/refs?service=${service}`)
    ? parseAddress(answer.url.slice(0, -`/info/refs?service=${service}`.length))
    : undefined;
  return { base: moved ?? address, capabilities };
}

interface Asking {
  readonly url: string;
  readonly kind: "advertisement" | "result";
  readonly body?: Bytes;
}

async function readAnswer(
  asked: CloneAsked,
  asking: Asking,
  bytesMax: number,
): Promise<ReadonlyArray<Packet>> {
  return readPackets(asked, await ask(asked, asking), bytesMax);
}

async function ask(asked: CloneAsked, { url, kind, body }: Asking): Promise<HostAnswer> {
  asked.signal.throwIfAborted();
  const type = `application/x-${service}-${kind}`;
  const headers = new Map([
    ["accept", type],
    ["git-protocol", "version=2"],
  ]);
  if (body !== undefined) headers.set("content-type", `application/x-${service}-request`);
  const { signal } = asked;
  const method = body === undefined ? "GET" : "POST";
  const answer = await asked.host.ask({ method, url, headers, body, signal });
  const fault = faults.get(answer.status);
  if (fault !== undefined) throw new RemoteRefusedError(...fault);
  if (answer.status !== 200)
    throw new RemoteRefusedError("unreachable", `The host answered with status ${answer.status}`);
  if (answer.type !== type)
    throw new RemoteRefusedError("no-git-host", "What answers at this address is no git host");
  return answer;
}

async function readPackets(
  asked: CloneAsked,
  answer: HostAnswer,
  bytesMax: number,
): Promise<ReadonlyArray<Packet>> {
  const packets: Packet[] = [];
  await takePackets(asked, answer, { bytesMax, take: (packet) => void packets.push(packet) });
  return packets;
}

async function takePackets(
  { signal }: CloneAsked,
  answer: HostAnswer,
  {
    bytesMax,
    take,
  }: { readonly bytesMax: number; readonly take: (packet: Packet) => Promise<void> | void },
): Promise<void> {
  const reader = openPacketReader();
  let length = 0;
  for await (const bytes of answer.body) {
    signal.throwIfAborted();
    length += bytes.length;
    if (length > bytesMax)
      throw new LimitExceededError("bytes of a git host's answer", {
        actual: length,
        most: bytesMax,
      });
    const packets = reader.push(bytes);
    if (packets === undefined)
      throw new RemoteRefusedError("no-git-host", "The host's answer is not what git hosts send");
    for (const packet of packets) {
      const taking = take(packet);
      // oxlint-disable-next-line no-await-in-loop -- a pack is taken in order.
      if (taking !== undefined) await taking;
    }
    // Whoever has enough while a piece is taken does not wait for the next one.
    signal.throwIfAborted();
  }
  if (reader.isMidPacket())
    throw new RemoteRefusedError("cut-short", "The host's answer ended early");
}

async function readPack(
  asked: CloneAsked,
  asking: Asking,
  keep: (part: Uint8Array) => Promise<void>,
): Promise<void> {
  const answer = await ask(asked, asking);
  const parts: Uint8Array[] = [];
  const receiver = openPackReceiver({
    onPack: (bytes) => parts.push(bytes),
    onSaid: (text) => asked.onSaid?.(text),
  });
  // Every packet of 64 KiB has five bytes around it, and what the host says comes in between.
  const bytesMax = packBytesMax + packBytesMax / 64;
  await takePackets(asked, answer, {
    bytesMax,
    take: async (packet) => {
      receiver.take(packet);
      // oxlint-disable-next-line no-await-in-loop
      for (const part of parts.splice(0)) await keep(part);
    },
  });
  if (!receiver.isComplete())
    throw new RemoteRefusedError("cut-short", "The host's answer ended before its pack did");
}

async function missingOf(parts: Parts, { refs }: RemoteRefs): Promise<ReadonlyArray<ObjectId>> {
  const tips = [...new Set(refs.values())];
  const here = await Promise.all(tips.map(parts.objects.has));
  return tips.filter((_, index) => !here[index]);
}

const service = "git-upload-pack";
const addressPattern =
  /^(?<scheme>https?):\/\/(?<host>[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9a-f:]+\](?::\d{1,5})?)\/[^\s?#@\\]+$/u;
const addressLettersMax = 2_000;
const capabilitiesBytesMax = 1024 * 1024;
const refsBytesMax = 8 * 1024 * 1024;
const havesMax = 1_000;
const faults = new Map<number, ConstructorParameters<typeof RemoteRefusedError>>([
  [401, ["not-allowed", "The host asks for a name and a password, which Skein does not keep"]],
  [403, ["not-allowed", "The host does not allow this"]],
  [429, ["unreachable", "The relay lets no more through for now. Try again in a minute"]],
  [502, ["unreachable", "The host could not be reached, or is no git host"]],
  [503, ["unreachable", "The relay is full for now. Try again in a minute"]],
  [404, ["not-found", "There is no repository at this address"]],
]);
