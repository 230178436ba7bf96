/** The peer's worker: builds a peer from this browser's parts and serves it to the tabs. */

import { openCrypto } from "@skein/auth/crypto/sodium";
import { openIdbFiles, removeIdbFiles } from "@skein/git/idb-files";
import { openPeer } from "@skein/peer/peer";
import { channelsOver } from "@skein/transport/port-channels";
import { openWebSockets } from "@skein/transport/websocket-socket";
import { browserClock, offsetMinutes, openBreath } from "./adapters/browser-clock.ts";
import { browserRandom } from "./adapters/browser-random.ts";
import { serveDoor } from "./door/host.ts";
import { awaitChannels } from "./door/own-worker.ts";
import { unlockPort } from "./unlock.ts";

const repositoryPrefix = "skein-repository-";
const channelsOffered = awaitChannels(globalThis);

async function serve(): Promise<void> {
  const [crypto, sockets, ledger, offer] = await Promise.all([
    openCrypto(),
    openWebSockets(),
    openIdbFiles("skein"),
    channelsOffered,
  ]);
  const peer = await openPeer({
    clock: browserClock,
    random: browserRandom,
    crypto,
    unlocker: unlockPort(),
    ledger,
    openFiles: (repository) => openIdbFiles(`${repositoryPrefix}${repository}`),
    keepOnly,
    sockets,
    relayUrl: await findRelay(globalThis.location),
    channels: channelsOver(offer.port, { supported: offer.supported }),
    breathe: openBreath(),
    offsetMinutes,
    report: reportError,
  });
  serveDoor(globalThis, peer);
}

async function keepOnly(repositories: ReadonlyArray<string>): Promise<void> {
  const names = new Set(repositories.map((repository) => `${repositoryPrefix}${repository}`));
  for (const { name = "" } of await indexedDB.databases())
    if (name.startsWith(repositoryPrefix) && !names.has(name)) await removeIdbFiles(name);
}

/** The relay that `skein.json` names, for an app that is served from somewhere else; otherwise the one that serves this page. */
async function findRelay(place: {
  readonly protocol: string;
  readonly host: string;
}): Promise<string> {
  try {
    const answer: unknown = await (await fetch("/skein.json")).json();
    const named =
      typeof answer === "object" && answer !== null && "relay" in answer && answer.relay;
    if (typeof named === "string" && /^wss?:\/\//u.test(named)) return named;
  } catch {
    // Offline before the file was ever kept, or a host without it: then it is the relay of this page.
  }
  return relayUrlOf(place);
}

function relayUrlOf({
  protocol,
  host,
}: {
  readonly protocol: string;
  readonly host: string;
}): string {
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/relay`;
}

await serve();
