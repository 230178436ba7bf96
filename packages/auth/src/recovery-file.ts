/** A recovery kit in a file: the secret and the log, so that an account can be had again when no node is left to ask. */

import { concat, equal, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { bytes, encode, fixed, list, struct, tryDecode, u48, u8 } from "@skein/protocol/codec";
import { instant, type Instant } from "@skein/protocol/ids";
import { logBytesMax, membershipEntriesMax, membershipEntryBytesMax } from "@skein/protocol/limits";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import { openLog, type MembershipLog } from "./membership.ts";
import { foremostOf } from "./membership-foremost.ts";
import { openRecoveryKey, secretBytes } from "./recovery-key.ts";

export interface RecoveryFile {
  readonly secret: SecretKey;
  /** As it was when the kit was made: what others still hold is added to it. */
  readonly log: MembershipLog;
  readonly at: Instant;
}

export function formatRecoveryFile(crypto: Crypto, { secret, log, at }: RecoveryFile): Bytes {
  const body = secret.reveal((revealed) =>
    encode(Body, { magic, version: 1, at, secret: revealed, entries: firstOf(log) }),
  );
  return concat(body, crypto.hash("recovery file", body).subarray(0, checkBytes));
}

/** As much of a flooded log as a file holds. */
function firstOf(log: MembershipLog): ReadonlyArray<Bytes> {
  return foremostOf(log, { entries: membershipEntriesMax, bytes: logBytesMax - 1024 });
}

export type ReadRecoveryFile =
  | { readonly ok: true; readonly file: RecoveryFile }
  /** `damaged`: it was one once. `foreign`: its secret is not that of its log. */
  | { readonly ok: false; readonly why: "not-a-kit" | "damaged" | "foreign" };

/** Never throws, whatever the file is. */
export function parseRecoveryFile(crypto: Crypto, from: Uint8Array): ReadRecoveryFile {
  const isOurs = equal(from.subarray(0, magic.length), magic);
  if (!isOurs || from.length > logBytesMax) return { ok: false, why: "not-a-kit" };
  const end = Math.max(0, from.length - checkBytes);
  const body = from.subarray(0, end);
  const check = crypto.hash("recovery file", body).subarray(0, checkBytes);
  const read = equal(from.subarray(end), check) ? tryDecode(Body, body) : undefined;
  const [genesis, ...entries] = read?.entries ?? [];
  const log = genesis && openLog({ crypto, genesis });
  if (read === undefined || log === undefined || read.version !== 1)
    return { ok: false, why: "damaged" };
  for (const entry of entries) log.add(entry);
  const secret = new SecretKey(read.secret);
  if (isRecoveryOf(crypto, log, secret))
    return { ok: true, file: { secret, log, at: instant(read.at) } };
  secret[Symbol.dispose]();
  return { ok: false, why: "foreign" };
}

/** Whether these words are the kit of this account: how a person who wrote them down proves it. */
export function isRecoveryOf(crypto: Crypto, log: MembershipLog, secret: SecretKey): boolean {
  using key = openRecoveryKey(crypto, secret);
  return log.state().recovery === key.id;
}

const magic = formatUtf8("SKEINKIT");
const checkBytes = 16;
const Body = struct({
  magic: fixed(8),
  version: u8,
  at: u48,
  secret: fixed(secretBytes),
  entries: list(bytes(membershipEntryBytesMax), membershipEntriesMax),
});
