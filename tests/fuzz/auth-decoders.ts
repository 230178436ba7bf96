/** What proves who may: entries, records, kits, passphrases. */

import { openCrypto } from "@skein/auth/crypto/sodium";
import { formatProof, judgeProof } from "@skein/auth/equivocation";
import { formatLogFile, parseLogFile } from "@skein/auth/explain";
import { formatEntry, parseEntry } from "@skein/auth/membership-entry";
import { proposeRename } from "@skein/auth/membership-proposals";
import { parsePassphrase } from "@skein/auth/passphrase";
import { openPresence } from "@skein/auth/presence";
import { formatRecoveryFile, parseRecoveryFile } from "@skein/auth/recovery-file";
import { formatRecoveryWords, parseRecoveryWords } from "@skein/auth/recovery-key";
import { openReadKey } from "@skein/auth/read-key";
import {
  judgeRecord,
  judgeRepoGenesis,
  makeRepoGenesis,
  readRecord,
  signRecord,
} from "@skein/auth/repo";
import { makeUpAccount } from "@skein/auth/testing/account";
import { concat, equal, formatUtf8, parseHex, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { instant, parseObjectId, parseRefName } from "@skein/protocol/ids";
import { TopicMessage } from "@skein/protocol/topic-message";
import { Presence } from "@skein/protocol/topic-messages/presence";
import { demand, type Decoder } from "./fuzz.ts";
import { mutate, type Chance } from "./mutation.ts";
import { vectorsOf } from "./wire-decoders.ts";

const crypto = await openCrypto();
const world = makeUpAccount(crypto, 7);
const { first, door, random } = world;
const log = world.open();
const phone = world.mint();
log.add(world.add(log, first, phone));
log.add(proposeRename({ ...world.change(log, phone), name: "Téléphone" }));
const account = idBytes(log.account);
const entries = log.all();

/** A whole, signed entry of a member, whose body was changed: what Mallory sends once she was let in. */
function changeBody(sample: Uint8Array, chance: Chance): Bytes {
  const entry = parseEntry(sample);
  if (entry === undefined) throw new Error("a sample is an entry");
  const others = entries.flatMap((bytes) => parseEntry(bytes)?.signed.body ?? []);
  const body = mutate(entry.signed.body, chance, { others }).subarray(0, 8_000);
  const author = chance.pick([first, phone]);
  return formatEntry({
    body: Uint8Array.from(body),
    author: author.sign("membership entry", account, body),
    door: chance.below(2) === 0 ? door.sign("membership entry door", account, body) : undefined,
  });
}

const genesis = makeRepoGenesis({
  crypto,
  keys: first,
  account: log.account,
  name: "skein",
  at: instant(1_700_000_000_000),
  random,
});
const [main, oid] = [parseRefName("refs/heads/main"), parseObjectId("ab".repeat(20))];
if (main === undefined || oid === undefined) throw new Error("they are names");
const record = {
  version: 1,
  repo: genesis.repo,
  node: first.id,
  seq: 1,
  prev: undefined,
  authHeads: log.heads(),
  at: instant(1_700_000_000_000),
  format: "sha1",
  set: [{ ref: main, oid }],
  del: [],
  head: main,
  name: "skein",
} as const;
const signed = signRecord({ crypto, keys: first, record }).bytes;
const other = signRecord({ crypto, keys: first, record: { ...record, name: "other" } }).bytes;
const signatureBytes = 64;

function signAgain(bytes: Bytes): Bytes {
  const body = bytes.subarray(0, Math.max(0, bytes.length - signatureBytes));
  return concat(body, first.sign("ref record", idBytes(genesis.repo), body));
}

const kit = formatRecoveryFile(crypto, {
  secret: world.recoverySecret(),
  log,
  at: instant(1_700_000_000_000),
});
const recoveryWords = formatRecoveryWords(crypto, world.recoverySecret()).join(" ");
const readKey = openReadKey({ crypto, state: log.state(), keys: first });
if (readKey === undefined) throw new Error("the first node has the read key");
const presences = vectorsOf("topic-messages").flatMap((bytes) => {
  const message = tryDecode(TopicMessage, bytes);
  return message?.type === "presence" ? [encode(Presence, message)] : [];
});

export const authDecoders: ReadonlyArray<Decoder> = [
  {
    name: "membership-entry",
    samples: entries,
    reshape: changeBody,
    read: (bytes) => {
      const entry = parseEntry(bytes);
      if (entry === undefined) return false;
      demand(equal(formatEntry(entry.signed), bytes), "an entry is written as it was read");
      return true;
    },
  },
  {
    name: "membership-log",
    samples: [formatLogFile(log), kit],
    read: (bytes) => {
      const read = parseLogFile(crypto, bytes);
      if (read === undefined) return false;
      demand(read.state().nodes.size > 0, "an account has its first node");
      return true;
    },
  },
  {
    name: "membership-member",
    samples: log.all().slice(1),
    reshape: changeBody,
    read: (bytes) => {
      const alone = world.open(log.all().slice(1));
      const before = alone.size();
      const verdict = alone.add(bytes);
      demand(alone.size() >= before, "what was taken in stays");
      demand(alone.state().nodes.has(first.id) || alone.size() > before, "nobody goes unasked");
      return verdict.kind === "accepted" || verdict.kind === "duplicate";
    },
  },
  {
    name: "ref-record",
    samples: [signed, other],
    mend: signAgain,
    read: (bytes) => {
      const given = { crypto, bytes, repo: genesis.repo, node: first.id };
      const { verdict } = judgeRecord({ ...given, signPublic: first.signPublic });
      const read = readRecord(crypto, bytes);
      if (read === undefined) {
        demand(verdict === "malformed", "a record that cannot be read is judged so");
        return false;
      }
      if (read.record.node === first.id) {
        const again = signRecord({ crypto, keys: first, record: read.record }).bytes;
        const [written, came] = [again.slice(0, -signatureBytes), bytes.slice(0, -signatureBytes)];
        demand(equal(written, came), "a record is written as it was read");
      }
      return verdict !== "forged" && verdict !== "graft";
    },
  },
  {
    name: "repository-genesis",
    samples: [genesis.bytes],
    read: (bytes) => judgeRepoGenesis({ crypto, bytes, account: log.account }) !== undefined,
  },
  {
    name: "equivocation-proof",
    samples: [
      formatProof({
        of: "record",
        sign: first.signPublic,
        box: first.boxPublic,
        first: signed,
        second: other,
      }),
    ],
    read: (bytes) => {
      const proof = judgeProof(crypto, bytes);
      if (proof === undefined) return false;
      demand(proof.node === first.id, "nobody is convicted who did not sign both");
      return true;
    },
  },
  {
    name: "recovery-kit",
    samples: [kit],
    mend: (bytes) => {
      const body = bytes.subarray(0, Math.max(0, bytes.length - 16));
      return concat(body, crypto.hash("recovery file", body).subarray(0, 16));
    },
    read: (bytes) => {
      const read = parseRecoveryFile(crypto, bytes);
      if (!read.ok) return false;
      const again = formatRecoveryFile(crypto, read.file);
      demand(parseRecoveryFile(crypto, again).ok, "a kit that was read can be written");
      read.file.secret[Symbol.dispose]();
      return true;
    },
  },
  {
    name: "passphrase",
    samples: [formatUtf8(recoveryWords), formatUtf8(recoveryWords.toUpperCase())],
    words: [" ", "\n", "\u00a0", "\u0000", "aban", "zoo", "1.", ",", "-", "\u0301"],
    read: (bytes) => {
      const text = parseUtf8(bytes);
      if (text === undefined) return false;
      const read = parsePassphrase(text);
      const words = parseRecoveryWords(crypto, text);
      demand(read.ok || !words.ok, "words of a kit are words");
      if (!read.ok) return false;
      demand(read.words.length === 12 && read.entropy.length === 16, "twelve words are 128 bits");
      return true;
    },
  },
  {
    name: "presence",
    samples: presences.map((encoded) =>
      crypto.seal(crypto.deriveKey(readKey, "presence seal"), new Uint8Array(0), encoded, random),
    ),
    reshape: (_, chance) => {
      const encoded = mutate(chance.pick(presences), chance, { others: presences });
      const sealer = { bytes: (length: number): Bytes => chance.bytes(length) };
      using key = crypto.deriveKey(readKey, "presence seal");
      return crypto.seal(key, new Uint8Array(0), encoded, sealer);
    },
    read: (bytes) => {
      const presence = openPresence(crypto, readKey, bytes);
      return presence !== undefined && encode(Presence, presence).length < bytes.length;
    },
  },
];

function idBytes(id: string): Bytes {
  const bytes = parseHex(id);
  if (bytes === undefined) throw new Error(`${id} is no id`);
  return bytes;
}
