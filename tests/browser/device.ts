/** One device as a person uses it: a page of one browser profile, and the steps of the main job by their accessible names. */

import { readFile, writeFile } from "node:fs/promises";
import type { BrowserContext, Locator, Page } from "playwright-core";
import type { UnwrappedHome } from "./stored-bytes.ts";

export class Device {
  readonly page: Page;
  /** What the console said that is an error, and what the content security policy refused. */
  readonly complaints: string[] = [];
  /** Everything that the page and its workers said to the console, and the errors that nobody caught. */
  readonly said: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on("pageerror", (error) => this.said.push(`${error.message} ${error.stack}`));
    page.on("console", (message) => {
      this.said.push(message.text());
      if (message.type() === "error" && !isRelayAway(message.text()))
        this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  static async open(context: BrowserContext, url: string): Promise<Device> {
    const page = await context.newPage();
    const device = new Device(page);
    await page.goto(url);
    return device;
  }

  /** Opens the account of a home that an older version of the app left in this profile. */
  static async atHome(context: BrowserContext, url: string, home: UnwrappedHome): Promise<Device> {
    const page = await context.newPage();
    // Something of the origin that does not start the app. There the browser looks for an icon that is none.
    await page.goto(`${url}/skein.json`);
    await home.put(page);
    const device = new Device(page);
    await page.goto(url);
    await page.getByTestId("node-role").filter({ hasText: "Writer" }).waitFor();
    return device;
  }

  /** Answers with the words. */
  async createAccount(): Promise<string> {
    const { page } = this;
    await page.getByRole("button", { name: "Create an account" }).click();
    const words = (await page.getByTestId("passphrase").textContent()) ?? "";
    await page.getByRole("button", { name: "Continue" }).click();
    for (const number of [1, 2, 3]) {
      const field = page.getByTestId(`word-${number}`);
      const index = Number(await field.getAttribute("data-word-index"));
      await field.fill(words.trim().split(/\s+/u)[index - 1] ?? "");
    }
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "New repository" }).first().waitFor();
    return words.trim();
  }

  async enterWords(words: string): Promise<void> {
    const { page } = this;
    await page.getByRole("button", { name: "Sign in on this device" }).click();
    await page.getByLabel("Passphrase").fill(words);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  }

  async signIn(words: string): Promise<void> {
    await this.enterWords(words);
    await this.page.getByTestId("node-role").waitFor({ timeout: 60_000 });
  }

  async importBundle(file: string): Promise<void> {
    const { page } = this;
    await page.getByRole("button", { name: "Import" }).first().click();
    await page.getByLabel("Git bundle").setInputFiles(file);
    await page.getByTestId("head-oid").waitFor({ timeout: 120_000 });
  }

  async newRepository(name: string): Promise<void> {
    const { page } = this;
    await page.getByRole("button", { name: "New repository" }).first().click();
    await page.getByLabel("Repository name").fill(name);
    await page.getByRole("dialog").getByRole("button", { name: "New repository" }).click();
    await page.getByTestId("head-oid").waitFor();
  }

  async openRepository(name: string): Promise<void> {
    await this.page.getByRole("link", { name: "Repositories" }).first().click();
    await this.page
      .getByRole("link", { name: new RegExp(name, "u") })
      .first()
      .click();
    await this.page.getByTestId("head-oid").waitFor();
  }

  /** Adds a file to the branch that is shown, and answers with the new tip. */
  async commitFile(path: string, text: string, message: string): Promise<string> {
    const { page } = this;
    await page.getByRole("button", { name: "New file" }).first().click();
    await page.getByLabel("Path").fill(path);
    await page.getByRole("button", { name: "Start writing" }).click();
    return this.#commit(text, message);
  }

  /** Writes over a file of the branch that is shown, and answers with the new tip. */
  async editFile(path: string, text: string, message: string): Promise<string> {
    const { page } = this;
    await this.#openFile(path);
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    return this.#commit(text, message);
  }

  async #openFile(path: string): Promise<void> {
    await this.page.getByRole("link", { name: path, exact: true }).first().click();
  }

  /** The text of the file that is open is written over. */
  async #commit(text: string, message: string): Promise<string> {
    const { page } = this;
    const before = await this.tip();
    await page.getByLabel("File contents").fill(text);
    await page.getByLabel("Commit message").fill(message);
    await page.getByRole("button", { name: "Commit", exact: true }).click();
    await page.getByTestId("head-oid").filter({ hasNotText: before }).waitFor({ timeout: 30_000 });
    return this.tip();
  }

  async tip(): Promise<string> {
    return ((await this.page.getByTestId("head-oid").textContent()) ?? "").trim();
  }

  async waitForTip(oid: string, timeout = 60_000): Promise<void> {
    await this.page.getByTestId("head-oid").filter({ hasText: oid }).waitFor({ timeout });
  }

  async role(): Promise<string> {
    return ((await this.page.getByTestId("node-role").textContent()) ?? "").trim();
  }

  async waitForRole(role: "Read-only" | "Writer"): Promise<void> {
    await this.page.getByTestId("node-role").filter({ hasText: role }).waitFor({ timeout: 60_000 });
  }

  /** The dialog in which a person authorises a node, or does not. */
  get request(): Locator {
    return this.page.getByRole("dialog", { name: "Authorise this node?" });
  }

  /** The number that this device shows for its person to type elsewhere. */
  async approvalNumber(): Promise<string> {
    const number = this.page.getByTestId("approval-number");
    return ((await number.textContent({ timeout: 60_000 })) ?? "").trim();
  }

  async typeNumber(digits: string): Promise<void> {
    await this.request.getByLabel("Number shown on the new device").fill(digits);
    await this.request.getByRole("button", { name: "Authorise" }).click();
  }

  /** Reads the digits off the new device's screen, and types them here. */
  async authorise(asker: Device): Promise<void> {
    await this.request.waitFor({ timeout: 60_000 });
    await this.typeNumber(await asker.approvalNumber());
    await asker.waitForRole("Writer");
  }

  /** What the Devices page says of each node of the account, except when it was last seen. */
  async devices(): Promise<ReadonlyArray<string>> {
    await this.goTo("Devices");
    const nodes = this.page.locator(".node-list > li");
    await nodes.nth(1).waitFor();
    const texts = await nodes.allInnerTexts();
    return texts.map((text) =>
      text.replaceAll(/(?:Last seen|Connected now|Not met by)[^\n]*/gu, ""),
    );
  }

  async goTo(place: "Repositories" | "Network" | "Devices"): Promise<void> {
    await this.page.getByRole("link", { name: place }).first().click();
  }

  /** `direct` or `relayed`, for each node that is connected. */
  async pathKinds(): Promise<ReadonlyArray<string>> {
    await this.goTo("Network");
    return this.page.getByTestId("path-kind").allTextContents();
  }

  async waitForPath(kind: "direct" | "relayed", timeout = 60_000): Promise<void> {
    await this.goTo("Network");
    await this.page.getByTestId("path-kind").filter({ hasText: kind }).first().waitFor({ timeout });
  }

  /** Saves the repository that is shown as a bundle, and says where. */
  async exportBundle(to: string): Promise<void> {
    const download = this.page.waitForEvent("download");
    await this.page.getByRole("button", { name: "Download", exact: true }).first().click();
    await this.page.getByRole("button", { name: "Git bundle" }).click();
    const path = await (await download).path();
    await writeFile(to, await readFile(path));
  }
}

/** A relay that is away on purpose makes the browser complain; that is not the app's doing. */
function isRelayAway(text: string): boolean {
  return /WebSocket connection to .* failed|net::ERR_(CONNECTION_REFUSED|INTERNET_DISCONNECTED)/u.test(
    text,
  );
}
