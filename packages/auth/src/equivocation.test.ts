import { expect, test } from "vitest";
import { instant } from "@skein/protocol/ids";
import { openCrypto } from "./crypto/sodium.ts";
import { formatProof, judgeProof, type TwoThings } from "./equivocation.ts";
import { proposeRename } from "./membership-proposals.ts";
import { makeRepoGenesis, signRecord, type RefRecord } from "./repo.ts";
import { makeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();
const at = instant(1_700_000_000_000);
const world = makeUpAccount(crypto, 9);
const { first } = world;
const log = world.open();

function entries(): TwoThings {
  const said = (name: string) => proposeRename({ log, keys: first, at, name });
  return {
    of: "entry",
    sign: first.signPublic,
    box: first.boxPublic,
    first: said("One"),
    second: said("Two"),
  };
}

function records(change: Partial<RefRecord> = {}): TwoThings {
  const { repo } = makeRepoGenesis({
    crypto,
    keys: first,
    account: log.account,
    name: "r",
    at,
    random: world.random,
  });
  const record: RefRecord = {
    version: 1,
    repo,
    node: first.id,
    seq: 1,
    prev: undefined,
    authHeads: [],
    at,
    format: "sha1",
    set: [],
    del: [],
    head: undefined,
    name: undefined,
  };
  const sign = (more: Partial<RefRecord>) =>
    signRecord({ crypto, keys: first, record: { ...record, ...more } }).bytes;
  return { ...entries(), of: "record", first: sign({}), second: sign({ at: at + 1, ...change }) };
}

test("A15: two things said in one place convict whoever has the file, without log or repository", () => {
  expect(judgeProof(crypto, formatProof(entries()))).toEqual({
    of: "entry",
    node: first.id,
    account: log.account,
    number: 1,
  });
  expect(judgeProof(crypto, formatProof(records()))).toMatchObject({ of: "record", number: 1 });
});

test("A15: nobody is convicted by one thing twice, by things in two places, or by somebody else's signature", () => {
  const two = entries();
  const accusations: ReadonlyArray<TwoThings> = [
    { ...two, second: two.first },
    { ...two, sign: world.mint().signPublic },
    { ...two, of: "record" },
    { ...records(), of: "entry" },
    { ...two, second: records().second },
    { ...records(), second: records().second },
  ];
  for (const accusation of accusations)
    expect(judgeProof(crypto, formatProof(accusation))).toBeUndefined();
  log.add(two.first);
  const next = proposeRename({ log, keys: first, at, name: "Later" });
  expect(judgeProof(crypto, formatProof({ ...two, second: next }))).toBeUndefined();
});

test("A15: a proof with any byte changed convicts nobody else", () => {
  const proof = formatProof(entries());
  for (let index = 0; index < proof.length; index++) {
    const bent = Uint8Array.from(proof, (byte, at_) => (at_ === index ? byte ^ 1 : byte));
    expect(judgeProof(crypto, bent)?.node ?? first.id).toBe(first.id);
  }
});
