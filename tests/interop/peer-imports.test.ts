/** What a person brings from elsewhere: zips, folders and clones of real git hosts, at whole peers. */

import { Buffer } from "node:buffer";
import { openFetchHost } from "@skein/git/fetch-host";
import type { Ports } from "@skein/peer/ports";
import { calm } from "@skein/testkit/weather";
import { expect, test, vi } from "vitest";
import { haveAccount } from "../simulation/main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "../simulation/peer-world.ts";
import { startHttpGit } from "./git-http.ts";
import { openNativeGit, type NativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 60_000 });

test("a folder becomes a repository of one commit, and what no repository may hold is named", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const alice = await withAccount(world);
  const files = [
    { path: "site/index.html", file: new Blob(["<h1>Hello</h1>"]) },
    { path: "site/notes/a.txt", file: new Blob(["a"]) },
    { path: "site/git~1", file: new Blob(["b"]) },
    { path: "site/.DS_Store", file: new Blob(["c"]) },
  ];
  const made = await alice.ask("import-files", { name: "site", files });
  expect(made).toMatchObject({ files: 2, skippedCount: 2 });
  expect(made.skipped).toEqual([
    { path: "site/git~1", why: "bad-name" },
    { path: "site/.DS_Store", why: "system" },
  ]);
  const { id } = made;
  const commit = alice.tip("site") ?? "";
  const { entries } = await alice.ask("read-tree", { id, commit, path: "" });
  expect(entries.map(({ name }) => name).toSorted()).toEqual(["index.html", "notes"]);
  const { commits } = await alice.ask("history", { id, commit, limit: 5 });
  expect(commits.map(({ title }) => title)).toEqual(["Import site"]);
});

test("a zip that git made becomes the files that git packed", async () => {
  await using world = await foundWorld({ seed: 2, weather: calm });
  const alice = await withAccount(world);
  using git = openNativeGit();
  tell(git);
  const zip = new Blob([git.bytes(["archive", "--format=zip", "--prefix=notes-main/", "main"])]);
  await alice.ask("import-files", { name: "notes", zip });
  const { id } = alice.repository("notes") ?? { id: "" };
  const commit = alice.tip("notes") ?? "";
  const { bytes } = await alice.ask("read-file", { id, commit, path: "folder/two.txt" });
  expect(Buffer.from(bytes).toString()).toBe(git.run(["show", "main:folder/two.txt"]) + "\n");
  await expect(
    alice.ask("import-files", { name: "no", zip: new Blob(["not a zip"]) }),
  ).rejects.toThrow("zip_rejected");
  expect(alice.repository("no")).toBeUndefined();
});

test("refs of a bundle that are left out are named", async () => {
  await using world = await foundWorld({ seed: 2, weather: calm });
  const alice = await withAccount(world);
  using git = openNativeGit();
  tell(git);
  git.run(["update-ref", "refs/stash", "main"]);
  git.run(["update-ref", "refs/remotes/origin/main", "main"]);
  const file = new Blob([git.bytes(["bundle", "create", "--quiet", "-", "--all"])]);
  expect(await alice.ask("import-bundle", { name: "notes", file })).toMatchObject({
    kind: "imported",
    skipped: ["refs/stash"],
    skippedCount: 1,
  });
});

test("a repository is cloned through the relay that asks its host, and through no other", async () => {
  await using world = await foundWorld({ seed: 3, weather: calm });
  using git = openNativeGit();
  tell(git);
  await using host = await startHttpGit(git.folder);
  const alice = await withAccount(world, hostsAt(host.url));
  expect(await alice.ask("git-hosts", {})).toEqual({ hosts: ["git.example"] });
  const url = "https://git.example/notes.git";
  await alice.ask("clone", { name: "notes", url });
  expect(alice.tip("notes")).toBe(git.run(["rev-parse", "main"]));
  expect(alice.repository("notes")?.tags.map(({ name }) => name)).toEqual(["v1"]);
  const [stored] = alice.stored();
  const refused = async (url: string): Promise<string> =>
    alice.ask("clone", { name: "other", url }).then(
      () => "cloned",
      (error: Error) => error.message,
    );
  expect(await refused("https://other.example/notes.git")).toContain("no_git_host None of");
  expect(await refused("git@git.example:notes.git")).toContain("no_git_host This is not");
  expect(await refused("https://git.example/gone.git")).toContain("no repository at this address");
  expect(alice.stored()).toEqual([stored]);
  expect(alice.views.tasks).toEqual([]);
});

test("a clone that Alice stops leaves nothing behind", async () => {
  await using world = await foundWorld({ seed: 4, weather: calm });
  using git = openNativeGit();
  tell(git);
  await using host = await startHttpGit(git.folder);
  const reached = hostsAt(host.url);
  const alice = await withAccount(world, {
    ...reached,
    open: (relay, signal) => {
      const { ask } = reached.open(relay, signal);
      const stop = async (): Promise<void> => {
        const [task] = alice.views.tasks;
        await alice.ask("cancel-task", { id: task?.id ?? "" });
      };
      return { ask: async (asked) => (await Promise.all([ask(asked), stop()]))[0] };
    },
  });
  const url = "https://git.example/notes.git";
  await expect(alice.ask("clone", { name: "notes", url })).rejects.toThrow("cancelled");
  expect(alice.repository("notes")).toBeUndefined();
  expect(alice.stored()).toEqual([]);
});

async function withAccount(world: World, gitHosts?: Ports["gitHosts"]): Promise<SimulatedNode> {
  const alice = world.node("alice");
  if (gitHosts !== undefined) alice.reachHosts(gitHosts);
  await haveAccount(world, alice);
  return alice;
}

/** Rita asks git.example, which is the real git of this test. */
function hostsAt(url: string): NonNullable<Ports["gitHosts"]> {
  const base = new URL(url).origin;
  return {
    names: () => Promise.resolve(["git.example"]),
    hostOf: (address) => (address.startsWith("https:") ? new URL(address).host : undefined),
    open: (_, signal) =>
      openFetchHost({
        signal,
        proxied: (asked) =>
          asked.includes("/gone.git")
            ? `${base}/notes.git/gone`
            : asked.replace("https://git.example", base),
      }),
  };
}

function tell(git: NativeGit): void {
  const commit = (number: number): string =>
    `commit refs/heads/main\ncommitter Alice <alice@example.org> ${1_700_000_000 + number} +0200\ndata 5\nWork\n` +
    `M 644 inline folder/two.txt\ndata 2\n${number}\n`;
  git.run(["init", "--quiet", "--bare", "--initial-branch=main"]);
  git.run(["fast-import", "--quiet"], [1, 2, 3].map(commit).join("\n"));
  git.run(["tag", "v1", "main"]);
}
