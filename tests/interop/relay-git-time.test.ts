/** Answers of git hosts that nobody reads, or that never end: the relay ends them, and lets the host go. */

import { once } from "node:events";
import { createServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";

import type { Limits } from "@skein/relay/limits";
import { afterEach, describe, expect, test, vi } from "vitest";

import { makeCertificate } from "./git-http.ts";
import { installed } from "./installed.ts";
import { openStage } from "./relay-scene.ts";

const openssl = installed("openssl");

afterEach(() => void vi.useRealTimers());

/** A host that sends for ever, as fast as it is read or a little now and then, and somebody who asks it through the relay. */
async function open(pace: "fast" | "slow", limits: Partial<Limits> = {}) {
  const tls = makeCertificate();
  const did = { isLet: false };
  const host = createServer(tls, (_request, response) => {
    response.writeHead(200, { "content-type": "application/x-git-upload-pack-advertisement" });
    const pour = (): void => {
      while (response.write(Buffer.alloc(64 * 1024)));
    };
    const drip = setInterval(() => response.write("drop"), 20);
    if (pace === "fast") response.on("drain", pour);
    if (pace === "fast") pour();
    response.on("close", () => {
      clearInterval(drip);
      did.isLet = true;
    });
  });
  host.listen(0, "127.0.0.1");
  await once(host, "listening");
  const name = `git.example:${(host.address() as AddressInfo).port}`;
  const resolve = () => Promise.resolve(["127.0.0.1"]);
  const gitReach = { resolve, isAllowed: () => true, ca: tls.cert };
  const stage = await openStage({ gitHosts: [name], gitReach, limits });
  const path = `/git/${name}/notes.git/info/refs?service=git-upload-pack`;
  const ask = (): Socket => {
    const asking = connect(stage.relay.port, "127.0.0.1").on("error", () => undefined);
    asking.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return asking;
  };
  const socket = ask();
  return {
    did,
    ask,
    socket,
    gitBytes: () => stage.relay.station.report().did.gitBytes,
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      await stage[Symbol.asyncDispose]();
      host.closeAllConnections();
      await new Promise((closed) => host.close(closed));
    },
  };
}

describe.skipIf(openssl === undefined)("with openssl (apt-get install openssl)", () => {
  test("an answer that Mallory asks for and does not read ends once its host has waited too long, and Alice may ask", async () => {
    await using place = await open("fast", { gitStallMillisMax: 300, gitQuestionsMax: 1 });
    place.socket.pause();
    await expect.poll(place.gitBytes).toBeGreaterThan(64 * 1024);
    await expect.poll(() => place.did.isLet, { timeout: 10_000 }).toBe(true);
    const alice = place.ask();
    const [piece] = (await once(alice, "data")) as [Buffer];
    alice.destroy();
    expect(piece.toString("latin1")).toMatch(/^HTTP\/1\.1 200 /u);
  }, 20_000);

  test("an answer that never ends is cut after a quarter of an hour, and not before", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await using place = await open("slow");
    place.socket.resume();
    await expect.poll(place.gitBytes).toBeGreaterThan(10);
    vi.advanceTimersByTime(899_000);
    const before = place.gitBytes();
    await expect.poll(place.gitBytes).toBeGreaterThan(before + 10);
    expect(place.did.isLet).toBe(false);
    vi.advanceTimersByTime(1_000);
    await once(place.socket, "close");
    await expect.poll(() => place.did.isLet).toBe(true);
  }, 20_000);
});
