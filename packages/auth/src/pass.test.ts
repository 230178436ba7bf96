import { expect, test } from "vitest";
import { formatUtf8 } from "@skein/protocol/bytes";
import { decode, encode } from "@skein/protocol/codec";
import { Bug } from "@skein/protocol/errors";
import { instant, later } from "@skein/protocol/ids";
import { Pass } from "@skein/protocol/topic-messages/pass";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { openDoor, type Door } from "./door.ts";
import { mintNodeKeys } from "./identity.ts";
import { judgeKnock, makeKnock } from "./knock.ts";
import { cleanName, judgePass, makePass } from "./pass.ts";

const crypto = await openCrypto();
const noon = instant(1_795_222_800_000);
const door = doorOf(1);
const carol = mintNodeKeys(crypto, counting(0));
const pass = makePass({ door, keys: carol, name: "Firefox", platform: "Linux", at: noon });
const knock = makeKnock(pass, counting(200));

test("Carol's pass names her node to whoever knows the door, and to nobody at another door", () => {
  const received = decode(Pass, encode(Pass, pass));
  expect(judgePass(crypto, door.signPublic, received)).toBe(carol.id);
  expect(judgePass(crypto, doorOf(9).signPublic, received)).toBeUndefined();
});

test("A1: a pass with any bit turned is no pass", () => {
  const bytes = encode(Pass, pass);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const turned = bytes.slice();
    turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(nodeOf(turned)).toBeUndefined();
  }
});

test("a knock is timely when the clocks roughly agree, and told from one that is not", () => {
  const quarter = 15 * 60_000;
  const judged = (millis: number): unknown =>
    judgeKnock({ crypto, doorSignPublic: door.signPublic, knock, now: later(noon, millis) });
  expect(judged(quarter)).toEqual({ verdict: "answer", node: carol.id });
  expect(judged(-quarter)).toEqual({ verdict: "answer", node: carol.id });
  expect(judged(quarter + 1)).toEqual({ verdict: "untimely", node: carol.id });
  expect(judged(-quarter - 1)).toEqual({ verdict: "untimely", node: carol.id });
});

test("A10: a knock of somebody who does not know the passphrase is forged", () => {
  const mallory = makePass({ door: doorOf(9), keys: carol, name: "", platform: "", at: noon });
  expect(
    judgeKnock({
      crypto,
      doorSignPublic: door.signPublic,
      knock: makeKnock(mallory, counting(0)),
      now: noon,
    }),
  ).toEqual({ verdict: "forged" });
});

test("the door opens what is sealed to it until it is closed; the meeting secret can outlive it", () => {
  const closing = doorOf(1);
  const sealed = crypto.boxSeal(closing.boxPublic, formatUtf8("read key"), counting(0));
  expect(closing.openBox(sealed ?? new Uint8Array(0))).toEqual(formatUtf8("read key"));
  const meeting = closing.meeting.copy();
  closing[Symbol.dispose]();
  expect(() => closing.sign("door pass")).toThrow(Bug);
  expect(() => closing.openBox(new Uint8Array(80))).toThrow(Bug);
  expect(() => closing.meeting.reveal((bytes) => bytes)).toThrow(Bug);
  expect(meeting.reveal((bytes) => bytes[0])).toBe(3);
});

test.for([
  ["Firefox on Ubuntu", "Firefox on Ubuntu"],
  ["Firefox\u202Exof", "Firefoxxof"],
  ["Lap\u200Btop\u2060\uFEFF", "Laptop"],
  ["two\nlines\tand\u2028more", "two lines and more"],
  ["\u0000\u001B[31mred\u009B", "[31mred"],
  ["  much   space  ", "much space"],
  ["\u3164\u115F\uFFA0\u2800", ""],
  ["Zo\u0308e\u0301\u0301\u0301\u0301\u0301", "Zöé\u0301\u0301"],
  ["日本のノート", "日本のノート"],
  ["🦊 phone", "🦊 phone"],
  ["tag\u{E0041}\u{E0042}", "tag"],
  ["a".repeat(100), "a".repeat(64)],
  ["é".repeat(40), "é".repeat(32)],
  [`${"a".repeat(62)}🦊`, "a".repeat(62)],
] as const)("A32: the name %j is shown as %j", ([given, shown]) => {
  expect(cleanName(given)).toBe(shown);
  expect(cleanName(shown)).toBe(shown);
  expect(formatUtf8(cleanName(given)).length).toBeLessThanOrEqual(64);
});

function nodeOf(bytes: Uint8Array): unknown {
  try {
    return judgePass(crypto, door.signPublic, decode(Pass, bytes));
  } catch {
    // Not even a pass to the codec.
    return undefined;
  }
}

function doorOf(seed: number): Door {
  const secret = (fill: number): SecretKey => new SecretKey(new Uint8Array(32).fill(fill));
  return openDoor(crypto, {
    sign: secret(seed),
    box: secret(seed + 1),
    meeting: secret(seed + 2),
  });
}

function counting(from: number): Random {
  let next = from;
  return { bytes: (length) => Uint8Array.from({ length }, () => next++) };
}
