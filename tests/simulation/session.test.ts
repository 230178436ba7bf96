import { expect, test } from "vitest";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { SecretKey } from "@skein/auth/crypto/secret";
import { mintNodeKeys } from "@skein/auth/identity";
import { openSessions, type SessionOutput } from "@skein/auth/session";
import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import { weather, type Actor, type Aftermath, type Surroundings } from "./session-storm.ts";

const crypto = await openCrypto();
const chance = bytesFrom(() => ((seed = (seed * 48_271) % 2_147_483_647) - 1) / 2_147_483_646);
let seed = 20_261;
const keys = {
  alice: mintNodeKeys(crypto, chance),
  bob: mintNodeKeys(crypto, chance),
} as const;

function bytesFrom(random: () => number): {
  readonly bytes: (length: number) => Uint8Array<ArrayBuffer>;
} {
  return { bytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)) };
}

/** One run of a node with real keys: everything it knew before is gone. */
function openActor({ name: own, random, clock, send, heard }: Surroundings): Actor {
  const name = own === "alice" ? "alice" : "bob";
  const other = keys[name === "alice" ? "bob" : "alice"];
  const acquaintance = { node: other.id, box: other.boxPublic };
  const psk = new SecretKey(new Uint8Array(32).fill(7));
  const sessions = openSessions({
    crypto,
    keys: keys[name],
    psks: () => [psk],
    pass: () => undefined,
    mayConnect: ({ node }) => node === other.id,
    acquaintances: () => [acquaintance],
    random: bytesFrom(random),
  });
  const perform = (outputs: ReadonlyArray<SessionOutput>): void => {
    for (const output of outputs) {
      if (output.type === "packet") send(output.packet);
      if (output.type === "message") heard(parseUtf8(output.message) ?? "?");
      if (output.type === "self") throw new Error("nobody here is somebody else");
    }
  };
  const now = () => instant(clock());
  return {
    say: (text) => {
      perform(sessions.connect(acquaintance, now()));
      perform(sessions.send(other.id, formatUtf8(text), now()));
    },
    receive: (packet) => {
      if (packet instanceof Uint8Array) perform(sessions.receive(packet, "relay", now()));
    },
    tick: () => perform(sessions.tick(now())),
  };
}

const all: ReadonlyArray<readonly [number, Aftermath]> = Array.from({ length: 100 }, (_, index) => {
  const storm = { seed: 5_000 + index, stormSeconds: 60, calmSeconds: 90 };
  return [storm.seed, weather(storm, openActor)] as const;
});

test("A13: two nodes with real keys hear each other within a minute after any storm", () => {
  expect(all.filter(([, { recovery }]) => recovery > 60).map(([seed]) => seed)).toEqual([]);
  expect(all.reduce((sum, [, { restarts }]) => sum + restarts, 0)).toBeGreaterThan(100);
});

test("A14: no packet that Mallory replays is heard twice, or parts two nodes for a minute", () => {
  expect(all.filter(([, { repeated }]) => repeated > 0).map(([seed]) => seed)).toEqual([]);
  expect(all.filter(([, { silence }]) => silence > 60).map(([seed]) => seed)).toEqual([]);
});
