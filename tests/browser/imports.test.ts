/** What a person brings from elsewhere, in a real browser: a zip, a folder, and a clone of a real git host through the relay. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRelay, type Relay } from "@skein/relay/relay";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCertificate, startHttpGit, type HttpGit } from "../interop/git-http.ts";
import { installed } from "../interop/installed.ts";
import { openNativeGit, type NativeGit } from "../interop/repository-native.ts";
import { axeFindings } from "./axe.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";

const app = fileURLToPath(new URL("../../apps/web/dist", import.meta.url));

describe.skipIf(installed("openssl") === undefined)(
  "with openssl (apt-get install openssl)",
  () => {
    let git: NativeGit;
    let host: HttpGit;
    let relay: Relay;
    let browser: Browser;
    let alice: Device;

    beforeAll(async () => {
      git = openNativeGit();
      git.run(["init", "--quiet", "--initial-branch=main"]);
      mkdirSync(join(git.folder, "notes"));
      writeFileSync(join(git.folder, "notes", "two.txt"), "two\n");
      git.run(["add", "."]);
      git.run(["commit", "--quiet", "-m", "First"]);
      const tls = makeCertificate();
      host = await startHttpGit(join(git.folder, ".git"), { tls });
      relay = await startRelay({
        app,
        gitHosts: [`git.example:${host.port}`],
        gitReach: {
          resolve: () => Promise.resolve(["127.0.0.1"]),
          isAllowed: () => true,
          ca: tls.cert,
        },
      });
      browser = await launch();
      const profile = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      alice = await Device.open(profile, `http://localhost:${relay.port}`);
      await alice.createAccount();
    });

    afterAll(async () => {
      await browser.close();
      await relay.close();
      await host[Symbol.asyncDispose]();
      git[Symbol.dispose]();
    });

    test("a repository is cloned from its address, and its tip is git's", async () => {
      const { page } = alice;
      await openImport(page);
      await page.getByLabel("Address").fill(`https://git.example:${host.port}/notes.git`);
      await page.getByRole("button", { name: "Clone" }).click();
      await page.getByTestId("head-oid").waitFor({ timeout: 60_000 });
      const tip = git.run(["rev-parse", "main"]);
      expect(tip).toContain((await page.getByTestId("head-oid").textContent())?.trim());
      await page.getByRole("heading", { name: "notes" }).waitFor();
      expect(host.asked).toHaveLength(3);
    });

    test("a bundle says which of its names did not come along", async () => {
      const { page } = alice;
      joinTwoLines(git);
      git.run(["update-ref", "refs/stash", "main"]);
      git.run(["update-ref", "refs/tags/-v1", "main"]);
      git.run(["update-ref", "refs/remotes/origin/main", "main"]);
      const bundle = join(git.folder, "joined.bundle");
      git.run(["bundle", "create", "--quiet", bundle, "--all"]);
      await openImport(page);
      await page.getByLabel("Git bundle or zip").setInputFiles(bundle);
      await page.getByText("2 names were left out").click();
      await page.getByText("refs/stash").waitFor();
      await page.getByText("refs/tags/-v1").waitFor();
      expect(await page.getByText("refs/remotes/origin/main").count()).toBe(0);
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole("button", { name: "Open it" }).click();
      const tip = page.getByTestId("head-oid").filter({ hasText: git.run(["rev-parse", "main"]) });
      await tip.waitFor();
    });

    test("history can be without what merges brought in, by keyboard, and stays so in the repository", async () => {
      const { page } = alice;
      await page.getByRole("link", { name: "History", exact: true }).click();
      const aside = page.getByRole("link", { name: "Aside" });
      await aside.waitFor();
      const only = page.getByRole("switch", { name: "First parent only" });
      await only.focus();
      await page.keyboard.press("Space");
      await aside.waitFor({ state: "detached" });
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole("link", { name: "Join", exact: true }).click();
      await page.getByRole("link", { name: "Files", exact: true }).click();
      await page.reload();
      await page.getByRole("link", { name: "History", exact: true }).click();
      await page.getByRole("link", { name: "Join", exact: true }).waitFor();
      expect(await only.isChecked()).toBe(true);
      expect(await aside.count()).toBe(0);
      await only.press("Space");
      await aside.waitFor();
    });

    test("the history of one file goes on where it stood before", async () => {
      const { page } = alice;
      await page.getByRole("link", { name: "Files", exact: true }).click();
      await page.getByRole("link", { name: "three.txt", exact: true }).click();
      const tools = page.locator(".viewer-tools");
      await tools.getByRole("link", { name: "History" }).click();
      await page.getByRole("heading", { name: "History of three.txt" }).waitFor();
      await page.getByText("then notes/two.txt").waitFor();
      expect(await page.locator(".commit-list a").allTextContents()).toEqual(["Move", "First"]);
    });

    test("an address that nobody asks is refused in words, and the dialog stays", async () => {
      const { page } = alice;
      await openImport(page);
      await page.getByLabel("Address").fill("https://elsewhere.example/notes.git");
      await page.getByRole("button", { name: "Clone" }).click();
      await page.getByText("None of your relays clones from elsewhere.example.").waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await page.keyboard.press("Escape");
    });

    test("a zip becomes a repository", async () => {
      const { page } = alice;
      const zip = join(git.folder, "packed.zip");
      writeFileSync(zip, git.bytes(["archive", "--format=zip", "--prefix=packed/", "main"]));
      await openImport(page);
      await page.getByLabel("Git bundle or zip").setInputFiles(zip);
      await page.getByTestId("head-oid").waitFor({ timeout: 60_000 });
      await page.getByRole("heading", { name: "packed" }).waitFor();
      await page.getByText("three.txt", { exact: true }).first().waitFor();
      expect(alice.complaints).toEqual([]);
    });

    test("a folder becomes a repository, and it is said that git's own folder did not come along", async () => {
      const { page } = alice;
      await openImport(page);
      await page.getByLabel("Choose a folder").setInputFiles(git.folder);
      await page.getByText("Its history did not come along").waitFor();
      await page.getByRole("button", { name: "Open it" }).click();
      await page.getByTestId("head-oid").waitFor();
      await page.getByText("packed.zip").first().waitFor();
      expect(await page.getByText(".git", { exact: true }).count()).toBe(0);
    });

    test("a device says how much is used, and frees what nothing needs", async () => {
      const { page } = alice;
      await page.getByRole("link", { name: "Devices" }).first().click();
      await page.getByText(/of about .+ used/u).waitFor();
      await page.getByRole("button", { name: "Free space" }).click();
      await page.getByText("There is nothing to free.").waitFor();
      expect(alice.complaints).toEqual([]);
    });
  },
);

/** A line on which a file moves, another beside it, and what joins them. */
function joinTwoLines(git: NativeGit): void {
  git.run(["mv", "notes/two.txt", "three.txt"]);
  git.run(["commit", "--quiet", "-m", "Move"]);
  git.run(["checkout", "--quiet", "-b", "aside", "HEAD~"]);
  writeFileSync(join(git.folder, "aside.txt"), "aside\n");
  git.run(["add", "aside.txt"]);
  git.run(["commit", "--quiet", "-m", "Aside"]);
  git.run(["checkout", "--quiet", "main"]);
  git.run(["merge", "--quiet", "--no-ff", "-m", "Join", "aside"]);
}

async function openImport(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Repositories" }).first().click();
  await page.getByRole("button", { name: "Import" }).first().click();
}
