import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { mintNodeKeys } from "@skein/auth/identity";
import { openMemoryFiles } from "@skein/git/memory-files";
import { instant } from "@skein/protocol/ids";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openInbox } from "./inbox.ts";
import { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import { openRelays } from "./relays.ts";
import { openScope } from "./scope.ts";

const crypto = await openCrypto();

test("a network that was closed while it called Bob calls him no more", async () => {
  const relayUrls = ["ws://rita/relay"];
  const random = createSimulation({ seed: 1, weather: calm });
  const alarmsSet = new Set<object>();
  const failed = (cause: unknown): void => {
    throw cause;
  };
  const nothing = (): void => undefined;
  const network = new Network({
    ports: {
      clock: {
        now: () => instant(1_000_000),
        wake: () => {
          const alarm = {};
          alarmsSet.add(alarm);
          return () => alarmsSet.delete(alarm);
        },
      },
      random,
      crypto,
      unlocker: {
        mint: () => Promise.reject(new Error("nobody asks for words here")),
        checksumFits: () => Promise.resolve(true),
        derive: () => Promise.reject(new Error("nobody unlocks here")),
      },
      ledger: openMemoryFiles(),
      openFiles: () => Promise.resolve(openMemoryFiles()),
      sockets: { open: () => ({ send: nothing, bufferedAmount: () => 0, close: nothing }) },
      relayUrls,
      channels: {
        supported: false,
        open: nothing,
        signal: nothing,
        send: () => false,
        close: nothing,
        nudge: nothing,
        listen: nothing,
      },
      breathe: () => Promise.resolve(),
      offsetMinutes: () => 0,
      report: failed,
      keyStore: {
        kind: "plain",
        wrap: () => Promise.reject(new Error("nobody wraps here")),
        unwrap: () => Promise.resolve(undefined),
        wipe: () => Promise.resolve(),
      },
      restart: nothing,
      storedRepositories: () => Promise.resolve([]),
      removeFiles: () => Promise.resolve(),
    },
    relays: await openRelays(new Ledger(openMemoryFiles()), relayUrls),
    keys: mintNodeKeys(crypto, random),
    whereabouts: {
      door: new SecretKey(random.bytes(32)),
      former: undefined,
      readKey: undefined,
    },
    pass: () => undefined,
    mayConnect: () => true,
    acquaintances: () => [],
    find: () => Promise.reject(new Error("nobody asks")),
    inbox: openInbox(failed),
    scope: openScope(failed),
    news: {
      up: nothing,
      resumed: nothing,
      down: nothing,
      message: nothing,
      knock: nothing,
      letter: nothing,
      self: nothing,
      changed: nothing,
    },
  });
  const bob = mintNodeKeys(crypto, random);
  network.connect({ node: bob.id, box: bob.boxPublic });
  expect(alarmsSet.size).toBeGreaterThan(0);
  network.close();
  expect(alarmsSet.size).toBe(0);
});
