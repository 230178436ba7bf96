import { instant } from "@skein/protocol/ids";
import type { Twin } from "@skein/protocol/topic-messages/twin";
import { expect, test } from "vitest";
import { openCrypto } from "./crypto/sodium.ts";
import { mintNodeKeys, type NodeKeys } from "./identity.ts";
import { openTwinWatch, type TwinWatch } from "./twin.ts";

const crypto = await openCrypto();
const noon = instant(1_795_222_800_000);
let count = 0;
const random = {
  bytes: (length: number) => {
    count += 1;
    return new Uint8Array(length).fill(count);
  },
};
const alice = mintNodeKeys(crypto, random);

test("A15: two programs with Alice's keys each learn of the other once, whoever asks", () => {
  const [first, second] = [run(alice), run(alice)];
  const told = talk(first, second, ask(second));
  expect(told).toEqual({ first: 1, second: 1 });
  expect(talk(first, second, ask(first))).toEqual({ first: 0, second: 0 });
});

test("A15: whatever is said again to a later run of Alice's only program, it meets nobody", () => {
  const [first, second] = [run(alice), run(alice)];
  const said: Twin[] = [];
  talk(first, second, ask(second), said);
  said.push(ask(first));
  const next = run(alice);
  said.push(ask(next));
  expect(said.length).toBeGreaterThan(3);
  for (const twin of said) expect(next.hear(twin, noon).met).toBe(false);
});

test("A15: Mallory cannot pass for a twin of Alice's, and neither can who turns a bit", () => {
  const watch = run(alice);
  const { run: to } = ask(watch);
  const answer = (keys: NodeKeys): Twin => {
    const from = random.bytes(16);
    return { run: from, to, signature: keys.sign("twin", from, to) };
  };
  expect(watch.hear(answer(mintNodeKeys(crypto, random)), noon).met).toBe(false);
  const genuine = answer(alice);
  expect(watch.hear({ ...genuine, run: random.bytes(16) }, noon).met).toBe(false);
  expect(watch.hear({ ...genuine, signature: random.bytes(64) }, noon).met).toBe(false);
  expect(watch.hear(genuine, noon).met).toBe(true);
});

test("a relay that says one question again and again gets one answer a minute", () => {
  const [first, second] = [run(alice), run(alice)];
  const question = ask(second);
  const answersAt = (millis: number): boolean =>
    first.hear(question, instant(noon + millis)).answer !== undefined;
  expect([0, 1, 30_000, 60_000, 60_001].map((at) => answersAt(at))).toEqual([
    true,
    false,
    false,
    true,
    false,
  ]);
  expect([0, 9_999, 10_000].map((at) => second.ask(instant(noon + at)) !== undefined)).toEqual([
    false,
    false,
    true,
  ]);
});

function run(keys: NodeKeys): TwinWatch {
  return openTwinWatch({ crypto, keys, random });
}

function ask(watch: TwinWatch): Twin {
  const asked = watch.ask(noon) ?? watch.ask(instant(noon + 3_600_000));
  if (asked === undefined) throw new Error("it asked a moment ago");
  return asked;
}

/** Both hear everything, their own words too, until nobody says anything more. */
function talk(
  first: TwinWatch,
  second: TwinWatch,
  begin: Twin,
  said: Twin[] = [],
): { readonly first: number; readonly second: number } {
  const told = { first: 0, second: 0 };
  const queue = [begin];
  for (let twin = queue.shift(); twin !== undefined; twin = queue.shift()) {
    said.push(twin);
    if (said.length > 20) throw new Error("they never stop");
    const heard = { first: first.hear(twin, noon), second: second.hear(twin, noon) };
    told.first += Number(heard.first.met);
    told.second += Number(heard.second.met);
    queue.push(...[heard.first.answer, heard.second.answer].filter((one) => one !== undefined));
  }
  return told;
}
