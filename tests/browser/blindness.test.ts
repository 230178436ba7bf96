/**
 * What the relay sees of the main job: nothing of names, keys, paths, ids, contents or addresses; sizes in steps.
 *
 * Canaries are in everything that a person or a program names. They are looked for in every byte that went through the
 * relay's socket, in every address that was asked of it, in its heap and its whole memory, in what it prints and counts.
 */

import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealOverheadBytes } from "@skein/auth/crypto/sodium";
import { relayOps } from "@skein/protocol/relay-frame";
import type { Browser, BrowserContext } from "playwright-core";
import { expect, test } from "vitest";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRecordingProxy } from "./recording-proxy.ts";
import { buffersWith, bytesOf, heapOf, stringsOf } from "./relay-memory.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";
import { mintWords, unwrappedHome } from "./stored-bytes.ts";

const token = "watcher";

test("A11 a full run of the main job, relayed, leaves no canary with the relay, and no key in any console", async () => {
  const folder = await mkdtemp(join(tmpdir(), "skein-"));
  const bundle = join(folder, "canary-repository.bundle");
  const oids = await makeBundle(folder, bundle);
  await using relay = await startRelayProcess({
    args: ["--log", "json", "--metrics-token", token, "--transparency"],
    node: ["--inspect=127.0.0.1:0"],
  });
  await using proxy = await startRecordingProxy(relay.url);
  const browser = await launch();
  try {
    const minted = await mintWords();
    const words = minted.join(" ");
    // Of an account that the test made, its secrets are known.
    const home = await unwrappedHome(minted);
    const alice = await Device.atHome(await relayedOnly(browser), proxy.url, home);
    await callIt(alice, "canary-laptop");
    await alice.goTo("Repositories");
    await alice.importBundle(bundle);
    const bob = await Device.open(await relayedOnly(browser), proxy.url);
    await bob.signIn(words);
    await alice.authorise(bob);
    await callIt(bob, "canary-phone");
    await bob.openRepository("canary-repository");
    oids.push(
      await bob.commitFile("canary-new-path.txt", "canary-new-contents", "canary-new-message"),
    );
    await alice.waitForTip(oids.at(-1) ?? "");
    oids.push(await alice.commitFile("canary-another.txt", "canary-other", "canary-2nd-message"));
    await bob.waitForTip(oids.at(-1) ?? "");
    await showInAddress(bob, "canary-new-path.txt");
    await alice.waitForPath("relayed");
    expect([...alice.complaints, ...bob.complaints]).toEqual([]);

    const { secrets } = home;
    const ids = await repositoryIds(bob);
    const descriptions = [...(await descriptionsOf(alice)), ...(await descriptionsOf(bob))];
    expect([secrets.length, ids.length]).toEqual([6, 1]);
    expect(descriptions.length).toBeGreaterThan(8);
    const own = [
      new Canary("a name, a path, a text or a message", Buffer.from("canary")),
      new Canary("the passphrase", Buffer.from(words)),
      ...oids.flatMap((oid) => bytesAndHex("an object", Buffer.from(oid, "hex"))),
      ...secrets.flatMap((secret) => bytesAndHex("a key", secret)),
      ...ids.flatMap((id) => bytesAndHex("a repository", Buffer.from(id, "hex"))),
      ...descriptions.flatMap((text) => forms("a session description", text)),
    ];
    judgeConsoles([alice, bob], own);
    judgeWire(proxy.messages, [...own, ...words.split(" ").concat(tellingWords).map(worded)]);
    // A browser tells every host what it is and on what it runs.
    expect(found(own, [Buffer.from(proxy.asked.join("\n"))])).toEqual(new Set());
    expect(proxy.asked.length).toBeGreaterThan(5);
    await judgeMemory(relay, own);
    const tags = tagsIn(proxy.messages);
    expect(tags.length).toBeGreaterThan(3);
    expect((await tagsKept(relay, tags)).length).toBeGreaterThan(0);
    await browser.close();
    await judgeWhatIsLeft(relay, tags);
    await judgeWords(relay, [...own, ...tags.flatMap((tag) => bytesAndHex("a tag", tag))]);
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
});

class Canary {
  readonly what: string;
  readonly bytes: Buffer;

  constructor(what: string, bytes: Buffer) {
    this.what = what;
    this.bytes = bytes;
  }
}

function worded(text: string): Canary {
  return new Canary(`the text ${JSON.stringify(text)}`, Buffer.from(text));
}

function bytesAndHex(what: string, bytes: Buffer): ReadonlyArray<Canary> {
  return [bytes, Buffer.from(bytes.toString("hex")), Buffer.from(bytes.toString("base64"))].map(
    (form) => new Canary(what, form),
  );
}

/** A line of a session description, and the number in it as bytes. */
function forms(what: string, line: string): ReadonlyArray<Canary> {
  const [, print] = /^sha-256 ([0-9A-F:]+)$/u.exec(line) ?? [];
  const text = new Canary(what, Buffer.from(line));
  return print === undefined
    ? [text]
    : [text, ...bytesAndHex(what, Buffer.from(print.replaceAll(":", ""), "hex"))];
}

/** What is found of them, in words. */
function found(canaries: ReadonlyArray<Canary>, places: ReadonlyArray<Uint8Array>): Set<string> {
  const hits = canaries.filter(({ bytes }) =>
    places.some(
      (place) =>
        bytes.length > 3 &&
        Buffer.from(place.buffer, place.byteOffset, place.length).includes(bytes),
    ),
  );
  return new Set(hits.map(({ what }) => what));
}

// --- Where the relay could have them from. ---

/** What pages and their workers print, anybody with the device may read, and people paste it into reports. */
function judgeConsoles(devices: ReadonlyArray<Device>, canaries: ReadonlyArray<Canary>): void {
  const secret = canaries.filter(({ what }) => what === "a key" || what === "the passphrase");
  expect(secret.length).toBeGreaterThan(18);
  const said = devices.flatMap((device) => device.said).join("\n");
  expect(found(secret, [Buffer.from(said)])).toEqual(new Set());
}

function judgeWire(messages: ReadonlyArray<Buffer>, canaries: ReadonlyArray<Canary>): void {
  const seen = Buffer.concat(messages);
  expect(seen.length).toBeGreaterThan(20_000);
  expect(found(canaries, [seen])).toEqual(new Set());
  const sizes = messages
    .filter((message) => message[0] === relayOps.publish || message[0] === relayOps.bulk)
    .map((message) => message.length - tagged - sealOverheadBytes);
  expect(sizes.length).toBeGreaterThan(50);
  expect(sizes.filter((size) => !isBucket(size))).toEqual([]);
  const blobs = messages.filter((message) => message[0] === relayOps.announce);
  expect(new Set(blobs.map(({ length }) => length - tagged - announced))).toEqual(
    new Set([presenceBytes]),
  );
}

async function judgeMemory(relay: RelayProcess, canaries: ReadonlyArray<Canary>): Promise<void> {
  const heap = await heapOf(relay.said());
  expect(stringsOf(heap).length).toBeGreaterThan(1_000);
  expect(found(canaries, [Buffer.from(heap)])).toEqual(new Set());
  const memory = await bytesOf(relay.pid());
  expect(memory.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(20_000_000);
  // That it would be found if it were there.
  expect(found([worded(`Bearer ${token}`), worded("127.0.0.1")], memory).size).toBeGreaterThan(0);
  expect(found(canaries, memory)).toEqual(new Set());
}

/** Nobody is connected any more: what nodes used to use is forgotten. */
async function judgeWhatIsLeft(relay: RelayProcess, tags: ReadonlyArray<Buffer>): Promise<void> {
  const countOf = async (): Promise<unknown> =>
    ((await (await fetch(`${relay.url}/healthz`)).json()) as { connections: unknown }).connections;
  await expect.poll(countOf, { timeout: 10_000 }).toBe(0);
  expect(await tagsKept(relay, tags)).toEqual([]);
  // Nor is one in any buffer, once the pool of small ones has been renewed.
  const inBuffers = async () => (await buffersWith(relay.said(), tags)).found;
  await expect.poll(inBuffers, { timeout: 5_000, interval: 500 }).toEqual([]);
}

async function tagsKept(
  relay: RelayProcess,
  tags: ReadonlyArray<Buffer>,
): Promise<ReadonlyArray<Buffer>> {
  const strings = stringsOf(await heapOf(relay.said()));
  return tags.filter((tag) =>
    strings.some(
      (text) => text.includes(tag.toString("latin1")) || text.includes(tag.toString("hex")),
    ),
  );
}

async function judgeWords(relay: RelayProcess, canaries: ReadonlyArray<Canary>): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const texts = await Promise.all(
    ["/metrics", "/transparency", "/healthz", "/readyz"].map(async (path) =>
      (await fetch(`${relay.url}${path}`, { headers })).text(),
    ),
  );
  expect(texts[0]).toContain("skein");
  expect(relay.said()).toContain('"level"');
  const said = Buffer.from([...texts, relay.said()].join("\n"));
  expect(found(canaries, [said])).toEqual(new Set());
}

/** docs/protocol/2-topics.md: multiples of 512 up to 4,096, above them Padmé's. */
function isBucket(size: number): boolean {
  if (size <= 4_096) return size > 0 && size % 512 === 0;
  const exponent = Math.floor(Math.log2(size));
  return size % Math.max(512, 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1)) === 0;
}

function tagsIn(messages: ReadonlyArray<Buffer>): ReadonlyArray<Buffer> {
  const tags = new Map<string, Buffer>();
  const ops: ReadonlySet<number> = new Set([relayOps.publish, relayOps.bulk, relayOps.announce]);
  for (const message of messages) {
    const tag = message.subarray(1, tagged);
    if (ops.has(message[0] ?? 0)) tags.set(tag.toString("hex"), tag);
  }
  return [...tags.values()];
}

// --- What the devices have. ---

async function callIt(device: Device, name: string): Promise<void> {
  const { page } = device;
  await device.goTo("Devices");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.getByLabel("Author name").fill(`${name}-author`);
  await page.getByLabel("Author e-mail").fill(`${name}@example.org`);
  await page.getByRole("button", { name: "Save" }).last().click();
}

/** A file's name stands in the page's address, and the page is loaded again. */
async function showInAddress({ page }: Device, path: string): Promise<void> {
  await page.getByRole("link", { name: path, exact: true }).first().click();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  expect(page.url()).toContain(path);
  await page.reload();
  await page.getByText("canary-new-contents").first().waitFor();
}

async function repositoryIds({ page }: Device): Promise<ReadonlyArray<string>> {
  const names = await page.evaluate(async () =>
    (await indexedDB.databases()).map(({ name = "" }) => name),
  );
  return names.flatMap((name) => /^skein-repository-([0-9a-f]+)$/u.exec(name)?.[1] ?? []);
}

/** What WebRTC's descriptions of this device held: its words, its key's print, its addresses (RFC 8866, RFC 8839). */
async function descriptionsOf({ page }: Device): Promise<ReadonlyArray<string>> {
  const texts = await page.evaluate(() => {
    const made = Reflect.get(globalThis, "connectionsMade") as RTCPeerConnection[];
    return made.map(({ localDescription }) => localDescription?.sdp ?? "");
  });
  const telling = [...texts.join("\n").matchAll(tellingLine)];
  const values = telling.map(([, value = "", address = ""]) => value || address);
  return [...new Set(values.filter(({ length }) => length > 6))];
}

/** Both sides signal as ever, and never learn where the other is: everything goes through the relay. */
async function relayedOnly(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext();
  await context.addInitScript(() => {
    const made: RTCPeerConnection[] = [];
    const Recorded = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        made.push(this);
      }
    };
    Object.assign(RTCPeerConnection.prototype, { addIceCandidate: () => Promise.resolve() });
    Object.assign(globalThis, { connectionsMade: made, RTCPeerConnection: Recorded });
  });
  return context;
}

async function makeBundle(folder: string, bundle: string): Promise<string[]> {
  const git = (...args: ReadonlyArray<string>): string =>
    execFileSync(
      "git",
      [
        "-C",
        folder,
        "-c",
        "user.name=canary-author",
        "-c",
        "user.email=canary@example.org",
        ...args,
      ],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    ).toString();
  git("init", "--quiet", "--initial-branch=canary-branch");
  await writeFile(join(folder, "canary-path.txt"), "canary-contents\n".repeat(2_000));
  git("add", "canary-path.txt");
  git("commit", "--quiet", "-m", "canary-message");
  git("tag", "canary-tag");
  git("bundle", "create", "--quiet", bundle, "--all");
  return git("rev-list", "--objects", "--all")
    .trim()
    .split("\n")
    .map((line) => line.slice(0, 40));
}

/** Git's own words, a browser's, and what WebRTC's signalling is made of (RFC 8866, RFC 8839). */
const tellingWords = [
  "refs/heads",
  "Chrome on",
  "Linux",
  "candidate:",
  "a=fingerprint",
  "ice-ufrag",
  "webrtc-datachannel",
  ".local",
];
/** What in a session description is of one device only. */
const tellingLine =
  /a=(?:ice-ufrag|ice-pwd|fingerprint):([^\r\n]+)|candidate:\S+ \d \S+ \d+ (\S+) \d+/gu;
/** The op and the tag in front of a payload. */
const tagged = 17;
/** And in front of an announcement's blob: seconds, want, and the blob's length. */
const announced = 7;
/** docs/protocol/2-topics.md */
const presenceBytes = 126;
