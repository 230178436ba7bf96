/** What is signed, sealed and derived has golden vectors: another implementation that makes the same bytes can join. */

import { readFileSync } from "node:fs";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { SecretKey } from "@skein/auth/crypto/secret";
import { openDoor, sessionPsk } from "@skein/auth/door";
import { accountMark, fingerprint, openNodeKeys } from "@skein/auth/identity";
import { epochMeeting } from "@skein/auth/meeting";
import { judgePass, makePass } from "@skein/auth/pass";
import { parsePassphrase } from "@skein/auth/passphrase";
import { openPresence, sealPresence } from "@skein/auth/presence";
import { judgeHeartbeat, makeHeartbeat } from "@skein/auth/ref-heartbeat";
import { judgeRecord, judgeRepoGenesis, makeRepoGenesis, signRecord } from "@skein/auth/repo";
import { doorTopic, inboxTopic, presenceTopic } from "@skein/auth/topic";
import { openUnlock } from "@skein/auth/unlock";
import { formatHex, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode } from "@skein/protocol/codec";
import {
  instant,
  parseAccountId,
  parseEntryId,
  parseObjectId,
  parseRecordHash,
  parseRefName,
} from "@skein/protocol/ids";
import { Pass } from "@skein/protocol/topic-messages/pass";
import { expect, test } from "vitest";

const vectors: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  readFileSync(new URL("auth.json", import.meta.url), "utf8"),
);

// The inputs, which auth.json repeats in words: keys of one byte repeated, chance that counts from 0.
const crypto = await openCrypto();
const now = instant(1_795_222_800_000);
const secretOf = (fill: number): SecretKey => new SecretKey(new Uint8Array(32).fill(fill));
const random = (): { readonly bytes: (length: number) => Bytes } => {
  let next = 0;
  return { bytes: (length) => Uint8Array.from({ length }, () => next++) };
};
const keys = openNodeKeys(crypto, { signSeed: secretOf(1), boxSeed: secretOf(2) });
const door = openDoor(crypto, { sign: secretOf(3), box: secretOf(4), meeting: secretOf(5) });
const readKey = secretOf(6);
const account = known(parseAccountId("aa".repeat(32)));
const genesis = makeRepoGenesis({
  crypto,
  keys,
  account,
  name: "thesis",
  at: now,
  random: random(),
});

test("a passphrase gives these secrets", async () => {
  const unlock = await openUnlock();
  const passphrase = parsePassphrase(
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
  );
  if (!passphrase.ok) throw new Error("expected a passphrase");
  const { sign, box, meeting } = unlock.derive(passphrase);
  const made = { sign: hexOf(sign), box: hexOf(box), meeting: hexOf(meeting) };
  expect(made).toEqual(vectors["passphrase"]);
});

test("a node's keys give this name", () => {
  const made = {
    sign: formatHex(keys.signPublic),
    box: formatHex(keys.boxPublic),
    id: keys.id,
    fingerprint: fingerprint(crypto, keys.id),
    accountMark: accountMark(account),
  };
  expect(made).toEqual(vectors["node"]);
});

test("a key and a message give this seal", () => {
  const ad = formatUtf8("context");
  const message = formatUtf8("hello");
  const sealed = crypto.seal(readKey, ad, message, random());
  const box = crypto.boxSeal(keys.boxPublic, message, random()) ?? new Uint8Array(0);
  expect({ sealed: formatHex(sealed), box: formatHex(box) }).toEqual(vectors["seal"]);
  expect(crypto.open(readKey, ad, sealed)).toEqual(message);
  expect(keys.openBox(box)).toEqual(message);
});

test("a door gives this pass", () => {
  const pass = makePass({ door, keys, name: "Firefox on Ubuntu", platform: "Linux", at: now });
  const made = { door: formatHex(door.signPublic), pass: formatHex(encode(Pass, pass)) };
  expect(made).toEqual(vectors["pass"]);
  expect(judgePass(crypto, door.signPublic, pass)).toBe(keys.id);
});

test("a meeting secret gives these topics, tags and payloads", () => {
  const topics = {
    door: doorTopic(crypto, door.meeting),
    inbox: inboxTopic(crypto, door.meeting, keys.id),
    presence: presenceTopic(crypto, door.meeting),
  };
  const message = { type: "packet", packet: formatUtf8("hello") } as const;
  const made = Object.fromEntries(
    Object.entries(topics).flatMap(([name, topic]) => {
      const { tag, payload } = topic.seal(now, message, random());
      expect(topic.open(now, tag, payload)).toEqual(message);
      return [
        [`${name} tag`, tag],
        [`${name} payload`, formatHex(payload)],
        [`${name} next rotation`, String(topic.nextRotation(now))],
      ];
    }),
  );
  expect(made).toEqual(vectors["topics"]);
});

test("a meeting secret gives this session psk", () => {
  expect({ psk: hexOf(sessionPsk(crypto, door.meeting)) }).toEqual(vectors["session"]);
});

test("a read key gives this presence", () => {
  const presence = { sign: keys.signPublic, box: keys.boxPublic, at: now };
  const blob = sealPresence(crypto, readKey, presence, random());
  expect({ blob: formatHex(blob) }).toEqual(vectors["presence"]);
  expect(openPresence(crypto, readKey, blob)).toEqual(presence);
});

test("a node gives this genesis to a repository", () => {
  const made = { repo: genesis.repo, genesis: formatHex(genesis.bytes) };
  expect(made).toEqual(vectors["repository"]);
  expect(judgeRepoGenesis({ crypto, bytes: genesis.bytes, account })?.repo).toBe(genesis.repo);
});

test("a node signs its refs like this", () => {
  const { repo } = genesis;
  const main = known(parseRefName("refs/heads/main"));
  const oid = known(parseObjectId("4b825dc642cb6eb9a060e54bf8d69288fbee4904"));
  const first = {
    version: 1,
    repo,
    node: keys.id,
    seq: 1,
    prev: undefined,
    authHeads: [known(parseEntryId("cc".repeat(32)))],
    at: now,
    format: "sha1",
    set: [{ ref: main, oid }],
    del: [],
    head: main,
    name: "thesis",
  } as const;
  const one = signRecord({ crypto, keys, record: first });
  const two = signRecord({
    crypto,
    keys,
    record: { ...first, seq: 2, prev: one.hash, set: [], del: [main], head: undefined },
  });
  const made = {
    first: formatHex(one.bytes),
    "first hash": one.hash,
    second: formatHex(two.bytes),
    "second hash": two.hash,
  };
  expect(made).toEqual(vectors["ref records"]);
  const last = { seq: 1, hash: one.hash, version: 1 };
  const given = {
    crypto,
    repo,
    node: keys.id,
    signPublic: keys.signPublic,
    bytes: two.bytes,
    last,
  };
  expect(judgeRecord(given).verdict).toBe("accepted");
});

test("a node says like this where its stream ends", () => {
  const tip = { seq: 2, hash: known(parseRecordHash("dd".repeat(32))), version: 1 };
  const { repo } = genesis;
  const bytes = makeHeartbeat({ keys, repo, tip, at: now });
  expect({ bytes: formatHex(bytes) }).toEqual(vectors["heartbeat"]);
  const given = { crypto, bytes, signPublic: keys.signPublic, repo, node: keys.id };
  const fresh = judgeHeartbeat({ ...given, last: tip, before: undefined });
  expect(fresh).toEqual({ verdict: "fresh", at: now });
});

test("a read key gives this meeting place", () => {
  using meeting = epochMeeting(crypto, readKey);
  const made = {
    meeting: hexOf(meeting),
    psk: hexOf(sessionPsk(crypto, meeting)),
    "presence tag": known(presenceTopic(crypto, meeting).tagsAt(now)[0]),
    "inbox tag": known(inboxTopic(crypto, meeting, keys.id).tagsAt(now)[0]),
  };
  expect(made).toEqual(vectors["epoch"]);
});

function hexOf(secret: SecretKey): string {
  return secret.reveal((bytes) => formatHex(bytes));
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("expected a value");
  return value;
}
