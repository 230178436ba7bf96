/** What is not committed yet outlives a reload; and what a person sees of odd files, long names and a second import. */

import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { DoorTab } from "./door-tab.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

const longWord = "unbroken".repeat(40);
const turned = "\u202etxt.exe";

let folder: string;
let relay: RelayProcess;
let browser: Browser;
let profile: BrowserContext;
let alice: Device;
let words: string;
/** The kinds of the dialogs that the browser itself opened. */
const dialogs: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-"));
  await makeOddBundle();
  relay = await startRelayProcess();
  browser = await launch();
  profile = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  alice = await Device.open(profile, relay.url);
  alice.page.on("dialog", (dialog) => {
    dialogs.push(dialog.type());
    void dialog.accept();
  });
  words = await alice.createAccount();
});

afterAll(async () => {
  await browser.close();
  await relay.kill();
  await rm(folder, { recursive: true });
});

describe("what Alice wrote and did not commit", () => {
  test("is there after a reload, and in another tab", async () => {
    const { page } = alice;
    await alice.newRepository("notes");
    await page.getByRole("button", { name: "New file" }).first().click();
    await page.getByLabel("Path").fill("half.txt");
    await page.getByRole("button", { name: "Start writing" }).click();
    await page.getByLabel("File contents").fill("Half a thought");
    await page.getByLabel("Commit message").fill("Think");
    await kept("Half a thought", "Think");
    await page.reload();
    const second = await Device.open(profile, page.url());
    for (const tab of [page, second.page]) {
      await tab.getByLabel("File contents").getByText("Half a thought").waitFor();
      expect(await tab.getByLabel("Commit message").inputValue()).toBe("Think");
    }
    await second.page.close();
    expect(dialogs).toEqual([]);
  });

  test("is no draft any more once it is committed", async () => {
    const { page } = alice;
    const before = await alice.tip();
    await page.getByRole("button", { name: "Commit", exact: true }).click();
    await page.getByTestId("head-oid").filter({ hasNotText: before }).waitFor();
    await kept(undefined, undefined);
    await page.reload();
    await page.getByText("Half a thought").first().waitFor();
    expect(await page.getByLabel("Commit message").count()).toBe(0);
  });

  test("and cannot be stored, is asked about before the page goes, and said before", async () => {
    const { page } = alice;
    await page.getByLabel("Add files").setInputFiles({
      name: "film.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.alloc(9 * 1024 * 1024, 7),
    });
    await page.getByText("too large to be kept").waitFor();
    await page.reload();
    await page.getByTestId("head-oid").waitFor();
    expect(dialogs.splice(0)).toEqual(["beforeunload"]);
    await page.getByRole("button", { name: "New file" }).first().waitFor();
    expect(await page.getByLabel("Commit message").count()).toBe(0);
  });
});

describe("a repository with odd files", () => {
  test("imported twice is asked about, and not made twice", async () => {
    const { page } = alice;
    const file = join(folder, "odd.bundle");
    await page.getByRole("link", { name: "Repositories" }).first().click();
    await alice.importBundle(file);
    const address = page.url();
    await page.getByRole("link", { name: "Repositories" }).first().click();
    await page.getByRole("button", { name: "Import" }).first().click();
    await page.getByLabel("Git bundle").setInputFiles(file);
    await page.getByText("You have “odd” already").waitFor();
    await page.getByRole("button", { name: "Open it" }).click();
    await page.getByTestId("head-oid").waitFor();
    expect(page.url()).toBe(address);
  });

  test("shows where a link leads, and offers no way to edit it", async () => {
    const { page } = alice;
    await page.getByRole("link", { name: "link", exact: true }).click();
    await page.getByText("It is not followed").waitFor();
    await page.getByRole("button", { name: "Delete" }).waitFor();
    expect(await page.getByRole("button", { name: "Edit" }).count()).toBe(0);
    await page.getByRole("link", { name: "plain.txt", exact: true }).click();
    await page.getByRole("button", { name: "Edit" }).waitFor();
  });

  test("shows a name that turns text around alike wherever it stands", async () => {
    const { page } = alice;
    const shown = String.raw`\xe2\x80\xaetxt.exe`;
    const address = new URL(page.url());
    address.searchParams.set("path", turned);
    await page.goto(String(address));
    await page.getByRole("heading", { name: shown, exact: true }).waitFor();
    await page.getByRole("link", { name: shown, exact: true }).waitFor();
    expect(await page.locator("body").textContent()).not.toContain("\u202e");
  });

  test("says that a large text is too large to show, and not that it is binary", async () => {
    const { page } = alice;
    await page.getByRole("link", { name: "History" }).first().click();
    await page.getByRole("link", { name: longWord }).click();
    await page.getByText("Too large to show").waitFor();
    expect(await page.getByText("Binary: not shown").count()).toBe(0);
  });

  test("fits a phone, however long the words in it are", async () => {
    const { page } = alice;
    const commit = page.url();
    const repository = commit.replace(/\?.*/u, "");
    await page.setViewportSize({ width: 390, height: 844 });
    for (const address of [
      commit,
      `${repository}?tab=history`,
      repository,
      `${repository}?path=${longWord.slice(0, 200)}`,
      `${repository}?tab=remotes`,
      relay.url,
      `${relay.url}/devices`,
      `${relay.url}/network`,
    ]) {
      await page.goto(address);
      await page.getByTestId("node-role").waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, address).toBeLessThanOrEqual(390);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  });
});

test("a device that was denied by mistake says where to let it ask again, and that works", async () => {
  const phone = await Device.open(await browser.newContext(), relay.url);
  await phone.signIn(words);
  const { page } = alice;
  await page.getByRole("dialog").getByRole("button", { name: "Deny" }).click();
  await phone.page.getByText("Let it ask again").waitFor();
  expect(await phone.page.getByRole("button", { name: "Ask again" }).count()).toBe(0);
  await alice.goTo("Devices");
  await page.getByRole("button", { name: /Let it ask again/u }).click();
  await alice.authorise(phone);
  await phone.page.close();
  expect([...alice.complaints, ...phone.complaints]).toEqual([]);
});

/** Waits until the peer has stored it. */
async function kept(text: string | undefined, message: string | undefined): Promise<void> {
  const door = await DoorTab.open(await openQuietPage());
  const id = new URL(alice.page.url()).pathname.split("/").at(-1) ?? "";
  await expect
    .poll(
      async () => {
        const { draft } = await door.ask("read-draft", { id, branch: "main" });
        const [change] = draft?.changes ?? [];
        const bytes = change?.kind === "write" ? Object.values(change.bytes) : undefined;
        return [bytes && Buffer.from(bytes).toString(), draft?.message];
      },
      { timeout: 30_000 },
    )
    .toEqual([text, message]);
  await door.page.close();
}

/** A page of the app's origin that runs nothing of the app. */
async function openQuietPage(): Promise<Page> {
  const page = await profile.newPage();
  await page.goto(`${relay.url}/skein.json`);
  return page;
}

async function makeOddBundle(): Promise<void> {
  const home = join(folder, "odd");
  const git = (...args: ReadonlyArray<string>): void => {
    execFileSync("git", ["-C", home, ...args], { stdio: "pipe", env });
  };
  execFileSync("git", ["init", "--quiet", "--initial-branch=main", home]);
  await writeFile(join(home, "plain.txt"), "plain\n");
  await writeFile(join(home, turned), "turned\n");
  await writeFile(join(home, longWord.slice(0, 200)), "long\n");
  await symlink("plain.txt", join(home, "link"));
  git("add", "--all");
  git("commit", "--quiet", "--message", "Begin");
  await writeFile(join(home, "large.txt"), "seven megabytes of text\n".repeat(300_000));
  git("add", "--all");
  git("commit", "--quiet", "--message", `${longWord}\n\n${longWord}`);
  git("bundle", "create", "--quiet", join(folder, "odd.bundle"), "--all");
}

const env = {
  ...process.env,
  GIT_AUTHOR_NAME: longWord.slice(0, 120),
  GIT_AUTHOR_EMAIL: "alice@example.org",
  GIT_COMMITTER_NAME: "Alice",
  GIT_COMMITTER_EMAIL: "alice@example.org",
};
