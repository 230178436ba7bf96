/** The adapters that keep keys, each by itself in real Chromium: WebCrypto's key in IndexedDB, and passkeys that derive secrets. */

import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createServer, defaultClientConditions, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch } from "./chromium.ts";
import type { KeyStorePage } from "./key-store-page.ts";
import { havePasskeys } from "./passkeys.ts";

declare const keyStorePage: KeyStorePage;

let modules: ViteDevServer;
let browser: Browser;
let profile: BrowserContext;
let page: Page;

beforeAll(async () => {
  modules = await createServer({
    configFile: false,
    resolve: { conditions: ["skein-source", ...defaultClientConditions] },
    root: fileURLToPath(new URL(".", import.meta.url)),
    server: { fs: { strict: false } },
    logLevel: "error",
  });
  await modules.listen();
  browser = await launch();
  profile = await browser.newContext();
  page = await openTab();
});

afterAll(async () => {
  await browser.close();
  await modules.close();
});

describe("the key that wraps", () => {
  test("outlives a reload, is one for two tabs that begin at once, and opens nothing for another purpose", async () => {
    const second = await openTab();
    const [one, two] = await Promise.all([page, second].map((tab) => wrap(tab)));
    await load(page);
    expect(await unwrap(page, "vault a", one)).toEqual([1, 2, 3]);
    expect(await unwrap(page, "vault a", two)).toEqual([1, 2, 3]);
    expect(await unwrap(page, "vault b", one)).toBeUndefined();
    await second.close();
  });

  test("cannot be read, and another profile has another one", async () => {
    const kept = await page.evaluate(() => keyStorePage.readKey());
    expect(kept).toEqual({ extractable: false, raw: "InvalidAccessError" });
    const elsewhere = await openTab(await browser.newContext());
    expect(await unwrap(elsewhere, "vault a", await wrap(page))).toBeUndefined();
  });

  test("opens nothing any more once it was wiped", async () => {
    const wrapped = await wrap(page);
    await page.evaluate(() => keyStorePage.wipe());
    expect(await unwrap(page, "vault a", wrapped)).toBeUndefined();
  });
});

describe("a passkey", () => {
  test("derives the same secret for the same salt, another for another, and none when its person declines", async () => {
    const authenticator = await havePasskeys(page);
    expect(await page.evaluate(() => keyStorePage.mayUsePasskeys())).toBe(true);
    const made = await page.evaluate(() => keyStorePage.makePasskey());
    expect(made?.derived).toHaveLength(32);
    const derive = (salt: number): Promise<number[] | undefined> =>
      page.evaluate(([id, by]) => keyStorePage.derive(id, by), [made?.id ?? [], salt] as const);
    expect(await derive(2)).toEqual(made?.derived);
    expect(await derive(3)).toHaveLength(32);
    expect(await derive(3)).not.toEqual(made?.derived);
    await authenticator.recognise(false);
    expect(await derive(2)).toBeUndefined();
  });

  test("that cannot derive secrets is refused, so that nothing is locked with it", async () => {
    const other = await openTab(await browser.newContext());
    await havePasskeys(other, { hasPrf: false });
    expect(await other.evaluate(() => keyStorePage.makePasskey())).toBeUndefined();
  });
});

async function openTab(context = profile): Promise<Page> {
  const tab = await context.newPage();
  await load(tab);
  return tab;
}

async function load(tab: Page): Promise<void> {
  const address = modules.resolvedUrls?.local[0] ?? "";
  await tab.goto(`${address}key-store-page.html`);
  await tab.waitForFunction(() => "keyStorePage" in globalThis);
}

function wrap(tab: Page): Promise<number[]> {
  return tab.evaluate(() => keyStorePage.wrap("vault a"));
}

function unwrap(
  tab: Page,
  purpose: string,
  wrapped: ReadonlyArray<number> = [],
): Promise<number[] | undefined> {
  return tab.evaluate(([of, bytes]) => keyStorePage.unwrap(of, bytes), [purpose, wrapped] as const);
}
