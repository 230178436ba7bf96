/** Two relays joined by a real nats-server: nodes on each, and the engine killed, frozen and brought back in the middle. */

import { openNatsEngine } from "@skein/relay/nats-engine";
import { defaultLimits, type Limits } from "@skein/relay/limits";
import { describe, expect, test } from "vitest";

import { findFreePort, installed, start } from "./installed.ts";
import { openStage, tagOf, type Speaker, type Stage } from "./relay-scene.ts";

const natsServer = installed("nats-server");
const stalling = { ...defaultLimits, backplaneStallMillisMax: 300 };
const tag = tagOf(0x77);

function joined(port: number, limits: Limits = stalling): Promise<Stage> {
  const engine = openNatsEngine({
    servers: [`127.0.0.1:${port}`],
    credentials: undefined,
    subject: "test",
    limits,
  });
  return openStage({ engine, limits });
}

async function untilUp(stages: ReadonlyArray<Stage>, wanted = "up"): Promise<void> {
  for (const stage of stages)
    await expect
      .poll(async () => (await stage.health())["backplane"], { timeout: 8_000 })
      .toBe(wanted);
}

/** Publishes until it is heard: a subscription takes a moment to reach the engine. */
async function untilHeard(alice: Speaker, bob: Speaker, word: number): Promise<void> {
  const payload = Uint8Array.of(word);
  await expect
    .poll(
      async () => {
        alice.tell({ type: "publish", tag, payload });
        const heard = await bob.hearAll();
        return heard.some((frame) => frame.type === "publish" && frame.payload[0] === word);
      },
      { timeout: 10_000, interval: 100 },
    )
    .toBe(true);
}

describe.skipIf(natsServer === undefined)("with nats-server (apt-get install nats-server)", () => {
  test("nodes of two relays hear and find each other; the engine dies, and comes back, and they do again", async () => {
    const port = await findFreePort();
    const program = natsServer ?? "";
    const args = ["-a", "127.0.0.1", "-p", String(port)];
    const first = await start(program, args, port);
    await using rita = await joined(port);
    await using ruth = await joined(port);
    await untilUp([rita, ruth]);
    const [alice, bob, carol] = [await rita.connect(), await ruth.connect(), await rita.connect()];
    for (const node of [bob, carol]) node.tell({ type: "subscribe", tags: [tag] });
    await Promise.all([bob.hearAll(), carol.hearAll()]);
    await untilHeard(alice, bob, 1);

    const blob = Uint8Array.of(9, 9);
    alice.tell({ type: "announce", tag, seconds: 60, want: 5, blob });
    await alice.hearAll();
    bob.tell({ type: "lookup", tag, want: 5 });
    await expect
      .poll(async () => (await bob.hearAll()).at(-1), { timeout: 5_000 })
      .toEqual({ type: "found", tag, blobs: [blob] });

    await first[Symbol.asyncDispose]();
    await untilUp([rita, ruth], "down");
    await carol.hearAll();
    alice.tell({ type: "publish", tag, payload: Uint8Array.of(2) });
    expect(await carol.hear()).toMatchObject({ type: "publish" });

    await using _second = await start(program, args, port);
    await untilUp([rita, ruth]);
    await untilHeard(alice, bob, 3);
  }, 30_000);

  test("a frozen engine is noticed, and nobody here waits for it", async () => {
    const port = await findFreePort();
    await using engine = await start(
      natsServer ?? "",
      ["-a", "127.0.0.1", "-p", String(port)],
      port,
    );
    await using rita = await joined(port);
    await untilUp([rita]);
    const [alice, bob] = [await rita.connect(), await rita.connect()];
    bob.tell({ type: "subscribe", tags: [tag] });
    await bob.hearAll();
    engine.child.kill("SIGSTOP");
    for (let word = 0; word < 100; word++) {
      alice.tell({ type: "bulk", tag, payload: new Uint8Array(16_000).fill(word) });
      expect(await bob.hear()).toMatchObject({ type: "bulk" });
    }
    await untilUp([rita], "down");
    engine.child.kill("SIGCONT");
    await untilUp([rita]);
  }, 20_000);

  test("no more waits for a frozen engine than its bound, bulk half of it, and the rest is left out and counted", async () => {
    const port = await findFreePort();
    await using engine = await start(
      natsServer ?? "",
      ["-a", "127.0.0.1", "-p", String(port)],
      port,
    );
    const patient = {
      ...defaultLimits,
      backplaneStallMillisMax: 60_000,
      backplaneBytesMax: 1_000_000,
      publishesPerSecond: 10_000,
    };
    await using rita = await joined(port, patient);
    await untilUp([rita]);
    const [alice, bob] = [await rita.connect(), await rita.connect()];
    bob.tell({ type: "subscribe", tags: [tag] });
    await bob.hearAll();
    engine.child.kill("SIGSTOP");
    const leftOutOf = async (type: "bulk" | "publish", words: number): Promise<number> => {
      const before = rita.relay.station.report().did.backplaneLeftOut;
      for (let word = 0; word < words; word++) {
        alice.tell({ type, tag, payload: new Uint8Array(10_000).fill(word) });
        expect(await bob.hear()).toMatchObject({ type });
      }
      return rita.relay.station.report().did.backplaneLeftOut - before;
    };
    const bulk = await leftOutOf("bulk", 100);
    const rest = await leftOutOf("publish", 100);
    expect(rita.relay.station.health()).toMatchObject({ backplane: "up" });
    // 50 and a last one fit in half of it, and as many again in the other half.
    expect([bulk, rest].map((count) => Math.round(count / 10))).toEqual([5, 5]);
    engine.child.kill("SIGCONT");
  }, 20_000);
});
