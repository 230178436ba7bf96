/** The peer's worker: builds a peer from this browser's parts and serves it to the tabs. */

import { openCrypto } from "@skein/auth/crypto/sodium";
import { openIdbWrappingKeys } from "@skein/auth/idb-wrapping-keys";
import type { KeyStore } from "@skein/auth/key-store";
import { plainKeyStore } from "@skein/auth/plain-key-store";
import { openWebCryptoKeyStore } from "@skein/auth/webcrypto-key-store";
import { webcryptoRandom } from "@skein/auth/webcrypto-random";
import { openIdbFiles, removeIdbFiles } from "@skein/git/idb-files";
import { renewIdbLog } from "@skein/git/idb-log";
import { prepareKernel } from "@skein/git/kernel-compiled";
import { openPeer } from "@skein/peer/peer";
import { parseRelayAddress } from "@skein/peer/relay-address";
import { relaysPerNodeMax } from "@skein/protocol/limits";
import { channelsOver } from "@skein/transport/port-channels";
import { openWebSockets } from "@skein/transport/websocket-socket";
import { browserClock, offsetMinutes, openBreath } from "./adapters/browser-clock.ts";
import { hostOf, openRelayHost, readRelayHosts } from "./adapters/git-hosts.ts";
import { serveDoor } from "./door/host.ts";
import { over } from "./door/messages.ts";
import { awaitChannels } from "./door/own-worker.ts";
import { unlockPort } from "./unlock.ts";

const settingsPath = "/skein.json";
/** Repositories on this device do not wait longer for a host that does not answer. */
const settingsMillisMax = 2_000;
/** It takes a hundredth of a second. */
const renewalMillisMax = 2_000;
/** A browser that finds everything damaged makes room anew before it answers, and says so only this once. */
const lossMillisMax = 30_000;
const repositoryPrefix = "skein-repository-";
const channelsOffered = awaitChannels(globalThis);

async function serve(): Promise<void> {
  prepareKernel();
  const { lost } = await renewLog();
  const [crypto, sockets, ledger, keyStore, offer] = await Promise.all([
    openCrypto(),
    openWebSockets(),
    openIdbFiles("skein"),
    openKeyStore(),
    channelsOffered,
  ]);
  let end = (): void => undefined;
  const peer = await openPeer({
    clock: browserClock,
    random: webcryptoRandom,
    crypto,
    unlocker: unlockPort(),
    keyStore,
    restart: () => end(),
    ledger,
    openFiles: (repository) => openIdbFiles(`${repositoryPrefix}${repository}`),
    storedRepositories,
    removeFiles: (repository) => removeIdbFiles(`${repositoryPrefix}${repository}`),
    measureStorage,
    storageLost: lost,
    sockets,
    relayUrls: await findRelays(globalThis.location),
    channels: channelsOver(offer.port, { supported: offer.supported }),
    gitHosts: { names: readRelayHosts, open: openRelayHost, hostOf },
    breathe: openBreath(),
    offsetMinutes,
    report: reportError,
  });
  const door = serveDoor(globalThis, peer);
  end = () => {
    door[Symbol.dispose]();
    globalThis.postMessage(over);
  };
}

/** A device without room, or whose other tabs are in the way, does without. */
async function renewLog(): Promise<{ readonly lost: boolean }> {
  const log = await within(
    lossMillisMax,
    renewIdbLog().catch(() => undefined),
  );
  if (log !== undefined) await within(renewalMillisMax, log.renewed);
  return { lost: log?.lost ?? false };
}

/** `undefined` where it takes longer. */
async function within<T>(millis: number, work: Promise<T>): Promise<T | undefined> {
  const waited = AbortSignal.timeout(millis);
  const without = new Promise<undefined>((resolve) => {
    waited.addEventListener("abort", () => resolve(undefined));
  });
  return await Promise.race([work, without]);
}

/** WebCrypto is missing where the page was not served securely, as by plain http on a network. */
async function openKeyStore(): Promise<KeyStore> {
  if (!globalThis.isSecureContext) return plainKeyStore();
  try {
    return await openWebCryptoKeyStore(openIdbWrappingKeys("skein-keys"));
  } catch (error) {
    // Some browsers keep no keys as objects in private windows.
    if (error instanceof DOMException && error.name === "DataCloneError") return plainKeyStore();
    throw error;
  }
}

/** Without locks another tab may be the owner too, and in the middle of an import: then nothing is known to be left over. */
async function storedRepositories(): Promise<ReadonlyArray<string>> {
  if (!("locks" in navigator) || !("databases" in indexedDB)) return [];
  return (await indexedDB.databases())
    .map(({ name = "" }) => name)
    .filter((name) => name.startsWith(repositoryPrefix))
    .map((name) => name.slice(repositoryPrefix.length));
}

/** Outside of secure contexts there is no storage manager to ask. */
async function measureStorage(): Promise<{
  readonly usedBytes: number | undefined;
  readonly quotaBytes: number | undefined;
}> {
  const estimate: StorageEstimate =
    "storage" in navigator ? await navigator.storage.estimate().catch(() => ({})) : {};
  return { usedBytes: estimate.usage, quotaBytes: estimate.quota };
}

/** The relays that `skein.json` names; where it names none, the one that serves this page. */
async function findRelays(place: {
  readonly protocol: string;
  readonly host: string;
}): Promise<ReadonlyArray<string>> {
  const relays = relaysNamed(await readSettings());
  return relays.length === 0 ? [relayUrlOf(place)] : relays;
}

/** Offline, or where the host is slow, what it said last time holds; nothing is kept where the page was not served securely. */
async function readSettings(): Promise<unknown> {
  try {
    const fresh = await fetch(settingsPath, {
      cache: "no-store",
      signal: AbortSignal.timeout(settingsMillisMax),
    }).catch(() => undefined);
    const told = fresh?.ok === true ? fresh : undefined;
    const kept = "caches" in globalThis ? await caches.open("skein-settings") : undefined;
    if (told !== undefined) await kept?.put(settingsPath, told.clone());
    const settings: unknown = await (told ?? (await kept?.match(settingsPath)))?.json();
    return settings;
  } catch {
    // The host serves something else, or the device has no room: the app goes on with the relay it came from.
    return undefined;
  }
}

/** `{ "relays": ["wss://…", …] }`, or `{ "relay": "wss://…" }` for one. */
function relaysNamed(settings: unknown): ReadonlyArray<string> {
  if (typeof settings !== "object" || settings === null) return [];
  const one = "relay" in settings ? [settings.relay] : [];
  const all = "relays" in settings && Array.isArray(settings.relays) ? settings.relays : one;
  const read = all.map((value) =>
    typeof value === "string" ? parseRelayAddress(value) : undefined,
  );
  return [...new Set(read.filter((url) => url !== undefined))].slice(0, relaysPerNodeMax);
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
