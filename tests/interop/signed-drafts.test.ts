/** Commits that a person makes in Skein, before stock git: signed by their device, and good by the file that Skein exports. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calm } from "@skein/testkit/weather";
import { afterAll, expect, test } from "vitest";
import { haveAccount } from "../simulation/main-job.ts";
import { foundWorld } from "../simulation/peer-world.ts";

const folder = mkdtempSync(join(tmpdir(), "skein-drafts-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a commit made in Skein is signed, and git calls it good where ssh-keygen is installed", async () => {
  const world = await foundWorld({ seed: 1, weather: calm, direct: false });
  await using _ = world;
  const alice = world.node("alice");
  await haveAccount(world, alice);
  await alice.ask("set-author", { name: "Alice", email: "alice@example.org" });
  await alice.ask("new-repository", { name: "notes", files: [] });
  const oid = await alice.commit("notes", "a.txt", "signed");
  const id = alice.repository("notes")?.id ?? "";
  const { file } = await alice.ask("export-bundle", { id });
  writeFileSync(join(folder, "notes.bundle"), new Uint8Array(await file.arrayBuffer()));
  const signers = await alice.ask("allowed-signers", {});
  const signersText = await signers.file.text();
  expect(signersText).toMatch(/^alice@example\.org namespaces="git" ssh-ed25519 /u);
  writeFileSync(join(folder, "allowed_signers"), signersText);
  execFileSync("git", ["clone", "--quiet", "--mirror", "notes.bundle", "notes.git"], {
    cwd: folder,
  });
  expect(git("cat-file", "commit", oid)).toContain("gpgsig -----BEGIN SSH SIGNATURE-----");
  git("fsck", "--strict");
  if (!hasKeygen()) return;
  const verdict = git("log", "-2", "--format=%G? %GS", oid);
  expect(verdict.split("\n")).toEqual(["G alice@example.org", "G alice@example.org"]);
});

function git(...args: ReadonlyArray<string>): string {
  const allowed = `gpg.ssh.allowedSignersFile=${join(folder, "allowed_signers")}`;
  return execFileSync("git", ["-C", join(folder, "notes.git"), "-c", allowed, ...args], {
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
  }).trim();
}

function hasKeygen(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v ssh-keygen"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}
