/** Commits signed as `git commit -S` does with an SSH key, and the file by which stock git knows the signers. */

import { concat, formatBase64url, formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode, u32 } from "@skein/protocol/codec";
import type { Instant, NodeId } from "@skein/protocol/ids";
import type { Crypto } from "./crypto/sodium.ts";
import { fingerprint, type NodeKeys } from "./identity.ts";
import type { Signer } from "./membership-signers.ts";

/** The armoured signature of PROTOCOL.sshsig over `message`, for namespace `git`. */
export function sshSignature(
  { crypto, keys }: { readonly crypto: Crypto; readonly keys: NodeKeys },
  message: Uint8Array,
): string {
  const digest = crypto.sha512(message);
  const context = [field("git"), field(""), field("sha512")];
  const signature = keys.signSsh(concat(formatUtf8("SSHSIG"), ...context, field(digest)));
  const blob = concat(
    formatUtf8("SSHSIG"),
    encode(u32, 1),
    field(publicBlob(keys.signPublic)),
    ...context,
    field(concat(field(keyType), field(signature))),
  );
  const lines = base64(blob).match(/.{1,70}/gu) ?? [];
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----"].join("\n");
}

/** A commit object's bytes with the signature in its header; `undefined` if it is no commit, or is signed. */
export function signCommit(
  by: { readonly crypto: Crypto; readonly keys: NodeKeys },
  commit: Uint8Array,
): Bytes | undefined {
  const end = commit.findIndex((byte, at) => byte === newline && commit[at + 1] === newline);
  const header = end < 0 ? undefined : parseUtf8(commit.subarray(0, end));
  if (header === undefined || !header.startsWith("tree ") || /^gpgsig /mu.test(header))
    return undefined;
  const signature = sshSignature(by, commit).replaceAll("\n", "\n ");
  return concat(commit.subarray(0, end), formatUtf8(`\ngpgsig ${signature}`), commit.subarray(end));
}

/**
 * One line for `gpg.ssh.allowedSignersFile` for each node; a revoked one's end when it was revoked. Git compares that with
 * the date in the commit, which whoever signs chooses: a compromised node has no line, whatever it signed before.
 */
export function allowedSigners(
  crypto: Crypto,
  signers: ReadonlyArray<Signer>,
  /** The address a node commits under, if it is known. Git shows it beside a good signature. */
  addressOf: (node: NodeId) => string | undefined = () => undefined,
): string {
  return signers
    .filter(({ isCompromised }) => !isCompromised)
    .map(({ node, sign, until }) => {
      const address = principalOf(addressOf(node) ?? `${fingerprint(crypto, node)}@skein`);
      const limit = until === undefined ? "" : `,valid-before="${stampOf(until)}"`;
      const key = base64(publicBlob(sign));
      return `${address} namespaces="git"${limit} ${keyType} ${key}\n`;
    })
    .join("");
}

/** What is a pattern, a separator or a quote to ssh-keygen is none here: an address comes from a person's settings. */
function principalOf(address: string): string {
  const plain = address.replaceAll(/[^A-Za-z0-9._@+-]/gu, "_").slice(0, 254);
  return plain === "" ? "_" : plain;
}

/** In UTC, as ssh-keygen has it since OpenSSH 9.1. */
function stampOf(at: Instant): string {
  return `${new Date(at).toISOString().replaceAll(/[-:T]/gu, "").slice(0, 14)}Z`;
}

function publicBlob(signPublic: Uint8Array): Bytes {
  return concat(field(keyType), field(signPublic));
}

function field(content: string | Uint8Array): Bytes {
  const bytes = typeof content === "string" ? formatUtf8(content) : content;
  return concat(encode(u32, bytes.length), bytes);
}

function base64(bytes: Uint8Array): string {
  const text = formatBase64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

const keyType = "ssh-ed25519";
const newline = 0x0a;
