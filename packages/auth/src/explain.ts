/** A membership log file, told as people read it: who is in and why, what happened, what is owed and what went wrong. And a proof of a fork. */

import { concat, type Bytes } from "@skein/protocol/bytes";
import { encode, u32 } from "@skein/protocol/codec";
import { membershipEntryBytesMax } from "@skein/protocol/limits";
import { openCrypto, type Crypto } from "./crypto/sodium.ts";
import { judgeProof, type EquivocationProof } from "./equivocation.ts";
import { accountMark, fingerprint } from "./identity.ts";
import { debts, type Debt } from "./membership-debts.ts";
import type { ToldEntry } from "./membership-told.ts";
import { openLog, type MembershipLog } from "./membership.ts";
import { parseRecoveryFile } from "./recovery-file.ts";

/** A log in a file: each entry behind its length. */
export function formatLogFile(log: MembershipLog): Bytes {
  return concat(...log.all().flatMap((entry) => [encode(u32, entry.length), entry]));
}

/** The log in a file of entries, or in a recovery kit. Never throws on what the file is. */
export function parseLogFile(crypto: Crypto, file: Uint8Array): MembershipLog | undefined {
  const kit = parseRecoveryFile(crypto, file);
  if (kit.ok) {
    kit.file.secret[Symbol.dispose]();
    return kit.file.log;
  }
  const [genesis, ...entries] = entriesIn(file);
  const log = genesis && openLog({ crypto, genesis });
  if (log !== undefined) for (const entry of entries) log.add(entry);
  return log;
}

/** One line after the other, or `undefined` if the file is no log and no proof that convicts anybody. */
export async function explainFile(file: Uint8Array): Promise<ReadonlyArray<string> | undefined> {
  const crypto = await openCrypto();
  const proof = judgeProof(crypto, file);
  if (proof !== undefined) return explainProof(crypto, proof);
  const log = parseLogFile(crypto, file);
  return log && explainLog(crypto, log);
}

function explainProof(crypto: Crypto, proof: EquivocationProof): ReadonlyArray<string> {
  const { node, number } = proof;
  const what =
    proof.of === "entry"
      ? `said two different things in place ${number} of its chain in the log of account ${accountMark(proof.account)}`
      : `signed two different ref records with number ${number} in repository ${proof.repo}`;
  return [`Proof: ${fingerprint(crypto, node)} ${what}.`, "Its keys are in two places."];
}

export function explainLog(crypto: Crypto, log: MembershipLog): ReadonlyArray<string> {
  const state = log.state();
  const signers = log.signers();
  const members = signers.filter(({ node }) => state.nodes.has(node));
  const others = signers.filter(({ node }) => !state.nodes.has(node));
  const tell = (signer: (typeof signers)[number]): ReadonlyArray<string> => {
    const name = state.nodes.get(signer.node)?.name ?? signer.name;
    const why = log.explain(signer.node).map((line) => `    ${line}`);
    return [`  ${fingerprint(crypto, signer.node)}  ${name}`, ...why];
  };
  return [
    `Account ${accountMark(log.account)}, ${log.size()} entries, read key ${state.epoch}`,
    "",
    `Members (${members.length})`,
    ...members.flatMap(tell),
    ...(others.length === 0 ? [] : ["", "Not members any more", ...others.flatMap(tell)]),
    "",
    "What was said",
    ...log.told().map((entry) => tellEntry(crypto, entry)),
    ...debts(state).map((debt) => `Owed: ${owed[debt.kind]}.`),
    ...state.equivocations.map(
      ({ node, sequence }) =>
        `Fork: ${fingerprint(crypto, node)} said two things in place ${sequence}. Its keys are in two places.`,
    ),
    ...state.exclusions.map(
      ({ author, leftOut }) =>
        `Alarm: ${fingerprint(crypto, author)} tried to leave ${leftOut.length} members out of a new key.`,
    ),
  ];
}

function tellEntry(crypto: Crypto, { author, at, type, target, counts }: ToldEntry): string {
  const on = target === undefined || target === author ? "" : ` ${fingerprint(crypto, target)}`;
  const effect = counts ? "" : "   (without effect)";
  const when = new Date(at).toISOString().slice(0, 16).replace("T", " ");
  return `  ${when}  ${fingerprint(crypto, author)}  ${type}${on}${effect}`;
}

function entriesIn(file: Uint8Array): ReadonlyArray<Uint8Array> {
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset + 4 <= file.length) {
    const view = new DataView(file.buffer, file.byteOffset + offset, 4);
    const length = view.getUint32(0);
    const end = offset + 4 + length;
    if (length > membershipEntryBytesMax || end > file.length) return [];
    entries.push(file.subarray(offset + 4, end));
    offset = end;
  }
  return offset === file.length ? entries : [];
}

const owed: Readonly<Record<Debt["kind"], string>> = {
  "held-by-others": "a new read key, because nodes that are no members have this one",
  "not-given": "a new read key, because members were not given this one",
  "door-replaced": "a new read key, because the new words do not open this one",
};
