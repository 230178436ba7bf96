/** What the relay sees of the main job: nothing of names, keys, paths, ids, contents or addresses; sizes in steps. */

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
import { startRelayProcess } from "./relay-process.ts";

test("A11 a full run of the main job, relayed, leaves no canary with the relay", async () => {
  const folder = await mkdtemp(join(tmpdir(), "skein-"));
  const bundle = join(folder, "canary-repository.bundle");
  const oids = await makeBundle(folder, bundle);
  await using relay = await startRelayProcess();
  await using proxy = await startRecordingProxy(relay.url);
  const browser = await launch();
  try {
    const alice = await Device.open(await relayedOnly(browser), proxy.url);
    const words = await alice.createAccount();
    await alice.importBundle(bundle);
    const bob = await Device.open(await relayedOnly(browser), proxy.url);
    await bob.signIn(words);
    await alice.authorise(bob);
    await bob.openRepository("canary-repository");
    oids.push(
      await bob.commitFile("canary-new-path.txt", "canary-new-contents", "canary-new-message"),
    );
    await alice.waitForTip(oids.at(-1) ?? "");
    await alice.waitForPath("relayed");
    expect([...alice.complaints, ...bob.complaints]).toEqual([]);

    const seen = Buffer.concat(proxy.messages);
    expect(seen.length).toBeGreaterThan(20_000);
    const texts = [
      "canary",
      words,
      ...words.split(" "),
      "refs/heads",
      "Chrome on",
      "Linux",
      ...sdpWords,
    ];
    for (const text of texts.filter((one) => one.length > 3))
      expect(seen.includes(text), `the relay sees ${JSON.stringify(text)}`).toBe(false);
    for (const oid of oids)
      for (const form of [oid, Buffer.from(oid, "hex")])
        expect(seen.includes(form), `the relay sees the object ${oid}`).toBe(false);
    const sizes = proxy.messages
      .filter((message) => message[0] === relayOps.publish || message[0] === relayOps.bulk)
      .map((message) => message.length - tagged - sealOverheadBytes);
    expect(sizes.length).toBeGreaterThan(50);
    expect(sizes.filter((size) => size % paddingStep !== 0)).toEqual([]);
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
});

/** Both sides signal as ever, and never learn where the other is: everything goes through the relay. */
async function relayedOnly(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext();
  await context.addInitScript(() => {
    Object.assign(RTCPeerConnection.prototype, { addIceCandidate: () => Promise.resolve() });
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
  git("bundle", "create", "--quiet", bundle, "--all");
  return git("rev-list", "--objects", "--all")
    .trim()
    .split("\n")
    .map((line) => line.slice(0, 40));
}

/** What WebRTC's own signalling is made of (RFC 8866, RFC 8839). */
const sdpWords = ["candidate:", "a=fingerprint", "ice-ufrag", "webrtc-datachannel", ".local"];
/** The op and the tag in front of a payload. */
const tagged = 17;
/** Payloads are padded to multiples of this before they are sealed (docs/protocol/2-topics.md). */
const paddingStep = 512;
