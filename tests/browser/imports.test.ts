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
      await page.getByText("notes", { exact: true }).first().waitFor();
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

async function openImport(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Repositories" }).first().click();
  await page.getByRole("button", { name: "Import" }).first().click();
}
