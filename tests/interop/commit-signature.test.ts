/** Commits that a node signed, before stock git and ssh-keygen. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { revokeNodes } from "@skein/auth/membership-changes";
import { allowedSigners, signCommit } from "@skein/auth/ssh-signature";
import type { MembershipLog } from "@skein/auth/membership";
import { makeUpAccount } from "@skein/auth/testing/account";
import type { NodeKeys } from "@skein/auth/identity";
import { formatUtf8 } from "@skein/protocol/bytes";

const crypto = await openCrypto();
const world = makeUpAccount(crypto, 31);
const log = world.open();
const phone = world.mint();
log.add(world.add(log, world.first, phone));
const folder = mkdtempSync(join(tmpdir(), "skein-signatures-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** `undefined` where ssh-keygen is not installed: .ci/run installs it, and elsewhere git cannot verify at all. */
const keygen = ((): string | undefined => {
  try {
    return execFileSync("sh", ["-c", "command -v ssh-keygen"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
})();

function git(...args: ReadonlyArray<string>): string {
  return execFileSync("git", ["-C", folder, ...args], {
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
  }).trim();
}

git("init", "-q");
const tree = git("write-tree");

function commitText(seconds: number, message: string): Uint8Array {
  const who = `Alice <alice@example.org> ${seconds} +0000`;
  return formatUtf8(`tree ${tree}\nauthor ${who}\ncommitter ${who}\n\n${message}\n`);
}

function write(commit: Uint8Array): string {
  writeFileSync(join(folder, "commit"), commit);
  return git("hash-object", "-t", "commit", "-w", join(folder, "commit"));
}

function signed(keys: NodeKeys, seconds: number, message = "Hello"): string {
  const commit = signCommit({ crypto, keys }, commitText(seconds, message));
  if (commit === undefined) throw new Error("it is a commit");
  return write(commit);
}

/** What git's `%G?` says: G good, B bad, U unknown signer, X expired, N none. */
function verdictOn(oid: string, signers: string): string {
  writeFileSync(join(folder, "allowed"), signers);
  return git(
    "-c",
    `gpg.ssh.allowedSignersFile=${join(folder, "allowed")}`,
    "log",
    "-1",
    "--format=%G?",
    oid,
  );
}

const soon = 1_700_000_400;

describe.runIf(keygen)(
  "with ssh-keygen (where it is missing: apt-get install openssh-client)",
  () => {
    test("git verify-commit says good of what a node signed, and who signed it", () => {
      const oid = signed(phone, soon);
      expect(verdictOn(oid, allowedSigners(crypto, log.signers()))).toBe("G");
      const by = allowedSigners(crypto, log.signers(), () => "alice@example.org");
      writeFileSync(join(folder, "allowed"), by);
      const config = ["-c", `gpg.ssh.allowedSignersFile=${join(folder, "allowed")}`];
      git(...config, "verify-commit", oid);
      expect(git(...config, "log", "-1", "--format=%GS", oid)).toBe("alice@example.org");
    });

    test("git does not say good of a commit that was changed, or that a stranger signed", () => {
      const honest = signCommit({ crypto, keys: phone }, commitText(soon, "Hello"));
      const bent = new TextDecoder().decode(honest).replace("Hello", "Hallo");
      const signers = allowedSigners(crypto, log.signers());
      expect(verdictOn(write(new TextEncoder().encode(bent)), signers)).toBe("B");
      expect(verdictOn(signed(world.mint(), soon), signers)).toBe("U");
    });

    test("git takes what a node signed before it was revoked, and not what it dates later", () => {
      const before = signed(phone, soon);
      const change = { ...world.change(log, world.first), door: world.door };
      const gone = log.fork();
      for (const entry of revokeNodes({ ...change, targets: [phone.id], reason: "lost" }).entries)
        gone.add(entry);
      const until = gone.signers().find(({ node }) => node === phone.id)?.until ?? 0;
      const signers = allowedSigners(crypto, gone.signers());
      expect(verdictOn(before, signers)).toBe("G");
      expect(verdictOn(signed(phone, Math.floor(until / 1_000) + 60, "Later"), signers)).not.toBe(
        "G",
      );
    });

    test("git takes nothing of a compromised node, however its thief dates it", () => {
      const gone = compromised();
      expect(verdictOn(signed(phone, soon), allowedSigners(crypto, log.signers()))).toBe("G");
      expect(verdictOn(signed(phone, soon), allowedSigners(crypto, gone.signers()))).toBe("U");
      expect(verdictOn(signed(world.first, soon), allowedSigners(crypto, gone.signers()))).toBe(
        "G",
      );
    });
  },
);

function compromised(): MembershipLog {
  const gone = log.fork();
  const change = { ...world.change(log, world.first), door: world.door };
  const removal = { ...change, targets: [phone.id], reason: "compromised" } as const;
  for (const entry of revokeNodes(removal).entries) gone.add(entry);
  return gone;
}

test("a node that was lost is a signer until then, and a compromised one is none", () => {
  const signers = compromised().signers();
  expect(signers.map(({ isCompromised }) => isCompromised)).toContain(true);
  expect(allowedSigners(crypto, signers).trimEnd().split("\n")).toHaveLength(1);
});

test("what is no commit, or is signed, is not signed", () => {
  const by = { crypto, keys: phone };
  const once = signCommit(by, commitText(soon, "Hello"));
  if (once === undefined) throw new Error("it is a commit");
  expect(signCommit(by, once)).toBeUndefined();
  expect(signCommit(by, formatUtf8("blob\n\nhello"))).toBeUndefined();
  expect(signCommit(by, new Uint8Array(0))).toBeUndefined();
});

test("an address from a person's settings cannot add a signer", () => {
  const text = allowedSigners(crypto, log.signers(), () => '* ssh-ed25519 AAAA\nmallory "x",a');
  expect(text.trimEnd().split("\n")).toHaveLength(log.signers().length);
  expect(text.split("\n").filter((line) => /^[\w.@+-]+ namespaces="git"/u.test(line))).toHaveLength(
    2,
  );
});
