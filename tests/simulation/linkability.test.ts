/**
 * What a relay could link, if it tried: tags of two days, of two people, and days about two repositories.
 *
 * The long form has more people and days: `PEOPLE=40 DAYS=8 pnpm exec vitest run tests/simulation/linkability.test.ts`
 */

import { openCrypto, type Crypto } from "@skein/auth/crypto/sodium";
import { concat } from "@skein/protocol/bytes";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { describe, expect, test } from "vitest";
import { tryToLink, type Question, type Verdict } from "./linkability-classifier.ts";
import { makeCorpus, type Sighting } from "./linkability-corpus.ts";
import type { Patches } from "./peer-world.ts";

const people = Number(process.env["PEOPLE"] ?? 12);
const days = Number(process.env["DAYS"] ?? 4);
const crypto = await openCrypto();
const topics = ["presence", "laptop", "phone"] as const;

/** Which tag of one day and which of another are one person's? People are shuffled within a day. */
const whose: Question = {
  truth: ({ person }) => person,
  isAsked: (a, b) => a.day < b.day,
  block: ({ day }) => day,
};
/** Which days of one person were about the same repository? Repositories are shuffled within a person's days. */
const whichRepository: Question = {
  truth: ({ repository }) => repository,
  isAsked: (a, b) => a.person === b.person && a.day < b.day,
  block: ({ person }) => person,
};

function judge(corpus: ReadonlyArray<Sighting>, question: Question): ReadonlyArray<Verdict> {
  return topics.flatMap((topic) => {
    const sightings = corpus.filter((sighting) => sighting.topic === topic);
    const { random } = createSimulation({ seed: 1, weather: calm });
    const { learned, keenest } = tryToLink(sightings, question, random);
    return [learned, keenest];
  });
}

/** The best of several guesses is the best by chance too: it has to be as good as for one in so many. */
function isLinked(verdicts: ReadonlyArray<Verdict>): boolean {
  return Math.min(...verdicts.map(({ p }) => p)) < 0.03 / verdicts.length;
}

test("A11 tags of two days and of two people cannot be linked better than by a coin, nor days about two repositories", async () => {
  const suspicions: string[][] = [];
  // Out of many worlds some look as if there were something to see. What there is to see is there in others too.
  for (const seed of [1, 3]) {
    const corpus = await makeCorpus({ people, days, seed });
    expect(corpus.length).toBe(people * days * topics.length);
    const questions = Object.entries({ whose, whichRepository });
    suspicions.push(
      questions.filter(([, one]) => isLinked(judge(corpus, one))).map(([name]) => name),
    );
    if (suspicions.at(-1)?.length === 0) break;
  }
  const [first = [], second = []] = suspicions;
  expect(first.filter((name) => second.includes(name))).toEqual([]);
});

describe("the same program finds", () => {
  test.each<readonly [what: string, mistake: (person: number) => Patches]>([
    ["tags that stay the same from day to day", () => ({ crypto: { keyedHash: sameTagEveryDay } })],
    ["a single byte of a tag that stays the same", () => ({ crypto: { keyedHash: oneByteStays } })],
    ["sizes that are not padded", () => ({ crypto: { seal: sealUnpadded } })],
    ["a byte in payloads that is a person's own", (person) => ({ crypto: marked(person) })],
  ])("%s", async (_what, mistake) => {
    const corpus = await makeCorpus({ people: 8, days: 3, seed: 2, mistake });
    expect(isLinked(judge(corpus, whose))).toBe(true);
  });
});

const sameTagEveryDay: Crypto["keyedHash"] = (key, label, ...parts) =>
  crypto.keyedHash(key, label, ...(label === "topic tag" ? [] : parts));

const oneByteStays: Crypto["keyedHash"] = (key, label, ...parts) => {
  const digest = crypto.keyedHash(key, label, ...parts);
  return label === "topic tag"
    ? concat(crypto.keyedHash(key, label).subarray(0, 1), digest.subarray(1))
    : digest;
};

/** What is sealed for a topic ends with 0x80 and zeroes: the zeroes are left out. */
const sealUnpadded: Crypto["seal"] = (key, ad, message, random) =>
  crypto.seal(
    key,
    ad,
    ad.length === 17 ? message.subarray(0, message.lastIndexOf(0x80) + 1) : message,
    random,
  );

function marked(person: number): Pick<Crypto, "seal" | "open"> {
  return {
    seal: (key, ad, message, random) =>
      concat(crypto.seal(key, ad, message, random), Uint8Array.of(person * 7)),
    open: (key, ad, sealed) => crypto.open(key, ad, sealed.subarray(0, -1)),
  };
}
